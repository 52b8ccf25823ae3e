/* SPDX-License-Identifier: Apache-2.0 */
/* Names and spans for what the analyzer handed over: samples become a profile, debug events a log, intervals off the CPU
 * both a profile and the times of spans. The hand-over is read with the same distrust as anything that came by socket.
 * Runs on the assembler's thread. */
#include "server/compile/assemble_samples.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static uint64_t since(uint64_t from_ns, uint64_t time_ns)
{
	return time_ns > from_ns ? time_ns - from_ns : 0;
}

static int take_sample(struct sampling *s, const struct analyzer_sample *in, const uint64_t *ips)
{
	struct profile_sample out = {
		.flags = in->flags & ANALYZER_SAMPLE_IN_KERNEL,
		.result = in->result,
		.pid = in->pid,
		.tid = in->tid,
	};
	bool in_kernel = in->flags & ANALYZER_SAMPLE_IN_KERNEL || !in->n_ips, outermost;
	struct place at;
	int r = sampling_place(s, in->time_ns, in->pid, in->tid, in->span_state, in->span_id, true, &at);

	if (r < 0 || at.run == NO_RUN)
		return r;
	r = sampling_add_stack(s, ips, in->n_ips, at.program_pid, in_kernel ? s->kernel_frame : UINT32_MAX, &out.stack,
		&outermost);
	if (r < 0)
		return r;
	/* Where there were no unwind tables, the symbols alone can tell. */
	if (outermost && out.result == ANALYZER_RESULT_TRUNCATED)
		out.result = ANALYZER_RESULT_COMPLETE;
	else if (out.result >= ANALYZER_N_RESULTS)
		out.result = ANALYZER_RESULT_TRUNCATED;
	s->n_results[out.result]++;
	out.time_ns = since(s->a->runs[at.run].start_ns, in->time_ns);
	out.span = at.span;
	out.run = s->views[at.run].number;
	if (!at.by_id)
		out.flags |= PROFILE_SAMPLE_SPAN_BY_TIME;
	return profile_add_sample(s->profile, &out);
}

/* Room for the addresses that it says it has. */
static bool has_ips(const struct analyzer_record *head, size_t head_bytes, uint32_t n_ips)
{
	return n_ips <= (head->size - head_bytes) / sizeof(uint64_t);
}

/* How much a death says, of several. What is ended with others, or for its time, gets SIGKILL: then that of a tool's program
 * tells more than that of the worker, which waits for it, and both more than that of the tool's host. */
static unsigned death_rank(const struct sampling *s, const struct analyzer_death *in)
{
	bool is_worker = s->a->n_runs && in->pid == (uint32_t)s->a->runs[0].pid;
	bool is_fork = in->span_state == ANALYZER_SPAN_ACTIVE || in->span_state == ANALYZER_SPAN_NONE;

	return (in->signal != SIGKILL ? 4 : 0) + (is_worker ? 1 : is_fork ? 0 : 2);
}

static int take_death(struct sampling *s, const struct analyzer_death *in)
{
	if (!s->death || death_rank(s, in) > death_rank(s, s->death))
		s->death = in;
	return 0;
}

/* At the end, since what a process has mapped may be told behind its death. */
static int tell_death(struct sampling *s)
{
	const struct analyzer_death *in = s->death;
	bool outermost;
	struct place at;
	int r;

	if (!in)
		return 0;
	r = sampling_place(s, in->time_ns, in->pid, in->tid, in->span_state, in->span_id, false, &at);
	if (r < 0 || at.run == NO_RUN)
		return r;
	r = sampling_add_stack(s, in->ips, in->n_ips, at.program_pid, UINT32_MAX, &s->a->death.stack, &outermost);
	s->a->death.is_told = r >= 0 && s->a->death.stack != PROFILE_NO_STACK;
	s->a->death.is_whole = in->result == ANALYZER_RESULT_COMPLETE || outermost;
	return r;
}

/* -EBADMSG: it makes no sense. A type that is not known is passed over. */
static int take_record(struct sampling *s, const struct analyzer_record *head)
{
	const void *record = head;

	if (head->type == ANALYZER_RECORD_SAMPLE && head->size >= sizeof(struct analyzer_sample)) {
		const struct analyzer_sample *in = record;

		return has_ips(head, sizeof(*in), in->n_ips) ? take_sample(s, in, in->ips) : -EBADMSG;
	}
	if (head->type == ANALYZER_RECORD_DEATH && head->size >= sizeof(struct analyzer_death)) {
		const struct analyzer_death *in = record;

		return has_ips(head, sizeof(*in), in->n_ips) ? take_death(s, in) : -EBADMSG;
	}
	if (head->type == ANALYZER_RECORD_EVENT && head->size >= sizeof(struct analyzer_event)) {
		const struct analyzer_event *in = record;

		return has_ips(head, sizeof(*in), in->n_ips) ? sampling_take_event(s, in, in->ips) : -EBADMSG;
	}
	if (head->type == ANALYZER_RECORD_OFF_CPU && head->size >= sizeof(struct analyzer_off_cpu)) {
		const struct analyzer_off_cpu *in = record;

		return has_ips(head, sizeof(*in), in->n_ips) ? sampling_take_off_cpu(s, in, in->ips) : -EBADMSG;
	}
	if (head->type == ANALYZER_RECORD_STOLEN && head->size >= sizeof(struct analyzer_stolen))
		return sampling_take_stolen(s, record);
	if (head->type == ANALYZER_RECORD_MAPPING && head->size >= sizeof(struct analyzer_mapping))
		return sampling_take_mapping(s, record);
	return 0;
}

/* The first record that makes no sense ends the reading. */
static int take_records(struct sampling *s, const uint8_t *data, size_t size)
{
	int r = 0;

	for (size_t at = 0; r >= 0 && size - at >= sizeof(struct analyzer_record);) {
		const struct analyzer_record *head = (const void *)(data + at);

		if (head->size < sizeof(*head) || head->size % 8 || head->size > size - at)
			break;
		r = take_record(s, head);
		at += head->size;
	}
	return r == -EBADMSG ? 0 : r;
}

static int take_all(struct sampling *s, const void *data, size_t size)
{
	const struct analyzer_counters *counters = &s->a->outcome.analyzer.counters;
	int r;

	s->views = calloc(s->a->n_runs + 1, sizeof(*s->views));
	s->profile = profile_new();
	if (!s->views || !s->profile)
		return -ENOMEM;
	for (size_t i = 0, n = 0; i < s->a->n_runs; i++)
		s->views[i].number = s->a->runs[i].profiled ? (uint32_t)n++ : 0;
	r = sampling_init_stacks(s);
	if (r < 0)
		return r;
	s->profile->frequency_hz = s->a->outcome.analyzer.frequency_hz;
	s->profile->lost[PROFILE_ON_CPU] = counters->lost;
	s->profile->lost[PROFILE_OFF_CPU] = counters->lost_intervals;
	s->profile->lost[PROFILE_FAULTS] = counters->lost_events;
	strbuf_putc(&s->log, '[');
	r = take_records(s, data, size);
	sampling_end_log(s);
	strbuf_putc(&s->log, ']');
	if (r >= 0)
		r = tell_death(s);
	return r < 0 ? r : sampling_tell_times(s);
}

static int take_shared(struct sampling *s, int fd)
{
	int r, seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *data;

	/* What could still shrink or change under our eyes is not read. */
	if (seals < 0 || (seals & (F_SEAL_WRITE | F_SEAL_SHRINK)) != (F_SEAL_WRITE | F_SEAL_SHRINK) ||
	    fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > ANALYZER_HANDOVER_MAX_BYTES)
		return 0;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	r = take_all(s, data, (size_t)st.st_size);
	munmap(data, (size_t)st.st_size);
	return r;
}

static void hand_out(struct sampling *s)
{
	struct analyzer_counters *counters = &s->a->outcome.analyzer.counters;
	struct record *rec = s->a->record;

	counters->samples = s->profile->complete + s->profile->truncated;
	counters->complete = s->profile->complete;
	counters->truncated = s->profile->truncated;
	memcpy(counters->results, s->n_results, sizeof(counters->results));
	s->a->outcome.analyzer.joins = s->joins;
	rec->n_samples = counters->samples;
	rec->profile = TAKE_PTR(s->profile);
	if (s->n_events)
		rec->log = strbuf_take(&s->log, NULL);
}

int assemble_samples(struct assembly *a, struct trace_tree *tree, uint32_t run_root, size_t representative)
{
	struct sampling s = {
		.a = a,
		.tree = tree,
		.run_root = run_root,
		.representative = representative,
		.run = NO_RUN,
	};
	int r = a->samples.len ? take_all(&s, a->samples.data, a->samples.len) : take_shared(&s, a->samples.fd);

	if (r >= 0 && s.profile)
		hand_out(&s);
	for (size_t i = 0; s.views && i < a->n_runs; i++) {
		trace_tree_free(s.views[i].tree);
		free(s.views[i].to_shown);
	}
	free(s.views);
	profile_free(s.profile);
	free(s.off);
	free(s.stolen);
	sampling_done_stacks(&s);
	strbuf_done(&s.log);
	return r;
}
