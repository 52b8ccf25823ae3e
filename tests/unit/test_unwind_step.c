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
	m.words[31] = 0;      /* no return address */
	return m;
}

#define SP(cfa, fp) UNWIND_RULES(cfa, fp, UNWIND_RA_BELOW_CFA)

static const struct step_case cases[] = {
	{"at the first instruction of a function", {0, 1, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), 0},
		{.sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x1004, AT(5), 7},
	{"with locals on the stack", {0, 7, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), 0},
		{.sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x100A, AT(11), 7},
	{"with the frame pointer saved but not set", {0, 7, SP(UNWIND_CFA_SP, UNWIND_FP_AT_CFA), -2},
		{.sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x100A, AT(11), AT(20)},
	{"with a frame pointer", {0, 2, SP(UNWIND_CFA_FP, UNWIND_FP_AT_CFA), -2},
		{.sp = AT(4), .fp = AT(9)}, UNWIND_GOES_ON, 0x100A, AT(11), AT(20)},
	{"with the frame address stored below the frame pointer", {0, -1, SP(UNWIND_CFA_AT_FP, UNWIND_FP_AT_FP), -4},
		{.sp = AT(4), .fp = AT(13)}, UNWIND_GOES_ON, 0x101D, AT(30), AT(20)},
	{"with the frame address stored above the stack pointer", {0, 8, SP(UNWIND_CFA_AT_SP, UNWIND_FP_SAME), 0},
		{.sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x101D, AT(30), 7},
	{"in a linkage stub before its push", {0, 1, SP(UNWIND_CFA_PLT, UNWIND_FP_SAME), 11},
		{.pc = 0x401030, .sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x1004, AT(5), 7},
	{"in a linkage stub behind its push", {0, 1, SP(UNWIND_CFA_PLT, UNWIND_FP_SAME), 11},
		{.pc = 0x40103B, .sp = AT(4), .fp = 7}, UNWIND_GOES_ON, 0x1005, AT(6), 7},
	{"in a signal's return", {.rules = UNWIND_CFA_SIGNAL}, {.sp = AT(1), .fp = 7}, UNWIND_GOES_ON, 0x1016, 0x1015, 0x1010},
	{"in the outermost function", {.rules = UNWIND_CFA_OUTERMOST}, {.sp = AT(4)}, UNWIND_COMPLETE, 0, 0, 0},
	{"under a rule that no row holds", {.rules = UNWIND_CFA_UNSUPPORTED}, {.sp = AT(4)}, UNWIND_UNSUPPORTED, 0, 0, 0},
	{"between functions", {.rules = UNWIND_CFA_NONE}, {.sp = AT(4)}, UNWIND_NO_ROW, 0, 0, 0},
	{"under a rule that does not exist", {.rules = 15}, {.sp = AT(4)}, UNWIND_UNSUPPORTED, 0, 0, 0},
	{"when the stack cannot be read", {0, 1, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), 0},
		{.sp = AT(WORDS)}, UNWIND_BAD_READ, 0, 0, 0},
	{"when the saved frame pointer cannot be read", {0, 1, SP(UNWIND_CFA_SP, UNWIND_FP_AT_CFA), 127},
		{.sp = AT(4)}, UNWIND_BAD_READ, 0, 0, 0},
	{"when the stored frame address cannot be read", {0, 0, SP(UNWIND_CFA_AT_FP, UNWIND_FP_SAME), 0},
		{.sp = AT(4), .fp = 8}, UNWIND_BAD_READ, 0, 0, 0},
	{"when a signal's frame cannot be read", {.rules = UNWIND_CFA_SIGNAL}, {.sp = AT(WORDS - 2)}, UNWIND_BAD_READ, 0, 0, 0},
	{"when the frame pointer leads downwards", {0, 2, SP(UNWIND_CFA_FP, UNWIND_FP_AT_CFA), -2},
		{.sp = AT(14), .fp = AT(9)}, UNWIND_BROKEN, 0, 0, 0},
	{"when the frame pointer is no address of a word", {0, 2, SP(UNWIND_CFA_FP, UNWIND_FP_AT_CFA), -2},
		{.sp = AT(4), .fp = AT(9) + 1}, UNWIND_BROKEN, 0, 0, 0},
	{"when a frame takes no room", {0, 0, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), 0}, {.sp = AT(4)}, UNWIND_BROKEN, 0, 0, 0},
	{"when the return address is null", {0, 1, SP(UNWIND_CFA_SP, UNWIND_FP_SAME), 0}, {.sp = AT(31)}, UNWIND_BROKEN, 0, 0, 0},
	{"in a leaf that has its return address in a register",
		{0, 0, UNWIND_RULES(UNWIND_CFA_SP, UNWIND_FP_SAME, UNWIND_RA_LINK), 0},
		{.sp = AT(4), .fp = 7, .link = 0x7001000000004242}, UNWIND_GOES_ON, 0x4242, AT(4), 7},
	{"with frame pointer and return address saved as a pair",
		{0, 4, UNWIND_RULES(UNWIND_CFA_SP, UNWIND_FP_AT_CFA, UNWIND_RA_AFTER_FP), -2},
		{.sp = AT(7), .fp = 7}, UNWIND_GOES_ON, 0x100A, AT(11), AT(20)},
	{"with the return address saved alone",
		{0, 4, UNWIND_RULES(UNWIND_CFA_SP, UNWIND_FP_SAME, UNWIND_RA_ALONE), -3},
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

/* 64 mappings of four pages each with holes between; a row for each instruction of 16 bytes. */
static struct unwind_space *make_space(void)
{
	struct unwind_space *s = calloc(1, sizeof(*s));
	__u32 n_rows = 0, n_pages = 0;

	assert_non_null(s);
	s->n_mappings = UNWIND_MAPPINGS_MAX;
	for (__u32 i = 0; i < UNWIND_MAPPINGS_MAX; i++) {
		struct unwind_mapping *m = &s->mappings[i];
		*m = (struct unwind_mapping){.start = 0x10000 * (i + 1), .end = 0x10000 * (i + 1) + 0x4000,
			.image_start = 0x1000 * i, .first_page = n_pages};
		for (__u32 at = 0; at < 0x4000; at += 16) {
			if (at % 0x1000 == 0)
				s->pages[n_pages++] = n_rows;
			s->rows[n_rows++] = (struct unwind_row){.pc = m->image_start + at, .cfa_offset = (__s16)(at / 16 + 1),
				.rules = UNWIND_CFA_SP};
		}
		s->pages[n_pages++] = n_rows - 1;
	}
	return s;
}

static void each_address_finds_its_row(void **state)
{
	struct unwind_space *s = make_space();
	struct unwind_row row;

	(void)state;
	for (__u64 pc = 0; pc < 0x10000 * (UNWIND_MAPPINGS_MAX + 2); pc += 5) {
		__u64 within = pc % 0x10000;
		bool mapped = pc >= 0x10000 && pc < 0x10000 * (UNWIND_MAPPINGS_MAX + 1) && within < 0x4000;
		enum unwind_end end = unwind_find_row(s, pc, &row);

		assert_int_equal(end, mapped ? UNWIND_GOES_ON : UNWIND_NO_MAPPING);
		if (mapped)
			assert_int_equal(row.cfa_offset, within / 16 + 1);
	}
	s->mappings[3].first_page = UNWIND_NO_PAGES;
	s->mappings[4].first_page = UNWIND_ANONYMOUS;
	assert_int_equal(unwind_find_row(s, 0x40010, &row), UNWIND_NO_ROW);
	assert_int_equal(unwind_find_row(s, 0x50010, &row), UNWIND_ANONYMOUS_CODE);
	s->n_mappings = 0;
	assert_int_equal(unwind_find_row(s, 0x10000, &row), UNWIND_NO_MAPPING);
	free(s);
}

/* A page with a row for each byte: the most that there can be to search. */
static void a_page_full_of_rows_is_searched_to_the_end(void **state)
{
	struct unwind_space *s = calloc(1, sizeof(*s));
	struct unwind_row row;

	(void)state;
	assert_non_null(s);
	s->n_mappings = 1;
	s->mappings[0] = (struct unwind_mapping){.start = 0x5000, .end = 0x6000, .image_start = 0x800};
	for (__u32 i = 0; i <= 4096; i++)
		s->rows[i] = (struct unwind_row){.pc = 0x800 + i, .cfa_offset = (__s16)i, .rules = UNWIND_CFA_SP};
	s->pages[1] = 4096;
	for (__u32 i = 0; i < 4096; i++) {
		assert_int_equal(unwind_find_row(s, 0x5000 + i, &row), UNWIND_GOES_ON);
		assert_int_equal(row.cfa_offset, i);
	}
	free(s);
}

static void hostile_tables_lead_nowhere_outside_of_themselves(void **state)
{
	struct unwind_space *s = calloc(1, sizeof(*s));
	struct unwind_row row;

	(void)state;
	assert_non_null(s);
	srandom(1);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof(s->mappings) / 4; i++)
			((__u32 *)s->mappings)[i] = (__u32)random() * 2;
		for (size_t i = 0; i < UNWIND_PAGES_MAX; i++)
			s->pages[i] = (__u32)random() * 2;
		s->n_mappings = (__u32)random() * 2;
		for (int i = 0; i < 10000; i++)
			unwind_find_row(s, (__u64)random() << 33 | (__u64)random(), &row);
	}
	free(s);
}

/* main at 0x10000 has a table; what it calls, at 0x90000, has none but keeps a frame pointer. */
static void a_gap_is_crossed_by_the_frame_pointer_and_told(void **state)
{
	struct unwind_space *s = make_space();
	struct memory m = make_memory();
	__u32 gap = 0;

	(void)state;
	s->rows[0] = (struct unwind_row){.rules = UNWIND_CFA_OUTERMOST};
	m.words[9] = 0x77;
	m.words[10] = 0x10001;
	struct unwind_frame f = {.pc = 0x900000, .sp = AT(4), .fp = AT(9)};
	assert_int_equal(unwind_advance(s, &f, &gap, read_word, &m), UNWIND_GOES_ON);
	assert_int_equal(gap, UNWIND_NO_MAPPING);
	assert_int_equal(f.pc, 0x10001);
	assert_int_equal(f.sp, AT(11));
	assert_int_equal(f.fp, 0x77);
	assert_int_equal(unwind_advance(s, &f, &gap, read_word, &m), UNWIND_COMPLETE);
	assert_int_equal(unwind_result(UNWIND_COMPLETE, gap), UNWIND_NO_MAPPING);
	assert_int_equal(unwind_result(UNWIND_COMPLETE, 0), UNWIND_COMPLETE);
	assert_int_equal(unwind_result(UNWIND_TOO_DEEP, gap), UNWIND_TOO_DEEP);
	/* No tables at all: frame pointers as far as they lead. */
	f = (struct unwind_frame){.pc = 0x900000, .sp = AT(4), .fp = AT(9)};
	gap = 0;
	assert_int_equal(unwind_advance(NULL, &f, &gap, read_word, &m), UNWIND_GOES_ON);
	assert_int_equal(unwind_advance(NULL, &f, &gap, read_word, &m), UNWIND_BROKEN);
	assert_int_equal(unwind_result(UNWIND_BROKEN, gap), UNWIND_FRAME_POINTERS);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_finds_the_caller),
		cmocka_unit_test(each_address_finds_its_row),
		cmocka_unit_test(a_page_full_of_rows_is_searched_to_the_end),
		cmocka_unit_test(hostile_tables_lead_nowhere_outside_of_themselves),
		cmocka_unit_test(a_gap_is_crossed_by_the_frame_pointer_and_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
