/* SPDX-License-Identifier: Apache-2.0 */
/* Which span a record of the analyzer belongs to. The worker publishes its active span, and the analyzer read it when it
 * made the record; where it could not, both clocks are the same and the time decides. Each record of the worker's own
 * thread is held to both: they may differ only between the two readings of the clock around a change of span. Runs on
 * the assembler's thread. */
#include <errno.h>
#include <stdlib.h>

#include "server/compile/assemble_samples.h"

size_t sampling_run_at(struct sampling *s, uint64_t time_ns)
{
	const struct assembly *a = s->a;
	size_t best = NO_RUN;

	if (s->run != NO_RUN && time_ns >= a->runs[s->run].sent_ns && time_ns <= a->runs[s->run].received_ns)
		return s->run;
	for (size_t i = 0; i < a->n_runs; i++) {
		if (!a->runs[i].profiled)
			continue;
		if (best != NO_RUN && time_ns < a->runs[i].sent_ns)
			break;
		best = i;
	}
	return s->run = best;
}

/* By the low half of its number: a request's runs are numbered upwards, and fewer than that. */
static size_t run_of_number(struct sampling *s, uint32_t number)
{
	const struct assembly *a = s->a;
	size_t low = 0, high = a->n_runs;
	uint32_t wanted;

	if (s->run != NO_RUN && (uint32_t)a->runs[s->run].run_id == number)
		return s->run;
	if (!a->n_runs)
		return NO_RUN;
	wanted = number - (uint32_t)a->runs[0].run_id;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((uint32_t)a->runs[middle].run_id - (uint32_t)a->runs[0].run_id < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == a->n_runs || (uint32_t)a->runs[low].run_id != number || !a->runs[low].profiled)
		return NO_RUN;
	return s->run = low;
}

int sampling_view_run(struct sampling *s, size_t run)
{
	const struct assembly_run *r = &s->a->runs[run];
	const struct assembly_run *shown_run = &s->a->runs[s->representative];
	struct run_view *v = &s->views[run];
	struct trace_tree *shown;
	int error;

	if (v->tried)
		return 0;
	v->tried = true;
	if (!r->log || s->run_root == TRACE_NO_SPAN)
		return 0;
	if (trace_tree_read(r->log, r->log_size, r->run_id, r->received_ns, &v->tree) < 0) {
		v->tree = NULL;
		return 0;
	}
	v->to_shown = calloc(v->tree->n_spans + 1, sizeof(*v->to_shown));
	if (!v->to_shown)
		return -ENOMEM;
	if (run == s->representative) {
		for (size_t i = 0; i < v->tree->n_spans; i++)
			v->to_shown[i] = (uint32_t)i;
		return 0;
	}
	error = trace_tree_read(shown_run->log, shown_run->log_size, shown_run->run_id, shown_run->received_ns, &shown);
	if (error < 0)
		return error;
	error = trace_tree_match(v->tree, shown, v->to_shown);
	trace_tree_free(shown);
	return error;
}

/* The span that was published then, going by the log: what was told of afterwards never was. */
static uint32_t published_at(const struct trace_tree *t, uint32_t span)
{
	while (span != TRACE_NO_SPAN && !t->spans[span].begin_published_ns)
		span = t->spans[span].parent_idx;
	return span;
}

/* Inside the active span, the innermost one that was told of afterwards. */
static uint32_t refine(const struct trace_tree *t, uint32_t active, uint64_t time_ns)
{
	uint32_t innermost = trace_tree_innermost(t, active, time_ns), found = innermost;

	if (innermost == TRACE_NO_SPAN)
		return active;
	for (uint32_t at = innermost; at != active; at = t->spans[at].parent_idx)
		if (t->spans[at].begin_published_ns)
			found = t->spans[at].parent_idx;
	return found;
}

/* Lies the moment between two readings of the clock around a change from or to that span? */
static bool is_at_change_of(const struct trace_tree *t, uint32_t span, uint64_t time_ns)
{
	const struct trace_span *s = span == TRACE_NO_SPAN ? NULL : &t->spans[span];

	if (!s)
		return false;
	return (time_ns >= s->start_ns && time_ns - s->start_ns <= s->begin_published_ns) ||
	       (time_ns >= s->start_ns + s->duration_ns && time_ns - (s->start_ns + s->duration_ns) <= s->end_published_ns);
}

static void compare(struct sampling *s, const struct trace_tree *t, uint32_t said, uint64_t time_ns)
{
	uint32_t by_time = published_at(t, trace_tree_innermost(t, TRACE_NO_SPAN, time_ns));

	if (is_at_change_of(t, said, time_ns) || is_at_change_of(t, by_time, time_ns))
		s->joins.at_change++;
	else if (by_time != said)
		s->joins.disagreeing++;
}

/* The span that the record names, if there is one like that; *ret_run and *ret_local. */
static int believe(struct sampling *s, const struct place *by_time, bool is_worker, uint32_t span_state,
	uint64_t span_id, struct place *ret)
{
	bool is_active = span_state == ANALYZER_SPAN_ACTIVE;
	size_t run = is_active ? run_of_number(s, (uint32_t)(span_id >> 32)) : by_time->run;
	uint32_t local = is_active ? (uint32_t)span_id - 1 : TRACE_NO_SPAN; /* ids count from one */
	int r;

	/* Of another program, which a worker's child has become, nothing is known about its thread-local variables. */
	if ((!is_active && (span_state != ANALYZER_SPAN_NONE || !is_worker)) || run == NO_RUN)
		return 0;
	r = sampling_view_run(s, run);
	if (r < 0 || !s->views[run].tree || (is_active && local >= s->views[run].tree->n_spans))
		return r;
	*ret = (struct place){.run = run, .local = local, .by_id = true};
	return 0;
}

int sampling_place(struct sampling *s, uint64_t time_ns, uint32_t pid, uint32_t tid, uint32_t span_state,
	uint64_t span_id, bool counted, struct place *ret)
{
	struct place at = {.run = sampling_run_at(s, time_ns), .local = TRACE_NO_SPAN};
	bool is_worker = at.run != NO_RUN && tid == pid && pid == (uint32_t)s->a->runs[at.run].pid;
	const struct run_view *v;
	int r = believe(s, &at, is_worker, span_state, span_id, &at);

	/* The analyzer looks for a published span until a process becomes another program. */
	at.program_pid = is_worker || span_state == ANALYZER_SPAN_ACTIVE || span_state == ANALYZER_SPAN_NONE ? 0 : pid;

	if (r >= 0 && at.run != NO_RUN)
		r = sampling_view_run(s, at.run);
	if (r < 0)
		return r;
	v = at.run != NO_RUN ? &s->views[at.run] : NULL;
	if (counted && at.by_id)
		s->joins.by_id++;
	else if (counted)
		s->joins.by_time++;
	if (counted && span_state == ANALYZER_SPAN_UNREADABLE)
		s->joins.unreadable++;
	if (v && v->tree && at.by_id) {
		if (counted && is_worker)
			compare(s, v->tree, at.local, time_ns);
		if (at.local != TRACE_NO_SPAN)
			at.local = refine(v->tree, at.local, time_ns);
	} else if (v && v->tree) {
		at.local = trace_tree_innermost(v->tree, TRACE_NO_SPAN, time_ns);
	}
	at.span = PROFILE_NO_SPAN;
	if (v && v->tree && v->to_shown && at.local != TRACE_NO_SPAN && v->to_shown[at.local] != TRACE_NO_SPAN)
		at.span = s->run_root + v->to_shown[at.local];
	*ret = at;
	return 0;
}
