/* SPDX-License-Identifier: Apache-2.0 */
/* The span tree of GET /v1/traces/{id}: nested objects. Pure; any thread that may read the tree. */
#include "api/formats/formats.h"
#include "api/formats/json.h"
#include "api/formats/span_lists.h"
#include "codegen/trace/filter.h"

struct writing {
	const struct trace_tree *tree;
	const struct span_lists *lists;
	uint64_t origin_ns;
	struct strbuf *out;
};

static uint64_t since(uint64_t time_ns, uint64_t origin_ns)
{
	return time_ns > origin_ns ? time_ns - origin_ns : 0;
}

static void put_usage(struct strbuf *out, const struct trace_span *s)
{
	const struct spvscope_usage *u = &s->used;

	if (!s->measured) {
		strbuf_puts(out, ",\"cpu_ns\":null,\"minor_faults\":null,\"major_faults\":null,\"alloc_bytes\":null,"
				 "\"alloc_calls\":null");
		return;
	}
	json_member_u64(out, ",", "cpu_ns", u->cpu_ns);
	json_member_u64(out, ",", "minor_faults", u->minor_faults);
	json_member_u64(out, ",", "major_faults", u->major_faults);
	json_member_u64(out, ",", "alloc_bytes", u->alloc_bytes);
	json_member_u64(out, ",", "alloc_calls", u->alloc_calls);
}

static void put_clean(struct strbuf *out, const struct trace_clean *c)
{
	if (c->n_runs == 0)
		return;
	json_member_u64(out, ",\"clean\":{", "runs", c->n_runs);
	json_member_u64(out, ",", "min_ns", c->min_ns);
	json_member_u64(out, ",", "median_ns", c->median_ns);
	json_member_u64(out, ",", "max_ns", c->max_ns);
	strbuf_putc(out, '}');
}

static void put_profiled(struct strbuf *out, const struct trace_profiled *p)
{
	if (p->n_runs == 0)
		return;
	json_member_u64(out, ",\"profiled\":{", "runs", p->n_runs);
	json_member_u64(out, ",", "wall_ns", p->wall_ns);
	json_member_u64(out, ",", "on_cpu_ns", p->on_cpu_ns);
	json_member_u64(out, ",", "runnable_ns", p->runnable_ns);
	json_member_u64(out, ",", "blocked_ns", p->blocked_ns);
	json_member_u64(out, ",", "stolen_ns", p->stolen_ns);
	json_member_u64(out, ",", "cpu_clock_ns", p->cpu_clock_ns);
	json_member_u64(out, ",", "switches", p->n_switches);
	strbuf_putc(out, '}');
}

static void put_attributes(const struct writing *w, uint32_t idx)
{
	struct span_range r = span_list_of(&w->lists->attrs, w->tree, idx);
	strbuf_puts(w->out, ",\"attributes\":{");
	for (uint32_t i = r.begin; i < r.end; i++) {
		const struct trace_attr *a = &w->tree->attrs[w->lists->attrs.idx[i]];
		if (i > r.begin)
			strbuf_putc(w->out, ',');
		json_text(w->out, a->key);
		strbuf_putc(w->out, ':');
		if (a->text)
			json_text(w->out, a->text);
		else
			json_u64_exact(w->out, a->value);
	}
	strbuf_putc(w->out, '}');
}

static void put_events(const struct writing *w, uint32_t idx)
{
	struct span_range r = span_list_of(&w->lists->events, w->tree, idx);
	strbuf_puts(w->out, ",\"events\":[");
	for (uint32_t i = r.begin; i < r.end; i++) {
		const struct trace_event *e = &w->tree->events[w->lists->events.idx[i]];
		json_member_u64(w->out, i > r.begin ? ",{" : "{", "time_ns", since(e->time_ns, w->origin_ns));
		json_member_text(w->out, ",", "level", trace_level_name(e->level));
		json_member_text(w->out, ",", "name", e->name);
		json_member_text(w->out, ",", "message", e->message);
		strbuf_putc(w->out, '}');
	}
	strbuf_putc(w->out, ']');
}

static void put_spans(const struct writing *w, uint32_t parent_idx);

/* Recursion goes as deep as the tree: TRACE_TREE_MAX_DEPTH. */
static void put_span(const struct writing *w, uint32_t idx)
{
	const struct trace_span *s = &w->tree->spans[idx];
	struct strbuf *out = w->out;

	json_member_u64(out, "{", "id", (uint64_t)idx + 1);
	json_member_text(out, ",", "name", s->name);
	json_member_text(out, ",", "level", trace_level_name(s->level));
	json_member_u64(out, ",", "start_ns", since(s->start_ns, w->origin_ns));
	json_member_u64(out, ",", "duration_ns", s->duration_ns);
	put_usage(out, s);
	json_member_u64(out, ",", "pid", s->pid);
	json_member_u64(out, ",", "tid", s->tid);
	json_member_bool(out, ",", "open", s->open);
	put_clean(out, &s->clean);
	put_profiled(out, &s->profiled);
	put_attributes(w, idx);
	put_events(w, idx);
	strbuf_puts(out, ",\"children\":");
	put_spans(w, idx);
	strbuf_putc(out, '}');
}

static void put_spans(const struct writing *w, uint32_t parent_idx)
{
	struct span_range r = span_list_of(&w->lists->children, w->tree, parent_idx);
	strbuf_putc(w->out, '[');
	for (uint32_t i = r.begin; i < r.end; i++) {
		if (i > r.begin)
			strbuf_putc(w->out, ',');
		put_span(w, w->lists->children.idx[i]);
	}
	strbuf_putc(w->out, ']');
}

void format_span_tree(const struct trace_tree *tree, uint64_t origin_ns, struct strbuf *out)
{
	_cleanup_span_lists_ struct span_lists lists = {0};
	if (span_lists_init(&lists, tree) < 0) {
		out->failed = true;
		return;
	}
	put_spans(&(struct writing){tree, &lists, origin_ns, out}, TRACE_NO_SPAN);
}
