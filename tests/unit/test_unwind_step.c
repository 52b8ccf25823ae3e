/* SPDX-License-Identifier: Apache-2.0 */
/* The unwinder's step on hand-made rows, one case a rule, and the search for a row in hand-made tables. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/unwind_step.h"
#include "tests/unit/cmocka_head.h"

#define STACK 0x7FFC00000000u
#define WORDS 64

/* A stack at address STACK; reads outside of it fail. */
struct memory {
	__u64 words[WORDS];
};

static long read_word(const void *arg, __u64 address, __u64 *ret)
{
	const struct memory *m = arg;
	__u64 at = (address - STACK) / 8;

	if (address < STACK || address % 8 || at >= WORDS)
		return -14;
	*ret = m->words[at];
	return 0;
}

#define AT(word) (STACK + 8 * (word))

struct step_case {
	const char *what;
	struct unwind_row row;
	struct unwind_frame from;
	enum unwind_end end;
	__u64 pc, sp, fp;
};

/* Word n holds 0x1000 + n, those named below excepted. */
static struct memory make_memory(void)
{
	struct memory m;

	for (unsigned i = 0; i < WORDS; i++)
		m.words[i] = 0x1000 + i;
	m.words[9] = AT(20);  /* a saved frame pointer */
	m.words[12] = AT(30); /* a saved stack pointer */
	m.words[28] = AT(28); /* as a thread's record begins */
	m.words[31] = 0;      /* no return address */
	return m;
}

#define SP(cfa, fp) UNWIND_RULES(cfa, fp, UNWIND_RA_BELOW_CFA)

static const struct step_case cases[] = {
	{"at the first instruction of a function", {0, 1, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)},
		{.sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x1004, AT(5), 7},
	{"with locals on the stack", {0, 7, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)},
		{.sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x100A, AT(11), 7},
	{"with the frame pointer saved but not set", {0, 7, SP(UNWIND_CFA_SP, UNWIND_FP_AT_CFA), UNWIND_SAVED(-2, 0)},
		{.sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x100A, AT(11), AT(20)},
	{"with a frame pointer", {0, 2, SP(UNWIND_CFA_FP, UNWIND_FP_AT_CFA), UNWIND_SAVED(-2, 0)},
		{.sp = AT(4), .fp = AT(9)}, UNWIND_GOES_ON, 0x100A, AT(11), AT(20)},
	{"with the frame address stored below the frame pointer", {0, (__u16)-1, SP(UNWIND_CFA_AT_FP, UNWIND_FP_AT_FP), UNWIND_SAVED(-4, 0)},
		{.sp = AT(4), .fp = AT(13)}, UNWIND_GOES_ON, 0x101D, AT(30), AT(20)},
	{"with the frame address stored above the stack pointer", {0, 8, SP(UNWIND_CFA_AT_SP, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)},
		{.sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x101D, AT(30), 7},
	{"in a linkage stub before its push", {0, 1, SP(UNWIND_CFA_PLT, UNWIND_FP_SAME), UNWIND_SAVED(11, 0)},
		{.pc = 0x401030, .sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x1004, AT(5), 7},
	{"in a linkage stub behind its push", {0, 1, SP(UNWIND_CFA_PLT, UNWIND_FP_SAME), UNWIND_SAVED(11, 0)},
		{.pc = 0x40103B, .sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x1005, AT(6), 7},
	{"in a signal's return", {.rules = UNWIND_CFA_SIGNAL}, {.sp = AT(1), .fp = 7}, UNWIND_GOES_ON, 0x1016, 0x1015, 0x1010},
	{"in the outermost function", {.rules = UNWIND_CFA_OUTERMOST}, {.sp = AT(4)}, UNWIND_COMPLETE, 0, 0, 0},
	{"under a rule that no row holds", {.rules = UNWIND_CFA_UNSUPPORTED}, {.sp = AT(4)}, UNWIND_UNSUPPORTED, 0, 0, 0},
	{"between functions", {.rules = UNWIND_CFA_NONE}, {.sp = AT(4)}, UNWIND_NO_ROW, 0, 0, 0},
	{"under a rule that does not exist", {.rules = 15}, {.sp = AT(4)}, UNWIND_UNSUPPORTED, 0, 0, 0},
	{"when the stack cannot be read", {0, 1, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)},
		{.sp = AT(WORDS)}, UNWIND_BAD_READ, 0, 0, 0},
	{"when the saved frame pointer cannot be read", {0, 1, SP(UNWIND_CFA_SP, UNWIND_FP_AT_CFA), UNWIND_SAVED(15, 0)},
		{.sp = AT(WORDS - 8)}, UNWIND_BAD_READ, 0, 0, 0},
	{"when the stored frame address cannot be read", {0, 0, SP(UNWIND_CFA_AT_FP, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)},
		{.sp = AT(4), .fp = 8}, UNWIND_BAD_READ, 0, 0, 0},
	{"when a signal's frame cannot be read", {.rules = UNWIND_CFA_SIGNAL}, {.sp = AT(WORDS - 2)}, UNWIND_BAD_READ, 0, 0, 0},
	{"when the frame pointer leads downwards", {0, 2, SP(UNWIND_CFA_FP, UNWIND_FP_AT_CFA), UNWIND_SAVED(-2, 0)},
		{.sp = AT(14), .fp = AT(9)}, UNWIND_BROKEN, 0, 0, 0},
	{"when the frame pointer is no address of a word", {0, 2, SP(UNWIND_CFA_FP, UNWIND_FP_AT_CFA), UNWIND_SAVED(-2, 0)},
		{.sp = AT(4), .fp = AT(9) + 1}, UNWIND_BROKEN, 0, 0, 0},
	{"when a frame takes no room", {0, 0, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)}, {.sp = AT(4)}, UNWIND_BROKEN, 0, 0, 0},
	{"where a thread has just begun", {0, 1, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)}, {.sp = AT(28)}, UNWIND_COMPLETE, 0, 0, 0},
	{"where only a caller's address looks like that", {0, 1, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)},
		{.sp = AT(28), .is_return = 1}, UNWIND_GOES_ON, AT(28), AT(29), 0},
	{"when the return address is null", {0, 1, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)}, {.sp = AT(31)}, UNWIND_BROKEN, 0, 0, 0},
#if !UNWIND_ARM
	{"in what resolves a lazily bound function", {0, 3, SP(UNWIND_CFA_BX, UNWIND_FP_SAME), UNWIND_SAVED(0, 3)},
		{.sp = AT(4), .fp = 7, .bx = AT(30), .knows_bx = 1}, UNWIND_GOES_ON, 0x1020, AT(33), 7},
	{"in the same, when bx is lost", {0, 3, SP(UNWIND_CFA_BX, UNWIND_FP_SAME), UNWIND_SAVED(0, 3)},
		{.sp = AT(4), .fp = 7, .bx = AT(30)}, UNWIND_UNSUPPORTED, 0, 0, 0},
	{"while the stack is realigned", {0, 0, SP(UNWIND_CFA_R10, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)},
		{.sp = AT(4), .fp = 7, .r10 = AT(12)}, UNWIND_GOES_ON, 0x100B, AT(12), 7},
	{"while a large frame is probed", {0, 2, SP(UNWIND_CFA_R11, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)},
		{.sp = AT(4), .fp = 7, .r11 = AT(12)}, UNWIND_GOES_ON, 0x100D, AT(14), 7},
	{"by a scratch register behind a call", {0, 2, SP(UNWIND_CFA_R11, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)},
		{.sp = AT(4), .fp = 7, .r11 = AT(12), .is_return = 1}, UNWIND_UNSUPPORTED, 0, 0, 0},
#endif
	{"with a frame of half a megabyte", {0, 65535, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), UNWIND_SAVED(0, 0)},
		{.sp = AT(4) - 65536 * 8ull, .fp = 7}, UNWIND_GOES_ON, 0x1002, AT(3), 7},
	{"in a leaf that has its return address in a register",
		{0, 0, UNWIND_RULES(UNWIND_CFA_SP, UNWIND_FP_SAME, UNWIND_RA_LINK), UNWIND_SAVED(0, 0)},
		{.sp = AT(4), .fp = 7, .link = 0x7001000000004242}, UNWIND_GOES_ON, 0x4242, AT(4), 7},
	{"with frame pointer and return address saved as a pair",
		{0, 4, UNWIND_RULES(UNWIND_CFA_SP, UNWIND_FP_AT_CFA, UNWIND_RA_AFTER_FP), UNWIND_SAVED(-2, 0)},
		{.sp = AT(7), .fp = 7}, UNWIND_GOES_ON, 0x100A, AT(11), AT(20)},
	{"with the return address saved alone",
		{0, 4, UNWIND_RULES(UNWIND_CFA_SP, UNWIND_FP_SAME, UNWIND_RA_ALONE), UNWIND_SAVED(-3, 0)},
		{.sp = AT(7), .fp = 7}, UNWIND_GOES_ON, 0x1008, AT(11), 7},
};

static void each_rule_finds_the_caller(void **state)
{
	struct memory m = make_memory();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct step_case *c = &cases[i];
		struct unwind_frame f = c->from;
		enum unwind_end end = unwind_step(&f, &c->row, read_word, &m);

		if (end != c->end)
			fail_msg("%s: ends with %d, not %d", c->what, end, c->end);
		if (end != UNWIND_GOES_ON) {
			assert_memory_equal(&f, &c->from, sizeof(f));
			continue;
		}
		if (f.pc != c->pc || f.sp != c->sp || f.fp != c->fp)
			fail_msg("%s: pc %llx sp %llx fp %llx", c->what, f.pc, f.sp, f.fp);
		assert_int_equal(f.is_return, UNWIND_CFA(c->row.rules) != UNWIND_CFA_SIGNAL);
	}
}

/* bx comes back from where each frame saved it, and is lost where a row cannot say it. */
static void bx_is_followed_from_frame_to_frame(void **state)
{
#if !UNWIND_ARM
	struct memory m = make_memory();
	struct unwind_frame f = {.sp = AT(4), .bx = 5, .knows_bx = 1};
	struct unwind_row row = {.cfa_offset = 8, .rules = SP(UNWIND_CFA_SP, UNWIND_FP_SAME)};

	row.saved = UNWIND_SAVED(0, UNWIND_BX_SAME);
	assert_int_equal(unwind_step(&f, &row, read_word, &m), UNWIND_GOES_ON);
	assert_true(f.knows_bx && f.bx == 5);
	row.saved = UNWIND_SAVED(0, 6);
	assert_int_equal(unwind_step(&f, &row, read_word, &m), UNWIND_GOES_ON);
	assert_true(f.knows_bx && f.bx == 0x1000 + 20 - 6);
	row.saved = UNWIND_SAVED(0, UNWIND_BX_LOST);
	assert_int_equal(unwind_step(&f, &row, read_word, &m), UNWIND_GOES_ON);
	assert_false(f.knows_bx);
#endif
	(void)state;
}

/* ---- tables ---- */

struct cells {
	union unwind_cell *cells;
	__u32 n;
};

static const union unwind_cell *cell_of(const void *table, __u32 index)
{
	const struct cells *c = table;
	return index < c->n ? &c->cells[index] : NULL;
}

/* Pages 3 to 6 of a file, with a row each step bytes. */
static struct cells make_table(__u32 step)
{
	__u32 first_row = 6, n_rows = 0x4000 / step + 1;
	struct cells c = {.n = first_row + n_rows, .cells = calloc(first_row + n_rows, sizeof(union unwind_cell))};

	assert_non_null(c.cells);
	c.cells[0].extent = (struct unwind_extent){.first_page = 3, .n_pages = 4};
	for (__u32 i = 0; i <= 4; i++)
		c.cells[1 + i].page.row = first_row + i * 0x1000 / step;
	for (__u32 i = 0; i < n_rows; i++)
		c.cells[first_row + i].row = (struct unwind_row){.at = 0x3000 + i * step, .cfa_offset = (__u16)i,
			.rules = i + 1 < n_rows ? UNWIND_CFA_SP : UNWIND_CFA_NONE};
	return c;
}

/* A row each byte is the most that there can be to search. */
static void each_place_finds_its_row(void **state)
{
	static const __u32 steps[] = {1, 4, 16, 4096};
	struct unwind_row row;

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(steps); s++) {
		struct cells c = make_table(steps[s]);
		for (__u64 at = 0x2F00; at < 0x7100; at++) {
			bool within = at >= 0x3000 && at < 0x7000;
			assert_int_equal(unwind_find_row(&c, cell_of, at, &row), within ? UNWIND_GOES_ON : UNWIND_NO_ROW);
			if (within)
				assert_int_equal(row.cfa_offset, (__u16)((at - 0x3000) / steps[s]));
		}
		assert_int_equal(unwind_find_row(&c, cell_of, 0x100003000, &row), UNWIND_NO_ROW);
		free(c.cells);
	}
}

static void each_address_finds_its_mapping(void **state)
{
	struct unwind_space s = {0};

	(void)state;
	assert_null(unwind_find_mapping(&s, 0x10000));
	for (__u32 n = 1; n <= UNWIND_MAPPINGS_MAX; n++) {
		s.mappings[n - 1] = (struct unwind_mapping){.start = 0x10000 * n, .end = 0x10000 * n + 0x4000};
		s.n_mappings = n;
		for (__u64 pc = 0; pc < 0x10000 * (n + 2); pc += 0x1FFF) {
			const struct unwind_mapping *m = unwind_find_mapping(&s, pc);
			bool mapped = pc >= 0x10000 && pc < 0x10000 * (n + 1) && pc % 0x10000 < 0x4000;
			assert_ptr_equal(m, mapped ? &s.mappings[pc / 0x10000 - 1] : NULL);
		}
	}
}

static void hostile_tables_lead_nowhere_outside_of_themselves(void **state)
{
	struct cells c = {.n = 5000, .cells = calloc(5000, sizeof(union unwind_cell))};
	struct unwind_space s;
	struct unwind_row row;

	(void)state;
	assert_non_null(c.cells);
	srandom(1);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof(s) / 4; i++)
			((__u32 *)&s)[i] = (__u32)random() * 2;
		for (size_t i = 0; i < c.n * 2; i++)
			((__u32 *)c.cells)[i] = (__u32)random() * 2 >> (random() % 2 * 19);
		for (int i = 0; i < 10000; i++) {
			unwind_find_mapping(&s, (__u64)random() << 33 | (__u64)random());
			unwind_find_row(&c, cell_of, (__u64)random() * 2, &row);
		}
	}
	c.n = 0;
	assert_int_equal(unwind_find_row(&c, cell_of, 0x3000, &row), UNWIND_NO_TABLE);
	free(c.cells);
}

static void a_gap_is_crossed_by_the_frame_pointer_and_told(void **state)
{
	struct memory m = make_memory();
	struct unwind_frame f = {.pc = 0x900000, .sp = AT(4), .fp = AT(9)};
	struct unwind_row row = {.rules = UNWIND_CFA_OUTERMOST};
	__u32 gap = 0;

	(void)state;
	m.words[9] = 0x77;
	m.words[10] = 0x10001;
	unwind_cross_gap(UNWIND_NO_TABLE, &row, &gap);
	assert_int_equal(unwind_step(&f, &row, read_word, &m), UNWIND_GOES_ON);
	assert_int_equal(gap, UNWIND_NO_TABLE);
	assert_int_equal(f.pc, 0x10001);
	assert_int_equal(f.sp, AT(11));
	assert_int_equal(f.fp, 0x77);
	/* A later one is another reason, and a row that was found is none. */
	unwind_cross_gap(UNWIND_NO_ROW, &row, &gap);
	assert_int_equal(gap, UNWIND_NO_TABLE);
	row = (struct unwind_row){.rules = UNWIND_CFA_OUTERMOST};
	unwind_cross_gap(UNWIND_GOES_ON, &row, &gap);
	assert_int_equal(unwind_step(&f, &row, read_word, &m), UNWIND_COMPLETE);
	assert_int_equal(unwind_result(UNWIND_COMPLETE, gap), UNWIND_NO_TABLE);
	assert_int_equal(unwind_result(UNWIND_COMPLETE, 0), UNWIND_COMPLETE);
	assert_int_equal(unwind_result(UNWIND_TOO_DEEP, gap), UNWIND_TOO_DEEP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_finds_the_caller),
		cmocka_unit_test(bx_is_followed_from_frame_to_frame),
		cmocka_unit_test(each_place_finds_its_row),
		cmocka_unit_test(each_address_finds_its_mapping),
		cmocka_unit_test(hostile_tables_lead_nowhere_outside_of_themselves),
		cmocka_unit_test(a_gap_is_crossed_by_the_frame_pointer_and_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
