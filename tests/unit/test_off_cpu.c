/* SPDX-License-Identifier: Apache-2.0 */
/* Off-CPU intervals from what the programs tell: paired, cut, and made whole when a part was lost. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/off_cpu.h"
#include "tests/unit/cmocka_head.h"

#define TID 7

struct setting {
	struct off_cpu o;
	struct gather g;
};

static int begin(void **state)
{
	struct setting *s = calloc(1, sizeof(*s));

	off_cpu_begin(&s->o, 1000);
	*state = s;
	return 0;
}

static int finish(void **state)
{
	struct setting *s = *state;

	off_cpu_done(&s->o);
	gather_done(&s->g);
	free(s);
	return 0;
}

static void left(struct setting *s, uint32_t tid, uint64_t time_ns, enum ring_off_state why)
{
	struct {
		struct ring_off head;
		uint64_t ips[2];
	} off = {
		.head.head = {.type = RING_OFF, .n_ips = 2, .time_ns = time_ns, .pid = TID, .tid = tid, .span_id = 99,
			.span_state = THREAD_SPAN_ACTIVE},
		.head.state = why,
		.head.syscall = why == RING_OFF_PREEMPTED ? -516 : 202,
		.ips = {0x10, 0x20},
	};

	off_cpu_left(&s->o, &s->g, &off.head, ANALYZER_RESULT_COMPLETE);
}

static void came_back(struct setting *s, uint32_t tid, uint64_t off_ns, uint64_t woken_ns, uint64_t on_ns,
	enum ring_off_state why)
{
	struct ring_on on = {
		.head = {.type = RING_ON, .time_ns = on_ns, .pid = TID, .tid = tid},
		.state = why,
		.syscall = 202,
		.off_ns = off_ns,
		.woken_ns = woken_ns,
	};

	off_cpu_came_back(&s->o, &s->g, &on);
}

/* The nth record of the session. */
static const struct analyzer_off_cpu *interval(const struct setting *s, unsigned n)
{
	const char *at = s->g.data;

	assert_true(n < s->g.n_records);
	for (; n; n--)
		at += ((const struct analyzer_record *)at)->size;
	assert_int_equal(((const struct analyzer_record *)at)->type, ANALYZER_RECORD_OFF_CPU);
	return (const struct analyzer_off_cpu *)at;
}

static void assert_times(const struct analyzer_off_cpu *o, uint64_t off_ns, uint64_t woken_ns, uint64_t on_ns,
	unsigned flags)
{
	assert_int_equal(o->time_ns, off_ns);
	assert_int_equal(o->woken_ns, woken_ns);
	assert_int_equal(o->on_ns, on_ns);
	assert_int_equal(o->flags, flags);
}

static void a_thread_that_left_and_came_back_is_one_interval_with_its_stack(void **state)
{
	struct setting *s = *state;

	left(s, TID, 2000, RING_OFF_INTERRUPTIBLE);
	left(s, 8, 2100, RING_OFF_PREEMPTED);
	came_back(s, TID, 2000, 2900, 3000, RING_OFF_INTERRUPTIBLE);
	came_back(s, 8, 2100, 2100, 2600, RING_OFF_PREEMPTED);
	assert_times(interval(s, 0), 2000, 2900, 3000, 0);
	assert_int_equal(interval(s, 0)->syscall, 202);
	assert_int_equal(interval(s, 0)->n_ips, 2);
	assert_int_equal(interval(s, 0)->ips[1], 0x20);
	assert_int_equal(interval(s, 0)->span_id, 99);
	assert_times(interval(s, 1), 2100, 2100, 2600, 0);
	assert_int_equal(interval(s, 1)->syscall, -1);
	assert_int_equal(s->o.blocked_ns, 900);
	assert_int_equal(s->o.runnable_ns, 100 + 500);
	assert_int_equal(s->o.n_intervals, 2);
}

static void what_is_open_is_cut_where_the_run_ends(void **state)
{
	struct setting *s = *state;

	left(s, TID, 2000, RING_OFF_INTERRUPTIBLE);
	left(s, 8, 2500, RING_OFF_PREEMPTED);
	off_cpu_end(&s->o, &s->g, 4000);
	assert_int_equal(s->g.n_records, 2);
	assert_times(interval(s, 0), 2500, 2500, 4000, ANALYZER_OFF_CUT_AFTER);
	assert_times(interval(s, 1), 2000, 4000, 4000, ANALYZER_OFF_CUT_AFTER);
	/* What comes late belongs to no run. */
	came_back(s, TID, 2000, 4100, 4200, RING_OFF_INTERRUPTIBLE);
	left(s, TID, 4300, RING_OFF_INTERRUPTIBLE);
	assert_int_equal(s->g.n_records, 2);
	/* In the next run it is cut at its beginning. */
	off_cpu_begin(&s->o, 5000);
	came_back(s, TID, 4300, 5400, 5500, RING_OFF_INTERRUPTIBLE);
	assert_times(interval(s, 2), 5000, 5400, 5500, ANALYZER_OFF_CUT_BEFORE);
	assert_int_equal(interval(s, 2)->n_ips, 0);
}

static void a_thread_that_was_woken_before_the_run_is_runnable_from_its_beginning(void **state)
{
	struct setting *s = *state;

	came_back(s, TID, 500, 900, 1300, RING_OFF_INTERRUPTIBLE);
	assert_times(interval(s, 0), 1000, 1000, 1300, ANALYZER_OFF_CUT_BEFORE);
	/* It was all over before the run. */
	came_back(s, 8, 500, 900, 950, RING_OFF_INTERRUPTIBLE);
	assert_int_equal(s->g.n_records, 1);
}

static void a_lost_half_costs_the_stack_and_not_the_interval(void **state)
{
	struct setting *s = *state;

	came_back(s, TID, 2000, 2500, 2600, RING_OFF_IO);
	assert_times(interval(s, 0), 2000, 2500, 2600, ANALYZER_OFF_NO_STACK);
	assert_int_equal(interval(s, 0)->state, ANALYZER_OFF_IO);
	/* Of the other half nothing is left; it is counted in the kernel. */
	left(s, TID, 3000, RING_OFF_INTERRUPTIBLE);
	left(s, TID, 3500, RING_OFF_INTERRUPTIBLE);
	came_back(s, TID, 3500, 3600, 3700, RING_OFF_INTERRUPTIBLE);
	assert_times(interval(s, 1), 3500, 3600, 3700, 0);
	assert_int_equal(s->g.n_records, 2);
}

static void threads_begin_and_end(void **state)
{
	struct setting *s = *state;

	came_back(s, 8, 2000, 2010, 2100, RING_OFF_NEW);
	left(s, 8, 2900, RING_OFF_ENDED);
	assert_times(interval(s, 0), 2000, 2010, 2100, 0);
	assert_int_equal(interval(s, 0)->state, ANALYZER_OFF_NEW);
	assert_times(interval(s, 1), 2900, 2900, 2900, 0);
	assert_int_equal(interval(s, 1)->state, ANALYZER_OFF_ENDED);
	assert_int_equal(interval(s, 1)->n_ips, 0);
	off_cpu_end(&s->o, &s->g, 4000);
	assert_int_equal(s->g.n_records, 2);
}

static void stolen_time_before_the_run_is_not_of_the_run(void **state)
{
	struct setting *s = *state;
	struct ring_stolen stolen = {.head = {.time_ns = 3000, .tid = TID}, .from_ns = 2000, .stolen_ns = 400};
	const struct analyzer_stolen *record;

	off_cpu_stolen(&s->o, &s->g, &stolen);
	stolen = (struct ring_stolen){.head = {.time_ns = 1500, .tid = TID}, .from_ns = 500, .stolen_ns = 400};
	off_cpu_stolen(&s->o, &s->g, &stolen);
	record = (const struct analyzer_stolen *)s->g.data;
	assert_int_equal(record[0].time_ns, 2000);
	assert_int_equal(record[0].to_ns, 3000);
	assert_int_equal(record[0].stolen_ns, 400);
	assert_int_equal(record[1].time_ns, 1000);
	assert_int_equal(record[1].to_ns, 1500);
	assert_int_equal(record[1].stolen_ns, 200);
	assert_int_equal(s->o.stolen_ns, 600);
}

int main(void)
{
#define with_run(test) cmocka_unit_test_setup_teardown(test, begin, finish)
	const struct CMUnitTest tests[] = {
		with_run(a_thread_that_left_and_came_back_is_one_interval_with_its_stack),
		with_run(what_is_open_is_cut_where_the_run_ends),
		with_run(a_thread_that_was_woken_before_the_run_is_runnable_from_its_beginning),
		with_run(a_lost_half_costs_the_stack_and_not_the_interval),
		with_run(threads_begin_and_end),
		with_run(stolen_time_before_the_run_is_not_of_the_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
