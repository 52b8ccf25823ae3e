/* SPDX-License-Identifier: Apache-2.0 */
/* Life and size of one record. Front; references may be taken and dropped by any thread. */
#include "server/records/record.h"

#include <stdlib.h>
#include <string.h>

/* A span's or an event's texts, which the tree keeps in memory of its own: about this much each. */
#define TREE_TEXT_BYTES 64u

struct record *record_new(void)
{
	struct record *r = calloc(1, sizeof(*r));

	if (r)
		r->n_refs = 1;
	return r;
}

struct record *record_ref(struct record *r)
{
	__atomic_add_fetch(&r->n_refs, 1, __ATOMIC_RELAXED);
	return r;
}

void record_unref(struct record *r)
{
	/* Release: what this holder did to the record comes before another thread frees it. */
	if (!r || __atomic_sub_fetch(&r->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free(r->name);
	free(r->language);
	free(r->stage);
	free(r->status);
	free(r->analyzer);
	free(r->traceparent);
	free(r->response);
	free(r->request);
	free(r->source);
	free(r->spirv);
	free(r->disassembly);
	free(r->failure_stack);
	free(r->log);
	trace_tree_free(r->tree);
	profile_free(r->profile);
	free(r);
}

void record_trace_info(const struct record *r, struct trace_info *ret)
{
	*ret = (struct trace_info){
		.trace_id = r->trace_id,
		.compilation_id = r->id,
		.name = r->name,
		.language = r->language,
		.stage = r->stage,
		.status = r->status,
		.traceparent = r->traceparent,
		.started_unix_ns = r->started_unix_ns,
	};
}

static uint64_t text_bytes(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static uint64_t tree_bytes(const struct trace_tree *t)
{
	if (!t)
		return 0;
	return t->n_spans * (sizeof(*t->spans) + TREE_TEXT_BYTES) +
		t->n_attrs * (sizeof(*t->attrs) + TREE_TEXT_BYTES) +
		t->n_events * (sizeof(*t->events) + 2 * TREE_TEXT_BYTES);
}

static uint64_t profile_bytes(const struct profile *p)
{
	uint64_t bytes = 0;

	if (!p)
		return 0;
	for (size_t i = 0; i < p->n_strings; i++)
		bytes += sizeof(*p->strings) + text_bytes(p->strings[i]);
	return bytes + p->n_frames * sizeof(*p->frames) + p->n_stacks * sizeof(*p->stacks) +
		p->n_samples * sizeof(*p->samples);
}

uint64_t record_memory_bytes(const struct record *r)
{
	return sizeof(*r) + text_bytes(r->name) + text_bytes(r->response) + text_bytes(r->request) + r->source_size + r->spirv_size +
		text_bytes(r->disassembly) + text_bytes(r->log) + tree_bytes(r->tree) +
		profile_bytes(r->profile);
}
