/* SPDX-License-Identifier: Apache-2.0 */
/* Compact integers and strings. Pure; any thread. */
#include "api/formats/packed.h"

#include <string.h>

void packed_put(struct strbuf *out, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (uint8_t)(v | 0x80);
	bytes[n++] = (uint8_t)v;
	strbuf_append(out, bytes, n);
}

void packed_put_delta(struct strbuf *out, uint64_t *before, uint64_t v)
{
	uint64_t delta = v - *before; /* modulo 2^64: any value comes back */
	packed_put(out, delta << 1 ^ (delta >> 63 ? UINT64_MAX : 0));
	*before = v;
}

void packed_put_string(struct strbuf *out, const char *s)
{
	size_t len = strlen(s);
	packed_put(out, len);
	strbuf_append(out, s, len);
}

uint64_t packed_get(struct packed_reader *r)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64 && !r->bad && r->at < r->end; shift += 7) {
		uint8_t byte = *r->at++;
		if (shift == 63 && byte > 1)
			break; /* beyond 64 bits */
		v |= (uint64_t)(byte & 0x7F) << shift;
		if (!(byte & 0x80))
			return v;
	}
	r->bad = true;
	return 0;
}

uint64_t packed_get_delta(struct packed_reader *r, uint64_t *before)
{
	uint64_t zigzag = packed_get(r);
	*before += zigzag >> 1 ^ (zigzag & 1 ? UINT64_MAX : 0);
	return r->bad ? 0 : *before;
}

uint64_t packed_get_at_most(struct packed_reader *r, uint64_t most)
{
	uint64_t v = packed_get(r);
	if (v <= most)
		return v;
	r->bad = true;
	return 0;
}

size_t packed_get_count(struct packed_reader *r, size_t min_bytes)
{
	return (size_t)packed_get_at_most(r, (uint64_t)(r->end - r->at) / min_bytes);
}

const char *packed_get_string(struct packed_reader *r, size_t *ret_len)
{
	size_t len = packed_get_count(r, 1);
	const char *s = (const char *)r->at;
	/* The count was checked against what was left before its own bytes were read. */
	if (r->bad || len > (size_t)(r->end - r->at) || memchr(s, '\0', len)) {
		r->bad = true;
		*ret_len = 0;
		return NULL;
	}
	r->at += len;
	*ret_len = len;
	return s;
}
