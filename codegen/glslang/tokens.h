/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of one line of GLSL or HLSL, for placing messages. Pure; lines need not end in a NUL. */
#ifndef SPVSCOPE_GLSLANG_TOKENS_H
#define SPVSCOPE_GLSLANG_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

struct token {
	size_t begin, end; /* bytes in the line, from 0, end exclusive */
};

/* The first token at or behind at; comments are skipped. false at the line's end. */
bool token_next(const char *line, size_t len, size_t at, struct token *ret);
/* The token that the byte column lies in; else the last one before it, else the first behind it. false on a line without
 * any. */
bool token_at(const char *line, size_t len, size_t column, struct token *ret);
/* The token that reads as text and is nearest to column. */
bool token_nearest(const char *line, size_t len, size_t column, const char *text, size_t text_len, struct token *ret);
/* The macro invocation that t would be the name of, or the last parenthesis of; *ret_all reaches over its arguments, as
 * far as they are on this line. Whether the name is a macro's is for the caller to find out. */
bool token_invocation(const char *line, size_t len, const struct token *t, struct token *ret_name, struct token *ret_all);

#endif
