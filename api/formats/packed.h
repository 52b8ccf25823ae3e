/* SPDX-License-Identifier: Apache-2.0 */
/* Compact bytes for the store: integers in groups of seven bits, lowest first (LEB128), differences zigzagged. The
 * reader trusts no length and no count: after the first bad one every read gives zero and `bad` stays set. Private to
 * api/formats. */
#ifndef SPVSCOPE_FORMATS_PACKED_H
#define SPVSCOPE_FORMATS_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

void packed_put(struct strbuf *out, uint64_t v);
/* v as the difference to *before, which becomes v: small for what grows slowly, whatever the direction. */
void packed_put_delta(struct strbuf *out, uint64_t *before, uint64_t v);
void packed_put_string(struct strbuf *out, const char *s);

struct packed_reader {
	const uint8_t *at, *end; /* borrowed */
	bool bad;
};

uint64_t packed_get(struct packed_reader *r);
uint64_t packed_get_delta(struct packed_reader *r, uint64_t *before);
/* A value that must not exceed most; else bad and 0. */
uint64_t packed_get_at_most(struct packed_reader *r, uint64_t most);
/* A count of things that take at least min_bytes each: so many must still be there. */
size_t packed_get_count(struct packed_reader *r, size_t min_bytes);
/* Points into the reader's memory, not NUL-terminated, and holds no NUL; NULL once bad. */
const char *packed_get_string(struct packed_reader *r, size_t *ret_len);

#endif
