/* SPDX-License-Identifier: Apache-2.0 */
/* Time off the CPU: each interval becomes samples of the off-CPU profile, and those of the worker's own thread say for
 * each span how long it was on a CPU, runnable and blocked. A thread changes its span only while it runs; but an interval
 * is as long as the kernel counts it, from the last time that it brought the thread's clocks up to date, and so may begin
 * before a change of span that the thread still made. Each span gets what lies inside it, in the profile and in its times
 * alike. Runs on the assembler's thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/syscall_names.h"
#include "server/compile/assemble_samples.h"

#define OFF_CPU_MODULE "[off-cpu]"

static bool is_workers(const struct sampling *s, uint32_t pid, uint32_t tid)
{
	return pid == tid && s->a->n_runs && pid == (uint32_t)s->a->runs[0].pid;
}

/* ---- the profile ---- */

static void name_wait(const struct analyzer_off_cpu *in, char *text, size_t size)
{
	const char *call = in->syscall >= 0 ? syscall_name((unsigned)in->syscall) : NULL;

	if (in->state == ANALYZER_OFF_STOPPED)
		snprintf(text, size, "[blocked: stopped]");
	else if (in->state == ANALYZER_OFF_UNKNOWN)
		snprintf(text, size, "[blocked: unknown]");
	else if (in->syscall < 0)
		snprintf(text, size, "[blocked: page fault%s]", in->state == ANALYZER_OFF_IO ? ", I/O" : "");
	else if (call)
		snprintf(text, size, "[blocked: %s%s]", call, in->state == ANALYZER_OFF_IO ? ", I/O" : "");
	else
		snprintf(text, size, "[blocked: system call %d]", in->syscall);
}

static const char *name_turn(const struct analyzer_off_cpu *in)
{
	return in->state == ANALYZER_OFF_NEW ? "[runnable: new]" :
	       in->state == ANALYZER_OFF_PREEMPTED ? "[runnable: preempted]" : "[runnable: woken]";
}

/* A sample: blocked or runnable, in one place. */
static int add_wait(struct sampling *s, const struct analyzer_off_cpu *in, const uint64_t *ips, const struct place *at,
	const char *reason, bool runnable, uint64_t from_ns, uint64_t weight_ns)
{
	const struct assembly_run *run = &s->a->runs[at->run];
	bool stackless = in->state == ANALYZER_OFF_NEW, outermost;
	struct profile_sample out = {
		.kind = PROFILE_OFF_CPU,
		.weight_ns = weight_ns,
		.result = in->n_ips || stackless ? in->result : ANALYZER_RESULT_TRUNCATED,
		.pid = in->pid,
		.tid = in->tid,
		.span = at->span,
		.flags = (at->by_id ? 0 : PROFILE_SAMPLE_SPAN_BY_TIME) | (runnable ? PROFILE_SAMPLE_RUNNABLE : 0),
	};
	int64_t leaf = profile_add_frame(s->profile, reason, OFF_CPU_MODULE, NULL, 0);
	int r = leaf < 0 ? (int)leaf : sampling_add_stack(s, ips, in->n_ips, at->program_pid, (uint32_t)leaf, &out.stack,
		&outermost);

	if (r < 0)
		return r;
	if (outermost && out.result == ANALYZER_RESULT_TRUNCATED)
		out.result = ANALYZER_RESULT_COMPLETE;
	else if (stackless)
		out.result = ANALYZER_RESULT_COMPLETE;
	else if (out.result >= ANALYZER_N_RESULTS)
		out.result = ANALYZER_RESULT_TRUNCATED;
	out.time_ns = from_ns > run->start_ns ? from_ns - run->start_ns : 0;
	out.run = s->views[at->run].number;
	return profile_add_sample(s->profile, &out);
}

/* The first moment behind from_ns at which the worker's thread entered or left a span, or else to_ns. */
static uint64_t next_change(const struct trace_tree *t, uint64_t from_ns, uint64_t to_ns)
{
	for (size_t i = 0; t && i < t->n_spans; i++) {
		const struct trace_span *span = &t->spans[i];
		uint64_t end_ns = span->start_ns + span->duration_ns;

		if (!span->begin_published_ns) /* it was told of afterwards: an interval in it need not end there */
			continue;
		if (span->start_ns > from_ns && span->start_ns < to_ns)
			to_ns = span->start_ns;
		if (end_ns > from_ns && end_ns < to_ns)
			to_ns = end_ns;
	}
	return to_ns;
}

static uint64_t later(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns > b_ns ? a_ns : b_ns;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* What lies of an interval between two moments, both in one run and, of the worker's own thread, in one span. */
static int add_part(struct sampling *s, const struct analyzer_off_cpu *in, const uint64_t *ips, uint64_t from_ns,
	uint64_t to_ns)
{
	uint64_t woken_ns = earlier(later(in->woken_ns, from_ns), to_ns);
	/* A thread that is preempted between looking at the clock and publishing its new span waits in the new one, as the
	 * spans' own clocks have it, whatever it still publishes. */
	uint32_t span_state = is_workers(s, in->pid, in->tid) ? ANALYZER_SPAN_UNTOLD : in->span_state;
	struct place at;
	char wait[64];
	int r = sampling_place(s, from_ns, in->pid, in->tid, span_state, in->span_id, false, &at);

	if (r < 0 || at.run == NO_RUN)
		return r;
	if (woken_ns > from_ns) {
		name_wait(in, wait, sizeof(wait));
		r = add_wait(s, in, ips, &at, wait, false, from_ns, woken_ns - from_ns);
	}
	if (r >= 0 && to_ns > woken_ns)
		r = add_wait(s, in, ips, &at, name_turn(in), true, woken_ns, to_ns - woken_ns);
	return r;
}

/* What lies of an interval in that run. */
static int add_interval(struct sampling *s, const struct analyzer_off_cpu *in, const uint64_t *ips, size_t run)
{
	uint64_t from_ns = later(in->time_ns, s->a->runs[run].start_ns), until_ns;
	uint64_t to_ns = earlier(in->on_ns, s->a->runs[run].end_ns);
	bool is_own = is_workers(s, in->pid, in->tid);
	int r = from_ns < to_ns ? sampling_view_run(s, run) : 0;

	for (; r >= 0 && from_ns < to_ns; from_ns = until_ns) {
		until_ns = is_own ? next_change(s->views[run].tree, from_ns, to_ns) : to_ns;
		r = add_part(s, in, ips, from_ns, until_ns);
	}
	return r;
}

/* ---- what is kept of the worker's own thread ---- */

static int grow(void *array, size_t n, size_t *capacity, size_t size)
{
	size_t more = *capacity ? *capacity * 2 : 256;
	void *p;

	if (n < *capacity)
		return 0;
	p = reallocarray(*(void **)array, more, size);
	if (!p)
		return -ENOMEM;
	*(void **)array = p;
	*capacity = more;
	return 0;
}

static int keep_interval(struct sampling *s, const struct analyzer_off_cpu *in)
{
	uint64_t since_ns = s->n_off ? s->off[s->n_off - 1].on_ns : 0;

	if (in->time_ns < since_ns) {
		s->off_broken = true;
		return 0;
	}
	if (grow(&s->off, s->n_off, &s->off_capacity, sizeof(*s->off)) < 0)
		return -ENOMEM;
	s->off[s->n_off++] = (struct off_interval){in->time_ns, in->woken_ns, in->on_ns};
	return 0;
}

int sampling_take_off_cpu(struct sampling *s, const struct analyzer_off_cpu *in, const uint64_t *ips)
{
	int r = 0;

	if (in->time_ns > in->woken_ns || in->woken_ns > in->on_ns) {
		s->off_broken = true;
		return 0;
	}
	if (in->state == ANALYZER_OFF_ENDED)
		return 0;
	if (is_workers(s, in->pid, in->tid))
		r = keep_interval(s, in);
	for (size_t run = sampling_run_at(s, in->time_ns); r >= 0 && run < s->a->n_runs; run++) {
		if (s->a->runs[run].sent_ns >= in->on_ns)
			break;
		if (s->a->runs[run].profiled)
			r = add_interval(s, in, ips, run);
	}
	return r;
}

int sampling_take_stolen(struct sampling *s, const struct analyzer_stolen *in)
{
	uint64_t since_ns = s->n_stolen ? s->stolen[s->n_stolen - 1].to_ns : 0;

	if (!is_workers(s, in->pid, in->tid) || in->to_ns <= in->time_ns || in->time_ns < since_ns)
		return 0;
	if (grow(&s->stolen, s->n_stolen, &s->stolen_capacity, sizeof(*s->stolen)) < 0)
		return -ENOMEM;
	s->stolen[s->n_stolen++] = (struct stolen_time){in->time_ns, in->to_ns, in->stolen_ns};
	return 0;
}

/* ---- the times of spans ---- */

/* Sums of everything before an interval. */
struct sums {
	uint64_t blocked_ns, runnable_ns;
};

struct accounting {
	const struct sampling *s;
	struct sums *before;      /* n_off + 1 of them; owned */
	uint64_t *stolen_before;  /* n_stolen + 1; owned */
};

/* How many intervals began before that moment. */
static size_t count_before(const struct sampling *s, uint64_t time_ns)
{
	size_t low = 0, high = s->n_off;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->off[middle].time_ns < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t part(uint64_t from_ns, uint64_t to_ns, uint64_t until_ns)
{
	return until_ns <= from_ns ? 0 : (until_ns < to_ns ? until_ns : to_ns) - from_ns;
}

/* Blocked and runnable from the beginning until that moment. */
static struct sums sums_until(const struct accounting *x, uint64_t time_ns)
{
	size_t n = count_before(x->s, time_ns);
	struct sums sums = x->before[n ? n - 1 : 0];

	if (n) {
		const struct off_interval *last = &x->s->off[n - 1];

		sums.blocked_ns += part(last->time_ns, last->woken_ns, time_ns);
		sums.runnable_ns += part(last->woken_ns, last->on_ns, time_ns);
	}
	return sums;
}

static uint64_t stolen_until(const struct accounting *x, uint64_t time_ns)
{
	const struct sampling *s = x->s;
	size_t low = 0, high = s->n_stolen;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->stolen[middle].from_ns < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return 0;
	const struct stolen_time *last = &s->stolen[low - 1];
	uint64_t length_ns = last->to_ns - last->from_ns;

	return x->stolen_before[low - 1] +
	       (uint64_t)((double)last->ns * (double)part(last->from_ns, last->to_ns, time_ns) / (double)length_ns);
}

static void add_span_times(const struct accounting *x, const struct trace_span *from, struct trace_profiled *to)
{
	uint64_t end_ns = from->start_ns + from->duration_ns;
	struct sums begin = sums_until(x, from->start_ns), end = sums_until(x, end_ns);
	uint64_t blocked_ns = end.blocked_ns - begin.blocked_ns, runnable_ns = end.runnable_ns - begin.runnable_ns;

	to->n_runs++;
	to->n_switches += (uint32_t)(count_before(x->s, end_ns) - count_before(x->s, from->start_ns));
	to->wall_ns += from->duration_ns;
	to->blocked_ns += blocked_ns;
	to->runnable_ns += runnable_ns;
	to->on_cpu_ns += from->duration_ns - blocked_ns - runnable_ns;
	to->stolen_ns += stolen_until(x, end_ns) - stolen_until(x, from->start_ns);
	to->cpu_clock_ns += from->used.cpu_ns;
}

static int add_run_times(struct sampling *s, const struct accounting *x, size_t run)
{
	const struct run_view *v = &s->views[run];
	int r = sampling_view_run(s, run);

	if (r < 0 || !v->tree || !v->to_shown)
		return r;
	for (size_t i = 0; i < v->tree->n_spans; i++) {
		const struct trace_span *from = &v->tree->spans[i];
		struct trace_span *to;

		/* What was told of afterwards ran elsewhere; a span that the shown run lacks is matched with an ancestor. */
		if (!from->begin_published_ns || v->to_shown[i] == TRACE_NO_SPAN)
			continue;
		to = &s->tree->spans[s->run_root + v->to_shown[i]];
		if (strcmp(from->name, to->name) == 0)
			add_span_times(x, from, &to->profiled);
	}
	return 0;
}

int sampling_tell_times(struct sampling *s)
{
	_cleanup_free_ struct sums *before = calloc(s->n_off + 1, sizeof(*before));
	_cleanup_free_ uint64_t *stolen_before = calloc(s->n_stolen + 1, sizeof(*stolen_before));
	struct accounting x = {s, before, stolen_before};
	int r = before && stolen_before ? 0 : -ENOMEM;

	/* The worker's thread left its CPU once at least, when it had sent its answer: without any interval none were told. */
	if (r < 0 || s->off_broken || !s->n_off || s->a->outcome.analyzer.counters.lost_intervals)
		return r;
	for (size_t i = 0; i < s->n_off; i++)
		before[i + 1] = (struct sums){
			before[i].blocked_ns + s->off[i].woken_ns - s->off[i].time_ns,
			before[i].runnable_ns + s->off[i].on_ns - s->off[i].woken_ns,
		};
	for (size_t i = 0; i < s->n_stolen; i++)
		stolen_before[i + 1] = stolen_before[i] + s->stolen[i].ns;
	for (size_t i = 0; i < s->a->n_runs && r >= 0 && s->run_root != TRACE_NO_SPAN; i++)
		if (s->a->runs[i].profiled)
			r = add_run_times(s, &x, i);
	return r;
}
