/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs what threads do with their CPUs into intervals. Analyzer process, main thread. */
#include "bpf/off_cpu.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static_assert((int)RING_OFF_PREEMPTED == (int)ANALYZER_OFF_PREEMPTED && (int)RING_OFF_IO == (int)ANALYZER_OFF_IO &&
	(int)RING_OFF_ENDED == (int)ANALYZER_OFF_ENDED && (int)RING_OFF_ENDED + 1 == (int)ANALYZER_N_OFF_STATES,
	"one meaning on both sides");

struct open_interval {
	uint32_t tid;
	struct analyzer_off_cpu *record; /* owned; on_ns and woken_ns are not known yet */
};

static void drop(struct off_cpu *o, size_t i)
{
	free(o->open[i].record);
	o->open[i] = o->open[--o->n_open];
}

void off_cpu_done(struct off_cpu *o)
{
	while (o->n_open)
		drop(o, o->n_open - 1);
	free(o->open);
	*o = (struct off_cpu){0};
}

void off_cpu_begin(struct off_cpu *o, uint64_t time_ns)
{
	o->running = true;
	o->run_begin_ns = time_ns;
}

static size_t find(const struct off_cpu *o, uint32_t tid)
{
	size_t i = 0;

	while (i < o->n_open && o->open[i].tid != tid)
		i++;
	return i;
}

/* Puts a whole interval among the records. */
static void hand_over(struct off_cpu *o, struct gather *g, const struct analyzer_off_cpu *interval)
{
	struct analyzer_off_cpu *to = gather_append(g, ANALYZER_RECORD_OFF_CPU, sizeof(*to), interval->n_ips,
		interval->time_ns);

	if (!to) {
		o->n_refused++;
		return;
	}
	memcpy((char *)to + sizeof(to->head), (const char *)interval + sizeof(interval->head),
		to->head.size - sizeof(to->head));
	o->blocked_ns += interval->woken_ns - interval->time_ns;
	o->runnable_ns += interval->on_ns - interval->woken_ns;
	o->n_intervals++;
}

static bool grow(struct off_cpu *o)
{
	size_t capacity = o->capacity ? o->capacity * 2 : 16;
	struct open_interval *open;

	if (o->n_open < o->capacity)
		return true;
	open = reallocarray(o->open, capacity, sizeof(*open));
	if (!open)
		return false;
	o->open = open;
	o->capacity = capacity;
	return true;
}

static void keep_open(struct off_cpu *o, const struct analyzer_off_cpu *head, const void *ips)
{
	size_t ips_bytes = head->n_ips * sizeof(head->ips[0]);
	struct analyzer_off_cpu *record = grow(o) ? malloc(sizeof(*head) + ips_bytes) : NULL;

	if (!record) {
		o->n_refused++;
		return;
	}
	*record = *head;
	memcpy(record->ips, ips, ips_bytes);
	o->open[o->n_open++] = (struct open_interval){.tid = head->tid, .record = record};
}

void off_cpu_left(struct off_cpu *o, struct gather *g, const struct ring_off *from, enum analyzer_result result)
{
	struct analyzer_off_cpu interval = {
		.time_ns = from->head.time_ns,
		.pid = from->head.pid,
		.tid = from->head.tid,
		.state = (uint16_t)from->state,
		.syscall = from->syscall < 0 ? -1 : from->syscall,
		.result = (uint16_t)result,
		.n_ips = from->head.n_ips,
		.span_id = from->head.span_id,
		.span_state = from->head.span_state,
	};
	size_t i = find(o, from->head.tid);

	if (!o->running || from->head.time_ns < o->run_begin_ns)
		return;
	if (i < o->n_open)
		drop(o, i); /* when it came back found no room in the ring, and is counted there */
	if (from->state == RING_OFF_ENDED) {
		interval.woken_ns = interval.on_ns = interval.time_ns;
		interval.n_ips = 0;
		hand_over(o, g, &interval);
	} else {
		keep_open(o, &interval, from->ips);
	}
}

/* Since when a thread that came back had waited. The kernel's own rounding may say a little before it left. */
static uint64_t woken_ns(const struct ring_on *from, uint64_t off_ns)
{
	return from->state == RING_OFF_PREEMPTED || from->woken_ns < off_ns ? off_ns : from->woken_ns;
}

/* Of a thread whose leaving was not told: before the run, or without room in the ring. */
static void came_back_alone(struct off_cpu *o, struct gather *g, const struct ring_on *from)
{
	bool before = from->off_ns < o->run_begin_ns;
	struct analyzer_off_cpu interval = {
		.time_ns = before ? o->run_begin_ns : from->off_ns,
		.pid = from->head.pid,
		.tid = from->head.tid,
		.on_ns = from->head.time_ns,
		.state = (uint16_t)from->state,
		.syscall = from->syscall < 0 ? -1 : from->syscall,
		.flags = before ? ANALYZER_OFF_CUT_BEFORE : from->state == RING_OFF_NEW ? 0 : ANALYZER_OFF_NO_STACK,
	};

	interval.woken_ns = woken_ns(from, interval.time_ns);
	hand_over(o, g, &interval);
}

void off_cpu_came_back(struct off_cpu *o, struct gather *g, const struct ring_on *from)
{
	size_t i = find(o, from->head.tid);

	if (!o->running || from->head.time_ns <= o->run_begin_ns)
		return;
	if (i < o->n_open && o->open[i].record->time_ns == from->off_ns) {
		struct analyzer_off_cpu *interval = o->open[i].record;

		interval->on_ns = from->head.time_ns;
		interval->woken_ns = woken_ns(from, interval->time_ns);
		hand_over(o, g, interval);
	} else {
		came_back_alone(o, g, from);
	}
	if (i < o->n_open)
		drop(o, i);
}

void off_cpu_end(struct off_cpu *o, struct gather *g, uint64_t time_ns)
{
	while (o->n_open) {
		struct analyzer_off_cpu *interval = o->open[o->n_open - 1].record;

		interval->on_ns = interval->time_ns > time_ns ? interval->time_ns : time_ns;
		interval->woken_ns = interval->state == ANALYZER_OFF_PREEMPTED ? interval->time_ns : interval->on_ns;
		interval->flags |= ANALYZER_OFF_CUT_AFTER;
		hand_over(o, g, interval);
		drop(o, o->n_open - 1);
	}
	o->running = false;
}

void off_cpu_stolen(struct off_cpu *o, struct gather *g, const struct ring_stolen *from)
{
	uint64_t from_ns = from->from_ns, to_ns = from->head.time_ns, stolen_ns = from->stolen_ns;
	struct analyzer_stolen *to;

	if (!o->running || to_ns <= o->run_begin_ns)
		return;
	if (stolen_ns > to_ns - from_ns)
		stolen_ns = to_ns - from_ns;
	if (from_ns < o->run_begin_ns) { /* where it lies in that time is not known: as much of it as of the time */
		stolen_ns = (uint64_t)((double)stolen_ns * (double)(to_ns - o->run_begin_ns) / (double)(to_ns - from_ns));
		from_ns = o->run_begin_ns;
	}
	to = gather_append(g, ANALYZER_RECORD_STOLEN, sizeof(*to), 0, from_ns);
	if (!to) {
		o->n_refused++;
		return;
	}
	to->pid = from->head.pid;
	to->tid = from->head.tid;
	to->to_ns = to_ns;
	to->stolen_ns = stolen_ns;
	o->stolen_ns += stolen_ns;
}
