/* SPDX-License-Identifier: Apache-2.0 */
/* naga reads less of SPIR-V than our compilers write for today's environments. What can be said in older instructions is; the
 * rest is left for naga to refuse. Opcodes and numbers are those of the SPIR-V specification, 3.2. Runs in workers, on the
 * compiling thread, on modules that nobody may have validated. */
#include "codegen/naga/plain_spirv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define HEADER_WORDS 5

enum {
	OP_NAME = 5,
	OP_LINE = 8,
	OP_EXT_INST_IMPORT = 11,
	OP_EXT_INST = 12,
	OP_EXECUTION_MODE = 16,
	OP_TYPE_SAMPLED_IMAGE = 27,
	OP_TYPE_ARRAY = 28,
	OP_TYPE_RUNTIME_ARRAY = 29,
	OP_TYPE_POINTER = 32,
	OP_CONSTANT = 43,
	OP_VARIABLE = 59,
	OP_KILL = 252,
	OP_NO_LINE = 317,
	OP_EXECUTION_MODE_ID = 331,
	OP_TERMINATE_INVOCATION = 4416,
	MODE_LOCAL_SIZE = 17,
	MODE_LOCAL_SIZE_ID = 38,
	STORAGE_UNIFORM_CONSTANT = 0,
};

struct module {
	const uint32_t *words;
	size_t n;
};

/* An instruction of the module: its place, and its length in words. */
struct instruction {
	const uint32_t *w;
	size_t n;
	uint32_t op;
};

/* Steps to the next one, from {0}. False at the end, and, with *ret_bad, where the module breaks off. */
static bool next(const struct module *m, struct instruction *i, bool *ret_bad)
{
	const uint32_t *at = i->w ? i->w + i->n : m->words + HEADER_WORDS, *end = m->words + m->n;

	*ret_bad = false;
	if (m->n < HEADER_WORDS || at == end) {
		*ret_bad = m->n < HEADER_WORDS;
		return false;
	}
	*i = (struct instruction){.w = at, .n = at[0] >> 16, .op = at[0] & 0xFFFF};
	*ret_bad = i->n == 0 || i->n > (size_t)(end - at);
	return !*ret_bad;
}

/* The instruction of that kind with the id at that word. */
static bool find(const struct module *m, uint32_t op, size_t word, uint32_t id, struct instruction *ret)
{
	struct instruction i = {0};
	bool bad;

	while (next(m, &i, &bad))
		if (i.op == op && i.n > word && i.w[word] == id) {
			*ret = i;
			return true;
		}
	return false;
}

/* A string's bytes, with its NUL inside the instruction. */
static const char *text_at(const struct instruction *i, size_t word)
{
	const char *text = (const char *)(i->w + word);

	return i->n > word && memchr(text, '\0', (i->n - word) * sizeof(uint32_t)) ? text : "";
}

static bool text_begins(const struct instruction *i, size_t word, const char *prefix)
{
	size_t n = strlen(prefix);

	return i->n > word && (i->n - word) * sizeof(uint32_t) >= n && memcmp(i->w + word, prefix, n) == 0;
}

/* ---- the same in older instructions ---- */

static bool is_left_out(const struct module *m, const struct instruction *i)
{
	struct instruction set;

	switch (i->op) {
	case OP_LINE:
	case OP_NO_LINE:
		return true;
	case OP_EXT_INST_IMPORT:
		return text_begins(i, 2, "NonSemantic.");
	case OP_EXT_INST:
		return i->n > 3 && find(m, OP_EXT_INST_IMPORT, 1, i->w[3], &set) && is_left_out(m, &set);
	default:
		return false;
	}
}

/* OpExecutionModeId ENTRY LocalSizeId X Y Z, of constants that are known now. */
static void put_local_size(const struct module *m, const struct instruction *i, uint32_t *out)
{
	struct instruction constant;
	uint32_t size[3];

	if (i->n != 6 || i->w[2] != MODE_LOCAL_SIZE_ID)
		return;
	for (size_t k = 0; k < ARRAY_SIZE(size); k++) {
		if (!find(m, OP_CONSTANT, 2, i->w[3 + k], &constant) || constant.n != 4)
			return;
		size[k] = constant.w[3];
	}
	out[0] = (uint32_t)i->n << 16 | OP_EXECUTION_MODE;
	out[2] = MODE_LOCAL_SIZE;
	memcpy(out + 3, size, sizeof(size));
}

int plain_spirv(const uint32_t *words, size_t n, uint32_t **ret, size_t *ret_n)
{
	const struct module m = {words, n};
	struct instruction i = {0};
	size_t at = HEADER_WORDS;
	bool bad;

	if (n < HEADER_WORDS)
		return -EBADMSG;
	_cleanup_free_ uint32_t *out = malloc(n * sizeof(*out));
	if (!out)
		return -ENOMEM;
	memcpy(out, words, HEADER_WORDS * sizeof(*out));
	while (next(&m, &i, &bad)) {
		if (is_left_out(&m, &i))
			continue;
		memcpy(out + at, i.w, i.n * sizeof(*out));
		if (i.op == OP_TERMINATE_INVOCATION)
			out[at] = (uint32_t)i.n << 16 | OP_KILL;
		if (i.op == OP_EXECUTION_MODE_ID)
			put_local_size(&m, &i, out + at);
		at += i.n;
	}
	if (bad)
		return -EBADMSG;
	*ret = TAKE_PTR(out);
	*ret_n = at;
	return 0;
}

/* ---- what naga has no word for ---- */

/* Through arrays, of which there are as many as types at most. */
static bool is_combined(const struct module *m, uint32_t type)
{
	struct instruction i;

	for (size_t depth = 0; depth < 16; depth++) {
		if (find(m, OP_TYPE_SAMPLED_IMAGE, 1, type, &i))
			return true;
		if ((!find(m, OP_TYPE_ARRAY, 1, type, &i) && !find(m, OP_TYPE_RUNTIME_ARRAY, 1, type, &i)) || i.n < 3)
			return false;
		type = i.w[2];
	}
	return false;
}

int plain_spirv_find_combined(const uint32_t *words, size_t n, const char **ret)
{
	const struct module m = {words, n};
	struct instruction i = {0}, pointer, name;
	bool bad;

	while (next(&m, &i, &bad)) {
		if (i.op != OP_VARIABLE || i.n < 4 || i.w[3] != STORAGE_UNIFORM_CONSTANT ||
		    !find(&m, OP_TYPE_POINTER, 1, i.w[1], &pointer) || pointer.n < 4 || !is_combined(&m, pointer.w[3]))
			continue;
		*ret = find(&m, OP_NAME, 1, i.w[2], &name) ? text_at(&name, 2) : "";
		return 1;
	}
	return bad ? -EBADMSG : 0;
}
