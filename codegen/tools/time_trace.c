/* SPDX-License-Identifier: Apache-2.0 */
/* clang's time trace (LLVM's TimeProfiler, in the trace event format of Chrome) into spans. Its clock is steady and counts
 * microseconds from a moment that it tells as time of day; the host tells how far that is from CLOCK_MONOTONIC. The text
 * comes from a program that worked on a hostile source. Runs in workers, on the compiling thread. */
#include "codegen/tools/time_trace.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define MAX_JSON_BYTES (16u << 20)
#define MAX_EVENTS     50000
#define MAX_DEPTH      100

struct event {
	uint64_t from_ns, to_ns;
	const char *name, *detail; /* the JSON's; detail may be NULL */
};


/* From early to late, the longer first, so that a parent stands before its children. */
static int compare(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->from_ns != y->from_ns)
		return x->from_ns < y->from_ns ? -1 : 1;
	return x->to_ns == y->to_ns ? 0 : x->to_ns > y->to_ns ? -1 : 1;
}

static uint64_t clamp(uint64_t lo, uint64_t hi, uint64_t v)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* Sums per name stand behind the events, as such of threads of their own. */
static bool take_event(json_t *j, uint64_t base_ns, const struct tool_answer *a, struct event *ret)
{
	const char *ph = json_string_value(json_object_get(j, "ph"));
	json_int_t ts = json_integer_value(json_object_get(j, "ts")), dur = json_integer_value(json_object_get(j, "dur"));

	ret->name = json_string_value(json_object_get(j, "name"));
	ret->detail = json_string_value(json_object_get(json_object_get(j, "args"), "detail"));
	if (!ph || strcmp(ph, "X") != 0 || !ret->name || strncmp(ret->name, "Total ", 6) == 0)
		return false;
	if (ts < 0 || dur < 0 || ts > INT64_MAX / 2000 || dur > INT64_MAX / 2000)
		return false;
	ret->from_ns = clamp(a->exec_ns, a->exit_ns, base_ns + (uint64_t)ts * NS_PER_US);
	ret->to_ns = clamp(ret->from_ns, a->exit_ns, base_ns + (uint64_t)(ts + dur) * NS_PER_US);
	return true;
}

static int take_events(json_t *root, const struct tool_answer *a, struct event **ret, size_t *ret_n)
{
	json_t *list = json_object_get(root, "traceEvents"), *j;
	json_int_t beginning_us = json_integer_value(json_object_get(root, "beginningOfTime"));
	uint64_t base_ns = (uint64_t)beginning_us * NS_PER_US - a->realtime_offset_ns;
	size_t n = json_array_size(list), i;

	*ret_n = 0;
	if (n > MAX_EVENTS)
		n = MAX_EVENTS;
	*ret = calloc(n ? n : 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	json_array_foreach (list, i, j)
		if (i < n && take_event(j, base_ns, a, &(*ret)[*ret_n]))
			++*ret_n;
	qsort(*ret, *ret_n, sizeof(**ret), compare);
	return 0;
}

/* "CodeGen Function" is codegen::tool::clang::CodeGen-Function. */
static void put_name(char *out, size_t size, const char *prefix, const char *name)
{
	int n = snprintf(out, size, "%s::", prefix);

	for (size_t at = n < 0 ? 0 : (size_t)n; at + 1 < size; at++, name++) {
		out[at] = *name == '\0' || isalnum((unsigned char)*name) || *name == '_' ? *name : '-';
		out[at + 1] = '\0';
		if (*name == '\0')
			return;
	}
}

struct open_span {
	uint32_t span;
	uint64_t to_ns;
};

static void close_until(const struct spvscope_tracer *t, struct open_span *open, size_t *depth, uint64_t from_ns)
{
	while (*depth > 0 && open[*depth - 1].to_ns <= from_ns) {
		--*depth;
		if (open[*depth].span)
			t->end_at(t->ctx, open[*depth].span, &(struct spvscope_usage){.now_ns = open[*depth].to_ns});
	}
}

static void tell(const struct spvscope_tracer *t, const struct event *events, size_t n, const char *prefix)
{
	struct open_span open[MAX_DEPTH];
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		const struct event *e = &events[i];
		struct spvscope_usage at = {.now_ns = e->from_ns};
		char name[SPVSCOPE_SPAN_NAME_MAX + 1];

		close_until(t, open, &depth, e->from_ns);
		if (depth == MAX_DEPTH)
			continue;
		put_name(name, sizeof(name), prefix, e->name);
		open[depth].to_ns = e->to_ns;
		/* Microseconds are rounded: a child may seem to outlive its parent. */
		if (depth > 0 && open[depth - 1].to_ns < e->to_ns)
			open[depth].to_ns = open[depth - 1].to_ns;
		open[depth].span = t->begin_at(t->ctx, SPVSCOPE_LEVEL_DEBUG, name, &at);
		if (open[depth].span && e->detail)
			t->attr_str(t->ctx, open[depth].span, "detail", e->detail, strlen(e->detail));
		depth++;
	}
	close_until(t, open, &depth, UINT64_MAX);
}

/* From exec to the first event: the dynamic linker's work, which is half of a small compile. */
static void tell_loading(const struct spvscope_tracer *t, const struct tool_answer *a, uint64_t until_ns, const char *prefix)
{
	char name[SPVSCOPE_SPAN_NAME_MAX + 1];

	put_name(name, sizeof(name), prefix, "load");
	uint32_t span = t->begin_at(t->ctx, SPVSCOPE_LEVEL_DEBUG, name, &(struct spvscope_usage){.now_ns = a->exec_ns});
	if (span)
		t->end_at(t->ctx, span, &(struct spvscope_usage){.now_ns = until_ns});
}

int time_trace_tell(struct codegen_run *run, const struct tool_answer *a, const char *prefix, const char *json, size_t size)
{
	const struct spvscope_tracer *t = run->tracer;
	_cleanup_free_ struct event *events = NULL;
	size_t n;

	if (!t || size == 0 || size > MAX_JSON_BYTES)
		return 0;
	_cleanup_(json_decrefp) json_t *root = json_loadb(json, size, 0, NULL);
	if (!json_is_object(root))
		return 0;
	int r = take_events(root, a, &events, &n);
	if (r >= 0 && n > 0) {
		tell_loading(t, a, events[0].from_ns, prefix);
		tell(t, events, n, prefix);
	}
	return r;
}
