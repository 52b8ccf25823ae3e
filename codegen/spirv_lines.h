/* SPDX-License-Identifier: Apache-2.0 */
/* Which line of which source each instruction of a module came from, read from the binary: OpLine, and DebugLine of
 * NonSemantic.Shader.DebugInfo.100. Modules may come from strangers: nothing in one is believed. Pure; any thread. */
#ifndef SPVSCOPE_CODEGEN_SPIRV_LINES_H
#define SPVSCOPE_CODEGEN_SPIRV_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

struct spirv_place {
	const char *file;       /* as the module names it, inside the module's words; NULL: no line is known here */
	uint32_t line;          /* from 1 */
	uint32_t column_begin, column_end; /* from 1, end exclusive; both 0: not told */
};

struct spirv_instruction {
	size_t number;          /* from 1, as the validator counts */
	uint32_t opcode, n_words;
	const uint32_t *words;
	struct spirv_place place;
	bool is_line;           /* it tells places itself, or is about debugging alone */
};

/* Calls f for each instruction in order, until f returns false. 0, -ENOMEM, or -EBADMSG when the module is no row of
 * instructions; f has then seen those before the bad one. */
int spirv_walk(const uint32_t *words, size_t n_words, bool (*f)(void *ctx, const struct spirv_instruction *i), void *ctx);
/* The place of one instruction, counted from 1; file NULL when there is none. */
int spirv_place_of(const uint32_t *words, size_t n_words, size_t number, struct spirv_place *ret);

/* The whole map as JSON. disassembly may be NULL: then its lines are not told. unnamed is what the module calls a source
 * without a name, which JSON calls null. 0, -ENOMEM, -EBADMSG. */
int spirv_line_map(const uint32_t *words, size_t n_words, const char *disassembly, const char *unnamed, struct strbuf *out);

#endif
