/* SPDX-License-Identifier: Apache-2.0 */
/* Code that no .eh_frame tells of, though everybody has it: linkage stubs as some linkers write them, and what the C
 * runtime's start files put around a program; where threads begin; and functions that the index of .eh_frame hides. Any thread. */
#ifndef SPVSCOPE_UNWIND_GAPS_H
#define SPVSCOPE_UNWIND_GAPS_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/unwind_step.h"

#define GAP_SECTIONS_MAX 8

struct unwind_gaps {
	const uint8_t *file; /* mapped, of size bytes */
	size_t size;
	struct gap_section {
		uint64_t start, end, offset;
		int kind;
	} sections[GAP_SECTIONS_MAX];
	size_t n_sections;
	uint64_t push, body, pop, after; /* the function that runs destructors, once it was met; after 0: it was not */
};

/* elf: mapped by ELF_C_READ_MMAP_PRIVATE, since the index is mended in our copy. Before libdw reads it. */
void unwind_gaps_open(struct unwind_gaps *ret, Elf *elf);
/* The row for a place that no rule is for; *ret_next: where it ends. at: of pc in the file. */
bool unwind_gap_row(struct unwind_gaps *g, uint64_t pc, uint64_t at, struct unwind_row *ret, uint64_t *ret_next);

#endif
