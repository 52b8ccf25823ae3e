/* SPDX-License-Identifier: Apache-2.0 */
/* What dies or is missing beside a request: workers, the template, the analyzer, the program itself; and the orderly end. */
#include "tests/server/scene.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static void a_worker_path_that_is_wrong_ends_requests_with_the_reason(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){.worker_path = "/nonexistent/worker"});
	struct ended *e;

	(void)state;
	e = compile_one(s, glsl_request(good_shader));
	assert_int_equal(e->status, SPVSCOPE_STATUS_CRASHED);
	assert_string_equal(e->stage, "worker");
	assert_non_null(strstr(e->message, "/nonexistent/worker"));
	scene_stop(s);
}

/* ---- killed from outside ---- */

static void children_of(pid_t pid, pid_t *ret, size_t *n_ret, size_t max)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	f = fopen(path, "re");
	*n_ret = 0;
	while (f && *n_ret < max && fscanf(f, "%d", &ret[*n_ret]) == 1)
		(*n_ret)++;
	if (f)
		fclose(f);
}

static bool is_program(pid_t pid, const char *name)
{
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f && !fgets(comm, sizeof(comm), f))
		comm[0] = '\0';
	if (f)
		fclose(f);
	return strncmp(comm, name, strlen(name)) == 0;
}

enum victim { VICTIM_WORKER, VICTIM_TEMPLATE, VICTIM_ANALYZER };

/* Only children of this test are ever signalled. */
static bool kill_one(enum victim which, unsigned turn)
{
	pid_t ours[16], workers[16];
	size_t n_ours, n_workers;

	children_of(getpid(), ours, &n_ours, ARRAY_SIZE(ours));
	for (size_t i = 0; i < n_ours; i++) {
		bool is_analyzer = is_program(ours[i], "spvscope-analyz");
		bool is_template = is_program(ours[i], "spvscope-tmpl");

		if (is_analyzer && which == VICTIM_ANALYZER)
			return kill(ours[i], SIGKILL) == 0;
		if (!is_template || which == VICTIM_ANALYZER)
			continue;
		if (which == VICTIM_TEMPLATE)
			return kill(ours[i], SIGKILL) == 0;
		children_of(ours[i], workers, &n_workers, ARRAY_SIZE(workers));
		if (n_workers)
			return kill(workers[turn % n_workers], SIGKILL) == 0;
	}
	return false;
}

#define CHAOS_REQUESTS  1000u
#define CHAOS_IN_FLIGHT 16u
#ifdef __SANITIZE_ADDRESS__
#define CHAOS_KILL_NS (60 * NS_PER_MS) /* a fork takes some 20 ms: it is to have a chance */
#else
#define CHAOS_KILL_NS (15 * NS_PER_MS)
#endif

struct chaos {
	struct scene *s;
	struct loop_source *killer, *feeder;
	unsigned turn, n_killed[3];
};

static void chaos_kill(void *arg)
{
	struct chaos *c = arg;
	enum victim which = c->turn % 60 == 9 ? VICTIM_TEMPLATE : c->turn % 20 == 19 ? VICTIM_ANALYZER : VICTIM_WORKER;

	if (which != VICTIM_WORKER && c->n_killed[which] == 4)
		which = VICTIM_WORKER; /* the pauses between restarts grow */
	c->n_killed[which] += kill_one(which, c->turn);
	c->turn++;
	loop_timer_set(c->killer, clock_now_ns() + CHAOS_KILL_NS);
}

static void chaos_feed(void *arg)
{
	struct chaos *c = arg;
	struct scene *s = c->s;

	while (s->n_submitted < CHAOS_REQUESTS && s->n_submitted - s->n_ended < CHAOS_IN_FLIGHT) {
		struct compile_request q = glsl_request(good_shader);

		q.analyzer.kind = s->n_submitted % 5 == 0 ? ANALYZER_RELEASE : s->n_submitted % 7 == 0 ? ANALYZER_DEBUG
												 : ANALYZER_OFF;
		q.analyzer.budget_ms = 20;
		if (s->n_submitted % 11 == 0)
			q.isolation = ISOLATION_REQUEST;
		q.keep = s->n_submitted % 50 == 0;
		scene_submit(s, &q);
	}
	loop_timer_set(c->feeder, clock_now_ns() + 2 * NS_PER_MS);
}

static void kills_give_each_request_one_outcome_and_the_service_heals(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){
		.analyzer = true, .analyzer_path = getenv("SPVSCOPE_ANALYZER"), .isolation = ISOLATION_WORKER});
	struct chaos c = {.s = s};
	unsigned by_status[SPVSCOPE_N_STATUSES] = {0};

	(void)state;
	loop_timer_set(s->timeout, clock_now_ns() + 120 * NS_PER_S);
	assert_int_equal(loop_timer(s->loop, 0, chaos_kill, &c, &c.killer), 0);
	assert_int_equal(loop_timer(s->loop, 0, chaos_feed, &c, &c.feeder), 0);
	scene_wait(s, CHAOS_REQUESTS);
	loop_source_free(c.killer);
	loop_source_free(c.feeder);
	for (unsigned i = 0; i < CHAOS_REQUESTS; i++) {
		assert_int_equal(s->ended[i].n_answers, 1);
		by_status[s->ended[i].status]++;
		if (s->ended[i].status == SPVSCOPE_STATUS_CRASHED && !strstr(s->ended[i].message, "died twice"))
			assert_string_equal(s->ended[i].signal, "SIGKILL");
	}
	assert_int_equal(by_status[SPVSCOPE_STATUS_OK] + by_status[SPVSCOPE_STATUS_CRASHED], CHAOS_REQUESTS);
	assert_true(c.n_killed[VICTIM_WORKER] > 10);
	assert_true(c.n_killed[VICTIM_TEMPLATE] >= 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(compile_one(s, glsl_request(good_shader))->status, SPVSCOPE_STATUS_OK);
	assert_true(scene_counters(s).templates_started >= 2);
	print_message("# killed %u workers, %u templates, %u analyzers: %u ok, %u crashed, %llu retried\n",
		c.n_killed[VICTIM_WORKER], c.n_killed[VICTIM_TEMPLATE], c.n_killed[VICTIM_ANALYZER],
		by_status[SPVSCOPE_STATUS_OK], by_status[SPVSCOPE_STATUS_CRASHED],
		(unsigned long long)scene_counters(s).retried);
	scene_stop(s);
}

static void on_drained(void *arg)
{
	struct scene *s = arg;

	s->drained = true;
	loop_quit(s->loop);
}

static void draining_ends_what_runs_and_refuses_what_comes(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){.n_workers = 1});
	struct compile_request q = endless_request();
	struct compile *c;

	(void)state;
	compile_one(s, glsl_request(good_shader));
	scene_submit(s, &q);
	q = glsl_request(good_shader);
	scene_submit(s, &q);
	s->n_wanted = 1000;
	compile_service_drain(s->service, clock_now_ns() + 200 * NS_PER_MS, on_drained, s);
	q = glsl_request(good_shader);
	assert_int_equal(compile_submit(s->service, &q, &(struct compile_caller){0}, on_done, NULL, &c), -ESHUTDOWN);
	assert_int_equal(loop_run(s->loop), 0);
	assert_true(s->drained);
	assert_int_equal(s->n_ended, 3);
	assert_int_equal(s->ended[1].status, SPVSCOPE_STATUS_CANCELLED);
	scene_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_path_that_is_wrong_ends_requests_with_the_reason),
		cmocka_unit_test(kills_give_each_request_one_outcome_and_the_service_heals),
		cmocka_unit_test(draining_ends_what_runs_and_refuses_what_comes),
	};

	return RUN_SCENE_TESTS(tests);
}
