/* SPDX-License-Identifier: Apache-2.0 */
/* How costly the names of a module are to whoever wants one name for each id. Runs in the worker. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/spirv_tools/spirv_tools.h"

#define HEADER_WORDS   5u
#define OP_NAME        5u
#define OP_FUNCTION    54u
#define OP_NAME_STRING 2u /* words before the string */

/* The library replaces what is no letter or digit by "_" and makes names differ by a "_7" behind them; names that
 * could meet by that get the same key. */
static uint64_t key_of(const char *name, size_t size)
{
	size_t len = strnlen(name, size);
	uint64_t h = 14695981039346656037ull;

	while (len > 0 && !isalpha((unsigned char)name[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (isalnum((unsigned char)name[i]) ? (unsigned char)name[i] : '_')) * 1099511628211ull;
	return h;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Names stand before the first function. Writes at most room keys; returns how many there are. */
static size_t collect(const uint32_t *words, size_t n_words, uint64_t *keys, size_t room)
{
	size_t n = 0;

	for (size_t at = HEADER_WORDS; at < n_words;) {
		uint32_t length = words[at] >> 16, opcode = words[at] & 0xffff;

		if (length == 0 || length > n_words - at || opcode == OP_FUNCTION)
			break;
		if (opcode == OP_NAME && length > OP_NAME_STRING) {
			if (n < room)
				keys[n] = key_of((const char *)(words + at + OP_NAME_STRING),
					(length - OP_NAME_STRING) * sizeof(uint32_t));
			n++;
		}
		at += length;
	}
	return n;
}

uint64_t spirv_naming_cost(const uint32_t *words, size_t n_words)
{
	size_t n = collect(words, n_words, NULL, 0);
	uint64_t cost = 0;

	if (n == 0)
		return 0;
	uint64_t *keys = malloc(n * sizeof(*keys));
	if (!keys)
		return UINT64_MAX;
	collect(words, n_words, keys, n);
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t begin = 0, end; begin < n; begin = end) {
		for (end = begin; end < n && keys[end] == keys[begin]; end++)
			;
		cost += (uint64_t)(end - begin) * (end - begin) / 2;
	}
	free(keys);
	return cost;
}
