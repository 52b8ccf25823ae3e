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

#endif
