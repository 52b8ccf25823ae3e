/* SPDX-License-Identifier: Apache-2.0 */
/* For how long tracepoints stay attached, with a clock that goes as the test wants and objects that only count. */
#include <stdlib.h>

#include "base/clock.h"

static uint64_t fake_ns = 1000 * NS_PER_S;
#define clock_now_ns() fake_ns

#include "bpf/tracepoints.c"
#include "tests/unit/cmocka_head.h"

struct object {
	struct analyzer_shared shared;
	enum analyzer_kind kind;
	size_t n[OBJECT_N_GROUPS];
	unsigned n_times[OBJECT_N_GROUPS];
};

struct analyzer_shared *object_shared(const struct object *o)
{
	return (struct analyzer_shared *)&o->shared;
}

void object_attach(struct object *o, enum object_group group, char *text, size_t size)
{
	(void)text, (void)size;
	if (o->n[group] || (group == OBJECT_EVENTS && o->kind != ANALYZER_DEBUG))
		return;
	o->n[group] = 3;
	o->n_times[group]++;
}

void object_detach(struct object *o, enum object_group group)
{
	o->n[group] = 0;
}

size_t object_n_attached(const struct object *o, enum object_group group)
{
	return o->n[group];
}

void object_add_costs(const struct object *o, struct analyzer_costs *to)
{
	to->scheduler_attached |= o->n[OBJECT_SCHEDULER] ? 1u << o->kind : 0;
}

static struct object release, debug;
static struct object *const objects[3] = {[ANALYZER_RELEASE] = &release, [ANALYZER_DEBUG] = &debug};

static int begin(void **state)
{
	static struct tracepoints t;

	release = (struct object){.kind = ANALYZER_RELEASE};
	debug = (struct object){.kind = ANALYZER_DEBUG};
	t = (struct tracepoints){.objects = objects};
	*state = &t;
	return 0;
}

static void hold(struct tracepoints *t, struct object *o)
{
	char missing[64] = "";

	tracepoints_hold(t, o, missing, sizeof(missing));
	assert_string_equal(missing, "");
}

static void those_of_the_scheduler_stay_for_a_minute(void **state)
{
	struct tracepoints *t = *state;

	assert_int_equal(tracepoints_tend(t), -1);
	hold(t, &release);
	hold(t, &release);
	assert_int_equal(release.shared.n_attached, 2);
	assert_int_equal(debug.n[OBJECT_SCHEDULER], 0);
	fake_ns += 1000 * NS_PER_S; /* a long session */
	assert_int_equal(tracepoints_tend(t), -1);
	tracepoints_release(t, &release);
	assert_int_equal(tracepoints_tend(t), -1);
	tracepoints_release(t, &release);
	assert_int_equal(release.shared.n_attached, 0); /* from now on its programs look at nothing */
	assert_int_equal(tracepoints_tend(t), 60001);
	fake_ns += 59 * NS_PER_S;
	assert_int_equal(tracepoints_tend(t), 1001);
	hold(t, &release); /* in time: nothing is attached anew */
	tracepoints_release(t, &release);
	assert_int_equal(release.n_times[OBJECT_SCHEDULER], 1);
	fake_ns += 60 * NS_PER_S;
	assert_int_equal(tracepoints_tend(t), -1);
	assert_int_equal(release.n[OBJECT_SCHEDULER], 0);
	hold(t, &release);
	assert_int_equal(release.n_times[OBJECT_SCHEDULER], 2);
}

static void those_of_the_debug_object_go_after_five_seconds_and_are_timed(void **state)
{
	struct tracepoints *t = *state;

	hold(t, &debug);
	assert_int_equal(debug.n[OBJECT_EVENTS], 3);
	fake_ns += 2 * NS_PER_S;
	assert_int_equal(tracepoints_events_ns(t), 2 * NS_PER_S);
	tracepoints_release(t, &debug);
	assert_int_equal(tracepoints_tend(t), 5001);
	fake_ns += 5 * NS_PER_S;
	assert_int_equal(tracepoints_tend(t), 55001); /* the scheduler's */
	assert_int_equal(debug.n[OBJECT_EVENTS], 0);
	fake_ns += 10 * NS_PER_S;
	assert_int_equal(tracepoints_events_ns(t), 7 * NS_PER_S);
	hold(t, &debug);
	fake_ns += NS_PER_S;
	assert_int_equal(tracepoints_events_ns(t), 8 * NS_PER_S);
}

static void one_object_may_serve_both_kinds(void **state)
{
	struct object *const alone[3] = {[ANALYZER_RELEASE] = &debug};
	struct tracepoints *t = *state;
	struct analyzer_costs costs;

	t->objects = alone;
	hold(t, &debug);
	tracepoints_costs(t, &costs);
	assert_int_equal(costs.scheduler_attached, 1u << ANALYZER_DEBUG);
	tracepoints_release(t, &debug);
	fake_ns += 100 * NS_PER_S;
	assert_int_equal(tracepoints_tend(t), -1);
	assert_int_equal(debug.n[OBJECT_SCHEDULER] + debug.n[OBJECT_EVENTS], 0);
}

int main(void)
{
#define fresh(test) cmocka_unit_test_setup(test, begin)
	const struct CMUnitTest tests[] = {
		fresh(those_of_the_scheduler_stay_for_a_minute),
		fresh(those_of_the_debug_object_go_after_five_seconds_and_are_timed),
		fresh(one_object_may_serve_both_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
