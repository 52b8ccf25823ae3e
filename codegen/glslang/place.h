/* SPDX-License-Identifier: Apache-2.0 */
/* Exact ranges, related places and codes for what glslang says. Private to the back end; one thread. */
#ifndef SPVSCOPE_GLSLANG_PLACE_H
#define SPVSCOPE_GLSLANG_PLACE_H

#include "codegen/glslang/glslang.h"
#include "codegen/glslang/tokens.h"

#define GLSLANG_MAX_RELATED 16
#define GLSLANG_CODE_BYTES  64

struct glslang_places {
	struct codegen_run *run;
	const struct glslang_includes *includes; /* may be NULL: nothing was included */
	size_t budget_bytes;                     /* of text that may still be searched */
	const struct spvscope_file *in;          /* the line that was found last */
	const char *line_at;
	uint32_t line_no;
	const char *token;                       /* where the last diagnostic's range lies in its text; NULL: it has none */
	size_t token_len;
	struct spvscope_related related[GLSLANG_MAX_RELATED]; /* of the diagnostic that was placed last; texts borrowed */
};

void glslang_places_init(struct glslang_places *p, struct codegen_run *run, const struct glslang_includes *includes);
/* d has file, line and message, and in column_begin the compiler's column, counted from 1, or 0. Columns become the
 * range, related what belongs to it (valid until the next call). */
void glslang_place(struct glslang_places *p, struct spvscope_diagnostic *d);
/* unplaced.c: for a diagnostic without a line, one that is found by what it speaks of. */
bool glslang_place_unplaced(struct glslang_places *p, struct spvscope_diagnostic *d);
/* A short word for the kind of message, the same whatever names it speaks of: its first words that are the compiler's,
 * "undeclared-identifier". Empty when there are none. */
void glslang_code(const char *message, char *out, size_t size);

#endif
