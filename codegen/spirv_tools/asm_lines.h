/* SPDX-License-Identifier: Apache-2.0 */
/* Places in SPIR-V assembly text. Pure functions over text that need not end in a NUL. */
#ifndef SPVSCOPE_ASM_LINES_H
#define SPVSCOPE_ASM_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Line idx, counted from 0; false when there are fewer. */
bool asm_line(const char *text, size_t size, size_t idx, const char **ret_line, size_t *ret_len);
/* The line, counted from 1, on which the instruction number (from 1) begins; 0 when there is none. An instruction
 * begins at an opcode, or at the id that gets its result, and may span lines. */
uint32_t asm_instruction_line(const char *text, size_t size, size_t number);
/* The same for all instructions from 1 to n: ret[i] for the i-th, and behind the last one there is, the line behind the
 * text. ret has n + 1 elements, the first of them unused. */
void asm_instruction_lines(const char *text, size_t size, uint32_t *ret, size_t n);

#endif
