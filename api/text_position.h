/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of a line of source in the units that editors count in. Pure functions over bytes, any thread. */
#ifndef SPVSCOPE_TEXT_POSITION_H
#define SPVSCOPE_TEXT_POSITION_H

#include <stddef.h>
#include <stdint.h>

#include "api/request.h"

/* The line with this number (from 1) of text, without its end (\n, \r\n or \r); NULL when there is none. */
const char *text_line(const char *text, size_t len, uint32_t line, size_t *ret_line_len);

/* How many units of the encoding stand before byte column of the line; a column behind its end is taken as its end, one
 * inside a character as the character's start. A byte that is not UTF-8 counts as one character of one unit. */
uint32_t text_column(const char *line, size_t line_len, uint32_t column, enum position_encoding encoding);

#endif
