/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the record of a hit: what it has in common with the compile is copied, and a tree of two spans says how it came
 * about. Loop thread. */
#include "server/cache/record_of_hit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static char *copy_text(const char *s, bool *failed)
{
	char *copy = s ? strdup(s) : NULL;

	*failed |= s && !copy;
	return copy;
}

static void *copy_bytes(const void *data, size_t size, bool *failed)
{
	uint8_t *copy = data ? malloc(size + 1) : NULL;

	*failed |= data && !copy;
	if (!copy)
		return NULL;
	memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

static char *response_of_hit(const struct cache_hit *hit, const struct cached *from)
{
	const char *result = from->record->response ? response_json_find_result(from->record->response) : NULL;
	struct compile_outcome own = {.started_unix_ns = hit->started_unix_ns, .duration_ns = hit->duration_ns,
		.traced = true}, o;
	_cleanup_strbuf_ struct strbuf text = {0};

	if (!result)
		return NULL;
	memcpy(own.id, hit->id, sizeof(own.id));
	memcpy(own.trace_id, hit->trace_id, sizeof(own.trace_id));
	cached_outcome(from, &own, hit->how, &o);
	response_json_identity_of(&o, &text);
	strbuf_puts(&text, result);
	return strbuf_take(&text, NULL);
}

static int fill_tree(struct trace_tree *t, const struct cache_hit *hit, const struct cached *from)
{
	static const char *const names[] = {"server::request", "server::cache"};
	int r = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++) {
		int64_t idx = trace_tree_add(t, i ? 0 : TRACE_NO_SPAN, SPVSCOPE_LEVEL_INFO, names[i], hit->start_ns,
			hit->duration_ns);

		if (idx < 0)
			return (int)idx;
		t->spans[idx].pid = t->spans[idx].tid = (uint32_t)getpid();
		if (i == 0) {
			r = trace_tree_attr_str(t, 0, "status", from->record->status);
			continue;
		}
		r = trace_tree_attr_str(t, i, "result", compile_cache_name(hit->how));
		if (r >= 0)
			r = trace_tree_attr_str(t, i, "compiled_by", from->outcome.id);
		if (r >= 0)
			r = trace_tree_attr_str(t, i, "compiled_by_trace", from->outcome.trace_id);
	}
	return r;
}

struct record *record_of_hit(const struct cache_hit *hit, const struct cached *from)
{
	const struct record *base = from->record;
	struct record *r = base ? record_new() : NULL;
	bool failed = false;

	if (!r)
		return NULL;
	memcpy(r->id, hit->id, sizeof(r->id));
	memcpy(r->trace_id, hit->trace_id, sizeof(r->trace_id));
	r->started_unix_ns = hit->started_unix_ns;
	r->duration_ns = hit->duration_ns;
	r->origin_ns = hit->start_ns;
	r->name = copy_text(base->name, &failed);
	r->language = copy_text(base->language, &failed);
	r->stage = copy_text(base->stage, &failed);
	r->status = copy_text(base->status, &failed);
	r->analyzer = copy_text(base->analyzer, &failed);
	r->request = copy_text(base->request, &failed);
	r->source = copy_bytes(base->source, base->source_size, &failed);
	r->source_size = base->source_size;
	r->spirv = copy_bytes(base->spirv, base->spirv_size, &failed);
	r->spirv_size = base->spirv_size;
	r->disassembly = copy_text(base->disassembly, &failed);
	r->response = response_of_hit(hit, from);
	r->tree = trace_tree_new();
	if (failed || !r->response || !r->tree || fill_tree(r->tree, hit, from) < 0) {
		record_unref(r);
		return NULL;
	}
	r->n_spans = r->tree->n_spans;
	return r;
}
