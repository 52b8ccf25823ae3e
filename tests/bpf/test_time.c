/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time went, on the running kernel: on-CPU, runnable and blocked, held against the clocks of the analyzed thread
 * itself, and against what it was made to wait for. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/symbols.h"
#include "tests/bpf/analyzer_front.h"
#include "tests/bpf/timekeeper.h"
#include "tests/unit/cmocka_head.h"

#define FREQUENCY_HZ 4999
#define N_RUNS       1000

static int start(void **state)
{
	struct front *f = calloc(1, sizeof(*f));

	front_start(f, false);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct front *f = *state;
	int status = front_end(f);

	free(f);
	return status;
}

static void need_analyzer(const struct front *f, enum analyzer_kind object)
{
	if (!f->hello.kinds || !(f->hello.objects & 1u << object)) {
		print_message("# skipped: %s\n", f->hello.kinds ? "that object is not built" : f->hello.text);
		skip();
	}
}

static struct analyzer_message ask(struct front *f, uint32_t type, uint64_t session)
{
	struct analyzer_message m = front_ask(f, type, session, 0, 0, 0, NULL);
	assert_int_equal(m.error, 0);
	return m;
}

struct keeper {
	struct burner worker;
	int to, from;
};

static void read_fully(int fd, void *to, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = read(fd, (char *)to + at, size - at);
		assert_true(n > 0);
		at += (size_t)n;
	}
}

static void keeper_start(struct keeper *k, const struct front *f)
{
	int in[2], out[2];
	char word[6], fd_text[16], path[64];

	*k = (struct keeper){0};
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	snprintf(path, sizeof(path), "timekeeper-%d.tmp", (int)getpid());
	k->worker.pid = fork();
	if (k->worker.pid == 0) {
		snprintf(fd_text, sizeof(fd_text), "%d", dup(f->registration_fd));
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl(TIMEKEEPER_PATH, "timekeeper", fd_text, path, NULL);
		_exit(127);
	}
	assert_true(k->worker.pid > 0);
	fd_close(in[0]);
	fd_close(out[1]);
	k->to = in[1];
	k->from = out[0];
	read_fully(k->from, word, sizeof(word));
	burner_read_maps(&k->worker);
}

static void keeper_end(struct keeper *k)
{
	fd_close(k->to);
	fd_close(k->from);
	burner_end(&k->worker);
}

static uint64_t attach(struct front *f, const struct keeper *k, enum analyzer_kind kind)
{
	uint64_t session = f->next_session++;
	struct analyzer_message m = front_ask(f, ANALYZER_ATTACH, session, k->worker.pid, kind, FREQUENCY_HZ, NULL);

	assert_int_equal(m.error, 0);
	return session;
}

static struct timekeeper_run work(struct keeper *k, enum timekeeper_work what)
{
	struct timekeeper_run run;
	char byte = (char)what;

	assert_int_equal(write(k->to, &byte, 1), 1);
	read_fully(k->from, &run, sizeof(run));
	return run;
}

static struct timekeeper_run profiled_work(struct front *f, uint64_t session, struct keeper *k, enum timekeeper_work what)
{
	struct timekeeper_run run;

	ask(f, ANALYZER_ENABLE, session);
	run = work(k, what);
	ask(f, ANALYZER_DISABLE, session);
	return run;
}

static struct analyzer_counters detach(struct front *f, uint64_t session, struct records *ret)
{
	int fd = -1;
	struct analyzer_message m = front_ask(f, ANALYZER_DETACH, session, 0, 0, 0, &fd);

	assert_int_equal(m.error, 0);
	records_read(ret, fd);
	return m.counters;
}

/* What two spans of time have in common. */
static uint64_t common_ns(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t from = a > c ? a : c, to = b < d ? b : d;
	return to > from ? to - from : 0;
}

/* What the analyzer says of one thread in begin_ns..end_ns. */
struct account {
	uint64_t on_cpu_ns, runnable_ns, blocked_ns, stolen_ns; /* the last is part of the first */
	uint64_t unsure_ns; /* stolen at one of the ends, on the one side or the other */
	unsigned n_switches;
};

static struct account account_of(const struct records *r, pid_t tid, uint64_t begin_ns, uint64_t end_ns)
{
	struct account a = {0};
	uint64_t last_ns = 0;

	for (const struct analyzer_record *at = NULL; (at = records_next(r, at));) {
		const struct analyzer_off_cpu *o = (const void *)at;
		const struct analyzer_stolen *s = (const void *)at;

		if (at->type == ANALYZER_RECORD_STOLEN && s->tid == (uint32_t)tid) {
			uint64_t inside_ns = common_ns(s->time_ns, s->to_ns, begin_ns, end_ns);
			a.stolen_ns += (uint64_t)((double)s->stolen_ns * (double)inside_ns / (double)(s->to_ns - s->time_ns));
			a.unsure_ns += inside_ns && inside_ns < s->to_ns - s->time_ns ? s->stolen_ns : 0;
		}
		if (at->type != ANALYZER_RECORD_OFF_CPU || o->tid != (uint32_t)tid)
			continue;
		assert_true(o->time_ns <= o->woken_ns && o->woken_ns <= o->on_ns);
		assert_true(o->time_ns >= last_ns); /* they do not overlap */
		last_ns = o->on_ns;
		a.blocked_ns += common_ns(o->time_ns, o->woken_ns, begin_ns, end_ns);
		a.runnable_ns += common_ns(o->woken_ns, o->on_ns, begin_ns, end_ns);
		a.n_switches += common_ns(o->time_ns, o->on_ns, begin_ns, end_ns) > 0;
	}
	a.on_cpu_ns = end_ns - begin_ns - a.blocked_ns - a.runnable_ns;
	return a;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void a_thousand_runs_agree_with_the_threads_own_clocks(void **state)
{
	static struct timekeeper_run runs[N_RUNS];
	struct front *f = *state;
	struct keeper k;
	struct records r;
	uint64_t worst_cpu_ns = 0, worst_delay_ns = 0;
	unsigned bad_cpu = 0, bad_delay = 0, with_steal = 0, unsure = 0, n_switches = 0;

	need_analyzer(f, ANALYZER_RELEASE);
	keeper_start(&k, f);
	uint64_t session = attach(f, &k, ANALYZER_RELEASE);
	for (unsigned i = 0; i < N_RUNS; i++)
		runs[i] = profiled_work(f, session, &k, i % TIMEKEEPER_N_CALM);
	struct analyzer_counters counters = detach(f, session, &r);
	for (unsigned i = 0; i < N_RUNS; i++) {
		struct account a = account_of(&r, k.worker.pid, runs[i].begin_ns, runs[i].end_ns);
		uint64_t wall_ns = runs[i].end_ns - runs[i].begin_ns;
		uint64_t cpu_off_ns = distance(a.on_cpu_ns - a.stolen_ns, runs[i].cpu_ns);
		uint64_t delay_off_ns = distance(a.runnable_ns, runs[i].run_delay_ns);
		uint64_t allowed_ns = wall_ns / 100 + 10000 * (uint64_t)(a.n_switches + 1);

		n_switches += a.n_switches;
		with_steal += a.stolen_ns > 0;
		unsure += a.unsure_ns > 0;
		bad_cpu += cpu_off_ns > allowed_ns + a.unsure_ns;
		bad_delay += delay_off_ns > allowed_ns;
		if (cpu_off_ns > allowed_ns + a.unsure_ns || delay_off_ns > allowed_ns)
			print_message("# run %u (work %u): wall %" PRIu64 " on-CPU %" PRIu64 " stolen %" PRIu64 " its clock %"
				PRIu64 "; runnable %" PRIu64 " its delay %" PRIu64 "; blocked %" PRIu64 ", %u switches\n", i,
				i % TIMEKEEPER_N_CALM, wall_ns, a.on_cpu_ns, a.stolen_ns, runs[i].cpu_ns, a.runnable_ns,
				runs[i].run_delay_ns, a.blocked_ns, a.n_switches);
		worst_cpu_ns = cpu_off_ns > worst_cpu_ns ? cpu_off_ns : worst_cpu_ns;
		worst_delay_ns = delay_off_ns > worst_delay_ns ? delay_off_ns : worst_delay_ns;
	}
	records_done(&r);
	keeper_end(&k);
	print_message("# %u switches, %" PRIu64 " unseen, %u runs with stolen time (%u at an end); %u beyond the limit by the CPU clock (most %.1f us), %u by "
		"run_delay (most %.1f us)\n", n_switches, counters.unseen_switches, with_steal, unsure, bad_cpu, (double)worst_cpu_ns / 1e3, bad_delay,
		(double)worst_delay_ns / 1e3);
	assert_int_equal(counters.lost_intervals + counters.lost_stacks, 0);
	assert_int_equal(bad_cpu + bad_delay, 0);
}

int main(void)
{
#define with_front(test) cmocka_unit_test_setup_teardown(test, start, end)
	const struct CMUnitTest tests[] = {
		with_front(a_thousand_runs_agree_with_the_threads_own_clocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
