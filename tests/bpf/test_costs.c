/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs cost, by the kernel's own statistics of their run time. Needs root, which alone may switch these on. */
#include <bpf/bpf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/bpf/analyzer_front.h"
#include "tests/bpf/bring_tables.h"
#include "tests/unit/cmocka_head.h"

#define N_TRIES      5 /* the least counts: what else runs here, and what the hypervisor takes, only adds */

/* The budget of a sample. */
#define RELEASE_NS       1000.0
#define RELEASE_FRAME_NS 600.0
#define DEBUG_FACTOR     3.0
/* Of a switch between two tasks that are none of ours, while nobody is analyzed and while somebody is. */
#define IDLE_SWITCH_NS  1000.0
#define OTHERS_SWITCH_NS 1000.0

struct setup {
	struct front front;
	int stats_fd;
};

static int start(void **state)
{
	struct setup *s = calloc(1, sizeof(*s));

	front_start(&s->front, false);
	s->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct setup *s = *state;
	int status = front_end(&s->front);

	fd_close(s->stats_fd);
	free(s);
	return status;
}

static struct front *need_statistics(void **state)
{
	struct setup *s = *state;

	if (!s->front.hello.kinds || s->stats_fd < 0) {
		print_message("# skipped: %s\n", s->front.hello.kinds ? "only root may switch BPF's statistics on"
			: s->front.hello.text);
		skip();
	}
	return &s->front;
}

static double average_depth(int fd)
{
	struct records r;
	double frames = 0, n = 0;

	records_read(&r, fd);
	for (const struct analyzer_record *at = NULL; (at = records_next(&r, at));) {
		if (at->type != ANALYZER_RECORD_SAMPLE)
			continue;
		frames += ((const struct analyzer_sample *)at)->n_ips;
		n++;
	}
	records_done(&r);
	return n ? frames / n : 0;
}

struct cost {
	double ns, frames; /* of a sample */
};

static struct cost sample_cost(struct front *f, enum analyzer_kind kind, const char *mode)
{
	struct cost least = {.ns = 1e9};
	struct burner b;

	burner_start_bare(&b, f, mode);
	bring_tables(f, &b);
	for (unsigned i = 0; i < N_TRIES; i++) {
		struct analyzer_costs before = front_must(f, ANALYZER_STATUS, 0).costs, after;
		uint64_t session = front_attach(f, b.pid, kind);
		int fd = -1;
		front_must(f, ANALYZER_ENABLE, session);
		burner_work_for_ms(&b, 100);
		front_must(f, ANALYZER_DISABLE, session);
		assert_int_equal(front_ask(f, ANALYZER_DETACH, session, 0, 0, 0, &fd).error, 0);
		after = front_must(f, ANALYZER_STATUS, 0).costs;
		double frames = average_depth(fd), n = (double)(after.sample_runs - before.sample_runs);
		if (n < 20)
			continue;
		double ns = (double)(after.sample_run_ns - before.sample_run_ns) / n;
		if (ns < least.ns)
			least = (struct cost){.ns = ns, .frames = frames};
	}
	burner_end(&b);
	return least;
}

static void a_sample_is_within_its_budget(void **state)
{
	static const char *const modes[] = {"burn", "stairs"};
	struct front *f = need_statistics(state);

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct cost release, debug;
		double budget_ns;

		release = sample_cost(f, ANALYZER_RELEASE, modes[i]);
		debug = sample_cost(f, ANALYZER_DEBUG, modes[i]);
		budget_ns = RELEASE_NS + RELEASE_FRAME_NS * release.frames;
		print_message("# %s: %.1f frames, release %.0f ns (%.0f are allowed), debug %.0f ns\n", modes[i], release.frames,
			release.ns, budget_ns, debug.ns);
		assert_true(release.frames > 3);
		assert_true(release.ns <= budget_ns);
		assert_true(debug.ns <= DEBUG_FACTOR * budget_ns);
	}
}

/* Two processes that make each other wait, none of them ours. */
static double switch_cost(struct front *f)
{
	double least_ns = 1e9;

	for (unsigned i = 0; i < N_TRIES; i++) {
		struct analyzer_costs before = front_must(f, ANALYZER_STATUS, 0).costs, after;
		for (unsigned n = 0; n < 200; n++)
			front_must(f, ANALYZER_STATUS, 0);
		after = front_must(f, ANALYZER_STATUS, 0).costs;
		double n = (double)(after.scheduler_runs - before.scheduler_runs);
		if (n < 50)
			continue;
		double ns = (double)(after.scheduler_run_ns - before.scheduler_run_ns) / n;
		least_ns = ns < least_ns ? ns : least_ns;
	}
	return least_ns;
}

static void the_switches_of_others_cost_next_to_nothing(void **state)
{
	struct front *f = need_statistics(state);
	enum analyzer_kind kind = f->hello.objects & 1u << ANALYZER_RELEASE ? ANALYZER_RELEASE : ANALYZER_DEBUG;
	struct analyzer_costs costs = front_must(f, ANALYZER_STATUS, 0).costs;
	struct burner b;

	/* Nobody has been analyzed yet. */
	assert_int_equal(costs.scheduler_attached | costs.events_attached, 0);
	assert_int_equal(costs.scheduler_runs, 0);
	burner_start(&b, f, true, "wait");
	uint64_t session = front_attach(f, b.pid, kind);
	double attached_ns = switch_cost(f);
	front_must(f, ANALYZER_DETACH, session);
	double idle_ns = switch_cost(f);
	costs = front_must(f, ANALYZER_STATUS, 0).costs;
	burner_end(&b);
	print_message("# a switch between others: %.0f ns while one is analyzed, %.0f ns while none is\n", attached_ns, idle_ns);
	assert_int_equal(costs.scheduler_attached, 1u << kind); /* they stay, for the next one */
	assert_true(attached_ns <= OTHERS_SWITCH_NS);
	assert_true(idle_ns <= IDLE_SWITCH_NS);
}

int main(void)
{
#define with_statistics(test) cmocka_unit_test_setup_teardown(test, start, end)
	const struct CMUnitTest tests[] = {
		with_statistics(a_sample_is_within_its_budget),
		with_statistics(the_switches_of_others_cost_next_to_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
