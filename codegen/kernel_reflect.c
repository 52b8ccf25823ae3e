/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a module of kernels, once for what it defines and once for each entry point. Runs in the worker, on the compiling
 * thread. */
#include "codegen/kernel_reflect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/spirv_lines.h"

/* Of the SPIR-V specification. */
enum {
	OP_NAME = 5,
	OP_ENTRY_POINT = 15,
	OP_EXECUTION_MODE = 16,
	OP_CAPABILITY = 17,
	OP_TYPE_FIRST = 19,
	OP_TYPE_BOOL = 20,
	OP_TYPE_INT = 21,
	OP_TYPE_FLOAT = 22,
	OP_TYPE_VECTOR = 23,
	OP_TYPE_IMAGE = 25,
	OP_TYPE_SAMPLER = 26,
	OP_TYPE_ARRAY = 28,
	OP_TYPE_STRUCT = 30,
	OP_TYPE_POINTER = 32,
	OP_TYPE_PIPE = 38,
	OP_FUNCTION = 54,
	OP_FUNCTION_PARAMETER = 55,
	CAPABILITY_KERNEL = 6,
	MODEL_KERNEL = 6,
	MODE_LOCAL_SIZE = 17,
};

#define HEADER_WORDS 5u
#define MAX_ID       0x3fffffu
#define MAX_DEPTH    8u

struct reflect {
	const uint32_t *words;
	uint32_t bound;
	uint32_t *type_at, *name_at; /* by id: where its type is declared, where its name is given; 0: nowhere */
	/* the entry point that is being written */
	const uint32_t *entry;
	const uint32_t *local_size; /* the execution mode, NULL: none */
	bool in_function, is_written;
	unsigned n_arguments;
	struct strbuf *out;
};

static bool find_capability(void *ctx, const struct spirv_instruction *i)
{
	bool *found = ctx;

	*found |= i->opcode == OP_CAPABILITY && i->n_words >= 2 && i->words[1] == CAPABILITY_KERNEL;
	return i->opcode == OP_CAPABILITY && !*found;
}

bool kernel_module(const uint32_t *words, size_t n_words)
{
	bool found = false;

	(void)spirv_walk(words, n_words, find_capability, &found);
	return found;
}

static const char *literal(const uint32_t *from, const uint32_t *end)
{
	return from < end && memchr(from, 0, (size_t)(end - from) * sizeof(*from)) ? (const char *)from : NULL;
}

static const char *name_of(const struct reflect *r, uint32_t id)
{
	const uint32_t *at = id < r->bound && r->name_at[id] ? r->words + r->name_at[id] : NULL;

	return at ? literal(at + 2, at + (at[0] >> 16)) : NULL;
}

static bool define(void *ctx, const struct spirv_instruction *i)
{
	struct reflect *r = ctx;
	uint32_t at = (uint32_t)(i->words - r->words);

	if (i->n_words < 2 || i->words[1] >= r->bound)
		return true;
	if (i->opcode == OP_NAME)
		r->name_at[i->words[1]] = at;
	else if (i->opcode >= OP_TYPE_FIRST && i->opcode <= OP_TYPE_PIPE)
		r->type_at[i->words[1]] = at;
	return true;
}

/* Letters, digits and what C++'s names have beside them: nothing that ends the JSON string which it stands in. */
static bool is_word(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:<>, *&");

	return n > 0 && n < 256 && name[n] == '\0';
}

/* A type as OpenCL C would write it; whether numbers have a sign is not in the module. */
static void write_type(const struct reflect *r, uint32_t id, unsigned depth)
{
	const uint32_t *at = id < r->bound && r->type_at[id] ? r->words + r->type_at[id] : NULL;
	uint32_t n = at ? at[0] >> 16 : 0, width = n >= 3 ? at[2] : 0;
	const char *name;

	switch (at && depth < MAX_DEPTH ? at[0] & 0xffff : 0) {
	case OP_TYPE_BOOL:
		strbuf_puts(r->out, "bool");
		return;
	case OP_TYPE_INT:
		strbuf_puts(r->out, width == 8 ? "char" : width == 16 ? "short" : width == 64 ? "long" : "int");
		return;
	case OP_TYPE_FLOAT:
		strbuf_puts(r->out, width == 16 ? "half" : width == 64 ? "double" : "float");
		return;
	case OP_TYPE_VECTOR:
		write_type(r, width, depth + 1);
		strbuf_printf(r->out, "%" PRIu32, n >= 4 ? at[3] : 0);
		return;
	case OP_TYPE_POINTER:
		write_type(r, n >= 4 ? at[3] : 0, depth + 1);
		strbuf_putc(r->out, '*');
		return;
	case OP_TYPE_ARRAY:
		write_type(r, width, depth + 1);
		strbuf_puts(r->out, "[]");
		return;
	case OP_TYPE_IMAGE:
		strbuf_puts(r->out, "image");
		return;
	case OP_TYPE_SAMPLER:
		strbuf_puts(r->out, "sampler");
		return;
	case OP_TYPE_STRUCT:
		name = name_of(r, id);
		strbuf_puts(r->out, "struct");
		if (name && is_word(name))
			strbuf_printf(r->out, " %s", name);
		return;
	default:
		strbuf_puts(r->out, "unknown");
		return;
	}
}

static const char *address_space(const struct reflect *r, uint32_t type)
{
	static const char *const words[] = { [0] = "constant", [4] = "local", [5] = "global", [7] = "private", [8] = "generic" };
	const uint32_t *at = type < r->bound && r->type_at[type] ? r->words + r->type_at[type] : NULL;

	if (!at || (at[0] & 0xffff) != OP_TYPE_POINTER || at[0] >> 16 < 4)
		return "private"; /* passed by value */
	return at[2] < ARRAY_SIZE(words) && words[at[2]] ? words[at[2]] : "unknown";
}

static bool write_argument(void *ctx, const struct spirv_instruction *i)
{
	struct reflect *r = ctx;
	const char *name;

	if (i->opcode == OP_FUNCTION && i->n_words >= 3) {
		r->in_function = i->words[2] == r->entry[2];
		return true;
	}
	if (i->opcode != OP_FUNCTION_PARAMETER || i->n_words < 3)
		return !r->in_function || r->n_arguments == 0; /* behind the parameters comes nothing of interest */
	if (!r->in_function)
		return true;
	name = name_of(r, i->words[2]);
	strbuf_puts(r->out, r->n_arguments++ ? ", {\"name\": " : "{\"name\": ");
	if (name && name[0])
		strbuf_json_string(r->out, name, strlen(name));
	else
		strbuf_puts(r->out, "null");
	strbuf_puts(r->out, ", \"type\": \"");
	write_type(r, i->words[1], 0);
	strbuf_printf(r->out, "\", \"address_space\": \"%s\"}", address_space(r, i->words[1]));
	return true;
}

static bool find_local_size(void *ctx, const struct spirv_instruction *i)
{
	struct reflect *r = ctx;

	if (i->opcode == OP_EXECUTION_MODE && i->n_words >= 6 && i->words[1] == r->entry[2] && i->words[2] == MODE_LOCAL_SIZE)
		r->local_size = i->words;
	return !r->local_size;
}

struct entries {
	struct reflect *reflect;
	size_t n_words;
	int result;
};

static bool write_entry(void *ctx, const struct spirv_instruction *i)
{
	struct entries *e = ctx;
	struct reflect *r = e->reflect;
	const char *name = i->opcode == OP_ENTRY_POINT && i->n_words >= 4 ? literal(i->words + 3, i->words + i->n_words) : NULL;

	if (i->opcode == OP_FUNCTION)
		return false;
	if (!name || i->words[1] != MODEL_KERNEL)
		return true;
	r->entry = i->words;
	r->local_size = NULL;
	r->in_function = false;
	r->n_arguments = 0;
	strbuf_puts(r->out, r->is_written ? ", {\"name\": " : "{\"name\": ");
	r->is_written = true;
	strbuf_json_string(r->out, name, strlen(name));
	strbuf_puts(r->out, ", \"stage\": \"kernel\", \"workgroup_size\": ");
	e->result = spirv_walk(r->words, e->n_words, find_local_size, r);
	if (r->local_size)
		strbuf_printf(r->out, "{\"size\": [%" PRIu32 ", %" PRIu32 ", %" PRIu32 "], \"constant_ids\": [null, null, null]}",
			r->local_size[3], r->local_size[4], r->local_size[5]);
	else
		strbuf_puts(r->out, "null");
	strbuf_puts(r->out, ", \"inputs\": [], \"outputs\": [], \"bindings\": [], \"push_constants\": [], \"arguments\": [");
	if (e->result == 0)
		e->result = spirv_walk(r->words, e->n_words, write_argument, r);
	strbuf_puts(r->out, "]}");
	return e->result == 0;
}

int kernel_reflect(const uint32_t *words, size_t n_words, struct strbuf *out)
{
	_cleanup_free_ uint32_t *type_at = NULL, *name_at = NULL;
	struct reflect r = { .words = words, .out = out };
	struct entries e = { .reflect = &r, .n_words = n_words };
	int result;

	if (n_words < HEADER_WORDS)
		return -EBADMSG;
	r.bound = words[3] < MAX_ID ? words[3] : MAX_ID;
	r.type_at = type_at = calloc(r.bound + 1u, sizeof(*type_at));
	r.name_at = name_at = calloc(r.bound + 1u, sizeof(*name_at));
	if (!type_at || !name_at)
		return -ENOMEM;
	result = spirv_walk(words, n_words, define, &r);
	strbuf_puts(out, "{\"entry_points\": [");
	if (result == 0)
		result = spirv_walk(words, n_words, write_entry, &e);
	strbuf_puts(out, "], \"specialization_constants\": []}");
	return result < 0 ? result : e.result < 0 ? e.result : out->failed ? -ENOMEM : 0;
}
