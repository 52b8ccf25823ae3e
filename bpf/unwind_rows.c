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
#include "bpf/unwind_gaps.h"

/* DWARF's numbers of the registers that a row knows. */
#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define REG_BX  3
#define REG_R10 10
#define REG_R11 11
#define REG_FP  6
#define REG_SP  7
#define REG_PC  16
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define REG_BX  UINT64_MAX /* no function is left by these here */
#define REG_R10 UINT64_MAX
#define REG_R11 UINT64_MAX
#define REG_FP  29
#define REG_SP  31
#define REG_PC  UINT64_MAX /* no expression names it */
#else
#error "unwinding is not written down for this machine yet"
#endif

#define EXPRESSION_MAX 9
#define ENTRY_MAX_BYTES 256
#define GAP_MAX_BYTES  (16u << 20) /* of an image without rules: each byte of it is asked for, which takes 5 s */
#define SEGMENTS_MAX   16 /* with code; linkers make one, optimizers of machine code a few more */

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
static bool to_units(int64_t offset, int64_t least, int64_t most, int64_t *ret)
{
	*ret = offset / UNWIND_UNIT;
	return offset % UNWIND_UNIT == 0 && *ret >= least && *ret <= most;
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
	if (n == 2)
		return UNWIND_CFA_UNSUPPORTED;
	return base == REG_BX ? UNWIND_CFA_BX : base == REG_R10 ? UNWIND_CFA_R10 : base == REG_R11 ? UNWIND_CFA_R11
		: UNWIND_CFA_UNSUPPORTED;
}

/* enum unwind_bx, or how many units below the frame address it is saved. */
static unsigned find_bx(Dwarf_Frame *frame)
{
	struct location bx = {.kind = ELSEWHERE};
	int64_t units;

	if (MACHINE == EM_X86_64)
		bx = locate(frame, (int)REG_BX);
	if (bx.kind == SAME || bx.kind == UNDEFINED) /* libdw calls it undefined where nothing is said: calls leave it as it is */
		return UNWIND_BX_SAME;
	return bx.kind == AT_CFA && to_units(-bx.offset, UNWIND_BX_LOST + 1, 7, &units) ? (unsigned)units : UNWIND_BX_LOST;
}

static bool is_word_read(enum unwind_cfa rule)
{
	return rule == UNWIND_CFA_AT_SP || rule == UNWIND_CFA_AT_FP;
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
		return (struct unwind_row){.rules = UNWIND_CFA_PLT, .cfa_offset = 1, .saved = UNWIND_SAVED(fp_units, 0)};
	rule = cfa_rule(ops, n, &cfa_offset);
	if (rule == UNWIND_CFA_UNSUPPORTED || fp.kind == AT_SP || fp.kind == ELSEWHERE ||
	    !ra_rule(ra, fp_rule, &fp.offset, &from) ||
	    !to_units(cfa_offset, is_word_read(rule) ? INT16_MIN : 0, is_word_read(rule) ? INT16_MAX : UINT16_MAX, &cfa_units) ||
	    !to_units(fp.offset, -UNWIND_SAVED_FP_MOST - 1, UNWIND_SAVED_FP_MOST, &fp_units))
		return unsupported;
	return (struct unwind_row){
		.rules = UNWIND_RULES(rule, fp_rule, from),
		.cfa_offset = (uint16_t)cfa_units,
		.saved = UNWIND_SAVED(fp_units, find_bx(frame)),
	};
}

static bool is_same_rule(const struct unwind_row *a, const struct unwind_row *b)
{
	return a->rules == b->rules && a->cfa_offset == b->cfa_offset && a->saved == b->saved;
}

/* Neighbours that are equal become one row. */
static int append(struct unwind_rows *r, uint64_t at, struct unwind_row row)
{
	if (r->n_rows && r->rows[r->n_rows - 1].at == at) /* the end of a segment, where another one begins */
		r->n_rows--;
	if (r->n_rows && is_same_rule(&r->rows[r->n_rows - 1], &row))
		return 0;
	if (r->n_rows == r->capacity) {
		size_t capacity = r->capacity ? 2 * r->capacity : 1024;
		struct unwind_row *rows = reallocarray(r->rows, capacity, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		r->rows = rows;
		r->capacity = capacity;
	}
	row.at = (uint32_t)at;
	r->rows[r->n_rows++] = row;
	r->n_unsupported += UNWIND_CFA(row.rules) == UNWIND_CFA_UNSUPPORTED;
	return 0;
}

/* Where an image's rules are: .eh_frame, which is mapped with it, and .debug_frame for what that does not tell. */
struct rules {
	Dwarf_CFI *eh, *debug; /* NULL: it has none; the latter is dwarf's */
	Dwarf *dwarf;
	uint64_t entry; /* where the kernel enters the image */
	struct unwind_gaps gaps;
	uint64_t n_asked_in_vain;
	Elf *elf;
	uint64_t code_start, code_end; /* the section of code that was met last */
};

static void rules_open(struct rules *ret, Elf *elf)
{
	GElf_Ehdr head;

	struct unwind_gaps gaps;

	unwind_gaps_open(&gaps, elf);
	*ret = (struct rules){.gaps = gaps, .eh = dwarf_getcfi_elf(elf), .dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL), .elf = elf};
	ret->entry = gelf_getehdr(elf, &head) && head.e_entry ? head.e_entry : UINT64_MAX - ENTRY_MAX_BYTES;
	if (ret->dwarf)
		ret->debug = dwarf_getcfi(ret->dwarf);
}

static void rules_close(struct rules *r)
{
	if (r->eh)
		dwarf_cfi_end(r->eh);
	if (r->dwarf)
		dwarf_end(r->dwarf);
}

static Dwarf_Frame *find_rules(const struct rules *from, uint64_t pc)
{
	Dwarf_Frame *frame = NULL;

	if (from->eh && dwarf_cfi_addrframe(from->eh, pc, &frame) == 0)
		return frame;
	if (from->debug && dwarf_cfi_addrframe(from->debug, pc, &frame) == 0)
		return frame;
	return NULL;
}

/* The first place from pc on that is code by the sections. Old linkers put all that is only read into the segment with
 * the code, which is most of it in LLVM's library. An image without sections may be all code. */
static uint64_t next_code(struct rules *r, uint64_t pc, uint64_t end)
{
	bool has_code = false;

	if (pc >= r->code_start && pc < r->code_end)
		return pc;
	r->code_start = r->code_end = end;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(r->elf, section));) {
		GElf_Shdr sh;
		if (!gelf_getshdr(section, &sh) || !(sh.sh_flags & SHF_EXECINSTR) || sh.sh_size > UINT64_MAX - sh.sh_addr)
			continue;
		has_code = true;
		if (sh.sh_addr + sh.sh_size > pc && sh.sh_addr < r->code_start) {
			r->code_start = sh.sh_addr;
			r->code_end = sh.sh_addr + sh.sh_size;
		}
	}
	if (!has_code) {
		r->code_start = 0;
		r->code_end = UINT64_MAX;
	}
	return r->code_start > pc ? r->code_start : pc;
}

/* From row to row, as libdw tells how far each goes. Where it knows nothing, a few bytes of padding mostly, each next
 * byte of code is asked for: a look-up is a binary search in .eh_frame_hdr. Nobody calls what is at the entry: where no rule
 * is for it, as in some loaders, it is outermost, to the next function. */
static int append_segment(struct unwind_rows *r, struct rules *from, const GElf_Phdr *ph)
{
	static const struct unwind_row none = {.rules = UNWIND_CFA_NONE}, unsupported = {.rules = UNWIND_CFA_UNSUPPORTED};
	static const struct unwind_row outermost = {.rules = UNWIND_CFA_OUTERMOST};
	uint64_t end = ph->p_vaddr + ph->p_filesz, known_to = ph->p_vaddr; /* where the last function with rules ended */
	int e = 0;

	for (uint64_t pc = ph->p_vaddr; pc < end && e >= 0;) {
		Dwarf_Frame *frame = find_rules(from, pc);
		bool is_entry = known_to <= from->entry && pc >= from->entry && pc < from->entry + ENTRY_MAX_BYTES;
		struct unwind_row row = is_entry ? outermost : none;
		Dwarf_Addr begin, next = pc + 1;

		if (frame) {
			int ra_register = dwarf_frame_info(frame, &begin, &next, NULL);
			row = ra_register >= 0 ? make_row(frame, ra_register) : unsupported;
			free(frame);
			known_to = next;
		} else if (!is_entry && unwind_gap_row(&from->gaps, pc, pc - ph->p_vaddr + ph->p_offset, &row, &next)) {
			known_to = next;
		} else {
			next = next_code(from, next, end);
		}
		e = append(r, pc - ph->p_vaddr + ph->p_offset, row);
		if (e >= 0 && (r->n_rows > UNWIND_CELLS_MAX || (!frame && ++from->n_asked_in_vain > GAP_MAX_BYTES)))
			e = -EFBIG; /* forged, or of no use: it must not keep its thread for ever */
		pc = !from->eh && !from->debug ? end : next > pc ? next : pc + 1;
	}
	return e < 0 ? e : append(r, ph->p_offset + ph->p_filesz, none);
}

static int compare_offsets(const void *a, const void *b)
{
	const GElf_Phdr *x = a, *y = b;
	return x->p_offset < y->p_offset ? -1 : x->p_offset > y->p_offset;
}

/* A file that is still being written, or was cut, has its beginning with its name and not all that this tells of. */
static bool is_whole(Elf *elf)
{
	size_t size = 0, n = 0;
	GElf_Ehdr head;

	if (!elf_rawfile(elf, &size) || !gelf_getehdr(elf, &head) || elf_getphdrnum(elf, &n) < 0 || head.e_shoff > size ||
	    (uint64_t)head.e_shnum * head.e_shentsize > size - head.e_shoff)
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;
		if (!gelf_getphdr(elf, (int)i, &ph) ||
		    (ph.p_type == PT_LOAD && (ph.p_offset > size || ph.p_filesz > size - ph.p_offset)))
			return false;
	}
	return true;
}

/* The segments with code, in the order of the file. Their number, or -errno. */
static int find_segments(Elf *elf, GElf_Phdr *segments)
{
	size_t n_headers = 0;
	int n = 0;

	if (elf_getphdrnum(elf, &n_headers) < 0)
		return -ENOEXEC;
	for (size_t i = 0; i < n_headers; i++) {
		GElf_Phdr *ph = &segments[n];
		if (!gelf_getphdr(elf, (int)i, ph) || ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || !ph->p_filesz)
			continue;
		if (ph->p_offset > UINT32_MAX || ph->p_filesz > UINT32_MAX - ph->p_offset || n == SEGMENTS_MAX)
			return -EFBIG;
		n++;
	}
	qsort(segments, (size_t)n, sizeof(*segments), compare_offsets);
	return n;
}

static int append_image(struct unwind_rows *r, Elf *elf)
{
	GElf_Phdr segments[SEGMENTS_MAX + 1];
	struct rules from;
	int n = find_segments(elf, segments), e = n < 0 ? n : 0;

	rules_open(&from, elf);
	for (int i = 0; i < n && e >= 0; i++)
		e = i && segments[i].p_offset < segments[i - 1].p_offset + segments[i - 1].p_filesz ? -ENOEXEC
			: append_segment(r, &from, &segments[i]);
	rules_close(&from);
	return e;
}

int unwind_rows_read(struct unwind_rows *r, int fd)
{
	GElf_Ehdr head;
	Elf *elf;
	int e;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &head) || head.e_machine != MACHINE || !is_whole(elf)) {
		elf_end(elf);
		return -ENOEXEC;
	}
	e = append_image(r, elf);
	elf_end(elf);
	return e;
}

void unwind_rows_done(struct unwind_rows *r)
{
	free(r->rows);
	*r = (struct unwind_rows){0};
}
