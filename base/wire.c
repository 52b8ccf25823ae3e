/* SPDX-License-Identifier: Apache-2.0 */
/* Packing of little messages. Runs in front, template and workers; one thread a strbuf or reader. */
#include "base/wire.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* Length word of a NULL string; no byte string may be this long. */
#define WIRE_NULL_STRING UINT32_MAX

void wire_put_u32(struct strbuf *sb, uint32_t v)
{
	v = htole32(v);
	strbuf_append(sb, &v, sizeof(v));
}

void wire_put_u64(struct strbuf *sb, uint64_t v)
{
	v = htole64(v);
	strbuf_append(sb, &v, sizeof(v));
}

void wire_put_bytes(struct strbuf *sb, const void *data, size_t len)
{
	if (len >= WIRE_NULL_STRING) {
		sb->failed = true;
		return;
	}
	wire_put_u32(sb, (uint32_t)len);
	strbuf_append(sb, data, len);
}

void wire_put_string(struct strbuf *sb, const char *s)
{
	if (s)
		wire_put_bytes(sb, s, strlen(s));
	else
		wire_put_u32(sb, WIRE_NULL_STRING);
}

void wire_reader_init(struct wire_reader *r, const void *data, size_t len)
{
	*r = (struct wire_reader){.at = data, .end = len ? (const uint8_t *)data + len : data};
}

/* The next n bytes, or NULL and bad. */
static const uint8_t *wire_take(struct wire_reader *r, size_t n)
{
	if (r->bad || n > (size_t)(r->end - r->at)) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *at = r->at;
	r->at += n;
	return at;
}

uint32_t wire_get_u32(struct wire_reader *r)
{
	uint32_t v = 0;
	const uint8_t *at = wire_take(r, sizeof(v));
	if (at)
		memcpy(&v, at, sizeof(v));
	return le32toh(v);
}

uint64_t wire_get_u64(struct wire_reader *r)
{
	uint64_t v = 0;
	const uint8_t *at = wire_take(r, sizeof(v));
	if (at)
		memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

const void *wire_get_bytes(struct wire_reader *r, size_t *ret_len)
{
	uint32_t len = wire_get_u32(r);
	const uint8_t *at = wire_take(r, len);
	*ret_len = at ? len : 0;
	return at;
}

char *wire_get_string(struct wire_reader *r)
{
	uint32_t len = wire_get_u32(r);
	if (r->bad || len == WIRE_NULL_STRING)
		return NULL;
	const uint8_t *at = wire_take(r, len);
	if (!at)
		return NULL;
	char *s = memchr(at, '\0', len) ? NULL : malloc((size_t)len + 1);
	if (!s) { /* out of memory is told as bad too: the caller gives up either way */
		r->bad = true;
		return NULL;
	}
	memcpy(s, at, len);
	s[len] = '\0';
	return s;
}
