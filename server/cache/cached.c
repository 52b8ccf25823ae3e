/* SPDX-License-Identifier: Apache-2.0 */
/* Life, size and bytes of a finished compile that may answer others. References are taken and dropped by the loop's thread
 * and the cache's. */
#include "server/cache/cached.h"
#include "server/cache/record_of_hit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/wire.h"
#include "codegen/job_wire.h"

#define WIRE_VERSION 0x63616301u /* "cac", then the version of this layout */

struct cached *cached_new(void)
{
	struct cached *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	atomic_init(&c->n_refs, 1);
	c->expires_ns = UINT64_MAX;
	return c;
}

struct cached *cached_ref(struct cached *c)
{
	atomic_fetch_add_explicit(&c->n_refs, 1, memory_order_relaxed);
	return c;
}

void cached_unref(struct cached *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->n_refs, 1, memory_order_acq_rel) > 1)
		return;
	compile_outcome_done(&c->outcome);
	record_unref(c->record);
	cache_names_done(&c->names);
	free(c);
}

static uint64_t text_bytes(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

uint64_t cached_memory_bytes(const struct cached *c)
{
	const struct spvscope_result *r = &c->outcome.result;
	uint64_t bytes = sizeof(*c) + r->n_spirv_words * sizeof(uint32_t) + text_bytes(r->disassembly) +
		text_bytes(r->preprocessed) + (c->record ? record_memory_bytes(c->record) : 0);

	for (size_t i = 0; i < SPVSCOPE_N_PRODUCTS; i++)
		bytes += text_bytes(r->products[i]);
	for (size_t i = 0; i < r->n_diagnostics; i++)
		bytes += sizeof(r->diagnostics[i]) + text_bytes(r->diagnostics[i].message) +
			text_bytes(r->diagnostics[i].file) +
			r->diagnostics[i].n_related * sizeof(*r->diagnostics[i].related);
	for (size_t i = 0; i < r->n_dependencies; i++)
		bytes += sizeof(char *) + text_bytes(r->dependencies[i]);
	for (size_t i = 0; i < r->n_absent; i++)
		bytes += sizeof(char *) + text_bytes(r->absent[i]);
	for (size_t i = 0; i < c->names.n; i++)
		bytes += sizeof(char *) + text_bytes(c->names.names[i]);
	return bytes;
}

void cached_outcome(const struct cached *c, const struct compile_outcome *own, enum compile_cache how,
	struct compile_outcome *ret)
{
	*ret = c->outcome;
	memcpy(ret->id, own->id, sizeof(ret->id));
	memcpy(ret->trace_id, own->trace_id, sizeof(ret->trace_id));
	ret->request = own->request;
	ret->started_unix_ns = own->started_unix_ns;
	ret->duration_ns = own->duration_ns;
	ret->kept = own->kept;
	ret->traced = own->traced && c->record;
	ret->n_spans = CACHE_HIT_SPANS;
	ret->n_dropped = 0;
	ret->cache = how;
	memcpy(ret->cached_from.id, c->outcome.id, sizeof(ret->cached_from.id));
	if (c->record)
		memcpy(ret->cached_from.trace_id, c->outcome.trace_id, sizeof(ret->cached_from.trace_id));
	ret->cached_from.started_unix_ns = c->outcome.started_unix_ns;
}

/* ---- for the disk ---- */

static void put_record(const struct record *r, struct strbuf *out)
{
	wire_put_u32(out, r != NULL);
	if (!r)
		return;
	wire_put_string(out, r->name);
	wire_put_string(out, r->language);
	wire_put_string(out, r->stage);
	wire_put_string(out, r->status);
	wire_put_string(out, r->response);
	wire_put_string(out, r->request);
	wire_put_bytes(out, r->source, r->source_size);
}

void cached_encode(const struct cached *c, struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf result = {0};

	result_encode(&c->outcome.result, &result);
	wire_put_u32(out, WIRE_VERSION);
	wire_put_string(out, c->outcome.id);
	wire_put_string(out, c->outcome.trace_id);
	wire_put_u64(out, c->outcome.started_unix_ns);
	wire_put_u64(out, c->outcome.duration_ns);
	wire_put_bytes(out, c->files.bytes, sizeof(c->files.bytes));
	wire_put_u32(out, c->names.all);
	wire_put_u32(out, (uint32_t)c->names.n);
	for (size_t i = 0; i < c->names.n; i++)
		wire_put_string(out, c->names.names[i]);
	wire_put_bytes(out, result.data, result.len);
	put_record(c->record, out);
	if (result.failed)
		out->failed = true;
}

static bool get_id(struct wire_reader *r, char ret[COMPILE_ID_CHARS + 1])
{
	_cleanup_free_ char *id = wire_get_string(r);

	if (!id || strlen(id) != COMPILE_ID_CHARS)
		return false;
	memcpy(ret, id, COMPILE_ID_CHARS + 1);
	return true;
}

static void *copy(const void *data, size_t size)
{
	uint8_t *bytes = malloc(size + 1);

	if (!bytes)
		return NULL;
	if (size)
		memcpy(bytes, data, size);
	bytes[size] = '\0';
	return bytes;
}

static int get_record(struct wire_reader *r, struct cached *c)
{
	const struct spvscope_result *result = &c->outcome.result;
	const void *source;
	struct record *rec;

	if (!wire_get_u32(r))
		return 0;
	rec = c->record = record_new();
	if (!rec)
		return -ENOMEM;
	memcpy(rec->id, c->outcome.id, sizeof(rec->id));
	memcpy(rec->trace_id, c->outcome.trace_id, sizeof(rec->trace_id));
	rec->started_unix_ns = c->outcome.started_unix_ns;
	rec->duration_ns = c->outcome.duration_ns;
	rec->name = wire_get_string(r);
	rec->language = wire_get_string(r);
	rec->stage = wire_get_string(r);
	rec->status = wire_get_string(r);
	rec->response = wire_get_string(r);
	rec->request = wire_get_string(r);
	source = wire_get_bytes(r, &rec->source_size);
	if (r->bad)
		return -EBADMSG;
	rec->source = copy(source, rec->source_size);
	rec->spirv_size = result->n_spirv_words * sizeof(uint32_t);
	rec->spirv = rec->spirv_size ? copy(result->spirv, rec->spirv_size) : NULL;
	rec->disassembly = result->disassembly ? strdup(result->disassembly) : NULL;
	rec->analyzer = strdup("off");
	return rec->source && rec->analyzer && !rec->spirv == !rec->spirv_size ? 0 : -ENOMEM;
}

static int get_names(struct wire_reader *r, struct cache_names *names)
{
	uint32_t n;

	names->all = wire_get_u32(r);
	n = wire_get_u32(r);
	if (r->bad || n > (size_t)(r->end - r->at) / sizeof(uint32_t))
		return -EBADMSG;
	names->names = n ? calloc(n, sizeof(*names->names)) : NULL;
	if (n && !names->names)
		return -ENOMEM;
	for (; names->n < n; names->n++) {
		names->names[names->n] = wire_get_string(r);
		if (!names->names[names->n])
			return -EBADMSG;
	}
	return 0;
}

static int decode(struct wire_reader *r, struct cached *c)
{
	const void *bytes;
	size_t size;
	int error;

	if (wire_get_u32(r) != WIRE_VERSION || !get_id(r, c->outcome.id) || !get_id(r, c->outcome.trace_id))
		return -EBADMSG;
	c->outcome.started_unix_ns = wire_get_u64(r);
	c->outcome.duration_ns = wire_get_u64(r);
	bytes = wire_get_bytes(r, &size);
	if (r->bad || size != sizeof(c->files.bytes))
		return -EBADMSG;
	memcpy(c->files.bytes, bytes, size);
	error = get_names(r, &c->names);
	if (error < 0)
		return error;
	bytes = wire_get_bytes(r, &size);
	if (r->bad)
		return -EBADMSG;
	error = result_decode(bytes, size, &c->outcome.result);
	if (error < 0)
		return error;
	error = get_record(r, c);
	return error < 0 ? error : r->bad || r->at != r->end ? -EBADMSG : 0;
}

int cached_decode(const void *data, size_t size, struct cached **ret)
{
	struct cached *c = cached_new();
	struct wire_reader r;
	int error;

	if (!c)
		return -ENOMEM;
	wire_reader_init(&r, data, size);
	error = decode(&r, c);
	if (error < 0) {
		cached_unref(c);
		return error;
	}
	*ret = c;
	return 0;
}
