/* SPDX-License-Identifier: Apache-2.0 */
/* A span tree as bytes for the store, and back. Strings stand once in a table, in the order of first use. Pure; any
 * thread that may read the tree.
 *
 *   "SVTR" version | strings | dropped malformed out_of_memory | spans | attributes | events
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/formats/formats.h"
#include "api/formats/packed.h"
#include "api/profile.h"
#include "base/cleanup.h"

#define TREE_MAGIC   "SVTR"
#define TREE_VERSION 2 /* 1 had no SPAN_FLAG_PROFILED; it is still read */

#define SPAN_FLAG_OPEN       1u
#define SPAN_FLAG_CLEAN      2u
#define SPAN_FLAG_UNMEASURED 4u
#define SPAN_FLAG_PROFILED   8u
#define SPAN_FLAGS           15u

/* Least bytes of one: each field takes at least one. */
#define STRING_MIN_BYTES 1
#define SPAN_MIN_BYTES   13
#define ATTR_MIN_BYTES   4
#define EVENT_MIN_BYTES  5

static void profile_freep(struct profile **p)
{
	profile_free(*p);
}

/* A profile's string table is just what is wanted: each string once, found by hash. */
static uint64_t string_index(struct profile *strings, const char *s, struct strbuf *out)
{
	int64_t idx = profile_add_string(strings, s);
	if (idx >= 0)
		return (uint64_t)idx;
	out->failed = true;
	return 0;
}

static void put_usage(struct strbuf *out, const struct spvscope_usage *u)
{
	packed_put(out, u->cpu_ns);
	packed_put(out, u->minor_faults);
	packed_put(out, u->major_faults);
	packed_put(out, u->alloc_bytes);
	packed_put(out, u->alloc_calls);
}

static void put_profiled(struct strbuf *out, const struct trace_profiled *p)
{
	packed_put(out, p->n_runs);
	packed_put(out, p->n_switches);
	packed_put(out, p->wall_ns);
	packed_put(out, p->on_cpu_ns);
	packed_put(out, p->runnable_ns);
	packed_put(out, p->blocked_ns);
	packed_put(out, p->stolen_ns);
	packed_put(out, p->cpu_clock_ns);
}

static void put_spans(const struct trace_tree *t, struct profile *strings, struct strbuf *out)
{
	uint64_t start_ns = 0, pid = 0, tid = 0;

	packed_put(out, t->n_spans);
	for (size_t i = 0; i < t->n_spans; i++) {
		const struct trace_span *s = &t->spans[i];
		packed_put(out, string_index(strings, s->name, out));
		packed_put(out, s->level);
		/* Distance to the parent; 0 is none. */
		packed_put(out, s->parent_idx == TRACE_NO_SPAN ? 0 : i - s->parent_idx);
		packed_put_delta(out, &pid, s->pid);
		packed_put_delta(out, &tid, s->tid);
		packed_put_delta(out, &start_ns, s->start_ns);
		packed_put(out, s->duration_ns);
		put_usage(out, &s->used);
		packed_put(out, (s->open ? SPAN_FLAG_OPEN : 0) | (s->clean.n_runs ? SPAN_FLAG_CLEAN : 0) |
				(s->measured ? 0 : SPAN_FLAG_UNMEASURED) | (s->profiled.n_runs ? SPAN_FLAG_PROFILED : 0));
		if (s->clean.n_runs) {
			packed_put(out, s->clean.n_runs);
			packed_put(out, s->clean.min_ns);
			packed_put(out, s->clean.median_ns);
			packed_put(out, s->clean.max_ns);
		}
		if (s->profiled.n_runs)
			put_profiled(out, &s->profiled);
	}
}

static void put_attrs(const struct trace_tree *t, struct profile *strings, struct strbuf *out)
{
	packed_put(out, t->n_attrs);
	for (size_t i = 0; i < t->n_attrs; i++) {
		const struct trace_attr *a = &t->attrs[i];
		packed_put(out, a->span_idx);
		packed_put(out, string_index(strings, a->key, out));
		packed_put(out, a->text != NULL);
		packed_put(out, a->text ? string_index(strings, a->text, out) : a->value);
	}
}

static void put_events(const struct trace_tree *t, struct profile *strings, struct strbuf *out)
{
	uint64_t time_ns = 0;

	packed_put(out, t->n_events);
	for (size_t i = 0; i < t->n_events; i++) {
		const struct trace_event *e = &t->events[i];
		packed_put(out, e->span_idx == TRACE_NO_SPAN ? 0 : (uint64_t)e->span_idx + 1);
		packed_put(out, e->level);
		packed_put_delta(out, &time_ns, e->time_ns);
		packed_put(out, string_index(strings, e->name, out));
		packed_put(out, string_index(strings, e->message, out));
	}
}

void trace_tree_encode(const struct trace_tree *tree, struct strbuf *out)
{
	_cleanup_(profile_freep) struct profile *strings = profile_new();
	_cleanup_strbuf_ struct strbuf body = {0};
	if (!strings) {
		out->failed = true;
		return;
	}
	packed_put(&body, tree->dropped);
	packed_put(&body, tree->malformed);
	packed_put(&body, tree->out_of_memory);
	put_spans(tree, strings, &body);
	put_attrs(tree, strings, &body);
	put_events(tree, strings, &body);

	strbuf_puts(out, TREE_MAGIC);
	packed_put(out, TREE_VERSION);
	packed_put(out, strings->n_strings);
	for (size_t i = 0; i < strings->n_strings; i++)
		packed_put_string(out, strings->strings[i]);
	strbuf_append(out, body.data, body.len);
	out->failed = out->failed || body.failed;
}

struct reading {
	struct packed_reader in;
	struct trace_tree *tree;
	char **strings; /* owned */
	size_t n_strings;
};

static void reading_done(struct reading *r)
{
	for (size_t i = 0; i < r->n_strings; i++)
		free(r->strings[i]);
	free(r->strings);
	trace_tree_free(r->tree);
}

/* The reader goes bad before an error is looked for: whatever was read up to here is then worthless. */
static int state_of(const struct reading *r, int64_t added)
{
	if (r->in.bad)
		return -EBADMSG;
	return added >= 0 ? 0 : added == -ENOMEM ? -ENOMEM : -EBADMSG;
}

static const char *get_string(struct reading *r)
{
	uint64_t idx = packed_get(&r->in);
	if (!r->in.bad && idx < r->n_strings)
		return r->strings[idx];
	r->in.bad = true;
	return "";
}

static enum spvscope_level get_level(struct reading *r)
{
	return (enum spvscope_level)packed_get_at_most(&r->in, SPVSCOPE_LEVEL_DEBUG);
}

static int read_strings(struct reading *r)
{
	size_t n = packed_get_count(&r->in, STRING_MIN_BYTES);
	r->strings = calloc(n + 1, sizeof(*r->strings));
	if (!r->strings)
		return -ENOMEM;
	while (r->n_strings < n) {
		size_t len;
		const char *s = packed_get_string(&r->in, &len);
		if (!s)
			return -EBADMSG;
		r->strings[r->n_strings] = strndup(s, len);
		if (!r->strings[r->n_strings])
			return -ENOMEM;
		r->n_strings++;
	}
	return state_of(r, 0);
}

static void read_usage(struct packed_reader *in, struct spvscope_usage *u)
{
	u->cpu_ns = packed_get(in);
	u->minor_faults = packed_get(in);
	u->major_faults = packed_get(in);
	u->alloc_bytes = packed_get(in);
	u->alloc_calls = packed_get(in);
}

static void read_clean(struct packed_reader *in, struct trace_clean *c)
{
	c->n_runs = (uint32_t)packed_get_at_most(in, UINT32_MAX);
	c->min_ns = packed_get(in);
	c->median_ns = packed_get(in);
	c->max_ns = packed_get(in);
	in->bad = in->bad || c->n_runs == 0;
}

static void read_profiled(struct packed_reader *in, struct trace_profiled *p)
{
	p->n_runs = (uint32_t)packed_get_at_most(in, UINT32_MAX);
	p->n_switches = (uint32_t)packed_get_at_most(in, UINT32_MAX);
	p->wall_ns = packed_get(in);
	p->on_cpu_ns = packed_get(in);
	p->runnable_ns = packed_get(in);
	p->blocked_ns = packed_get(in);
	p->stolen_ns = packed_get(in);
	p->cpu_clock_ns = packed_get(in);
	in->bad = in->bad || p->n_runs == 0;
}

struct deltas {
	uint64_t pid, tid, start_ns;
};

static int read_span(struct reading *r, size_t i, struct deltas *before)
{
	struct packed_reader *in = &r->in;
	const char *name = get_string(r);
	enum spvscope_level level = get_level(r);
	uint64_t distance = packed_get_at_most(in, i);
	uint32_t parent_idx = distance ? (uint32_t)(i - distance) : TRACE_NO_SPAN;
	uint64_t pid = packed_get_delta(in, &before->pid), tid = packed_get_delta(in, &before->tid);
	uint64_t start_ns = packed_get_delta(in, &before->start_ns);
	uint64_t duration_ns = packed_get_at_most(in, UINT64_MAX - start_ns);
	struct spvscope_usage used = {0};
	struct trace_clean clean = {0};
	struct trace_profiled profiled = {0};

	read_usage(in, &used);
	unsigned flags = (unsigned)packed_get_at_most(in, SPAN_FLAGS);
	if (flags & SPAN_FLAG_CLEAN)
		read_clean(in, &clean);
	if (flags & SPAN_FLAG_PROFILED)
		read_profiled(in, &profiled);
	if (in->bad || pid > UINT32_MAX || tid > UINT32_MAX)
		return -EBADMSG;
	int64_t idx = trace_tree_add(r->tree, parent_idx, level, name, start_ns, duration_ns);
	if (idx >= 0) {
		struct trace_span *s = &r->tree->spans[idx];
		s->pid = (uint32_t)pid;
		s->tid = (uint32_t)tid;
		s->used = used;
		s->measured = !(flags & SPAN_FLAG_UNMEASURED);
		s->open = flags & SPAN_FLAG_OPEN;
		s->clean = clean;
		s->profiled = profiled;
	}
	return state_of(r, idx);
}

static int read_spans(struct reading *r)
{
	struct deltas before = {0};
	size_t n = packed_get_count(&r->in, SPAN_MIN_BYTES);
	int err = state_of(r, 0);
	for (size_t i = 0; i < n && err == 0; i++)
		err = read_span(r, i, &before);
	return err;
}

static int read_attrs(struct reading *r)
{
	size_t n = packed_get_count(&r->in, ATTR_MIN_BYTES);
	int err = state_of(r, 0);
	for (size_t i = 0; i < n && err == 0; i++) {
		uint32_t span_idx = (uint32_t)packed_get_at_most(&r->in, UINT32_MAX);
		const char *key = get_string(r);
		if (packed_get_at_most(&r->in, 1)) {
			const char *text = get_string(r);
			err = state_of(r, trace_tree_attr_str(r->tree, span_idx, key, text));
		} else {
			uint64_t value = packed_get(&r->in);
			err = state_of(r, trace_tree_attr_u64(r->tree, span_idx, key, value));
		}
	}
	return err;
}

static int read_events(struct reading *r)
{
	uint64_t before_ns = 0;
	size_t n = packed_get_count(&r->in, EVENT_MIN_BYTES);
	int err = state_of(r, 0);
	for (size_t i = 0; i < n && err == 0; i++) {
		uint64_t span = packed_get_at_most(&r->in, r->tree->n_spans);
		enum spvscope_level level = get_level(r);
		uint64_t time_ns = packed_get_delta(&r->in, &before_ns);
		const char *name = get_string(r), *message = get_string(r);
		err = state_of(r, trace_tree_event(r->tree, span ? (uint32_t)(span - 1) : TRACE_NO_SPAN, level,
			time_ns, name, message));
	}
	return err;
}

static int read_head(struct reading *r)
{
	if ((size_t)(r->in.end - r->in.at) < strlen(TREE_MAGIC) || memcmp(r->in.at, TREE_MAGIC, strlen(TREE_MAGIC)))
		return -EBADMSG;
	r->in.at += strlen(TREE_MAGIC);
	uint64_t version = packed_get(&r->in);
	return version >= 1 && version <= TREE_VERSION ? 0 : -EBADMSG;
}

static int read_totals(struct reading *r)
{
	r->tree->dropped = packed_get(&r->in);
	r->tree->malformed = packed_get(&r->in);
	r->tree->out_of_memory = packed_get_at_most(&r->in, 1);
	return state_of(r, 0);
}

int trace_tree_decode(const void *data, size_t size, struct trace_tree **ret)
{
	static int (*const steps[])(struct reading *r) = {
		read_head, read_strings, read_totals, read_spans, read_attrs, read_events,
	};
	_cleanup_(reading_done) struct reading r = {
		.in = {.at = data, .end = size ? (const uint8_t *)data + size : data},
		.tree = trace_tree_new(),
	};
	int err = r.tree ? 0 : -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(steps) && err == 0; i++)
		err = steps[i](&r);
	if (err == 0 && r.in.at != r.in.end)
		err = -EBADMSG;
	if (err == 0)
		*ret = TAKE_PTR(r.tree);
	return err;
}
