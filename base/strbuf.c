/* SPDX-License-Identifier: Apache-2.0 */
/* The growing byte string. Runs in every process, on whichever thread owns the strbuf. */
#include "base/strbuf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRBUF_FIRST_BYTES 256

void strbuf_done(struct strbuf *sb)
{
	free(sb->data);
	*sb = (struct strbuf){.limit = sb->limit};
}

void strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	sb->failed = false;
	if (sb->data)
		sb->data[0] = '\0';
}

/* Makes room for more bytes and the NUL behind them. */
static bool strbuf_grow(struct strbuf *sb, size_t more)
{
	if (sb->failed)
		return false;
	size_t most = sb->limit ? sb->limit : SIZE_MAX / 4;
	if (sb->len > most || more > most - sb->len) {
		sb->failed = true;
		return false;
	}
	size_t needed = sb->len + more + 1;
	if (needed <= sb->capacity)
		return true;
	size_t capacity = sb->capacity ? sb->capacity : STRBUF_FIRST_BYTES;
	while (capacity < needed)
		capacity += capacity / 2 + 1;
	char *data = realloc(sb->data, capacity);
	if (!data) {
		sb->failed = true;
		return false;
	}
	sb->data = data;
	sb->capacity = capacity;
	return true;
}

void strbuf_reserve(struct strbuf *sb, size_t more)
{
	size_t needed = sb->len + more + 1;
	char *data = needed > sb->capacity && !sb->failed && (!sb->limit || needed <= sb->limit) ? realloc(sb->data, needed) : NULL;

	if (!data)
		return;
	data[sb->len] = '\0';
	sb->data = data;
	sb->capacity = needed;
}

void strbuf_append(struct strbuf *sb, const void *data, size_t len)
{
	if (!strbuf_grow(sb, len))
		return;
	if (len)
		memcpy(sb->data + sb->len, data, len);
	sb->len += len;
	sb->data[sb->len] = '\0';
}

void strbuf_puts(struct strbuf *sb, const char *s)
{
	strbuf_append(sb, s, strlen(s));
}

void strbuf_putc(struct strbuf *sb, char c)
{
	if (!strbuf_grow(sb, 1))
		return;
	sb->data[sb->len++] = c;
	sb->data[sb->len] = '\0';
}

void strbuf_printf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	strbuf_vprintf(sb, fmt, ap);
	va_end(ap);
}

void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap)
{
	if (!strbuf_grow(sb, 0))
		return;
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(sb->data + sb->len, sb->capacity - sb->len, fmt, ap);
	if (n < 0) {
		sb->failed = true;
	} else if ((size_t)n < sb->capacity - sb->len && (!sb->limit || (size_t)n <= sb->limit - sb->len)) {
		sb->len += (size_t)n;
	} else if (strbuf_grow(sb, (size_t)n)) {
		vsnprintf(sb->data + sb->len, sb->capacity - sb->len, fmt, again);
		sb->len += (size_t)n;
	}
	va_end(again);
	sb->data[sb->len] = '\0'; /* a failed append leaves no half of it behind */
}

/* Length of the UTF-8 sequence at s, of at most n bytes, or 0: overlong forms, surrogates and what lies beyond U+10FFFF
 * are refused (Unicode 15, table 3-7). */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high, length;
	} rows[] = {
		{0xC2, 0xDF, 0x80, 0xBF, 2},
		{0xE0, 0xE0, 0xA0, 0xBF, 3},
		{0xE1, 0xEC, 0x80, 0xBF, 3},
		{0xED, 0xED, 0x80, 0x9F, 3},
		{0xEE, 0xEF, 0x80, 0xBF, 3},
		{0xF0, 0xF0, 0x90, 0xBF, 4},
		{0xF1, 0xF3, 0x80, 0xBF, 4},
		{0xF4, 0xF4, 0x80, 0x8F, 4},
	};
	if (s[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (s[0] < rows[i].first_low || s[0] > rows[i].first_high)
			continue;
		if (n < rows[i].length || s[1] < rows[i].second_low || s[1] > rows[i].second_high)
			return 0;
		for (size_t k = 2; k < rows[i].length; k++)
			if ((s[k] & 0xC0) != 0x80)
				return 0;
		return rows[i].length;
	}
	return 0;
}

bool strbuf_is_json_text(const void *s, size_t len)
{
	const unsigned char *at = s, *end = at + len;

	while (at < end) {
		uint64_t eight;

		if ((size_t)(end - at) >= sizeof(eight)) {
			memcpy(&eight, at, sizeof(eight));
			if (!((eight | (eight - 0x0101010101010101u)) & 0x8080808080808080u)) { /* ASCII, and no NUL */
				at += sizeof(eight);
				continue;
			}
		}
		size_t n = *at ? utf8_sequence(at, (size_t)(end - at)) : 0;

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

/* What JSON writes for this byte instead of itself, or NULL. buf has room for a \u escape. */
static const char *json_escape(unsigned char c, char buf[8])
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	}
	if (c >= 0x20 && c != 0x7F)
		return NULL;
	/* By hand: a hostile text may be all of these, and printf would take seconds for it. */
	memcpy(buf, "\\u00", 4);
	buf[4] = "0123456789abcdef"[c >> 4];
	buf[5] = "0123456789abcdef"[c & 15];
	buf[6] = '\0';
	return buf;
}

void strbuf_json_string(struct strbuf *sb, const char *s, size_t len)
{
	const unsigned char *at = (const unsigned char *)s, *end = at + len, *plain = at;
	strbuf_putc(sb, '"');
	while (at < end) {
		char buf[8];
		const char *instead = json_escape(*at, buf);
		size_t n = instead ? 1 : utf8_sequence(at, (size_t)(end - at));
		if (n == 0) {
			instead = "\xEF\xBF\xBD";
			n = 1;
		}
		if (instead) {
			strbuf_append(sb, plain, (size_t)(at - plain));
			strbuf_puts(sb, instead);
			plain = at + n;
		}
		at += n;
	}
	strbuf_append(sb, plain, (size_t)(at - plain));
	strbuf_putc(sb, '"');
}

char *strbuf_take(struct strbuf *sb, size_t *ret_len)
{
	if (!strbuf_grow(sb, 0)) { /* an empty one has no memory yet */
		strbuf_done(sb);
		return NULL;
	}
	sb->data[sb->len] = '\0';
	char *data = sb->data;
	if (ret_len)
		*ret_len = sb->len;
	*sb = (struct strbuf){.limit = sb->limit};
	return data;
}
