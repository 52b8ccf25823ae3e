/* SPDX-License-Identifier: Apache-2.0 */
/* Chrome's trace event format, which Perfetto and chrome://tracing open: one complete event a span, one instant event
 * a span event. Times are microseconds from the root's start. Pure; any thread that may read the tree. The format:
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
#include "api/formats/json.h"
#include "api/formats/span_lists.h"
#include "api/formats/writers.h"
#include "codegen/trace/filter.h"

static void put_us(struct strbuf *out, const char *lead, const char *key, uint64_t ns)
{
	ns = ns < JSON_MAX_INTEGER ? ns : JSON_MAX_INTEGER;
	json_member_u64(out, lead, key, ns / 1000);
	char fraction[4] = {'.', (char)('0' + ns / 100 % 10), (char)('0' + ns / 10 % 10), (char)('0' + ns % 10)};
	strbuf_append(out, fraction, sizeof(fraction));
}

static uint64_t origin_of(const struct trace_tree *t)
{
	return t->n_spans ? t->spans[0].start_ns : 0;
}

static uint64_t since(uint64_t time_ns, uint64_t origin_ns)
{
	return time_ns > origin_ns ? time_ns - origin_ns : 0;
}

static void put_attributes(const struct trace_tree *t, const struct span_lists *lists, uint32_t idx, struct strbuf *out)
{
	struct span_range r = span_list_of(&lists->attrs, t, idx);
	for (uint32_t i = r.begin; i < r.end; i++) {
		const struct trace_attr *a = &t->attrs[lists->attrs.idx[i]];
		strbuf_putc(out, ',');
		json_text(out, a->key);
		strbuf_putc(out, ':');
		if (a->text)
			json_text(out, a->text);
		else
			json_u64_exact(out, a->value);
	}
}

static void put_clean(const struct trace_clean *c, struct strbuf *out)
{
	if (c->n_runs == 0)
		return;
	json_member_u64(out, ",", "clean.runs", c->n_runs);
	json_member_u64(out, ",", "clean.min_ns", c->min_ns);
	json_member_u64(out, ",", "clean.median_ns", c->median_ns);
	json_member_u64(out, ",", "clean.max_ns", c->max_ns);
}

static void put_usage(const struct spvscope_usage *u, struct strbuf *out)
{
	json_member_u64(out, ",", "cpu_ns", u->cpu_ns);
	json_member_u64(out, ",", "minor_faults", u->minor_faults);
	json_member_u64(out, ",", "major_faults", u->major_faults);
	json_member_u64(out, ",", "alloc_bytes", u->alloc_bytes);
	json_member_u64(out, ",", "alloc_calls", u->alloc_calls);
}

static void put_span(const struct trace_tree *t, const struct span_lists *lists, uint32_t idx, struct strbuf *out)
{
	const struct trace_span *s = &t->spans[idx];

	json_member_text(out, ",\n{\"ph\":\"X\",", "name", s->name);
	json_member_text(out, ",", "cat", trace_level_name(s->level));
	put_us(out, ",", "ts", since(s->start_ns, origin_of(t)));
	put_us(out, ",", "dur", s->duration_ns);
	if (s->measured)
		put_us(out, ",", "tdur", s->used.cpu_ns);
	json_member_u64(out, ",", "pid", s->pid);
	json_member_u64(out, ",", "tid", s->tid);
	json_member_u64(out, ",\"args\":{", "span", (uint64_t)idx + 1);
	if (s->measured)
		put_usage(&s->used, out);
	if (s->open)
		json_member_bool(out, ",", "open", true);
	put_clean(&s->clean, out);
	put_attributes(t, lists, idx, out);
	strbuf_puts(out, "}}");
}

static void put_event(const struct trace_tree *t, const struct trace_event *e, struct strbuf *out)
{
	/* Outside every span it is shown on the thread of the first one. */
	const struct trace_span *s = e->span_idx != TRACE_NO_SPAN ? &t->spans[e->span_idx] :
		t->n_spans ? &t->spans[0] : NULL;

	json_member_text(out, ",\n{\"ph\":\"i\",\"s\":\"t\",", "name", e->name);
	json_member_text(out, ",", "cat", trace_level_name(e->level));
	put_us(out, ",", "ts", since(e->time_ns, origin_of(t)));
	json_member_u64(out, ",", "pid", s ? s->pid : 0);
	json_member_u64(out, ",", "tid", s ? s->tid : 0);
	json_member_text(out, ",\"args\":{", "level", trace_level_name(e->level));
	json_member_text(out, ",", "message", e->message);
	strbuf_puts(out, "}}");
}

/* Names each process by its outermost span. Few processes take part; a span whose pid is its parent's needs no look. */
static void put_process_names(const struct trace_tree *t, struct strbuf *out)
{
	uint32_t named[64];
	size_t n_named = 0;
	for (size_t i = 0; i < t->n_spans && n_named < sizeof(named) / sizeof(named[0]); i++) {
		const struct trace_span *s = &t->spans[i];
		if (s->parent_idx != TRACE_NO_SPAN && t->spans[s->parent_idx].pid == s->pid)
			continue;
		size_t k = 0;
		while (k < n_named && named[k] != s->pid)
			k++;
		if (k < n_named)
			continue;
		named[n_named++] = s->pid;
		json_member_u64(out, i ? ",\n{\"ph\":\"M\",\"name\":\"process_name\"," :
			"\n{\"ph\":\"M\",\"name\":\"process_name\",", "pid", s->pid);
		json_member_text(out, ",\"args\":{", "name", s->name);
		strbuf_puts(out, "}}");
	}
}

static void put_other_data(const struct trace_tree *t, const struct trace_info *info, struct strbuf *out)
{
	json_member_text(out, "\n],\"displayTimeUnit\":\"ns\",\"otherData\":{", "trace_id", info->trace_id);
	json_member_text(out, ",", "compilation_id", info->compilation_id);
	json_member_text(out, ",", "name", info->name);
	json_member_text(out, ",", "language", info->language);
	json_member_text(out, ",", "stage", info->stage);
	json_member_text(out, ",", "status", info->status);
	json_member_u64(out, ",", "started_unix_us", info->started_unix_ns / 1000);
	json_member_u64(out, ",", "dropped", t->dropped);
	strbuf_puts(out, "}}\n");
}

void format_chrome(const struct trace_tree *tree, const struct trace_info *info, struct strbuf *out)
{
	_cleanup_span_lists_ struct span_lists lists = {0};
	if (span_lists_init(&lists, tree) < 0) {
		out->failed = true;
		return;
	}
	strbuf_puts(out, "{\"traceEvents\":[");
	put_process_names(tree, out);
	for (uint32_t i = 0; i < tree->n_spans; i++)
		put_span(tree, &lists, i, out);
	/* Every element but a process name has a comma before it; a tree without spans has no name, and no event to show. */
	for (size_t i = 0; tree->n_spans && i < tree->n_events; i++)
		put_event(tree, &tree->events[i], out);
	put_other_data(tree, info, out);
}
