/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of server/compile/assemble_samples.c and the files beside it: hand-overs made by hand, for a run whose spans a
 * writer wrote.
 *
 *   run 5, profiled:  |  compile  [ parse ]  [ opt [told] ]  |      times are read back from the log; `told` is a span
 *   run 6, clean:     |  the same                            |      that was added when it was over */
#include "tests/unit/cmocka_head.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "codegen/trace/writer.h"
#include "server/compile/assemble.h"

#define LOG_BYTES  65536u
#define WORKER     4711u
#define CHILD      4712u
#define FIRST_RUN  0x100000005u /* only its low half is published */

enum { COMPILE, PARSE, OPT, TOLD, N_SPANS };

static const uint8_t trace_id[16] = {1};

struct scene {
	struct assembly a;
	struct trace_tree *tree, *profiled; /* the record's, and the profiled run's own */
	uint32_t run_root;
	struct strbuf handover;
	struct profile *profile; /* of the record */
};

static void wait_ns(uint64_t ns)
{
	for (uint64_t until = clock_now_ns() + ns; clock_now_ns() < until;)
		;
}

static void write_run(struct scene *s, bool profiled)
{
	struct assembly_run *run = &s->a.runs[s->a.n_runs];
	struct spvscope_usage from, to;
	struct trace_filter filter;
	void *log = aligned_alloc(4096, LOG_BYTES);
	struct trace_writer *w = trace_writer_new(log, LOG_BYTES, NULL);
	const struct spvscope_tracer *t = trace_writer_tracer(w);

	assert_non_null(w);
	*run = (struct assembly_run){.run_id = FIRST_RUN + s->a.n_runs, .profiled = profiled, .pid = WORKER,
		.sent_ns = clock_now_ns(), .log = log, .log_size = LOG_BYTES};
	trace_filter_init(&filter, SPVSCOPE_LEVEL_INFO);
	trace_writer_start(w, run->run_id, &filter);
	trace_writer_publish(w, trace_id);
	wait_ns(100000);
	run->start_ns = clock_now_ns();
	uint32_t compile = t->begin(t->ctx, SPVSCOPE_LEVEL_INFO, "compile");
	wait_ns(100000);
	uint32_t parse = t->begin(t->ctx, SPVSCOPE_LEVEL_INFO, "parse");
	wait_ns(1000000);
	t->end(t->ctx, parse);
	wait_ns(100000);
	uint32_t opt = t->begin(t->ctx, SPVSCOPE_LEVEL_INFO, "opt");
	wait_ns(100000);
	t->usage(t->ctx, &from);
	wait_ns(100000);
	t->usage(t->ctx, &to);
	t->add(t->ctx, SPVSCOPE_LEVEL_INFO, "told", &from, &to);
	wait_ns(100000);
	t->end(t->ctx, opt);
	t->end(t->ctx, compile);
	run->end_ns = run->received_ns = clock_now_ns();
	s->a.n_runs++;
	trace_writer_free(w);
}

static void start(struct scene *s)
{
	struct trace_tree *shown;
	const struct assembly_run *run;

	*s = (struct scene){.a = {.samples = {.fd = -1}}};
	s->a.runs = calloc(2, sizeof(*s->a.runs));
	write_run(s, true);
	write_run(s, false);
	run = &s->a.runs[1];
	s->a.outcome.analyzer.frequency_hz = 1000;
	s->a.record = record_new();
	assert_int_equal(trace_tree_read(s->a.runs[0].log, LOG_BYTES, FIRST_RUN, 0, &s->profiled), 0);
	assert_int_equal(trace_tree_read(run->log, LOG_BYTES, run->run_id, 0, &shown), 0);
	s->tree = trace_tree_new();
	trace_tree_add(s->tree, TRACE_NO_SPAN, SPVSCOPE_LEVEL_INFO, "request", s->a.runs[0].sent_ns,
		run->received_ns - s->a.runs[0].sent_ns);
	assert_int_equal(trace_tree_graft(s->tree, 0, shown, &s->run_root), 0);
	trace_tree_free(shown);
}

static void finish(struct scene *s)
{
	trace_tree_free(s->tree);
	trace_tree_free(s->profiled);
	strbuf_done(&s->handover);
	assembly_done(&s->a);
}

/* Seals what was put together and has it taken in. */
static void assemble(struct scene *s)
{
	int fd = memfd_create("samples", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, s->handover.data, s->handover.len), s->handover.len);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	s->a.samples.fd = fd;
	assert_int_equal(assemble_samples(&s->a, s->tree, s->run_root, 1), 0);
	s->profile = s->a.record->profile;
}

static uint64_t middle_of(const struct scene *s, uint32_t span)
{
	return s->profiled->spans[span].start_ns + s->profiled->spans[span].duration_ns / 2;
}

static uint64_t id_of(uint32_t span)
{
	return (FIRST_RUN & UINT32_MAX) << 32 | (span + 1);
}

static void put_sample(struct scene *s, uint64_t time_ns, uint32_t pid, uint32_t span_state, uint64_t span_id)
{
	struct {
		struct analyzer_sample head;
		uint64_t ips[1];
	} record = {
		.head = {.head = {sizeof(record), ANALYZER_RECORD_SAMPLE}, .time_ns = time_ns, .pid = pid, .tid = pid, .n_ips = 1,
			.span_state = span_state, .span_id = span_id},
		.ips = {0x1000},
	};

	strbuf_append(&s->handover, &record, sizeof(record));
}

static void put_off(struct scene *s, uint64_t time_ns, uint64_t blocked_ns, uint64_t runnable_ns, uint32_t pid,
	enum analyzer_off_state state)
{
	struct analyzer_off_cpu record = {
		.head = {sizeof(record), ANALYZER_RECORD_OFF_CPU}, .time_ns = time_ns, .woken_ns = time_ns + blocked_ns,
		.on_ns = time_ns + blocked_ns + runnable_ns, .pid = pid, .tid = pid, .state = (uint16_t)state, .syscall = -1,
	};

	strbuf_append(&s->handover, &record, sizeof(record));
}

static uint32_t span_of_sample(const struct scene *s, size_t i)
{
	uint32_t span = s->profile->samples[i].span;

	return span == PROFILE_NO_SPAN ? span : span - s->run_root;
}

static void a_sample_is_in_the_span_that_its_thread_told(void **state)
{
	(void)state;
	struct scene s;
	start(&s);
	put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_ACTIVE, id_of(PARSE));
	put_sample(&s, middle_of(&s, TOLD), WORKER, ANALYZER_SPAN_ACTIVE, id_of(OPT));
	put_sample(&s, s.profiled->spans[OPT].start_ns + 50000, WORKER, ANALYZER_SPAN_ACTIVE, id_of(OPT));
	put_sample(&s, s.a.runs[0].start_ns - 50000, WORKER, ANALYZER_SPAN_NONE, 0);
	assemble(&s);
	assert_int_equal(s.profile->n_samples, 4);
	assert_int_equal(span_of_sample(&s, 0), PARSE);
	assert_int_equal(span_of_sample(&s, 1), TOLD); /* inside the active one, which alone can be published */
	assert_int_equal(span_of_sample(&s, 2), OPT);
	assert_int_equal(span_of_sample(&s, 3), PROFILE_NO_SPAN);
	const struct span_joins *j = &s.a.outcome.analyzer.joins;
	assert_int_equal(j->by_id, 4);
	assert_int_equal(j->by_time, 0);
	assert_int_equal(j->disagreeing, 0);
	finish(&s);
}

static void where_nothing_could_be_read_the_time_decides(void **state)
{
	(void)state;
	struct scene s;
	start(&s);
	put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_UNTOLD, 0);
	put_sample(&s, middle_of(&s, TOLD), WORKER, ANALYZER_SPAN_UNREADABLE, 0);
	put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_ACTIVE, (uint64_t)999 << 32 | 1); /* no such run */
	put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_ACTIVE, id_of(500));              /* no such span */
	put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_ACTIVE, id_of(PARSE) - PARSE - 1); /* span 0 */
	put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_ACTIVE, (FIRST_RUN + 1) << 32 | 1); /* a clean run */
	put_sample(&s, middle_of(&s, PARSE), WORKER, 77, 0);
	assemble(&s);
	assert_int_equal(s.profile->n_samples, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(span_of_sample(&s, i), i == 1 ? TOLD : PARSE);
		assert_true(s.profile->samples[i].flags & PROFILE_SAMPLE_SPAN_BY_TIME);
	}
	const struct span_joins *j = &s.a.outcome.analyzer.joins;
	assert_int_equal(j->by_id, 0);
	assert_int_equal(j->by_time, 7);
	assert_int_equal(j->unreadable, 1);
	finish(&s);
}

static void a_wrong_span_is_counted_and_one_at_a_change_is_no_wrong_one(void **state)
{
	(void)state;
	struct scene s;
	start(&s);
	const struct trace_span *parse = &s.profiled->spans[PARSE];
	put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_ACTIVE, id_of(OPT)); /* it was not active then */
	put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_NONE, 0);
	/* Between the two readings of the clock both are right. */
	put_sample(&s, parse->start_ns, WORKER, ANALYZER_SPAN_ACTIVE, id_of(COMPILE));
	put_sample(&s, parse->start_ns + parse->duration_ns, WORKER, ANALYZER_SPAN_ACTIVE, id_of(PARSE));
	/* Behind them they are not. */
	put_sample(&s, parse->start_ns + parse->begin_published_ns + 1, WORKER, ANALYZER_SPAN_ACTIVE, id_of(COMPILE));
	assemble(&s);
	const struct span_joins *j = &s.a.outcome.analyzer.joins;
	assert_int_equal(j->by_id, 5);
	assert_int_equal(j->at_change, 2);
	assert_int_equal(j->disagreeing, 3);
	finish(&s);
}

static const char *module_of(const struct scene *s, size_t i)
{
	return s->profile->strings[s->profile->frames[s->profile->stacks[s->profile->samples[i].stack].frame].module];
}

static void a_child_has_the_span_that_it_was_forked_in(void **state)
{
	(void)state;
	struct scene s;
	start(&s);
	/* A fork has its parent's memory, and so the span of then; the clock is not asked. */
	put_sample(&s, middle_of(&s, OPT), CHILD, ANALYZER_SPAN_ACTIVE, id_of(PARSE));
	/* One that was forked outside of every span works for the one that is active. */
	put_sample(&s, middle_of(&s, PARSE), CHILD, ANALYZER_SPAN_NONE, 0);
	put_sample(&s, middle_of(&s, PARSE), CHILD, ANALYZER_SPAN_ACTIVE, 0x123456789abcdef);
	put_sample(&s, middle_of(&s, PARSE), CHILD, ANALYZER_SPAN_UNTOLD, 0); /* it has become another program */
	assemble(&s);
	assert_int_equal(span_of_sample(&s, 0), PARSE);
	assert_int_equal(span_of_sample(&s, 1), PARSE);
	assert_int_equal(span_of_sample(&s, 2), PARSE);
	assert_int_equal(span_of_sample(&s, 3), PARSE);
	assert_int_equal(s.profile->samples[0].pid, CHILD);
	assert_int_equal(s.a.outcome.analyzer.joins.by_id, 1);
	assert_int_equal(s.a.outcome.analyzer.joins.by_time, 3);
	assert_int_equal(s.a.outcome.analyzer.joins.disagreeing, 0);
	/* A fork's addresses are the worker's, another program's are not. */
	assert_string_equal(module_of(&s, 1), "[unknown]");
	assert_string_equal(module_of(&s, 3), "[another program]");
	finish(&s);
}

static const char *leaf_of(const struct scene *s, size_t i)
{
	return s->profile->strings[s->profile->frames[s->profile->stacks[s->profile->samples[i].stack].frame].name];
}

static void intervals_off_the_cpu_are_told_apart_and_add_up(void **state)
{
	(void)state;
	struct scene s;
	start(&s);
	uint64_t end_ns = s.a.runs[0].end_ns;
	put_off(&s, s.a.runs[0].sent_ns - 5000, 1000, 0, WORKER, ANALYZER_OFF_INTERRUPTIBLE); /* waits for the job */
	put_off(&s, s.profiled->spans[PARSE].start_ns + 1000, 200000, 30000, WORKER, ANALYZER_OFF_IO);
	put_off(&s, middle_of(&s, PARSE), 0, 40000, WORKER, ANALYZER_OFF_PREEMPTED);
	put_off(&s, middle_of(&s, PARSE), 300, 0, CHILD, ANALYZER_OFF_UNINTERRUPTIBLE);
	put_off(&s, middle_of(&s, TOLD), 0, 500, WORKER, ANALYZER_OFF_PREEMPTED);
	put_off(&s, end_ns, 90000, 0, WORKER, ANALYZER_OFF_INTERRUPTIBLE); /* waits for the next one */
	put_off(&s, end_ns, 0, 0, CHILD, ANALYZER_OFF_ENDED);
	assemble(&s);
	assert_int_equal(s.profile->n_samples, 5);
	static const struct {
		uint32_t span;
		uint64_t weight_ns;
		const char *leaf;
	} expected[] = {
		{PARSE, 200000, "[blocked: page fault, I/O]"}, {PARSE, 30000, "[runnable: woken]"},
		{PARSE, 40000, "[runnable: preempted]"}, {PARSE, 300, "[blocked: page fault]"}, {TOLD, 500, "[runnable: preempted]"},
	};
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(s.profile->samples[i].kind, PROFILE_OFF_CPU);
		assert_int_equal(span_of_sample(&s, i), expected[i].span);
		assert_int_equal(s.profile->samples[i].weight_ns, expected[i].weight_ns);
		assert_string_equal(leaf_of(&s, i), expected[i].leaf);
		assert_int_equal(!(s.profile->samples[i].flags & PROFILE_SAMPLE_RUNNABLE), !strstr(expected[i].leaf, "runnable"));
	}
	const struct trace_profiled *parse = &s.tree->spans[s.run_root + PARSE].profiled;
	const struct trace_profiled *compile = &s.tree->spans[s.run_root + COMPILE].profiled;
	assert_int_equal(parse->n_runs, 1);
	assert_int_equal(parse->blocked_ns, 200000);
	assert_int_equal(parse->runnable_ns, 70000);
	assert_int_equal(parse->n_switches, 2);
	assert_int_equal(parse->wall_ns, s.profiled->spans[PARSE].duration_ns);
	assert_int_equal(parse->on_cpu_ns, parse->wall_ns - 270000);
	assert_int_equal(compile->runnable_ns, 70500);
	assert_int_equal(compile->on_cpu_ns + compile->runnable_ns + compile->blocked_ns, compile->wall_ns);
	/* What was told of afterwards ran who knows where. */
	assert_int_equal(s.tree->spans[s.run_root + TOLD].profiled.n_runs, 0);
	assert_int_equal(s.tree->spans[0].profiled.n_runs, 0);
	assert_int_equal(s.a.outcome.analyzer.counters.samples, 0);
	finish(&s);
}

/* The kernel counts a thread as off its CPU from the last time that it looked, which may be before the thread's last
 * look at the clock. */
static void an_interval_across_a_change_of_span_is_told_in_both(void **state)
{
	(void)state;
	struct scene s;
	start(&s);
	const struct trace_span *span = s.profiled->spans;
	uint64_t parse_ends_ns = span[PARSE].start_ns + span[PARSE].duration_ns;
	uint64_t compile_ends_ns = span[COMPILE].start_ns + span[COMPILE].duration_ns;
	put_off(&s, parse_ends_ns - 3000, 1000, 50000, WORKER, ANALYZER_OFF_INTERRUPTIBLE);
	put_off(&s, compile_ends_ns - 700, 9000, 1000, WORKER, ANALYZER_OFF_INTERRUPTIBLE);
	assemble(&s);
	static const struct {
		uint32_t span;
		uint64_t weight_ns;
		const char *leaf;
	} expected[] = {
		{PARSE, 1000, "[blocked: page fault]"}, {PARSE, 2000, "[runnable: woken]"}, {COMPILE, 48000, "[runnable: woken]"},
	};
	uint64_t blocked_ns = 0, runnable_ns = 0;
	for (size_t i = 0; i < s.profile->n_samples; i++) {
		const struct profile_sample *sample = &s.profile->samples[i];
		if (i < 3) {
			assert_int_equal(span_of_sample(&s, i), expected[i].span);
			assert_int_equal(sample->weight_ns, expected[i].weight_ns);
			assert_string_equal(leaf_of(&s, i), expected[i].leaf);
		}
		if (sample->span == PROFILE_NO_SPAN)
			continue;
		*(sample->flags & PROFILE_SAMPLE_RUNNABLE ? &runnable_ns : &blocked_ns) += sample->weight_ns;
	}
	/* The profile's parts are the times of the spans. */
	const struct trace_profiled *parse = &s.tree->spans[s.run_root + PARSE].profiled;
	const struct trace_profiled *compile = &s.tree->spans[s.run_root + COMPILE].profiled;
	assert_int_equal(parse->blocked_ns, 1000);
	assert_int_equal(parse->runnable_ns, 2000);
	assert_int_equal(compile->blocked_ns, 1700);
	assert_int_equal(compile->runnable_ns, 50000);
	assert_int_equal(blocked_ns, compile->blocked_ns);
	assert_int_equal(runnable_ns, compile->runnable_ns);
	finish(&s);
}

static void stolen_time_is_spread_between_its_ends(void **state)
{
	(void)state;
	struct scene s;
	start(&s);
	uint64_t parse_ends_ns = s.profiled->spans[PARSE].start_ns + s.profiled->spans[PARSE].duration_ns;
	struct analyzer_stolen stolen = {.head = {sizeof(stolen), ANALYZER_RECORD_STOLEN}, .time_ns = parse_ends_ns - 30000,
		.to_ns = parse_ends_ns + 10000, .pid = WORKER, .tid = WORKER, .stolen_ns = 4000};
	strbuf_append(&s.handover, &stolen, sizeof(stolen));
	put_off(&s, s.a.runs[0].end_ns, 1000, 0, WORKER, ANALYZER_OFF_INTERRUPTIBLE);
	assemble(&s);
	assert_int_equal(s.tree->spans[s.run_root + PARSE].profiled.stolen_ns, 3000);
	assert_int_equal(s.tree->spans[s.run_root + COMPILE].profiled.stolen_ns, 4000);
	finish(&s);
}

static void times_that_cannot_be_are_not_told(void **state)
{
	(void)state;
	for (int which = 0; which < 4; which++) {
		struct scene s;
		start(&s);
		put_off(&s, middle_of(&s, PARSE), 1000, 1000, WORKER, ANALYZER_OFF_INTERRUPTIBLE);
		if (which == 1) /* overlaps */
			put_off(&s, middle_of(&s, PARSE) + 1500, 1000, 0, WORKER, ANALYZER_OFF_INTERRUPTIBLE);
		if (which == 2) /* ends before it begins */
			put_off(&s, middle_of(&s, OPT), (uint64_t)-5, 0, WORKER, ANALYZER_OFF_INTERRUPTIBLE);
		if (which == 3) /* one is missing */
			s.a.outcome.analyzer.counters.lost_intervals = 1;
		assemble(&s);
		assert_int_equal(s.tree->spans[s.run_root + PARSE].profiled.n_runs, which == 0);
		finish(&s);
	}
}

static void put_raw(struct scene *s, uint32_t size, uint32_t type, uint32_t n_ips)
{
	struct analyzer_sample record = {.head = {size, type}, .time_ns = middle_of(s, PARSE), .pid = WORKER, .tid = WORKER,
		.n_ips = n_ips, .span_id = UINT64_MAX, .span_state = ANALYZER_SPAN_ACTIVE};

	strbuf_append(&s->handover, &record, sizeof(record));
}

static void what_makes_no_sense_ends_the_reading(void **state)
{
	(void)state;
	static const struct {
		uint32_t size, type, n_ips;
	} wrong[] = {
		{4, ANALYZER_RECORD_SAMPLE, 0}, {0, ANALYZER_RECORD_SAMPLE, 0}, {sizeof(struct analyzer_sample) + 4, 1, 0},
		{1 << 20, ANALYZER_RECORD_SAMPLE, 0}, {sizeof(struct analyzer_sample), ANALYZER_RECORD_SAMPLE, 1},
		{sizeof(struct analyzer_sample), ANALYZER_RECORD_SAMPLE, UINT32_MAX},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct scene s;
		start(&s);
		put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_ACTIVE, id_of(PARSE));
		put_raw(&s, wrong[i].size, wrong[i].type, wrong[i].n_ips);
		put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_ACTIVE, id_of(PARSE));
		assemble(&s);
		assert_int_equal(s.profile->n_samples, 1);
		finish(&s);
	}
	/* A type that a later version may have is passed over. */
	struct scene s;
	start(&s);
	put_raw(&s, sizeof(struct analyzer_sample), 99, 0);
	put_sample(&s, middle_of(&s, PARSE), WORKER, ANALYZER_SPAN_ACTIVE, id_of(PARSE));
	assemble(&s);
	assert_int_equal(s.profile->n_samples, 1);
	finish(&s);
}

static void damaged_handovers_do_no_harm_for_300_seeds(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		struct scene s;
		start(&s);
		for (int i = 0; i < 20; i++) {
			put_sample(&s, middle_of(&s, PARSE) + (unsigned)i, WORKER, ANALYZER_SPAN_ACTIVE, id_of(PARSE));
			put_off(&s, middle_of(&s, PARSE) + 1000 * (unsigned)i, 300, 200, WORKER, ANALYZER_OFF_IO);
		}
		srand(seed);
		for (int i = 0; i < 12; i++)
			s.handover.data[(size_t)rand() % s.handover.len] = (char)rand();
		assemble(&s);
		for (size_t i = 0; i < s.profile->n_samples; i++)
			assert_true(s.profile->samples[i].span == PROFILE_NO_SPAN || s.profile->samples[i].span < s.tree->n_spans);
		finish(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sample_is_in_the_span_that_its_thread_told),
		cmocka_unit_test(where_nothing_could_be_read_the_time_decides),
		cmocka_unit_test(a_wrong_span_is_counted_and_one_at_a_change_is_no_wrong_one),
		cmocka_unit_test(a_child_has_the_span_that_it_was_forked_in),
		cmocka_unit_test(intervals_off_the_cpu_are_told_apart_and_add_up),
		cmocka_unit_test(an_interval_across_a_change_of_span_is_told_in_both),
		cmocka_unit_test(stolen_time_is_spread_between_its_ends),
		cmocka_unit_test(times_that_cannot_be_are_not_told),
		cmocka_unit_test(what_makes_no_sense_ends_the_reading),
		cmocka_unit_test(damaged_handovers_do_no_harm_for_300_seeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
