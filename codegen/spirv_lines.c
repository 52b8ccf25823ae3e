/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a module and keeps track of the source line that is in force. Runs in the worker, on the compiling thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/spirv_lines.h"

/* Of the SPIR-V specification, and of NonSemantic.Shader.DebugInfo.100. */
enum {
	OP_STRING = 7,
	OP_LINE = 8,
	OP_EXT_INST_IMPORT = 11,
	OP_EXT_INST = 12,
	OP_CONSTANT = 43,
	OP_FUNCTION_END = 56,
	OP_BRANCH = 249,
	OP_UNREACHABLE = 255,
	OP_NO_LINE = 317,
	OP_TERMINATE_INVOCATION = 4416,
	OP_IGNORE_INTERSECTION = 4448,
	OP_TERMINATE_RAY = 4449,
	OP_EMIT_MESH_TASKS = 5294,
	DEBUG_SOURCE = 35,
	DEBUG_LINE = 103,
	DEBUG_NO_LINE = 104,
};

#define HEADER_WORDS 5u
#define MAX_ID       0x3fffffu /* of the specification's universal limits */
#define DEBUG_SET    "NonSemantic.Shader.DebugInfo.100"

struct walk {
	const uint32_t *words;
	size_t n_words;
	uint32_t *defined_at; /* by id: the word where its OpString, OpConstant or DebugSource begins; 0: none of these */
	uint32_t bound;
	uint32_t debug_set;   /* id of the import; 0: none */
	struct spirv_place place;
};

/* A string among the operands; NULL when it does not end inside them. */
static const char *literal(const uint32_t *from, const uint32_t *end)
{
	return from < end && memchr(from, 0, (size_t)(end - from) * sizeof(*from)) ? (const char *)from : NULL;
}

/* Where id was defined by such an instruction, which has at least that many words; NULL otherwise. */
static const uint32_t *definition(const struct walk *w, uint32_t id, uint32_t opcode, uint32_t least_words)
{
	const uint32_t *at = id < w->bound && w->defined_at[id] ? w->words + w->defined_at[id] : NULL;

	return at && (at[0] & 0xffff) == opcode && at[0] >> 16 >= least_words ? at : NULL;
}

static const char *string_of(const struct walk *w, uint32_t id)
{
	const uint32_t *at = definition(w, id, OP_STRING, 3);

	return at ? literal(at + 2, at + (at[0] >> 16)) : NULL;
}

static uint32_t constant_of(const struct walk *w, uint32_t id)
{
	const uint32_t *at = definition(w, id, OP_CONSTANT, 4);

	return at ? at[3] : 0;
}

static bool is_debug(const struct walk *w, const uint32_t *at, uint32_t instruction, uint32_t least_words)
{
	return w->debug_set && (at[0] & 0xffff) == OP_EXT_INST && at[0] >> 16 >= least_words && at[3] == w->debug_set &&
		at[4] == instruction;
}

static const char *source_name(const struct walk *w, uint32_t id)
{
	const uint32_t *at = definition(w, id, OP_EXT_INST, 6);

	return at && is_debug(w, at, DEBUG_SOURCE, 6) ? string_of(w, at[5]) : NULL;
}

static bool ends_block(uint32_t opcode)
{
	return (opcode >= OP_BRANCH && opcode <= OP_UNREACHABLE) || opcode == OP_TERMINATE_INVOCATION ||
		opcode == OP_IGNORE_INTERSECTION || opcode == OP_TERMINATE_RAY || opcode == OP_EMIT_MESH_TASKS ||
		opcode == OP_FUNCTION_END;
}

static void remember(struct walk *w, const uint32_t *at, uint32_t opcode, uint32_t n)
{
	uint32_t id = 0;

	if (opcode == OP_STRING && n >= 3)
		id = at[1];
	else if (opcode == OP_CONSTANT && n >= 4)
		id = at[2];
	else if (is_debug(w, at, DEBUG_SOURCE, 6))
		id = at[2];
	else if (opcode == OP_EXT_INST_IMPORT && n >= 3) {
		const char *name = literal(at + 2, at + n);
		if (name && strcmp(name, DEBUG_SET) == 0)
			w->debug_set = at[1];
	}
	if (id && id < w->bound)
		w->defined_at[id] = (uint32_t)(at - w->words);
}

/* true when the instruction is about places alone. */
static bool take_line(struct walk *w, const uint32_t *at, uint32_t opcode, uint32_t n)
{
	if (opcode == OP_LINE && n >= 4) {
		uint32_t column = at[3];

		w->place = (struct spirv_place){ .file = string_of(w, at[1]), .line = at[2], .column_begin = column,
			.column_end = column };
		return true;
	}
	if (is_debug(w, at, DEBUG_LINE, 10)) {
		uint32_t line = constant_of(w, at[6]);

		w->place = (struct spirv_place){ .file = source_name(w, at[5]), .line = line,
			.column_begin = constant_of(w, at[8]), .column_end = constant_of(w, at[9]) };
		return true;
	}
	if (opcode == OP_NO_LINE || is_debug(w, at, DEBUG_NO_LINE, 5)) {
		w->place = (struct spirv_place){};
		return true;
	}
	/* What else that set holds describes types, variables and scopes. */
	return opcode == OP_EXT_INST && n >= 5 && w->debug_set && at[3] == w->debug_set;
}

int spirv_walk(const uint32_t *words, size_t n_words, bool (*f)(void *ctx, const struct spirv_instruction *i), void *ctx)
{
	struct walk w = { .words = words, .n_words = n_words };
	_cleanup_free_ uint32_t *defined_at = NULL;
	size_t number = 0;

	if (n_words < HEADER_WORDS || n_words > UINT32_MAX)
		return -EBADMSG;
	w.bound = words[3] < MAX_ID ? words[3] : MAX_ID;
	defined_at = w.defined_at = calloc(w.bound + 1u, sizeof(*defined_at));
	if (!defined_at)
		return -ENOMEM;
	for (size_t i = HEADER_WORDS; i < n_words;) {
		const uint32_t *at = words + i;
		struct spirv_instruction told = { .number = ++number, .opcode = at[0] & 0xffff, .n_words = at[0] >> 16,
			.words = at };

		if (told.n_words == 0 || told.n_words > n_words - i)
			return -EBADMSG;
		remember(&w, at, told.opcode, told.n_words);
		told.is_line = take_line(&w, at, told.opcode, told.n_words);
		if (w.place.file && w.place.line)
			told.place = w.place;
		if (!f(ctx, &told))
			return 0;
		if (ends_block(told.opcode)) /* which ends what either kind of line says */
			w.place = (struct spirv_place){};
		i += told.n_words;
	}
	return 0;
}

struct search {
	size_t number;
	struct spirv_place *ret;
};

static bool look(void *ctx, const struct spirv_instruction *i)
{
	struct search *s = ctx;

	if (i->number < s->number)
		return true;
	*s->ret = i->place;
	return false;
}

int spirv_place_of(const uint32_t *words, size_t n_words, size_t number, struct spirv_place *ret)
{
	*ret = (struct spirv_place){};
	return number ? spirv_walk(words, n_words, look, &(struct search){ number, ret }) : 0;
}
