/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 both ways, over blocks of three bytes. */
#include "api/base64.h"

#include <errno.h>
#include <stdlib.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t len, struct strbuf *out)
{
	const uint8_t *p = data;
	char block[4096]; /* a multiple of 4, so that padding stands in the last block only */
	size_t n = 0;

	for (; len > 0; len -= len < 3 ? len : 3, p += 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (len > 1 ? (uint32_t)p[1] << 8 : 0) |
			     (len > 2 ? p[2] : 0u);

		block[n++] = alphabet[v >> 18];
		block[n++] = alphabet[v >> 12 & 63];
		block[n++] = len > 1 ? alphabet[v >> 6 & 63] : '=';
		block[n++] = len > 2 ? alphabet[v & 63] : '=';
		if (n == sizeof block) {
			strbuf_append(out, block, n);
			n = 0;
		}
	}
	strbuf_append(out, block, n);
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *text, size_t len, uint8_t **ret_data, size_t *ret_len, size_t *ret_bad_at)
{
	size_t n_pad = 0, n = 0, at;
	uint32_t bits = 0;

	if (len % 4 != 0) {
		*ret_bad_at = len;
		return -EINVAL;
	}
	while (n_pad < 2 && n_pad < len && text[len - 1 - n_pad] == '=')
		n_pad++;

	uint8_t *data = malloc(len / 4 * 3 + 1);
	if (!data)
		return -ENOMEM;
	for (at = 0; at < len - n_pad; at++) {
		int v = value_of(text[at]);

		if (v < 0)
			goto bad;
		bits = bits << 6 | (uint32_t)v;
		/* Of each four digits the second to fourth complete one byte: 12-8, 18-16 and 24-24 bits are left over. */
		if (at % 4 != 0)
			data[n++] = (uint8_t)(bits >> (6 - at % 4 * 2));
	}
	/* What padding cuts off must be zero, or two texts would stand for the same bytes. */
	if (n_pad && (bits & (n_pad == 1 ? 3u : 15u)) != 0) {
		at--;
		goto bad;
	}
	data[n] = '\0';
	*ret_data = data;
	*ret_len = n;
	return 0;
bad:
	free(data);
	*ret_bad_at = at;
	return -EINVAL;
}
