/* SPDX-License-Identifier: Apache-2.0 */
/* What a session costs whoever asked for it: the time of its messages, and descriptors. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/bpf/analyzer_front.h"
#include "tests/unit/cmocka_head.h"

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* By the messages that the front sends for a request of one run. */
static uint64_t session_ns(struct front *f, const struct burner *b, enum analyzer_kind kind)
{
	uint64_t start_ns = clock_now_ns();

	front_must(f, ANALYZER_DETACH, front_attach_enabled(f, b->pid, kind));
	return clock_now_ns() - start_ns;
}

/* What as many messages take to and fro: the rest is the session's. */
static uint64_t talk_ns(struct front *f)
{
	uint64_t start_ns = clock_now_ns();

	for (unsigned i = 0; i < 2; i++)
		front_must(f, ANALYZER_STATUS, 0);
	return clock_now_ns() - start_ns;
}

static void a_thousand_attaches_leave_no_descriptor_and_are_quick(void **state)
{
	static uint64_t took_ns[1000], talked_ns[1000];
	struct front *f = *state;
	struct burner b;
	int before;

	enum analyzer_kind kind = front_need(f);
	burner_start(&b, f, true, "burn");
	front_must(f, ANALYZER_DETACH, front_attach(f, b.pid, kind));
	before = front_count_fds(f);
	for (size_t i = 0; i < ARRAY_SIZE(took_ns); i++) {
		took_ns[i] = session_ns(f, &b, kind);
		talked_ns[i] = talk_ns(f);
	}
	assert_int_equal(front_count_fds(f), before);
	assert_int_equal(front_must(f, ANALYZER_STATUS, 0).sessions, 0);
	burner_end(&b);
	qsort(took_ns, ARRAY_SIZE(took_ns), sizeof(took_ns[0]), compare_u64);
	qsort(talked_ns, ARRAY_SIZE(talked_ns), sizeof(talked_ns[0]), compare_u64);
	print_message("# attach and detach: p50 %.3f ms, p99 %.3f ms, of which messages %.3f; %d descriptors\n",
		(double)took_ns[500] / 1e6, (double)took_ns[990] / 1e6, (double)talked_ns[500] / 1e6, before);
	/* Of the quickest fifth, since others may want the CPUs. */
	assert_true(took_ns[200] < talked_ns[200] + NS_PER_MS);
}

/* The first event on a machine costs 12 to 19 ms, a tracepoint as much: neither may have to come back. */
static void an_attach_after_idleness_is_as_quick(void **state)
{
	struct front *f = *state;
	const struct timespec idle = {.tv_sec = 5, .tv_nsec = 500000000};
	uint64_t least_ns = UINT64_MAX;
	struct burner b;

	enum analyzer_kind kind = front_need(f);
	burner_start(&b, f, true, "wait");
	session_ns(f, &b, kind);
	for (unsigned tries = 0; tries < 4 && (tries < 2 || least_ns >= 5 * NS_PER_MS); tries++) {
		nanosleep(&idle, NULL);
		uint64_t ns = session_ns(f, &b, kind);
		least_ns = ns < least_ns ? ns : least_ns;
		print_message("# after 5.5 s: %.3f ms\n", (double)ns / 1e6);
	}
	burner_end(&b);
	assert_true(least_ns < 5 * NS_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_front(a_thousand_attaches_leave_no_descriptor_and_are_quick),
		with_front(an_attach_after_idleness_is_as_quick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
