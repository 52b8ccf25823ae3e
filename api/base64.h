/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 of RFC 4648, section 4. Pure functions, any thread. */
#ifndef SPVSCOPE_BASE64_H
#define SPVSCOPE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

void base64_encode(const void *data, size_t len, struct strbuf *out);

/* Strict: the length is a multiple of four, padding only at the end, unused bits zero, no white space. The result is
 * malloc'ed, NUL-terminated behind *ret_len bytes, and never NULL on success. 0, -EINVAL with *ret_bad_at the offset of
 * the first byte that is wrong, or -ENOMEM. */
int base64_decode(const char *text, size_t len, uint8_t **ret_data, size_t *ret_len, size_t *ret_bad_at);

#endif
