/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Unwinding without frame pointers: the flat tables, how a row is found in them, and the step from a frame to its caller.
 * One text for both sides: the programs in the kernel walk with it, and tests walk with it on the host. Nothing here
 * calls anything but the readers that it is given, and every loop and index has a bound that the verifier sees.
 *
 *   process:  mappings, by start ──► image, and the place in its file
 *   image:    cells of 8 bytes, the same wherever and by whomever it is mapped
 *             ├─ 1: struct unwind_extent, the pages of the file that it is about
 *             ├─ n_pages + 1: struct unwind_page, the row in force at the first byte of each 4 KiB
 *             └─ rows, by place in the file ◄── pages[i] .. pages[i + 1] is all that must be searched */
#ifndef SPVSCOPE_UNWIND_STEP_H
#define SPVSCOPE_UNWIND_STEP_H

#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#if defined(__aarch64__) || defined(__TARGET_ARCH_arm64)
#define UNWIND_ARM 1
#else
#define UNWIND_ARM 0
#endif

#define UNWIND_MAPPINGS_BITS 6
#define UNWIND_MAPPINGS_MAX  (1u << UNWIND_MAPPINGS_BITS) /* with code; a worker has 15, clang 12, node 10 */
#define UNWIND_PAGE_BITS     12
#define UNWIND_PAGES_MAX     (1u << 18)                   /* 1 GiB of text */
#define UNWIND_CELLS_MAX     (1u << 23)                   /* 64 MiB; LLVM's library has 1.2 million */
#define UNWIND_UNIT          8 /* of the offsets in a row; the stack is a stack of words */

/* How the canonical frame address is found, which is the caller's stack pointer. */
enum unwind_cfa {
	UNWIND_CFA_NONE = 0,        /* no function: between two, or no table says anything */
	UNWIND_CFA_SP = 1,          /* sp + cfa_offset */
	UNWIND_CFA_FP = 2,          /* fp + cfa_offset */
	UNWIND_CFA_AT_SP = 3,       /* the word at sp + cfa_offset */
	UNWIND_CFA_AT_FP = 4,       /* the word at fp + cfa_offset: a function that realigned its stack */
	UNWIND_CFA_PLT = 5,         /* sp + 8, and 8 more from byte fp_offset of the 16 of a stub on */
	UNWIND_CFA_SIGNAL = 6,      /* the kernel's signal frame: everything is in it */
	UNWIND_CFA_OUTERMOST = 7,   /* this function has no caller */
	UNWIND_CFA_UNSUPPORTED = 8, /* a rule that a row cannot hold */
	UNWIND_CFA_BX = 9,          /* bx + cfa_offset: what resolves a lazily bound function */
	UNWIND_CFA_R10 = 10,        /* r10 + cfa_offset: a prologue that realigns the stack; innermost frame only */
	UNWIND_CFA_R11 = 11,        /* r11 + cfa_offset: a prologue that probes a large frame; innermost frame only */
	UNWIND_CFA_N,
};

/* Where the caller's frame pointer is. */
enum unwind_fp {
	UNWIND_FP_SAME = 0,   /* where it was */
	UNWIND_FP_AT_CFA = 1, /* the word at the frame address + fp_offset */
	UNWIND_FP_AT_FP = 2,  /* the word at fp + fp_offset */
};

/* Where the return address is. */
enum unwind_ra {
	UNWIND_RA_BELOW_CFA = 0, /* x86: the word below the frame address */
	UNWIND_RA_LINK = 1,      /* arm: still in the link register */
	UNWIND_RA_AFTER_FP = 2,  /* arm: the word after the saved frame pointer */
	UNWIND_RA_ALONE = 3,     /* arm: the word at the frame address + fp_offset; the frame pointer is the same */
};

struct unwind_row {
	__u32 at;         /* place in the file, of the first instruction that it is for */
	__u16 cfa_offset; /* in units; signed where a word is read there, whose frame address it is */
	__u8 rules;       /* UNWIND_RULES */
	__u8 saved;       /* UNWIND_SAVED */
};

#define UNWIND_RULES(cfa, fp, ra) ((__u8)((cfa) | (fp) << 4 | (ra) << 6))
#define UNWIND_CFA(rules)         ((rules) & 15)
#define UNWIND_FP(rules)          ((rules) >> 4 & 3)
#define UNWIND_RA(rules)          ((rules) >> 6)

/* fp: the signed offset, in units, of where the frame pointer is saved. bx, on x86 alone: enum unwind_bx, or how many
 * units below the frame address it is saved. Compilers push it last, so that it is always 2 to 7. */
#if UNWIND_ARM
#define UNWIND_SAVED(fp, bx)   ((__u8)(fp))
#define UNWIND_SAVED_FP(saved) ((__s8)(saved))
#define UNWIND_SAVED_BX(saved) UNWIND_BX_LOST
#define UNWIND_SAVED_FP_MOST   127
#else
#define UNWIND_SAVED(fp, bx)   ((__u8)(((fp) & 31) | (bx) << 5))
#define UNWIND_SAVED_FP(saved) ((__s8)((saved) << 3) >> 3)
#define UNWIND_SAVED_BX(saved) ((saved) >> 5)
#define UNWIND_SAVED_FP_MOST   15
#endif

enum unwind_bx {
	UNWIND_BX_SAME = 0,
	UNWIND_BX_LOST = 1, /* somewhere that a row cannot say */
};

/* The first cell of an image. */
struct unwind_extent {
	__u32 first_page;
	__u32 n_pages;
};

struct unwind_page {
	__u32 row;      /* the cell of the row that is in force at its first byte */
	__u32 reserved; /* 0 */
};

union unwind_cell {
	struct unwind_extent extent;
	struct unwind_page page;
	struct unwind_row row;
};

struct unwind_mapping {
	__u64 start, end;
	__u32 file_page; /* of its first byte */
	__u32 image;     /* number of its table, or one of those below */
};

#define UNWIND_NO_TABLE_YET 0xFFFFFFFFu /* a file that nobody brought a table for */
#define UNWIND_ANONYMOUS    0xFFFFFFFEu /* code that is in no file */

struct unwind_space {
	__u32 n_mappings;
	__u32 reserved;
	struct unwind_mapping mappings[UNWIND_MAPPINGS_MAX];
};

_Static_assert(sizeof(union unwind_cell) == 8, "layout is shared");
_Static_assert(sizeof(struct unwind_mapping) == 24, "layout is shared");

struct unwind_frame {
	__u64 pc, sp, fp;
	__u64 link; /* arm: the link register; innermost frame only, 0 behind it */
	__u64 bx, r10, r11; /* x86; the latter two of the innermost frame only */
	__u32 is_return; /* pc is a return address: the call before it is what counts */
	__u32 knows_bx;
};

/* How a step, and by that a walk, ends. */
enum unwind_end {
	UNWIND_GOES_ON = 0,
	UNWIND_COMPLETE = 1,    /* the outermost frame */
	UNWIND_NO_MAPPING = 2,  /* the pc is in nothing that the process has mapped with code */
	UNWIND_NO_ROW = 3,      /* between functions, as its image's table has it */
	UNWIND_UNSUPPORTED = 4, /* UNWIND_CFA_UNSUPPORTED */
	UNWIND_ANONYMOUS_CODE = 5,
	UNWIND_BAD_READ = 6,    /* the stack could not be read */
	UNWIND_BROKEN = 7,      /* the caller's frame would not lie above this one */
	UNWIND_TOO_DEEP = 8,
	UNWIND_FRAME_POINTERS = 9, /* there are no tables at all; the chain of frame pointers ended */
	UNWIND_NO_TABLE = 10,   /* in an image that nobody brought a table for */
	UNWIND_LOCKED = 11,     /* in nothing that is known, and the mappings were being changed: nobody could look */
	UNWIND_BETWEEN_PROGRAMS = 12, /* in an exec: the old program's stack is gone, and the new one has none yet */
	UNWIND_N_ENDS,
};

static __always_inline const struct unwind_mapping *unwind_find_mapping(const struct unwind_space *space, __u64 pc)
{
	const struct unwind_mapping *m;
	__u32 low = 0, high = space->n_mappings;

	/* n + 1 places are left to choose from, and each turn halves them. */
	for (int i = 0; i <= UNWIND_MAPPINGS_BITS; i++) {
		__u32 middle = (low + high) >> 1;
		if (low >= high)
			break;
		if (space->mappings[middle & (UNWIND_MAPPINGS_MAX - 1)].start <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	m = &space->mappings[(low - 1) & (UNWIND_MAPPINGS_MAX - 1)];
	return low && pc >= m->start && pc < m->end ? m : 0;
}

/* A cell of an image's table, NULL beyond its end. */
typedef const union unwind_cell *(*unwind_cell_fn)(const void *table, __u32 index);

/* The row in force at a place in the file that the table is about. UNWIND_GOES_ON: there is one. */
static __always_inline enum unwind_end unwind_find_row(const void *table, unwind_cell_fn cell_of, __u64 at,
	struct unwind_row *ret)
{
	const union unwind_cell *cell = cell_of(table, 0);
	__u32 page, low, high;

	if (!cell)
		return UNWIND_NO_TABLE;
	page = (__u32)(at >> UNWIND_PAGE_BITS) - cell->extent.first_page;
	if (at > 0xFFFFFFFFu || page >= cell->extent.n_pages)
		return UNWIND_NO_ROW;
	cell = cell_of(table, 1 + page);
	if (!cell)
		return UNWIND_NO_ROW;
	low = cell->page.row;
	cell = cell_of(table, 2 + page);
	if (!cell)
		return UNWIND_NO_ROW;
	high = cell->page.row;
	/* The last row at or before the place is one of low..high, which are at most one more than a page has bytes. */
	for (int i = 0; i <= UNWIND_PAGE_BITS; i++) {
		__u32 middle = (low + high + 1) >> 1;
		if (low >= high)
			break;
		cell = cell_of(table, middle);
		if (!cell)
			return UNWIND_NO_ROW;
		if (cell->row.at <= at)
			low = middle;
		else
			high = middle - 1;
	}
	cell = cell_of(table, low);
	if (!cell || UNWIND_CFA(cell->row.rules) == UNWIND_CFA_NONE)
		return UNWIND_NO_ROW;
	*ret = cell->row;
	return UNWIND_GOES_ON;
}

/* What the compilers do where they keep frame pointers; for code that no table covers. */
static __always_inline struct unwind_row unwind_frame_pointer_row(void)
{
	return (struct unwind_row){.cfa_offset = 2, .saved = UNWIND_SAVED(-2, UNWIND_BX_LOST),
		.rules = UNWIND_RULES(UNWIND_CFA_FP, UNWIND_FP_AT_CFA, UNWIND_ARM ? UNWIND_RA_AFTER_FP : UNWIND_RA_BELOW_CFA)};
}

/* Reads the word at an address of the analyzed process; 0 when it could. */
typedef long (*unwind_read_fn)(const void *arg, __u64 address, __u64 *ret);

/* x86-64: where the kernel's rt_sigframe has the interrupted registers, seen from sp in the function that a handler
 * returns to: struct ucontext begins at sp, its gregs at 40. */
#define UNWIND_SIGNAL_R10 56
#define UNWIND_SIGNAL_R11 64
#define UNWIND_SIGNAL_FP  120
#define UNWIND_SIGNAL_BX  128
#define UNWIND_SIGNAL_SP  160
#define UNWIND_SIGNAL_PC  168

static __always_inline enum unwind_end unwind_step_signal(struct unwind_frame *f, unwind_read_fn read, const void *arg)
{
	struct unwind_frame caller = {.knows_bx = 1};

	if (read(arg, f->sp + UNWIND_SIGNAL_PC, &caller.pc) || read(arg, f->sp + UNWIND_SIGNAL_SP, &caller.sp) ||
	    read(arg, f->sp + UNWIND_SIGNAL_FP, &caller.fp) || read(arg, f->sp + UNWIND_SIGNAL_BX, &caller.bx) ||
	    read(arg, f->sp + UNWIND_SIGNAL_R10, &caller.r10) || read(arg, f->sp + UNWIND_SIGNAL_R11, &caller.r11))
		return UNWIND_BAD_READ;
	*f = caller; /* its pc is the very instruction that was interrupted, and its stack may be another one */
	return UNWIND_GOES_ON;
}

/* The frame address, which is the caller's stack pointer. */
static __always_inline enum unwind_end unwind_find_cfa(const struct unwind_frame *f, const struct unwind_row *row,
	unwind_read_fn read, const void *arg, __u64 *ret)
{
	__u64 above = (__u64)row->cfa_offset * UNWIND_UNIT;
	__u64 where = (__u64)((__s64)(__s16)row->cfa_offset * UNWIND_UNIT); /* of the word that holds it */

	switch (UNWIND_CFA(row->rules)) {
	case UNWIND_CFA_NONE:
		return UNWIND_NO_ROW;
	case UNWIND_CFA_SP:
		*ret = f->sp + above;
		return UNWIND_GOES_ON;
	case UNWIND_CFA_FP:
		*ret = f->fp + above;
		return UNWIND_GOES_ON;
	case UNWIND_CFA_PLT:
		*ret = f->sp + above + ((f->pc & 15) >= (row->saved & 15) ? UNWIND_UNIT : 0);
		return UNWIND_GOES_ON;
	case UNWIND_CFA_AT_SP:
		return read(arg, f->sp + where, ret) ? UNWIND_BAD_READ : UNWIND_GOES_ON;
	case UNWIND_CFA_AT_FP:
		return read(arg, f->fp + where, ret) ? UNWIND_BAD_READ : UNWIND_GOES_ON;
	case UNWIND_CFA_BX:
		*ret = f->bx + above;
		return f->knows_bx ? UNWIND_GOES_ON : UNWIND_UNSUPPORTED;
	case UNWIND_CFA_R10:
		*ret = f->r10 + above;
		return f->is_return ? UNWIND_UNSUPPORTED : UNWIND_GOES_ON;
	case UNWIND_CFA_R11:
		*ret = f->r11 + above;
		return f->is_return ? UNWIND_UNSUPPORTED : UNWIND_GOES_ON;
	default:
		return UNWIND_UNSUPPORTED;
	}
}

/* bx as the caller had it. */
static __always_inline enum unwind_end unwind_restore_bx(struct unwind_frame *f, const struct unwind_row *row, __u64 cfa,
	unwind_read_fn read, const void *arg)
{
	__u32 saved = UNWIND_SAVED_BX(row->saved), cfa_rule = UNWIND_CFA(row->rules);

	if (cfa_rule == UNWIND_CFA_PLT || saved == UNWIND_BX_SAME)
		return UNWIND_GOES_ON;
	if (saved == UNWIND_BX_LOST)
		f->knows_bx = 0;
	else if (read(arg, cfa - saved * UNWIND_UNIT, &f->bx))
		return UNWIND_BAD_READ;
	return UNWIND_GOES_ON;
}

/* From a frame to its caller, by the row in force at its pc. Unless it goes on, only bx may have changed. */
static __always_inline enum unwind_end unwind_step(struct unwind_frame *f, const struct unwind_row *row,
	unwind_read_fn read, const void *arg)
{
	__s64 fp_offset = (__s64)UNWIND_SAVED_FP(row->saved) * UNWIND_UNIT;
	__u32 cfa_rule = UNWIND_CFA(row->rules), fp_rule = UNWIND_FP(row->rules), ra_rule = UNWIND_RA(row->rules);
	__u64 cfa = 0, pc = 0, fp = f->fp;
	enum unwind_end end;

	if (cfa_rule == UNWIND_CFA_OUTERMOST)
		return UNWIND_COMPLETE;
	if (cfa_rule == UNWIND_CFA_SIGNAL)
		return unwind_step_signal(f, read, arg);
	end = unwind_find_cfa(f, row, read, arg, &cfa);
	if (end != UNWIND_GOES_ON)
		return end;
	/* Each call takes room on the stack; on arm a leaf may take none. */
	if (cfa & (UNWIND_UNIT - 1) || cfa < f->sp || (cfa == f->sp && (ra_rule != UNWIND_RA_LINK || f->is_return)))
		return UNWIND_BROKEN;
	if (fp_rule != UNWIND_FP_SAME && read(arg, (fp_rule == UNWIND_FP_AT_FP ? f->fp : cfa) + fp_offset, &fp))
		return UNWIND_BAD_READ;
	if (ra_rule == UNWIND_RA_LINK)
		pc = f->link;
	else if (read(arg, ra_rule == UNWIND_RA_BELOW_CFA ? cfa - UNWIND_UNIT
			: ra_rule == UNWIND_RA_AFTER_FP ? cfa + fp_offset + UNWIND_UNIT : cfa + fp_offset, &pc))
		return UNWIND_BAD_READ;
	if (ra_rule != UNWIND_RA_BELOW_CFA)
		pc &= 0x0000FFFFFFFFFFFFull; /* without the signature that pointer authentication puts above an address */
	if (!pc)
		return UNWIND_BROKEN;
	/* A thread that has just begun has an empty stack. Above it lies the C library's record of the thread, which begins with
	 * its own address. */
	if (!f->is_return && ra_rule == UNWIND_RA_BELOW_CFA && pc == cfa - UNWIND_UNIT)
		return UNWIND_COMPLETE;
	if (unwind_restore_bx(f, row, cfa, read, arg) != UNWIND_GOES_ON)
		return UNWIND_BAD_READ;
	f->pc = pc;
	f->sp = cfa;
	f->fp = fp;
	f->link = 0;
	f->is_return = 1;
	return UNWIND_GOES_ON;
}

/* Where there is no row, as found says, the frame pointer must do; *gap becomes that reason the first time, and stays
 * UNWIND_GOES_ON as long as every step is certain. */
static __always_inline void unwind_cross_gap(enum unwind_end found, struct unwind_row *row, __u32 *gap)
{
	if (found == UNWIND_GOES_ON)
		return;
	if (!*gap)
		*gap = found;
	*row = unwind_frame_pointer_row();
}

/* The result of a walk: what ended it, unless a gap before made it uncertain. */
static __always_inline enum unwind_end unwind_result(enum unwind_end end, __u32 gap)
{
	return gap && end != UNWIND_TOO_DEEP ? (enum unwind_end)gap : end;
}

#endif
