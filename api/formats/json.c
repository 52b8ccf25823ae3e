/* SPDX-License-Identifier: Apache-2.0 */
/* JSON numbers, texts and members. Pure; any thread. */
#include "api/formats/json.h"

#include <string.h>

static void put_decimal(struct strbuf *out, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);
	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	strbuf_append(out, digits + at, sizeof(digits) - at);
}

void json_u64(struct strbuf *out, uint64_t v)
{
	put_decimal(out, v < JSON_MAX_INTEGER ? v : JSON_MAX_INTEGER);
}

void json_u64_exact(struct strbuf *out, uint64_t v)
{
	const char *quote = v > JSON_MAX_INTEGER ? "\"" : "";
	strbuf_puts(out, quote);
	put_decimal(out, v);
	strbuf_puts(out, quote);
}

void json_text(struct strbuf *out, const char *s)
{
	if (s)
		strbuf_json_string(out, s, strlen(s));
	else
		strbuf_puts(out, "null");
}

static void put_key(struct strbuf *out, const char *lead, const char *key)
{
	strbuf_puts(out, lead);
	strbuf_putc(out, '"');
	strbuf_puts(out, key);
	strbuf_append(out, "\":", 2);
}

void json_member_u64(struct strbuf *out, const char *lead, const char *key, uint64_t v)
{
	put_key(out, lead, key);
	json_u64(out, v);
}

void json_member_text(struct strbuf *out, const char *lead, const char *key, const char *s)
{
	put_key(out, lead, key);
	json_text(out, s);
}

void json_member_bool(struct strbuf *out, const char *lead, const char *key, bool v)
{
	put_key(out, lead, key);
	strbuf_puts(out, v ? "true" : "false");
}
