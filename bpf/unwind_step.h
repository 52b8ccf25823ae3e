/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Unwinding without frame pointers: the flat tables, how a row is found in them, and the step from a frame to its caller.
 * One text for both sides: the programs in the kernel walk with it, and tests walk with it on the host. Nothing here
 * calls anything but the reader of memory that it is given, and every index is bounded by a constant, as the verifier
 * wants it.
 *
 *   space (one template's workers; they all have its mappings)
 *   ├─ mappings, by start ──► pages: for each 4 KiB of the text the row in force at its first byte
 *   └─ rows, by pc within each mapping ◄── pages[i] .. pages[i + 1] is all that must be searched
 */
#ifndef SPVSCOPE_UNWIND_STEP_H
#define SPVSCOPE_UNWIND_STEP_H

#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define UNWIND_MAPPINGS_BITS 6
#define UNWIND_MAPPINGS_MAX  (1u << UNWIND_MAPPINGS_BITS) /* a worker has some 15 with code */
#define UNWIND_PAGES_MAX     (1u << 15)                   /* 128 MiB of text */
#define UNWIND_ROWS_MAX      (1u << 18)                   /* a worker and its libraries have 161,000 */
#define UNWIND_PAGE_BITS     12
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
	__u32 pc;         /* address in the ELF image, of the first instruction that it is for */
	__s16 cfa_offset; /* in units */
	__u8 rules;       /* UNWIND_RULES */
	__s8 fp_offset;   /* in units */
};

#define UNWIND_RULES(cfa, fp, ra) ((__u8)((cfa) | (fp) << 4 | (ra) << 6))
#define UNWIND_CFA(rules)         ((rules) & 15)
#define UNWIND_FP(rules)          ((rules) >> 4 & 3)
#define UNWIND_RA(rules)          ((rules) >> 6)

struct unwind_mapping {
	__u64 start, end;
	__u32 image_start; /* address in the ELF image of its first byte */
	__u32 first_page;  /* in pages; one more than it has pages is its own. UNWIND_NO_PAGES: no table */
};

#define UNWIND_NO_PAGES   0xFFFFFFFFu /* an image without a table */
#define UNWIND_ANONYMOUS  0xFFFFFFFEu /* code that is in no file */

struct unwind_space {
	__u32 n_mappings;
	__u32 reserved;
	struct unwind_mapping mappings[UNWIND_MAPPINGS_MAX];
	__u32 pages[UNWIND_PAGES_MAX];
	struct unwind_row rows[UNWIND_ROWS_MAX];
};

_Static_assert(sizeof(struct unwind_row) == 8, "layout is shared");
_Static_assert(sizeof(struct unwind_mapping) == 24, "layout is shared");

struct unwind_frame {
	__u64 pc, sp, fp;
	__u64 link; /* arm: the link register; innermost frame only, 0 behind it */
	__u32 is_return; /* pc is a return address: the call before it is what counts */
};

/* How a step, and by that a walk, ends. */
enum unwind_end {
	UNWIND_GOES_ON = 0,
	UNWIND_COMPLETE = 1,    /* the outermost frame */
	UNWIND_NO_MAPPING = 2,  /* the pc is in nothing that the space knows */
	UNWIND_NO_ROW = 3,      /* in an image that has no table, or between functions */
	UNWIND_UNSUPPORTED = 4, /* UNWIND_CFA_UNSUPPORTED */
	UNWIND_ANONYMOUS_CODE = 5,
	UNWIND_BAD_READ = 6,    /* the stack could not be read */
	UNWIND_BROKEN = 7,      /* the caller's frame would not lie above this one */
	UNWIND_TOO_DEEP = 8,
	UNWIND_FRAME_POINTERS = 9, /* there is no space; the chain of frame pointers ended */
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

/* The row in force at a pc; where there is none, one that says so. */
static __always_inline enum unwind_end unwind_find_row(const struct unwind_space *space, __u64 pc,
	struct unwind_row *ret)
{
	const struct unwind_mapping *m = unwind_find_mapping(space, pc);
	__u32 page, low, high, at;

	if (!m)
		return UNWIND_NO_MAPPING;
	if (m->first_page >= UNWIND_PAGES_MAX)
		return m->first_page == UNWIND_ANONYMOUS ? UNWIND_ANONYMOUS_CODE : UNWIND_NO_ROW;
	page = m->first_page + (__u32)((pc - m->start) >> UNWIND_PAGE_BITS);
	at = m->image_start + (__u32)(pc - m->start);
	low = space->pages[page & (UNWIND_PAGES_MAX - 1)];
	high = space->pages[(page + 1) & (UNWIND_PAGES_MAX - 1)];
	/* The last row at or before the pc is one of low..high, which are at most one more than a page has bytes. */
	for (int i = 0; i <= UNWIND_PAGE_BITS; i++) {
		__u32 middle = (low + high + 1) >> 1;
		if (low >= high)
			break;
		if (space->rows[middle & (UNWIND_ROWS_MAX - 1)].pc <= at)
			low = middle;
		else
			high = middle - 1;
	}
	*ret = space->rows[low & (UNWIND_ROWS_MAX - 1)];
	return UNWIND_CFA(ret->rules) == UNWIND_CFA_NONE ? UNWIND_NO_ROW : UNWIND_GOES_ON;
}

/* What the compilers do where they keep frame pointers; for code that no table covers. */
static __always_inline struct unwind_row unwind_frame_pointer_row(void)
{
#if defined(__aarch64__) || defined(__TARGET_ARCH_arm64)
	return (struct unwind_row){.cfa_offset = 2, .fp_offset = -2,
		.rules = UNWIND_RULES(UNWIND_CFA_FP, UNWIND_FP_AT_CFA, UNWIND_RA_AFTER_FP)};
#else
	return (struct unwind_row){.cfa_offset = 2, .fp_offset = -2,
		.rules = UNWIND_RULES(UNWIND_CFA_FP, UNWIND_FP_AT_CFA, UNWIND_RA_BELOW_CFA)};
#endif
}

/* Reads the word at an address of the analyzed process; 0 when it could. */
typedef long (*unwind_read_fn)(const void *arg, __u64 address, __u64 *ret);

/* x86-64: where the kernel's rt_sigframe has the interrupted registers, seen from sp in the function that a handler
 * returns to: struct ucontext begins at sp, its gregs at 40. */
#define UNWIND_SIGNAL_FP 120
#define UNWIND_SIGNAL_SP 160
#define UNWIND_SIGNAL_PC 168

static __always_inline enum unwind_end unwind_step_signal(struct unwind_frame *f, unwind_read_fn read, const void *arg)
{
	struct unwind_frame caller = {0};

	if (read(arg, f->sp + UNWIND_SIGNAL_PC, &caller.pc) || read(arg, f->sp + UNWIND_SIGNAL_SP, &caller.sp) ||
	    read(arg, f->sp + UNWIND_SIGNAL_FP, &caller.fp))
		return UNWIND_BAD_READ;
	*f = caller; /* its pc is the very instruction that was interrupted, and its stack may be another one */
	return UNWIND_GOES_ON;
}

/* From a frame to its caller, by the row in force at its pc. The frame is unchanged unless it goes on. */
static __always_inline enum unwind_end unwind_step(struct unwind_frame *f, const struct unwind_row *row,
	unwind_read_fn read, const void *arg)
{
	__s64 cfa_offset = (__s64)row->cfa_offset * UNWIND_UNIT, fp_offset = (__s64)row->fp_offset * UNWIND_UNIT;
	__u32 cfa_rule = UNWIND_CFA(row->rules), fp_rule = UNWIND_FP(row->rules), ra_rule = UNWIND_RA(row->rules);
	__u64 base = cfa_rule == UNWIND_CFA_FP || cfa_rule == UNWIND_CFA_AT_FP ? f->fp : f->sp;
	__u64 cfa, pc = 0, fp = f->fp;

	if (cfa_rule == UNWIND_CFA_OUTERMOST)
		return UNWIND_COMPLETE;
	if (cfa_rule == UNWIND_CFA_SIGNAL)
		return unwind_step_signal(f, read, arg);
	if (cfa_rule == UNWIND_CFA_NONE || cfa_rule >= UNWIND_CFA_UNSUPPORTED)
		return cfa_rule == UNWIND_CFA_NONE ? UNWIND_NO_ROW : UNWIND_UNSUPPORTED;
	cfa = base + cfa_offset;
	if (cfa_rule == UNWIND_CFA_PLT)
		cfa += (f->pc & 15) >= (__u64)row->fp_offset ? UNWIND_UNIT : 0;
	else if ((cfa_rule == UNWIND_CFA_AT_SP || cfa_rule == UNWIND_CFA_AT_FP) && read(arg, cfa, &cfa))
		return UNWIND_BAD_READ;
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
	f->pc = pc;
	f->sp = cfa;
	f->fp = fp;
	f->link = 0;
	f->is_return = 1;
	return UNWIND_GOES_ON;
}

/* One frame further, by the tables where they cover it, by frame pointers where they do not; *gap becomes the reason
 * the first time that they do not, and stays UNWIND_GOES_ON as long as every step is certain. space may be NULL. */
static __always_inline enum unwind_end unwind_advance(const struct unwind_space *space, struct unwind_frame *f,
	__u32 *gap, unwind_read_fn read, const void *arg)
{
	struct unwind_row row = {0};
	enum unwind_end end = space ? unwind_find_row(space, f->pc - f->is_return, &row) : UNWIND_FRAME_POINTERS;

	if (end == UNWIND_GOES_ON)
		return unwind_step(f, &row, read, arg);
	if (!*gap)
		*gap = end;
	row = unwind_frame_pointer_row();
	return unwind_step(f, &row, read, arg);
}

/* The result of a walk: what ended it, unless a gap before made it uncertain. */
static __always_inline enum unwind_end unwind_result(enum unwind_end end, __u32 gap)
{
	return gap && end != UNWIND_TOO_DEEP ? (enum unwind_end)gap : end;
}

#endif
