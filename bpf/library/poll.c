/* SPDX-License-Identifier: Apache-2.0 */
/* Records to callbacks, names, and counts. The thread that uses the analyzer. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/library/private.h"
#include "bpf/registration.h"

static_assert((int)SPVSCOPE_STACK_ENDS == (int)ANALYZER_N_RESULTS, "the same numbers");
static_assert((int)SPVSCOPE_STACK_FRAME_POINTERS == (int)ANALYZER_RESULT_TRUNCATED, "the same numbers");
static_assert((int)SPVSCOPE_STACK_TOO_DEEP == (int)ANALYZER_RESULT_TOO_DEEP, "the same numbers");
static_assert((int)SPVSCOPE_STACK_BAD_READ == (int)ANALYZER_RESULT_BAD_READ, "the same numbers");
static_assert((int)SPVSCOPE_STACK_NO_MAPPING == (int)ANALYZER_RESULT_NO_MAPPING, "the same numbers");
static_assert((int)SPVSCOPE_STACK_NO_ROW == (int)ANALYZER_RESULT_NO_ROW, "the same numbers");
static_assert((int)SPVSCOPE_STACK_UNSUPPORTED == (int)ANALYZER_RESULT_UNSUPPORTED, "the same numbers");
static_assert((int)SPVSCOPE_STACK_ANONYMOUS == (int)ANALYZER_RESULT_ANONYMOUS, "the same numbers");
static_assert((int)SPVSCOPE_STACK_BROKEN == (int)ANALYZER_RESULT_BROKEN, "the same numbers");
static_assert((int)SPVSCOPE_STACK_NO_TABLE == (int)ANALYZER_RESULT_NO_TABLE, "the same numbers");
static_assert((int)SPVSCOPE_STACK_LOCKED == (int)ANALYZER_RESULT_LOCKED, "the same numbers");
static_assert(SPVSCOPE_SAMPLE_IN_KERNEL == ANALYZER_SAMPLE_IN_KERNEL, "the same bit");
static_assert((int)SPVSCOPE_OFF_IO == (int)ANALYZER_OFF_IO && (int)SPVSCOPE_OFF_NEW == (int)ANALYZER_OFF_NEW &&
	(int)SPVSCOPE_OFF_STATES == (int)ANALYZER_OFF_ENDED, "the same numbers");
static_assert(SPVSCOPE_OFF_CUT_AFTER == ANALYZER_OFF_CUT_AFTER && SPVSCOPE_OFF_NO_STACK == ANALYZER_OFF_NO_STACK,
	"the same bits");
static_assert(ANALYZER_N_RESULTS <= ARRAY_SIZE(((struct spvscope_statistics *)0)->ends), "each has its counter");

static void give_sample(struct spvscope_attachment *at, const struct analyzer_sample *from,
	const struct spvscope_callbacks *c)
{
	struct spvscope_sample sample = {
		.size = sizeof(sample),
		.time_ns = from->time_ns,
		.pid = from->pid,
		.tid = from->tid,
		.end = from->result,
		.flags = from->flags,
		.n_ips = from->n_ips,
		.ips = from->ips,
	};

	at->counted.samples++;
	at->counted.ends[sample.end]++;
	if (c->sample)
		c->sample(c->arg, &sample);
}

static void give_event(struct spvscope_attachment *at, const struct analyzer_event *from,
	const struct spvscope_callbacks *c)
{
	struct spvscope_event event = {
		.size = sizeof(event),
		.time_ns = from->time_ns,
		.pid = from->pid,
		.tid = from->tid,
		.kind = from->kind,
		.n_ips = from->n_ips,
		.ips = from->ips,
		.name = from->name,
		.text = from->text,
	};

	at->counted.events++;
	if (c->event)
		c->event(c->arg, &event);
}

static void give_off_cpu(struct spvscope_attachment *at, const struct analyzer_off_cpu *from,
	const struct spvscope_callbacks *c)
{
	struct spvscope_off_cpu off = {
		.size = sizeof(off),
		.start_ns = from->time_ns,
		.woken_ns = from->woken_ns,
		.end_ns = from->on_ns,
		.pid = from->pid,
		.tid = from->tid,
		.state = from->state,
		.flags = from->flags,
		.syscall = from->syscall,
		.end = from->result,
		.n_ips = from->n_ips,
		.ips = from->ips,
	};

	at->counted.intervals++;
	if (c->off_cpu)
		c->off_cpu(c->arg, &off);
}

/* Hands a record over; false where it is only counted, by others. */
static bool give(struct spvscope_attachment *at, const struct analyzer_record *record, const struct spvscope_callbacks *c)
{
	switch (record->type) {
	case ANALYZER_RECORD_SAMPLE:
		give_sample(at, (const struct analyzer_sample *)record, c);
		return true;
	case ANALYZER_RECORD_EVENT:
		give_event(at, (const struct analyzer_event *)record, c);
		return true;
	case ANALYZER_RECORD_OFF_CPU:
		if (((const struct analyzer_off_cpu *)record)->state == ANALYZER_OFF_ENDED)
			return false; /* the end of a thread, and no time */
		give_off_cpu(at, (const struct analyzer_off_cpu *)record, c);
		return true;
	default:
		return false;
	}
}

static const struct analyzer_record *next_record(const char *data, size_t len, size_t *at)
{
	const struct analyzer_record *record = (const struct analyzer_record *)(data + *at);

	if (*at >= len)
		return NULL;
	*at += record->size;
	return record;
}

/* Every record begins so. */
struct timed_record {
	struct analyzer_record head;
	uint64_t time_ns;
};
static_assert(offsetof(struct analyzer_sample, time_ns) == offsetof(struct timed_record, time_ns), "layout");
static_assert(offsetof(struct analyzer_mapping, time_ns) == offsetof(struct timed_record, time_ns), "layout");

/* What a process has mapped is told in the middle of the record that first wants it, and so a little later than that. */
#define TOLD_WITHIN_NS NS_PER_MS

struct records {
	const char *data;
	size_t len;
	size_t mappings_at; /* mappings are taken up to there */
};

/* Takes the mappings that are of use for a record of that time. 0 or -ENOMEM. */
static int take_mappings(struct spvscope_attachment *at, struct records *records, uint64_t time_ns)
{
	int r = 0;

	for (size_t i = records->mappings_at; r >= 0;) {
		const struct analyzer_record *record = next_record(records->data, records->len, &i);
		if (!record || ((const struct timed_record *)record)->time_ns > time_ns + TOLD_WITHIN_NS)
			break;
		if (record->type == ANALYZER_RECORD_MAPPING)
			r = names_take(&at->names, (const struct analyzer_mapping *)record);
		records->mappings_at = i;
	}
	return r;
}

/* How many were handed over, or -ENOMEM. */
static int give_all(struct spvscope_attachment *at, const struct spvscope_callbacks *c)
{
	const struct analyzer_record *record;
	_cleanup_free_ char *data = NULL;
	struct records records;
	size_t len = 0;
	int n = 0, r = session_take(at->analyzer->sessions, at->session, &data, &len);

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	records = (struct records){.data = data, .len = len};
	for (size_t i = 0; r >= 0 && (record = next_record(data, len, &i));) {
		r = take_mappings(at, &records, ((const struct timed_record *)record)->time_ns);
		n += give(at, record, c);
	}
	return r < 0 ? r : n;
}

/* Sleeps until it is time to look again or the process has ended. */
static void wait_a_while(struct spvscope_attachment *at, int due_ms, int left_ms)
{
	struct pollfd p = {.fd = at->pidfd, .events = POLLIN};
	int ms = due_ms < 0 ? left_ms : left_ms < 0 || due_ms < left_ms ? due_ms : left_ms;

	poll(&p, 1, ms);
}

int spvscope_attachment_poll(struct spvscope_attachment *at, const struct spvscope_callbacks *callbacks, int timeout_ms)
{
	struct spvscope_callbacks c = {0};
	uint64_t start_ns = clock_now_ns();
	int r = at ? library_take_opts(&c, sizeof(c), callbacks) : -EINVAL;

	if (r < 0)
		return r;
	for (;;) {
		bool ended = !pidfd_is_alive(at->pidfd); /* before the look: what comes before the end is not missed */
		uint64_t passed_ms = (clock_now_ns() - start_ns) / NS_PER_MS;
		int due_ms = sessions_tend(at->analyzer->sessions);
		r = give_all(at, &c);
		if (r != 0)
			return r;
		if (ended)
			return -ENODATA;
		if (timeout_ms >= 0 && passed_ms >= (uint64_t)timeout_ms)
			return 0;
		wait_a_while(at, due_ms, timeout_ms < 0 ? -1 : timeout_ms - (int)passed_ms);
	}
}

int spvscope_attachment_symbolize(struct spvscope_attachment *at, uint32_t pid, uint64_t address, uint32_t index,
	struct spvscope_symbol *ret)
{
	struct spvscope_symbol symbol = {0};
	struct symbol found;
	int r = at && ret ? names_find(&at->names, pid, address, index > 0, &found) : -EINVAL;

	if (r < 0)
		return r;
	symbol.function = found.named ? found.name : NULL;
	symbol.module = found.module;
	symbol.offset = found.offset;
	symbol.file = found.file;
	symbol.line = found.line;
	symbol.outermost = found.outermost;
	return library_give_struct(ret, &symbol, sizeof(symbol));
}

int spvscope_attachment_statistics(struct spvscope_attachment *at, struct spvscope_statistics *ret)
{
	struct analyzer_counters counters;
	struct spvscope_statistics s;
	int r = at && ret ? session_counters(at->analyzer->sessions, at->session, &counters) : -EINVAL;

	if (r < 0)
		return r;
	s = at->counted;
	s.on_cpu_ns = counters.on_cpu_ns;
	s.stolen_ns = counters.stolen_ns;
	s.runnable_ns = counters.runnable_ns;
	s.blocked_ns = counters.blocked_ns;
	s.expected = counters.expected;
	s.complete = s.ends[SPVSCOPE_STACK_COMPLETE];
	s.truncated = s.samples - s.complete;
	s.lost = counters.lost;
	s.lost_events = counters.lost_events;
	s.lost_intervals = counters.lost_intervals;
	s.forks = counters.forks;
	s.lost_forks = counters.lost_forks;
	s.overlap_ns = counters.debug_overlap_ns;
	return library_give_struct(ret, &s, sizeof(s));
}
