/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of real libraries, stepped over a made-up stack, against libdw's own rules evaluated over the same one. */
#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/unwind_rows.h"
#include "tests/unit/cmocka_head.h"

#if defined(__x86_64__)
#define REG_FP 6
#define REG_SP 7
#define REG_PC 16
#define REG_LINK -1
#else
#define REG_FP 29
#define REG_SP 31
#define REG_PC -1
#define REG_LINK 30
#endif

/* Words of a stack that nobody has: any address gives a word, which is a place higher up. */
static long read_word(const void *arg, __u64 address, __u64 *ret)
{
	(void)arg;
	*ret = 0x7F0000000000u + (address * 0x9E3779B97F4A7C15u >> 33 & ~7u);
	return 0;
}

static const struct unwind_frame made_up = {
	.sp = 0x7E0000001000, .fp = 0x7E0000002008, .link = 0x7E0000003010, .bx = 0x7E0000004018, .r10 = 0x7E0000005020,
	.r11 = 0x7E0000006028, .knows_bx = 1,
};

static uint64_t reg_value(const struct unwind_frame *f, uint64_t reg)
{
	if (reg == REG_FP)
		return f->fp;
	if (reg == REG_SP)
		return f->sp;
	if (reg == (uint64_t)REG_PC)
		return f->pc;
#if !UNWIND_ARM
	if (reg == 3 || reg == 10 || reg == 11)
		return reg == 3 ? f->bx : reg == 10 ? f->r10 : f->r11;
#endif
	return reg == (uint64_t)REG_LINK ? f->link : 0;
}

/* A DWARF expression's value. */
static uint64_t evaluate(const struct unwind_frame *f, const Dwarf_Op *ops, size_t n, uint64_t cfa)
{
	__u64 stack[16] = {0};
	size_t at = 2; /* two zeroes below, so that no operation needs a check */

	for (size_t i = 0; i < n; i++) {
		const Dwarf_Op *op = &ops[i];
		__u64 *top = &stack[at - 1], *below = &stack[at - 2];

		assert_true(at < ARRAY_SIZE(stack) - 1);
		if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
			stack[at++] = op->atom - DW_OP_lit0;
		else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
			stack[at++] = reg_value(f, op->atom - DW_OP_breg0) + op->number;
		else if (op->atom == DW_OP_bregx)
			stack[at++] = reg_value(f, op->number) + op->number2;
		else if (op->atom == DW_OP_call_frame_cfa)
			stack[at++] = cfa;
		else if (op->atom == DW_OP_plus_uconst)
			*top += op->number;
		else if (op->atom == DW_OP_deref)
			read_word(NULL, *top, top);
		else if (op->atom == DW_OP_and || op->atom == DW_OP_ge || op->atom == DW_OP_shl || op->atom == DW_OP_plus) {
			*below = op->atom == DW_OP_and ? *below & *top : op->atom == DW_OP_ge ? *below >= *top
				: op->atom == DW_OP_shl ? *below << *top : *below + *top;
			at--;
		} else
			fail_msg("operation 0x%x", op->atom);
	}
	return stack[at - 1];
}

static uint64_t evaluate_register(Dwarf_Frame *frame, int reg, uint64_t cfa, uint64_t same)
{
	Dwarf_Op mem[3], *ops;
	size_t n;
	__u64 value;

	assert_int_equal(dwarf_frame_register(frame, reg, mem, &ops, &n), 0);
	if (!n)
		return same;
	value = evaluate(&made_up, ops, n, cfa);
	read_word(NULL, value, &value);
	return value;
}

struct tally {
	size_t n_compared, n_unsupported, n_outermost, n_bx_lost;
	size_t n_by_bytes; /* libdw knows nothing; the code is of those that bpf/unwind_gaps.h knows */
};

static void compare_at(Dwarf_CFI *cfi, uint64_t pc, const struct unwind_row *row, struct tally *t)
{
	struct unwind_frame f = made_up;
	Dwarf_Frame *frame = NULL;
	Dwarf_Op *ops, mem[3];
	size_t n;
	uint64_t cfa;
	int ra;

	f.pc = pc;
	if (dwarf_cfi_addrframe(cfi, pc, &frame) != 0) {
		t->n_by_bytes += UNWIND_CFA(row->rules) != UNWIND_CFA_NONE;
		return;
	}
	assert_int_not_equal(UNWIND_CFA(row->rules), UNWIND_CFA_NONE);
	ra = dwarf_frame_info(frame, NULL, NULL, NULL);
	t->n_compared++;
	assert_int_equal(dwarf_frame_register(frame, ra, mem, &ops, &n), 0);
	if (UNWIND_CFA(row->rules) == UNWIND_CFA_OUTERMOST) {
		assert_true(n == 0 && ops == mem);
		t->n_outermost++;
	} else if (UNWIND_CFA(row->rules) == UNWIND_CFA_UNSUPPORTED) {
		t->n_unsupported++;
	} else {
		struct unwind_frame at_pc = made_up;
		at_pc.pc = pc;
		assert_int_equal(unwind_step(&f, row, read_word, NULL), UNWIND_GOES_ON);
		assert_int_equal(dwarf_frame_cfa(frame, &ops, &n), 0);
		cfa = evaluate(&at_pc, ops, n, 0);
		assert_int_equal(f.sp, cfa);
		assert_int_equal(f.fp, evaluate_register(frame, REG_FP, cfa, made_up.fp));
		assert_int_equal(f.pc, evaluate_register(frame, ra, cfa, made_up.link));
#if !UNWIND_ARM
		if (f.knows_bx)
			assert_int_equal(f.bx, evaluate_register(frame, 3, cfa, made_up.bx));
		t->n_bx_lost += !f.knows_bx;
#endif
	}
	free(frame);
}

/* The image's entry, which nobody calls, may be told to be outermost where libdw knows nothing. */
static bool is_entry(const struct unwind_row *row, uint64_t pc, uint64_t entry)
{
	return UNWIND_CFA(row->rules) == UNWIND_CFA_OUTERMOST && pc >= entry && pc < entry + 256;
}

static void compare_rows(const struct unwind_rows *r, Elf *elf, const GElf_Phdr *ph, uint64_t entry, struct tally *t)
{
	uint64_t end = ph->p_offset + ph->p_filesz, base = ph->p_vaddr - ph->p_offset;
	Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);

	assert_non_null(cfi);
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct unwind_row *row = &r->rows[i];
		uint64_t at = row->at, next = i + 1 < r->n_rows ? r->rows[i + 1].at : end;
		if (at < ph->p_offset || at >= end)
			continue;
		assert_true(next > at);
		if (is_entry(row, at + base, entry))
			continue;
		/* Its first and its last byte, and one between. */
		compare_at(cfi, at + base, row, t);
		compare_at(cfi, at + base + (next - at) / 2, row, t);
		compare_at(cfi, (next < end ? next : end) - 1 + base, row, t);
	}
	dwarf_cfi_end(cfi);
}

static int compare_image(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct tally *sum = arg, t = {0};
	const char *path = info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe";
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct unwind_rows r = {0};
	GElf_Ehdr head;
	size_t n = 0;
	Elf *elf;

	(void)size;
	if (fd < 0)
		return 0; /* the vDSO */
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	assert_int_equal(elf_getphdrnum(elf, &n), 0);
	assert_non_null(gelf_getehdr(elf, &head));
	assert_int_equal(unwind_rows_read(&r, fd), 0);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD && ph.p_flags & PF_X)
			compare_rows(&r, elf, &ph, head.e_entry, &t);
	}
	elf_end(elf);
	unwind_rows_done(&r);
	print_message("# %s: %zu addresses, %zu outermost, %zu of an unsupported rule\n", path, t.n_compared, t.n_outermost,
		t.n_unsupported);
	sum->n_compared += t.n_compared;
	sum->n_unsupported += t.n_unsupported;
	sum->n_by_bytes += t.n_by_bytes;
	sum->n_outermost += t.n_outermost;
	sum->n_bx_lost += t.n_bx_lost;
	return 0;
}

static void rows_of_our_own_libraries_say_what_libdw_says(void **state)
{
	struct tally t = {0};

	(void)state;
	elf_version(EV_CURRENT);
	dlopen("libstdc++.so.6", RTLD_NOW); /* where it is; the compilers' biggest */
	dl_iterate_phdr(compare_image, &t);
	assert_true(t.n_compared > 50000); /* the C library alone has as many */
	assert_true(t.n_outermost >= 3);   /* _start, the dynamic linker's, clone */
	assert_true(t.n_unsupported * 1000 < t.n_compared);
	print_message("# %zu addresses in code known by its bytes\n", t.n_by_bytes);
	assert_true(t.n_by_bytes > 0 && t.n_by_bytes * 500 < t.n_compared);
	assert_true(t.n_bx_lost * 1000 < t.n_compared);
}

static void what_is_no_elf_file_is_refused(void **state)
{
	_cleanup_fd_ int text = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct unwind_rows r = {0};

	(void)state;
	assert_int_equal(unwind_rows_read(&r, text), -ENOEXEC);
	assert_int_equal(unwind_rows_read(&r, -1), -ENOEXEC);
	assert_int_equal(r.n_rows, 0);
	unwind_rows_done(&r);
}

/* The C compiler is told to write .debug_frame and no .eh_frame. */
static void where_there_is_no_eh_frame_debug_frame_is_read(void **state)
{
	struct unwind_rows with = {0}, without = {0};
	_cleanup_fd_ int with_fd = open(DEBUG_FRAME_PATH, O_RDONLY | O_CLOEXEC), without_fd = open(NO_FRAME_PATH, O_RDONLY | O_CLOEXEC);
	size_t n_with = 0, n_without = 0;

	(void)state;
	assert_int_equal(unwind_rows_read(&with, with_fd), 0);
	assert_int_equal(unwind_rows_read(&without, without_fd), 0);
	for (size_t i = 0; i < with.n_rows; i++)
		n_with += UNWIND_CFA(with.rows[i].rules) == UNWIND_CFA_SP;
	for (size_t i = 0; i < without.n_rows; i++)
		n_without += UNWIND_CFA(without.rows[i].rules) == UNWIND_CFA_SP;
	print_message("# %zu rows by .debug_frame, %zu without it\n", n_with, n_without);
	assert_true(n_with >= n_without + 5);
	unwind_rows_done(&with);
	unwind_rows_done(&without);
}

/* ---- forged images ---- */

/* A copy of this program whose segment of code is said to go on for so long, and perhaps the section before its end too,
 * and a file of that size with nothing in it. */
static int forge(uint64_t code_bytes, bool is_section, uint64_t file_bytes)
{
	_cleanup_fd_ int own_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("forged", MFD_CLOEXEC);
	off_t size = lseek(own_fd, 0, SEEK_END), at = 0;
	GElf_Ehdr head;
	Elf64_Phdr ph;
	Elf64_Shdr sh;

	while (at < size)
		assert_true(sendfile(fd, own_fd, &at, (size_t)(size - at)) > 0);
	assert_int_equal(pread(fd, &head, sizeof(head), 0), sizeof(head));
	for (unsigned i = 0; i < head.e_phnum; i++) {
		off_t ph_at = (off_t)(head.e_phoff + i * sizeof(ph));
		assert_int_equal(pread(fd, &ph, sizeof(ph), ph_at), sizeof(ph));
		if (ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		ph.p_filesz = ph.p_memsz = code_bytes;
		assert_int_equal(pwrite(fd, &ph, sizeof(ph), ph_at), sizeof(ph));
	}
	for (unsigned i = 0; is_section && i < head.e_shnum; i++) {
		off_t sh_at = (off_t)(head.e_shoff + i * sizeof(sh));
		assert_int_equal(pread(fd, &sh, sizeof(sh), sh_at), sizeof(sh));
		if (sh.sh_flags & SHF_EXECINSTR)
			sh.sh_size = code_bytes;
		assert_int_equal(pwrite(fd, &sh, sizeof(sh), sh_at), sizeof(sh));
	}
	assert_int_equal(ftruncate(fd, (off_t)file_bytes), 0);
	return fd;
}

static void what_is_forged_ends_soon(void **state)
{
	_cleanup_fd_ int beyond_fd = forge(1u << 30, false, 1u << 28), empty_fd = forge(1u << 28, true, 1u << 29),
		cut_fd = forge(4096, false, 8192);
	_cleanup_(unwind_rows_done) struct unwind_rows r = {0};
	uint64_t start_ns = clock_now_ns();

	(void)state;
	assert_int_equal(unwind_rows_read(&r, beyond_fd), -ENOEXEC);
	assert_int_equal(unwind_rows_read(&r, cut_fd), -ENOEXEC);
	assert_int_equal(unwind_rows_read(&r, empty_fd), -EFBIG);
	print_message("# %.1f s\n", (double)(clock_now_ns() - start_ns) / 1e9);
}

/* Some linkers put what is only read into the segment with the code; of LLVM's library that is half. */
static void what_is_no_code_in_the_segment_of_code_is_skipped(void **state)
{
	_cleanup_fd_ int own_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), large_fd = forge(1u << 28, false, 1u << 29);
	_cleanup_(unwind_rows_done) struct unwind_rows own = {0}, large = {0};

	(void)state;
	assert_int_equal(unwind_rows_read(&own, own_fd), 0);
	assert_int_equal(unwind_rows_read(&large, large_fd), 0);
	assert_in_range(large.n_rows, own.n_rows, own.n_rows + 2);
	for (size_t i = 0; i + 1 < own.n_rows; i++)
		assert_memory_equal(&own.rows[i], &large.rows[i], sizeof(own.rows[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_our_own_libraries_say_what_libdw_says),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(where_there_is_no_eh_frame_debug_frame_is_read),
		cmocka_unit_test(what_is_forged_ends_soon),
		cmocka_unit_test(what_is_no_code_in_the_segment_of_code_is_skipped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
