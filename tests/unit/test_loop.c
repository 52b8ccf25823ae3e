/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cmocka_head.h"

#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "server/loop.h"

struct scene {
	struct loop *loop;
	struct loop_source *a, *b, *timer;
	int pipe_a[2], pipe_b[2];
	char seen[64];
	unsigned n_turns;
};

static int begin(void **state)
{
	static struct scene s;

	memset(&s, 0, sizeof(s));
	if (loop_new(&s.loop) < 0 || pipe(s.pipe_a) < 0 || pipe(s.pipe_b) < 0)
		return -1;
	*state = &s;
	return 0;
}

static int end(void **state)
{
	struct scene *s = *state;

	loop_free(s->loop);
	for (int i = 0; i < 2; i++) {
		fd_close(s->pipe_a[i]);
		fd_close(s->pipe_b[i]);
	}
	return 0;
}

static void quit(void *arg)
{
	loop_quit(((struct scene *)arg)->loop);
}

static void see_a(void *arg)
{
	strcat(((struct scene *)arg)->seen, "a");
}

static void see_b(void *arg)
{
	strcat(((struct scene *)arg)->seen, "b");
}

static void see_c_and_quit(void *arg)
{
	strcat(((struct scene *)arg)->seen, "c");
	quit(arg);
}

static void timers_run_in_the_order_of_their_deadlines(void **state)
{
	struct scene *s = *state;
	uint64_t now_ns = clock_now_ns();
	struct loop_source *t[3];

	assert_int_equal(loop_timer(s->loop, now_ns + 3 * NS_PER_MS, see_c_and_quit, s, &t[0]), 0);
	assert_int_equal(loop_timer(s->loop, now_ns + 1 * NS_PER_MS, see_a, s, &t[1]), 0);
	assert_int_equal(loop_timer(s->loop, now_ns + 2 * NS_PER_MS, see_b, s, &t[2]), 0);
	assert_int_equal(loop_run(s->loop), 0);
	assert_string_equal(s->seen, "abc");
	assert_true(clock_now_ns() - now_ns >= 3 * NS_PER_MS);
}

static void equal_deadlines_run_first_armed_first(void **state)
{
	struct scene *s = *state;
	struct loop_source *t[3];

	loop_timer(s->loop, 5, see_a, s, &t[0]);
	loop_timer(s->loop, 5, see_b, s, &t[1]);
	loop_timer(s->loop, 5, see_c_and_quit, s, &t[2]);
	loop_run(s->loop);
	assert_string_equal(s->seen, "abc");
}

static void free_other_timer(void *arg)
{
	struct scene *s = arg;

	strcat(s->seen, "x");
	loop_source_free(s->b);
	loop_source_free(s->a); /* its own */
}

static void a_timer_may_free_itself_and_one_that_is_due(void **state)
{
	struct scene *s = *state;

	loop_timer(s->loop, 1, free_other_timer, s, &s->a);
	loop_timer(s->loop, 2, see_b, s, &s->b);
	loop_timer(s->loop, 3, see_c_and_quit, s, &s->timer);
	loop_run(s->loop);
	assert_string_equal(s->seen, "xc");
}

static void arm_again(void *arg)
{
	struct scene *s = arg;

	strcat(s->seen, "r");
	if (++s->n_turns == 3)
		loop_quit(s->loop);
	loop_timer_set(s->timer, 0);
}

static void a_timer_that_is_always_due_runs_once_a_turn(void **state)
{
	struct scene *s = *state;

	loop_timer(s->loop, 0, arm_again, s, &s->timer);
	loop_run(s->loop);
	assert_string_equal(s->seen, "rrr");
}

static void arm_for_ever(void *arg)
{
	struct scene *s = arg;

	if (s->n_turns++ > 1000)
		loop_quit(s->loop);
	loop_timer_set(s->timer, 0);
}

static void a_timer_that_is_always_due_starves_no_other(void **state)
{
	struct scene *s = *state;

	loop_timer(s->loop, 0, arm_for_ever, s, &s->timer);
	loop_timer(s->loop, clock_now_ns() + 1000, see_c_and_quit, s, &s->a);
	loop_run(s->loop);
	assert_string_equal(s->seen, "c");
}

static void many_timers_keep_their_order_through_changes(void **state)
{
	struct scene *s = *state;
	struct loop_source *t[200], *last;

	for (int i = 0; i < 200; i++)
		assert_int_equal(loop_timer(s->loop, UINT64_MAX - 1 - (uint64_t)(i * 7919 % 200), see_b, s, &t[i]), 0);
	for (int i = 0; i < 200; i += 2)
		loop_source_free(t[i]);
	loop_timer_set(t[101], 1);
	loop_timer_set(t[7], UINT64_MAX); /* never */
	loop_timer(s->loop, 2, see_c_and_quit, s, &last);
	loop_run(s->loop);
	assert_string_equal(s->seen, "bc");
}

static void on_a(void *arg, uint32_t events)
{
	struct scene *s = arg;

	(void)events;
	strcat(s->seen, "a");
	loop_source_free(s->a);
	loop_source_free(s->b);
	s->a = s->b = NULL;
	loop_quit(s->loop);
}

static void a_callback_may_free_a_source_that_is_ready_too(void **state)
{
	struct scene *s = *state;

	assert_int_equal(write(s->pipe_a[1], "x", 1), 1);
	assert_int_equal(write(s->pipe_b[1], "x", 1), 1);
	/* whichever comes first frees the other */
	loop_watch(s->loop, s->pipe_a[0], EPOLLIN, on_a, s, &s->a);
	loop_watch(s->loop, s->pipe_b[0], EPOLLIN, on_a, s, &s->b);
	loop_run(s->loop);
	assert_string_equal(s->seen, "a");
}

static void a_bad_descriptor_is_refused(void **state)
{
	struct scene *s = *state;

	assert_true(loop_watch(s->loop, 9999, EPOLLIN, on_a, s, &s->a) < 0);
}

static void *post_from_thread(void *arg)
{
	struct scene *s = arg;

	loop_post(s->loop, see_a, s);
	loop_post(s->loop, see_b, s);
	loop_post(s->loop, see_c_and_quit, s);
	return NULL;
}

static void calls_of_another_thread_run_in_their_order(void **state)
{
	struct scene *s = *state;
	pthread_t t;

	pthread_create(&t, NULL, post_from_thread, s);
	loop_run(s->loop);
	pthread_join(t, NULL);
	assert_string_equal(s->seen, "abc");
}

static uint64_t before_sleep(void *arg)
{
	struct scene *s = arg;

	if (++s->n_turns == 3)
		loop_quit(s->loop);
	return clock_now_ns() + NS_PER_MS;
}

static void the_guest_is_called_again_by_its_own_deadline(void **state)
{
	struct scene *s = *state;

	loop_set_before_sleep(s->loop, before_sleep, s);
	loop_run(s->loop);
	assert_int_equal(s->n_turns, 3);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(timers_run_in_the_order_of_their_deadlines),
		CASE(equal_deadlines_run_first_armed_first),
		CASE(a_timer_may_free_itself_and_one_that_is_due),
		CASE(a_timer_that_is_always_due_runs_once_a_turn),
		CASE(a_timer_that_is_always_due_starves_no_other),
		CASE(many_timers_keep_their_order_through_changes),
		CASE(a_callback_may_free_a_source_that_is_ready_too),
		CASE(a_bad_descriptor_is_refused),
		CASE(calls_of_another_thread_run_in_their_order),
		CASE(the_guest_is_called_again_by_its_own_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
