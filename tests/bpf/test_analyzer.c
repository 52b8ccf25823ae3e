/* SPDX-License-Identifier: Apache-2.0 */
/* The analyzer process and its programs, on the running kernel: what a front asks, and what it must get. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/unix_message.h"
#include "bpf/analyzer_types.h"
#include "bpf/symbols.h"
#include "tests/bpf/analyzer_front.h"
#include "tests/unit/cmocka_head.h"

static void run_for_ms(unsigned ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	nanosleep(&ts, NULL);
}

static struct analyzer_counters detach(struct front *f, uint64_t session, struct records *ret)
{
	int fd = -1;
	struct analyzer_message m = front_ask(f, ANALYZER_DETACH, session, 0, 0, 0, &fd);

	assert_int_equal(m.error, 0);
	records_read(ret, fd);
	return m.counters;
}

/* What was found in a hand-over. */
struct census {
	unsigned samples, events, complete, too_deep, in_order, foreign, page_faults, faults_on_file, faults_anonymous;
	unsigned syscalls, exits, forks, decisions, mapped, unmapped, woken_by_ours;
	uint64_t first_ns, last_ns; /* of the samples */
	char exit_text[128];
	unsigned deaths, deaths_in_order;
	int signal; /* of the last one */
};

static bool has_frames_in_order(struct symbolizer *s, const uint64_t *ips, uint32_t n_ips)
{
	static const char *const expected[] = {"burn_inner", "burn_middle", "burn_outer", "main"};
	size_t next = 0;

	for (uint32_t i = 0; i < n_ips && next < ARRAY_SIZE(expected); i++) {
		struct symbol symbol = symbolizer_lookup(s, ips[i], i > 0);
		if (strcmp(symbol.name, expected[next]) == 0)
			next++;
		else if (next)
			return false;
	}
	return next == ARRAY_SIZE(expected);
}

static void count_sample(struct census *c, struct symbolizer *s, const struct analyzer_sample *sample, pid_t pid)
{
	c->samples++;
	c->foreign += sample->pid != (uint32_t)pid;
	c->too_deep += sample->result == ANALYZER_RESULT_TOO_DEEP;
	c->in_order += has_frames_in_order(s, sample->ips, sample->n_ips);
	assert_int_not_equal(sample->result, ANALYZER_RESULT_COMPLETE); /* it knows no symbols */
	if (sample->n_ips && symbolizer_lookup(s, sample->ips[sample->n_ips - 1], sample->n_ips > 1).outermost)
		c->complete++;
	if (!c->first_ns)
		c->first_ns = sample->time_ns;
	c->last_ns = sample->time_ns;
	for (uint32_t i = 0; i < sample->n_ips; i++)
		assert_false(sample->ips[i] >> 63); /* no kernel address */
}

static void count_event(struct census *c, const struct analyzer_event *event, pid_t pid)
{
	c->events++;
	c->foreign += event->pid != (uint32_t)pid;
	assert_true(memchr(event->text, 0, sizeof(event->text)) && memchr(event->name, 0, sizeof(event->name)));
	assert_true(event->name[0] && event->text[0]);
	switch (event->kind) {
	case ANALYZER_EVENT_PAGE_FAULT:
		c->page_faults++;
		c->faults_anonymous += strstr(event->text, "anonymous memory") && event->n_ips > 0;
		c->faults_on_file += strstr(event->text, "burner") && event->n_ips > 0;
		break;
	case ANALYZER_EVENT_SYSCALL:
		c->syscalls += event->n_ips > 0;
		break;
	case ANALYZER_EVENT_EXIT:
		c->exits++;
		memcpy(c->exit_text, event->text, sizeof(c->exit_text));
		break;
	case ANALYZER_EVENT_FORK:
		c->forks++;
		break;
	case ANALYZER_EVENT_MAPPING: /* of itself, read-only: see fault_outer */
		c->mapped += !strncmp(event->text, "mapped 0x", 9) && strstr(event->text, " 8192 bytes of burner, r--") &&
			event->n_ips > 0;
		c->unmapped += !strncmp(event->text, "unmapped 0x", 11) && strstr(event->text, " 8192 bytes of burner");
		break;
	case ANALYZER_EVENT_WAKEUP: /* a child that ends wakes its parent, in a system call */
		c->woken_by_ours += !strncmp(event->text, "woken by burner (pid ", 21) && event->n_ips > 0;
		break;
	case ANALYZER_EVENT_DECISION:
		c->decisions++;
		break;
	}
}

static void count_death(struct census *c, struct symbolizer *s, const struct analyzer_death *death, pid_t pid)
{
	c->deaths++;
	c->foreign += death->pid != (uint32_t)pid || death->tid != (uint32_t)pid;
	c->deaths_in_order += has_frames_in_order(s, death->ips, death->n_ips);
	c->signal = death->signal;
}

static struct census take_census(struct records *r, const struct burner *b)
{
	struct symbolizer *s = NULL;
	struct census c = {0};

	assert_int_equal(symbolizer_new(b->maps, b->maps_len, &s), 0);
	for (const struct analyzer_record *at = NULL; (at = records_next(r, at));) {
		if (at->type == ANALYZER_RECORD_SAMPLE)
			count_sample(&c, s, (const void *)at, b->pid);
		else if (at->type == ANALYZER_RECORD_EVENT)
			count_event(&c, (const void *)at, b->pid);
		else if (at->type == ANALYZER_RECORD_DEATH)
			count_death(&c, s, (const void *)at, b->pid);
	}
	symbolizer_free(s);
	records_done(r);
	return c;
}

static void a_busy_worker_is_sampled_with_stacks_to_the_outermost_frame(void **state)
{
	struct front *f = *state;
	struct burner b;
	struct records r;

	front_need_object(f, ANALYZER_RELEASE);
	burner_start(&b, f, true, "burn");
	uint64_t session = front_attach(f, b.pid, ANALYZER_RELEASE);
	struct analyzer_message enabled = front_must(f, ANALYZER_ENABLE, session);
	burner_work_for_ms(&b, 200);
	struct analyzer_message disabled = front_must(f, ANALYZER_DISABLE, session);
	run_for_ms(50); /* in which nothing may be sampled */
	struct analyzer_counters counters = detach(f, session, &r);
	struct census c = take_census(&r, &b);
	burner_end(&b);

	double expected = (double)counters.expected;
	print_message("# %u samples, %.0f expected of %.1f ms on CPU; %u complete, %u with the frames in order\n",
		c.samples, expected, (double)counters.on_cpu_ns / 1e6, c.complete, c.in_order);
	assert_int_equal(c.samples, counters.samples);
	assert_int_equal(counters.lost, 0);
	assert_int_equal(c.events + c.foreign, 0);
	assert_true(counters.on_cpu_ns > 20 * NS_PER_MS && counters.on_cpu_ns <= disabled.time_ns - enabled.time_ns);
	assert_true(c.samples > expected * 0.7 && c.samples < expected * 1.1 + 2);
	assert_true(c.first_ns >= enabled.time_ns && c.last_ns <= disabled.time_ns);
	assert_true(c.in_order >= c.samples * 95 / 100);
	assert_true(c.complete >= c.samples * 95 / 100);
}

static void several_profiled_runs_add_up_and_nothing_is_taken_between_them(void **state)
{
	struct front *f = *state;
	uint64_t begin[3], finish[3];
	struct burner b;
	struct records r;
	unsigned in_run[3] = {0}, between = 0;

	front_need_object(f, ANALYZER_RELEASE);
	burner_start(&b, f, true, "burn");
	uint64_t session = front_attach(f, b.pid, ANALYZER_RELEASE);
	for (int i = 0; i < 3; i++) {
		begin[i] = front_must(f, ANALYZER_ENABLE, session).time_ns;
		burner_work_for_ms(&b, 40);
		finish[i] = front_must(f, ANALYZER_DISABLE, session).time_ns;
		run_for_ms(20);
	}
	detach(f, session, &r);
	for (const struct analyzer_record *at = NULL; (at = records_next(&r, at));) {
		uint64_t time_ns = ((const struct analyzer_sample *)at)->time_ns;
		int run = 0;
		if (at->type != ANALYZER_RECORD_SAMPLE)
			continue;
		while (run < 3 && !(time_ns >= begin[run] && time_ns <= finish[run]))
			run++;
		if (run < 3)
			in_run[run]++;
		else
			between++;
	}
	records_done(&r);
	burner_end(&b);
	assert_int_equal(between, 0);
	assert_true(in_run[0] > 10 && in_run[1] > 10 && in_run[2] > 10);
}

/* As the front does for a request of one run: two messages. */
static void a_session_that_begins_enabled_needs_no_more_than_its_end(void **state)
{
	struct front *f = *state;
	struct burner b;
	struct records r;

	enum analyzer_kind kind = front_need(f);
	burner_start(&b, f, true, "burn");
	for (unsigned i = 0; i < 3; i++) { /* the worker runs all the while */
		uint64_t begun_ns = clock_now_ns(), session = front_attach_enabled(f, b.pid, kind), n = 0;
		struct analyzer_message again = front_ask(f, ANALYZER_ENABLE, session, 0, 0, 0, NULL);
		assert_int_equal(again.error, EALREADY);
		burner_work_for_ms(&b, 50);
		struct analyzer_counters counters = detach(f, session, &r);
		uint64_t ended_ns = clock_now_ns();
		for (const struct analyzer_record *at = NULL; (at = records_next(&r, at));) {
			uint64_t time_ns = ((const struct analyzer_sample *)at)->time_ns;
			if (at->type != ANALYZER_RECORD_SAMPLE)
				continue;
			assert_in_range(time_ns, begun_ns, ended_ns);
			n++;
		}
		records_done(&r);
		assert_int_equal(n, counters.samples);
		assert_int_equal(counters.lost, 0);
		assert_in_range(n, counters.expected / 2, 2 * counters.expected);
		assert_true(counters.on_cpu_ns >= 50 * NS_PER_MS && counters.on_cpu_ns <= ended_ns - begun_ns);
	}
	burner_end(&b);
}

static void a_debug_session_tells_page_faults_and_system_calls_with_stacks(void **state)
{
	struct front *f = *state;
	struct burner b;
	struct records r;

	front_need_object(f, ANALYZER_DEBUG);
	burner_start(&b, f, true, "faults");
	uint64_t session = front_attach(f, b.pid, ANALYZER_DEBUG);
	front_must(f, ANALYZER_ENABLE, session);
	burner_work_for_ms(&b, 50);
	front_must(f, ANALYZER_DISABLE, session);
	struct analyzer_counters counters = detach(f, session, &r);
	struct census c = take_census(&r, &b);
	burner_end(&b);

	print_message("# %u events: %u page faults (%u anonymous, %u on the file), %u system calls, %u decisions\n",
		c.events, c.page_faults, c.faults_anonymous, c.faults_on_file, c.syscalls, c.decisions);
	assert_int_equal(c.events, counters.events);
	assert_int_equal(counters.lost_events + c.foreign, 0);
	assert_true(c.syscalls > 20 && c.decisions >= 4);
	assert_true(c.mapped > 2 && c.unmapped > 2);
#ifdef __x86_64__
	assert_true(c.faults_anonymous > 10 && c.faults_on_file > 1);
#endif
}

static void two_busy_workers_lose_no_sample(void **state)
{
	struct front *f = *state;
	struct burner b[2];
	struct records r[2];
	uint64_t session[2];

	front_need_object(f, ANALYZER_RELEASE);
	for (int i = 0; i < 2; i++) {
		burner_start(&b[i], f, true, "burn");
		session[i] = front_attach(f, b[i].pid, ANALYZER_RELEASE);
		front_must(f, ANALYZER_ENABLE, session[i]);
	}
	for (int i = 0; i < 2; i++) /* longer than the ring holds */
		burner_work_for_ms(&b[i], 2000);
	for (int i = 0; i < 2; i++)
		front_must(f, ANALYZER_DISABLE, session[i]);
	for (int i = 0; i < 2; i++) {
		struct analyzer_counters counters = detach(f, session[i], &r[i]);
		struct census c = take_census(&r[i], &b[i]);
		print_message("# %u samples of %llu expected in %.1f ms on CPU\n", c.samples,
			(unsigned long long)counters.expected, (double)counters.on_cpu_ns / 1e6);
		assert_int_equal(counters.lost + c.foreign, 0);
		assert_true((double)c.samples > (double)counters.expected * 0.7);
		burner_end(&b[i]);
	}
}

static void forks_are_told_and_the_children_are_in_the_session(void **state)
{
	struct front *f = *state;
	struct burner b;
	struct records r;

	front_need_object(f, ANALYZER_DEBUG);
	burner_start(&b, f, true, "fork");
	uint64_t session = front_attach(f, b.pid, ANALYZER_DEBUG);
	front_must(f, ANALYZER_ENABLE, session);
	burner_work_for_ms(&b, 100);
	front_must(f, ANALYZER_DISABLE, session);
	struct analyzer_counters counters = detach(f, session, &r);
	struct census c = take_census(&r, &b);
	burner_end(&b);
	assert_true(c.forks > 2 && counters.forks >= c.forks);
	assert_int_equal(counters.lost_forks, 0);
	assert_true(c.woken_by_ours > 2);
	assert_true(c.foreign > c.forks); /* the children's page faults, system calls and exits, by their own numbers */
}

static void a_stack_that_is_too_deep_says_so(void **state)
{
	struct front *f = *state;
	struct burner b;
	struct records r;

	front_need_object(f, ANALYZER_RELEASE);
	burner_start(&b, f, true, "deep");
	uint64_t session = front_attach(f, b.pid, ANALYZER_RELEASE);
	front_must(f, ANALYZER_ENABLE, session);
	burner_work_for_ms(&b, 60);
	front_must(f, ANALYZER_DISABLE, session);
	detach(f, session, &r);
	struct census c = take_census(&r, &b);
	burner_end(&b);
	assert_true(c.samples > 10 && c.too_deep >= c.samples * 9 / 10);
	assert_true(c.complete <= c.samples / 10);
}

static void two_sessions_of_both_kinds_at_once_do_not_mix(void **state)
{
	struct front *f = *state;
	struct burner a, b;
	struct records ra, rb;

	front_need_object(f, ANALYZER_RELEASE);
	front_need_object(f, ANALYZER_DEBUG);
	burner_start(&a, f, true, "burn");
	burner_start(&b, f, true, "faults");
	uint64_t release = front_attach(f, a.pid, ANALYZER_RELEASE), debug = front_attach(f, b.pid, ANALYZER_DEBUG);
	front_must(f, ANALYZER_ENABLE, release);
	front_must(f, ANALYZER_ENABLE, debug);
	burner_work_for_ms(&a, 100);
	burner_work_for_ms(&b, 50);
	front_must(f, ANALYZER_DISABLE, debug);
	front_must(f, ANALYZER_DISABLE, release);
	detach(f, release, &ra);
	detach(f, debug, &rb);
	struct census ca = take_census(&ra, &a), cb = take_census(&rb, &b);
	burner_end(&a);
	burner_end(&b);
	assert_int_equal(ca.foreign + cb.foreign, 0);
	assert_true(ca.samples > 50 && ca.events == 0);
	assert_true(cb.events > 20);
}

static void who_did_not_register_is_refused(void **state)
{
	struct front *f = *state;
	struct burner b;
	struct analyzer_message m;

	front_need(f);
	burner_start(&b, f, false, "burn");
	m = front_ask(f, ANALYZER_ATTACH, 1, b.pid, ANALYZER_RELEASE, FRONT_FREQUENCY_HZ, NULL);
	assert_int_equal(m.error, EPERM);
	assert_non_null(strstr(m.text, "none of our workers"));
	m = front_ask(f, ANALYZER_ATTACH, 2, getpid(), ANALYZER_RELEASE, FRONT_FREQUENCY_HZ, NULL);
	assert_int_equal(m.error, EPERM);
	m = front_ask(f, ANALYZER_ATTACH, 3, 1, ANALYZER_RELEASE, FRONT_FREQUENCY_HZ, NULL);
	assert_int_equal(m.error, EPERM);
	assert_int_equal(m.attached_total, 0);
	burner_end(&b);
}

static void wrong_requests_are_answered_by_errors(void **state)
{
	struct front *f = *state;
	struct burner b;

	front_need(f);
	burner_start(&b, f, true, "burn");
	static const struct {
		uint32_t type;
		uint64_t session;
		uint32_t kind, frequency_hz;
		int error;
	} rows[] = {
		{ANALYZER_ENABLE, 5, 0, 0, ENOENT},
		{ANALYZER_DISABLE, 5, 0, 0, ENOENT},
		{ANALYZER_DETACH, 5, 0, 0, ENOENT},
		{ANALYZER_DETACH, 0, 0, 0, ENOENT},
		{ANALYZER_ATTACH, 0, ANALYZER_RELEASE, 4999, EINVAL},
		{ANALYZER_ATTACH, 5, 7, 4999, EINVAL},
		{ANALYZER_ATTACH, 5, ANALYZER_OFF, 4999, EINVAL},
		{ANALYZER_ATTACH, 5, ANALYZER_RELEASE, 0, ERANGE},
		{ANALYZER_ATTACH, 5, ANALYZER_RELEASE, 1000000, ERANGE},
		{ANALYZER_ATTACH, 5, ANALYZER_RELEASE, 4999, 0},
		{ANALYZER_ATTACH, 5, ANALYZER_RELEASE, 4999, EEXIST},
		{ANALYZER_ATTACH, 6, ANALYZER_RELEASE, 4999, EBUSY}, /* the same worker twice */
		{ANALYZER_DISABLE, 5, 0, 0, EALREADY},
		{ANALYZER_ENABLE, 5, 0, 0, 0},
		{ANALYZER_ENABLE, 5, 0, 0, EALREADY},
		{ANALYZER_DETACH, 5, 0, 0, 0}, /* while it is enabled */
		{ANALYZER_DETACH, 5, 0, 0, ENOENT},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct analyzer_message m = front_ask(f, rows[i].type, rows[i].session, b.pid, rows[i].kind,
			rows[i].frequency_hz, NULL);
		assert_int_equal(m.error, rows[i].error);
	}
	struct analyzer_message status = front_must(f, ANALYZER_STATUS, 0);
	assert_int_equal(status.sessions, 0);
	assert_int_equal(status.attached_total, 1);
	assert_int_equal(status.enabled_total, 1);
	burner_end(&b);
}

static void a_worker_killed_while_attached_is_still_detached_in_order(void **state)
{
	struct front *f = *state;
	struct burner b;
	struct records r;

	front_need_object(f, ANALYZER_DEBUG);
	burner_start(&b, f, true, "burn");
	uint64_t session = front_attach(f, b.pid, ANALYZER_DEBUG);
	front_must(f, ANALYZER_ENABLE, session);
	burner_work_for_ms(&b, 50);
	kill(b.pid, SIGKILL);
	waitpid(b.pid, NULL, 0);
	front_must(f, ANALYZER_DISABLE, session);
	detach(f, session, &r);
	struct census c = take_census(&r, &b);
	struct analyzer_message m = front_ask(f, ANALYZER_ATTACH, f->next_session++, b.pid, ANALYZER_RELEASE,
		FRONT_FREQUENCY_HZ, NULL);
	b.pid = 0;
	burner_end(&b);
	assert_true(c.samples > 10);
	assert_int_equal(c.exits, 1);
	assert_non_null(strstr(c.exit_text, "SIGKILL"));
	assert_true(m.error == EPERM || m.error == ESRCH);
}

static void what_ends_a_worker_is_told_with_the_stack_it_came_to(void **state)
{
	struct front *f = *state;
	static const int signals[] = {SIGABRT, SIGSEGV, SIGXCPU, SIGKILL};

	enum analyzer_kind kind = front_need(f);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct records r;
		struct burner b;

		burner_start(&b, f, true, "burn");
		uint64_t session = front_attach_enabled(f, b.pid, kind);
		burner_work_for_ms(&b, 20);
		assert_int_equal(kill(b.pid, SIGCHLD), 0); /* nobody ends by that */
		burner_work_for_ms(&b, 5);
		assert_int_equal(kill(b.pid, signals[i]), 0);
		assert_int_equal(waitpid(b.pid, NULL, 0), b.pid);
		detach(f, session, &r);
		struct census c = take_census(&r, &b);
		b.pid = 0;
		burner_end(&b);
		assert_int_equal(c.foreign, 0);
		assert_int_equal(c.deaths, 1);
		assert_int_equal(c.signal, signals[i]);
		assert_int_equal(c.deaths_in_order, 1);
	}
}

/* Makes the next process take this number. False where that is not allowed. */
static bool next_pid_is(pid_t pid)
{
	_cleanup_fd_ int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	return fd >= 0 && dprintf(fd, "%d", (int)pid - 1) > 0;
}

static void a_pid_number_that_comes_round_is_somebody_else(void **state)
{
	struct front *f = *state;
	struct burner a, b = {0};
	int fd = -1;

	front_need_object(f, ANALYZER_RELEASE);
	burner_start(&a, f, true, "burn");
	uint64_t session = front_attach(f, a.pid, ANALYZER_RELEASE);
	pid_t number = a.pid;
	burner_end(&a);
	for (int tries = 0; tries < 20 && b.pid != number && next_pid_is(number); tries++) {
		burner_end(&b);
		if (next_pid_is(number))
			burner_start(&b, f, false, "burn");
	}
	if (b.pid != number) {
		burner_end(&b);
		print_message("# skipped: the next pid number cannot be chosen here (/proc/sys/kernel/ns_last_pid)\n");
		skip();
	}
	front_must(f, ANALYZER_ENABLE, session);
	burner_work_for_ms(&b, 20);
	front_must(f, ANALYZER_DISABLE, session);
	struct analyzer_message m = front_ask(f, ANALYZER_DETACH, session, 0, 0, 0, &fd);
	assert_int_equal(m.counters.samples, 0);
	assert_int_equal(fd, -1);
	m = front_ask(f, ANALYZER_ATTACH, f->next_session++, number, ANALYZER_RELEASE, FRONT_FREQUENCY_HZ, NULL);
	assert_int_equal(m.error, EPERM);
	burner_end(&b);
}

static void the_analyzer_ends_with_its_front_though_a_session_is_attached(void **state)
{
	struct front f;
	struct burner b;

	(void)state;
	front_start(&f, false);
	if (!f.hello.kinds) {
		front_end(&f);
		skip();
	}
	burner_start(&b, &f, true, "burn");
	front_ask(&f, ANALYZER_ATTACH, 1, b.pid, ANALYZER_RELEASE, FRONT_FREQUENCY_HZ, NULL);
	front_must(&f, ANALYZER_ENABLE, 1);
	int status = front_end(&f);
	burner_end(&b);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void without_privileges_it_says_what_to_grant(void **state)
{
	struct front f;
	struct analyzer_message m;

	(void)state;
	front_start(&f, true);
	if (f.hello.kinds && geteuid() != 0) {
		front_end(&f);
		print_message("# skipped: the binary has its capabilities on file, which cannot be taken away here\n");
		skip();
	}
	assert_int_equal(f.hello.kinds, 0);
	assert_int_equal(f.registration_fd, -1);
	assert_int_not_equal(f.hello.error, 0);
	print_message("# %s\n", f.hello.text);
	if (HAVE_OBJECTS) {
		assert_non_null(strstr(f.hello.text, "sudo setcap cap_bpf,cap_perfmon+ep /"));
		assert_non_null(strstr(f.hello.text, "spvscope-analyzer"));
	}
	m = front_ask(&f, ANALYZER_ATTACH, 1, getpid(), ANALYZER_RELEASE, FRONT_FREQUENCY_HZ, NULL);
	assert_int_equal(m.error, EPERM);
	assert_string_equal(m.text, f.hello.text);
	m = front_ask(&f, ANALYZER_DETACH, 1, 0, 0, 0, NULL);
	assert_int_equal(m.error, ENOENT);
	assert_int_equal(front_end(&f), 0);
}

static void it_keeps_two_capabilities_and_no_user(void **state)
{
	struct front *f = *state;
	char path[64], text[4096] = "";
	size_t n;

	front_need(f);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)f->pid);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = 0;
	assert_non_null(strstr(text, "CapPrm:\t000000c000000000")); /* CAP_PERFMON 38, CAP_BPF 39 */
	assert_non_null(strstr(text, "CapEff:\t000000c000000000"));
	assert_non_null(strstr(text, "NoNewPrivs:\t1"));
	assert_null(strstr(text, "Uid:\t0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_front(a_busy_worker_is_sampled_with_stacks_to_the_outermost_frame),
		with_front(several_profiled_runs_add_up_and_nothing_is_taken_between_them),
		with_front(a_session_that_begins_enabled_needs_no_more_than_its_end),
		with_front(a_debug_session_tells_page_faults_and_system_calls_with_stacks),
		with_front(two_busy_workers_lose_no_sample),
		with_front(forks_are_told_and_the_children_are_in_the_session),
		with_front(a_stack_that_is_too_deep_says_so),
		with_front(two_sessions_of_both_kinds_at_once_do_not_mix),
		with_front(who_did_not_register_is_refused),
		with_front(wrong_requests_are_answered_by_errors),
		with_front(a_worker_killed_while_attached_is_still_detached_in_order),
		with_front(what_ends_a_worker_is_told_with_the_stack_it_came_to),
		with_front(a_pid_number_that_comes_round_is_somebody_else),
		with_front(it_keeps_two_capabilities_and_no_user),
		cmocka_unit_test(the_analyzer_ends_with_its_front_though_a_session_is_attached),
		cmocka_unit_test(without_privileges_it_says_what_to_grant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
