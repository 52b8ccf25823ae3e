/* SPDX-License-Identifier: Apache-2.0 */
/* Length-checked packing of little messages between our own processes: fixed-width little-endian integers and
 * length-prefixed byte strings. The reader never trusts a length: after the first bad one every read gives zero and
 * `bad` stays set, so that a decoder checks once at the end. Same machine, same byte order; not for disks. */
#ifndef SPVSCOPE_BASE_WIRE_H
#define SPVSCOPE_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

void wire_put_u32(struct strbuf *sb, uint32_t v);
void wire_put_u64(struct strbuf *sb, uint64_t v);
/* u32 length, then the bytes; data may be NULL when len is 0. Longer than UINT32_MAX sets sb->failed. */
void wire_put_bytes(struct strbuf *sb, const void *data, size_t len);
/* As bytes, of strlen(s); a NULL string is told apart from an empty one. */
void wire_put_string(struct strbuf *sb, const char *s);

struct wire_reader {
	const uint8_t *at, *end; /* borrowed */
	bool bad;
};

void wire_reader_init(struct wire_reader *r, const void *data, size_t len);
uint32_t wire_get_u32(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
/* Points into the reader's memory, not NUL-terminated; NULL and 0 once bad. */
const void *wire_get_bytes(struct wire_reader *r, size_t *ret_len);
/* A malloc'ed NUL-terminated copy, cut at no NUL: a string that holds a NUL makes the reader bad. NULL for a NULL
 * string and once bad. The caller frees. */
char *wire_get_string(struct wire_reader *r);

#endif
