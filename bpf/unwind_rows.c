/* SPDX-License-Identifier: Apache-2.0 */
/* From what libdw says about an address to a row of eight bytes. Belongs to one unprivileged thread. */
#include "bpf/unwind_rows.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* DWARF's numbers of the registers that a row knows. */
#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define REG_FP  6
#define REG_SP  7
#define REG_PC  16
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define REG_FP  29
#define REG_SP  31
#define REG_PC  UINT64_MAX /* no expression names it */
#else
#error "unwinding is not written down for this machine yet"
#endif

#define EXPRESSION_MAX 9

/* Where a register is, as far as a row can say it. */
struct location {
	enum { UNDEFINED, SAME, AT_CFA, AT_FP, AT_SP, ELSEWHERE } kind;
	int64_t offset;
};

static bool is_register_plus(const Dwarf_Op *op, uint64_t *ret_reg, int64_t *ret_offset)
{
	if (op->atom == DW_OP_bregx) {
		*ret_reg = op->number;
		*ret_offset = (int64_t)op->number2;
		return true;
	}
	if (op->atom < DW_OP_breg0 || op->atom > DW_OP_breg31)
		return false;
	*ret_reg = op->atom - DW_OP_breg0;
	*ret_offset = (int64_t)op->number;
	return true;
}

static struct location locate(Dwarf_Frame *frame, int reg)
{
	Dwarf_Op mem[3], *ops = NULL;
	size_t n = 0;
	uint64_t base;
	struct location at = {.kind = ELSEWHERE};

	if (dwarf_frame_register(frame, reg, mem, &ops, &n) < 0)
		return at;
	if (n == 0)
		return (struct location){.kind = ops == mem ? UNDEFINED : SAME};
	if (ops[n - 1].atom == DW_OP_stack_value)
		return at;
	if (ops[0].atom == DW_OP_call_frame_cfa) {
		if (n == 1)
			return (struct location){.kind = AT_CFA};
		if (n == 2 && ops[1].atom == DW_OP_plus_uconst)
			return (struct location){.kind = AT_CFA, .offset = (int64_t)ops[1].number};
		/* An expression starts with the frame address on its stack, whether it uses it or not. */
		ops++;
		n--;
	}
	if (n == 1 && is_register_plus(ops, &base, &at.offset))
		at.kind = base == REG_FP ? AT_FP : base == REG_SP ? AT_SP : ELSEWHERE;
	return at;
}

/* An offset in units, or false when it does not fit. */
static bool to_units(int64_t offset, int64_t most, int64_t *ret)
{
	*ret = offset / UNWIND_UNIT;
	return offset % UNWIND_UNIT == 0 && *ret >= -most - 1 && *ret <= most;
}

/* binutils' one expression for all stubs of a procedure linkage table:
 * rsp + 8 + ((rip & 15) >= N) << 3, where N is the byte behind the stub's push. */
static bool is_plt(const Dwarf_Op *ops, size_t n, int64_t *ret_from_byte)
{
	static const uint8_t atoms[EXPRESSION_MAX] = {DW_OP_breg0 + 7, DW_OP_breg0 + 16, DW_OP_lit15, DW_OP_and, 0,
		DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus};

	if (MACHINE != EM_X86_64 || n != EXPRESSION_MAX)
		return false;
	for (size_t i = 0; i < EXPRESSION_MAX; i++)
		if (atoms[i] && ops[i].atom != atoms[i])
			return false;
	*ret_from_byte = (int64_t)ops[4].atom - DW_OP_lit0;
	return ops[0].number == 8 && ops[1].number == 0 && *ret_from_byte >= 0 && *ret_from_byte <= 15;
}

static bool is_signal_frame(const Dwarf_Op *cfa, size_t n, struct location fp, struct location ra)
{
	uint64_t base;
	int64_t offset;

	return MACHINE == EM_X86_64 && n == 2 && is_register_plus(cfa, &base, &offset) && base == REG_SP &&
	       offset == UNWIND_SIGNAL_SP && cfa[1].atom == DW_OP_deref && fp.kind == AT_SP &&
	       fp.offset == UNWIND_SIGNAL_FP && ra.kind == AT_SP && ra.offset == UNWIND_SIGNAL_PC;
}

static enum unwind_cfa cfa_rule(const Dwarf_Op *ops, size_t n, int64_t *ret_offset)
{
	uint64_t base;

	if (n < 1 || n > 2 || !is_register_plus(ops, &base, ret_offset) || (n == 2 && ops[1].atom != DW_OP_deref))
		return UNWIND_CFA_UNSUPPORTED;
	if (base == REG_SP)
		return n == 1 ? UNWIND_CFA_SP : UNWIND_CFA_AT_SP;
	if (base == REG_FP)
		return n == 1 ? UNWIND_CFA_FP : UNWIND_CFA_AT_FP;
	return UNWIND_CFA_UNSUPPORTED;
}

/* False when a row cannot say it. *fp_offset is the frame pointer's on entry. */
static bool ra_rule(struct location ra, enum unwind_fp fp_rule, int64_t *fp_offset, enum unwind_ra *ret)
{
	if (MACHINE == EM_X86_64) {
		*ret = UNWIND_RA_BELOW_CFA;
		return ra.kind == AT_CFA && ra.offset == -UNWIND_UNIT;
	}
	*ret = UNWIND_RA_LINK;
	if (ra.kind == SAME)
		return true;
	*ret = fp_rule == UNWIND_FP_AT_CFA ? UNWIND_RA_AFTER_FP : UNWIND_RA_ALONE;
	if (ra.kind != AT_CFA)
		return false;
	if (fp_rule == UNWIND_FP_AT_CFA)
		return ra.offset == *fp_offset + UNWIND_UNIT;
	*fp_offset = ra.offset;
	return fp_rule == UNWIND_FP_SAME;
}

static struct unwind_row make_row(Dwarf_Frame *frame, int ra_register)
{
	static const struct unwind_row unsupported = {.rules = UNWIND_CFA_UNSUPPORTED};
	struct location fp = locate(frame, REG_FP), ra = locate(frame, ra_register);
	int64_t cfa_offset = 0, cfa_units, fp_units;
	enum unwind_fp fp_rule = fp.kind == AT_CFA ? UNWIND_FP_AT_CFA : fp.kind == AT_FP ? UNWIND_FP_AT_FP : UNWIND_FP_SAME;
	enum unwind_ra from;
	enum unwind_cfa rule;
	Dwarf_Op *ops;
	size_t n;

	if (ra.kind == UNDEFINED)
		return (struct unwind_row){.rules = UNWIND_CFA_OUTERMOST};
	if (dwarf_frame_cfa(frame, &ops, &n) < 0)
		return unsupported;
	if (is_signal_frame(ops, n, fp, ra))
		return (struct unwind_row){.rules = UNWIND_CFA_SIGNAL};
	if (is_plt(ops, n, &fp_units) && fp.kind == SAME)
		return (struct unwind_row){.rules = UNWIND_CFA_PLT, .cfa_offset = 1, .fp_offset = (int8_t)fp_units};
	rule = cfa_rule(ops, n, &cfa_offset);
	if (rule == UNWIND_CFA_UNSUPPORTED || fp.kind == AT_SP || fp.kind == ELSEWHERE ||
	    !ra_rule(ra, fp_rule, &fp.offset, &from) || !to_units(cfa_offset, INT16_MAX, &cfa_units) ||
	    !to_units(fp.offset, INT8_MAX, &fp_units))
		return unsupported;
	return (struct unwind_row){
		.rules = UNWIND_RULES(rule, fp_rule, from),
		.cfa_offset = (int16_t)cfa_units,
		.fp_offset = (int8_t)fp_units,
	};
}

static bool is_same_rule(const struct unwind_row *a, const struct unwind_row *b)
{
	return a->rules == b->rules && a->cfa_offset == b->cfa_offset && a->fp_offset == b->fp_offset;
}

/* Neighbours that are equal become one row; first is where this image's rows begin. */
static int append(struct unwind_rows *r, size_t first, uint64_t pc, struct unwind_row row)
{
	if (r->n_rows > first && is_same_rule(&r->rows[r->n_rows - 1], &row))
		return 0;
	if (r->n_rows == r->capacity) {
		size_t capacity = r->capacity ? 2 * r->capacity : 1024;
		struct unwind_row *rows = reallocarray(r->rows, capacity, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		r->rows = rows;
		r->capacity = capacity;
	}
	row.pc = (uint32_t)pc;
	r->rows[r->n_rows++] = row;
	r->n_unsupported += UNWIND_CFA(row.rules) == UNWIND_CFA_UNSUPPORTED;
	return 0;
}

/* From row to row, as libdw tells how far each goes. Where it knows nothing, a few bytes of padding mostly, each next
 * byte is asked for: a look-up is a binary search in .eh_frame_hdr. */
static int append_all(struct unwind_rows *r, Dwarf_CFI *cfi, uint64_t start, uint64_t end)
{
	size_t first = r->n_rows;
	int e = 0;

	for (uint64_t pc = start; pc < end && e >= 0;) {
		Dwarf_Frame *frame = NULL;
		struct unwind_row row = {.rules = UNWIND_CFA_NONE};
		Dwarf_Addr from = pc, next = pc + 1;

		if (cfi && dwarf_cfi_addrframe(cfi, pc, &frame) == 0) {
			int ra_register = dwarf_frame_info(frame, &from, &next, NULL);
			row = ra_register >= 0 ? make_row(frame, ra_register)
				: (struct unwind_row){.rules = UNWIND_CFA_UNSUPPORTED};
			free(frame);
		}
		e = append(r, first, pc, row);
		pc = !cfi ? end : next > pc ? next : pc + 1;
	}
	return e;
}

int unwind_rows_append(struct unwind_rows *r, int fd, uint64_t start, uint64_t end)
{
	GElf_Ehdr head;
	Elf *elf;
	Dwarf_CFI *cfi;
	int e;

	if (start >= end || end > UINT32_MAX)
		return -EFBIG;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &head) || head.e_machine != MACHINE) {
		elf_end(elf);
		return -ENOEXEC;
	}
	cfi = dwarf_getcfi_elf(elf);
	e = append_all(r, cfi, start, end);
	if (cfi)
		dwarf_cfi_end(cfi);
	elf_end(elf);
	return e;
}

void unwind_rows_done(struct unwind_rows *r)
{
	free(r->rows);
	*r = (struct unwind_rows){0};
}
