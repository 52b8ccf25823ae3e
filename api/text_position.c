/* SPDX-License-Identifier: Apache-2.0 */
/* Finds lines, and counts UTF-16 and UTF-32 units in UTF-8. */
#include "api/text_position.h"

#include <string.h>

const char *text_line(const char *text, size_t len, uint32_t line, size_t *ret_line_len)
{
	const char *at = text, *end = text + len;

	if (!text || line == 0)
		return NULL;
	for (;;) {
		const char *stop = at;

		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		if (--line == 0) {
			*ret_line_len = (size_t)(stop - at);
			return at;
		}
		if (stop == end)
			return NULL;
		at = stop + (*stop == '\r' && stop + 1 < end && stop[1] == '\n' ? 2 : 1);
	}
}

/* Bytes of the character that begins here: 1 for what is not UTF-8. Overlong forms and surrogates are not looked at:
 * they change no count that an editor could agree on. */
static size_t character_bytes(const uint8_t *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 1;

	if (n > left)
		return 1;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

uint32_t text_column(const char *line, size_t line_len, uint32_t column, enum position_encoding encoding)
{
	const uint8_t *p = (const uint8_t *)line;
	size_t stop = column < line_len ? column : line_len, at = 0;
	uint32_t units = 0;

	while (at < stop) {
		size_t n = character_bytes(p + at, line_len - at);

		if (at + n > stop)
			break;
		at += n;
		units += encoding == POSITION_UTF8 ? (uint32_t)n : encoding == POSITION_UTF16 && n == 4 ? 2 : 1;
	}
	return units;
}

static void spend(struct text_cursor *c, size_t bytes)
{
	c->budget_bytes -= bytes < c->budget_bytes ? bytes : c->budget_bytes;
}

bool text_cursor_line(struct text_cursor *c, const char *text, size_t len, uint32_t line)
{
	size_t line_len;

	if (!text || line == 0 || c->budget_bytes == 0)
		return false;
	if (c->line == 0 || c->text != text || c->len != len || line < c->line)
		*c = (struct text_cursor){ .budget_bytes = c->budget_bytes, .text = text, .len = len, .line = 1, .at = text };
	else if (c->line == line && c->line_len)
		return true;
	size_t left = len - (size_t)(c->at - text);
	const char *found = text_line(c->at, left, line - c->line + 1, &line_len);

	spend(c, found ? (size_t)(found - c->at) + line_len : left);
	if (!found)
		return false;
	if (found != c->at)
		c->column = c->units = 0;
	c->line = line;
	c->at = found;
	c->line_len = line_len;
	return true;
}

uint32_t text_cursor_column(struct text_cursor *c, uint32_t column, enum position_encoding encoding)
{
	uint32_t from = column < c->column ? 0 : c->column, units = from ? c->units : 0;

	if (c->budget_bytes == 0)
		return column;
	if (column > c->line_len)
		column = (uint32_t)c->line_len;
	units += text_column(c->at + from, c->line_len - from, column - from, encoding);
	spend(c, column - from);
	/* Inside a character there is no place to go on from. */
	if (column < c->line_len && ((uint8_t)c->at[column] & 0xc0) != 0x80) {
		c->column = column;
		c->units = units;
	}
	return units;
}
