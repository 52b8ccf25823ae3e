/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of a line of source in the units that editors count in. Pure functions over bytes, any thread. */
#ifndef SPVSCOPE_TEXT_POSITION_H
#define SPVSCOPE_TEXT_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/request.h"

/* The line with this number (from 1) of text, without its end (\n, \r\n or \r); NULL when there is none. */
const char *text_line(const char *text, size_t len, uint32_t line, size_t *ret_line_len);

/* How many units of the encoding stand before byte column of the line; a column behind its end is taken as its end, one
 * inside a character as the character's start. A byte that is not UTF-8 counts as one character of one unit. */
uint32_t text_column(const char *line, size_t line_len, uint32_t column, enum position_encoding encoding);

/* Where the last look-up of a position ended, so that the next ones, mostly further on, need not begin anew: many
 * diagnostics then cost about one pass over their text. Whoever made them may have put them in the worst order, and a text
 * may be one long line, hence the budget; when it is spent, nothing is looked up any more. */
struct text_cursor {
	size_t budget_bytes; /* how much may still be read; set by the caller, the rest zero */
	const char *text;
	size_t len;
	uint32_t line;       /* 0: none */
	const char *at;      /* where that line begins */
	size_t line_len;
	uint32_t column, units;
};

/* Goes to a line of text: false when there is none, or the budget is spent. */
bool text_cursor_line(struct text_cursor *c, const char *text, size_t len, uint32_t line);
/* text_column on that line; the column itself once the budget is spent. */
uint32_t text_cursor_column(struct text_cursor *c, uint32_t column, enum position_encoding encoding);

#endif
