/* SPDX-License-Identifier: Apache-2.0 */
/* The two outermost functions of the C library, where it is stripped of their names: they are told by who refers to
 * them. Pure reading of an ELF image; belongs to the thread of its symbols_module. */
#ifndef SPVSCOPE_SYMBOLS_UNNAMED_H
#define SPVSCOPE_SYMBOLS_UNNAMED_H

#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

struct unnamed_function {
	uint64_t start, end; /* addresses as the file counts them */
	const char *name;    /* static */
};

/* A public function, and what it does with the one that has no name. */
struct unnamed_clue {
	const char *referrer;
	const char *name;
	uint8_t opcode[3]; /* in front of a 32-bit distance, as x86-64 encodes it */
	uint8_t opcode_mask[3];
	uint8_t opcode_len;
};
extern const struct unnamed_clue unnamed_clues[];
extern const size_t n_unnamed_clues;

/* The function that the code of the clue's referrer, [start, start + size), points at, when is_named does not know it.
 * True when there is exactly one. */
typedef int (*unnamed_is_named_fn)(void *arg, uint64_t address);
int unnamed_find(Elf *elf, const struct unnamed_clue *clue, uint64_t start, uint64_t size,
	unnamed_is_named_fn is_named, void *arg, struct unnamed_function *ret);

#endif
