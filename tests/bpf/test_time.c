/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time went, on the running kernel: on-CPU, runnable and blocked, held against the clocks of the analyzed thread
 * itself, and against what it was made to wait for. */
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
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
#include "bpf/analyzer_types.h"
#include "bpf/symbols.h"
#include "tests/bpf/analyzer_front.h"
#include "tests/bpf/bring_tables.h"
#include "tests/bpf/timekeeper.h"
#include "tests/unit/cmocka_head.h"

#define N_RUNS       1000
#define N_TRIES      6
#define MAX_DISTURBED 4 /* of N_RUNS, in a try that does not count */

/* Others decide when a thread runs on a busy machine: what is to be seen need not come about at once. */
static void try_until(struct front *f, bool (*seen)(struct front *f))
{
	unsigned n = 1;

	while (!seen(f))
		assert_in_range(++n, 2, N_TRIES);
	if (n > 1)
		print_message("# seen at try %u\n", n);
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

/* So that stacks go through the C library, which has no frame pointers. */
static void send_tables(struct front *f, const struct keeper *k)
{
	bring_tables(f, &k->worker);
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

	front_must(f, ANALYZER_ENABLE, session);
	run = work(k, what);
	front_must(f, ANALYZER_DISABLE, session);
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

static void print_run(const struct records *r, pid_t tid, const struct timekeeper_run *run, const struct account *a)
{
	print_message("# wall %" PRIu64 " on-CPU %" PRIu64 " stolen %" PRIu64 " its clock %" PRIu64 "; runnable %" PRIu64 " its delay %"
		PRIu64 "; blocked %" PRIu64 ", %u switches\n", run->end_ns - run->begin_ns, a->on_cpu_ns, a->stolen_ns, run->cpu_ns,
		a->runnable_ns, run->run_delay_ns, a->blocked_ns, a->n_switches);
	for (const struct analyzer_record *at = NULL; (at = records_next(r, at));) {
		const struct analyzer_off_cpu *o = (const void *)at;

		if (at->type == ANALYZER_RECORD_OFF_CPU && o->tid == (uint32_t)tid && o->on_ns > run->begin_ns - 1000000 &&
		    o->time_ns < run->end_ns + 1000000)
			print_message("#   off at %" PRId64 ", woken %" PRId64 ", on %" PRId64 ", state %u\n", (int64_t)(o->time_ns - run->begin_ns),
				(int64_t)(o->woken_ns - run->begin_ns), (int64_t)(o->on_ns - run->begin_ns), o->state);
	}
}

/* Whether a thousand runs agree to the last one. Where a hypervisor takes the CPU away between two readings of a clock, one
 * may not. */
static bool a_thousand_runs_agree(struct front *f)
{
	static struct timekeeper_run runs[N_RUNS];
	struct keeper k;
	struct records r;
	uint64_t worst_cpu_ns = 0, worst_delay_ns = 0;
	unsigned bad_cpu = 0, bad_delay = 0, with_steal = 0, unsure = 0, n_switches = 0;

	keeper_start(&k, f);
	uint64_t session = front_attach(f, k.worker.pid, ANALYZER_RELEASE);
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
			print_run(&r, k.worker.pid, &runs[i], &a);
		worst_cpu_ns = cpu_off_ns > worst_cpu_ns ? cpu_off_ns : worst_cpu_ns;
		worst_delay_ns = delay_off_ns > worst_delay_ns ? delay_off_ns : worst_delay_ns;
	}
	records_done(&r);
	keeper_end(&k);
	print_message("# %u switches, %" PRIu64 " unseen, %u runs with stolen time (%u at an end); %u beyond the limit by the CPU clock (most %.1f us), %u by "
		"run_delay (most %.1f us)\n", n_switches, counters.unseen_switches, with_steal, unsure, bad_cpu, (double)worst_cpu_ns / 1e3, bad_delay,
		(double)worst_delay_ns / 1e3);
	assert_int_equal(counters.lost_intervals + counters.lost_stacks, 0);
	assert_in_range(bad_cpu + bad_delay, 0, MAX_DISTURBED);
	return bad_cpu + bad_delay == 0;
}

static void a_thousand_runs_agree_with_the_threads_own_clocks(void **state)
{
	front_need_object(*state, ANALYZER_RELEASE);
	try_until(*state, a_thousand_runs_agree);
}

/* The longest interval of a kind of a thread in a run. What it does around the planted wait may take longer: to drop a
 * file's pages waits for every CPU. */
static const struct analyzer_off_cpu *longest(const struct records *r, pid_t tid, const struct timekeeper_run *run,
	enum analyzer_off_state state, int syscall)
{
	const struct analyzer_off_cpu *found = NULL;

	for (const struct analyzer_record *at = NULL; (at = records_next(r, at));) {
		const struct analyzer_off_cpu *o = (const void *)at;
		if (at->type != ANALYZER_RECORD_OFF_CPU || o->tid != (uint32_t)tid || o->time_ns < run->begin_ns ||
		    o->on_ns > run->end_ns || o->state != state || o->syscall != syscall)
			continue;
		if (!found || o->woken_ns - o->time_ns > found->woken_ns - found->time_ns)
			found = o;
	}
	return found;
}

static bool stack_has(struct symbolizer *s, const struct analyzer_off_cpu *o, const char *name)
{
	for (uint32_t i = 0; i < o->n_ips; i++)
		if (strcmp(symbolizer_lookup(s, o->ips[i], i > 0).name, name) == 0)
			return true;
	return false;
}

static bool waits_are_told(struct front *f)
{
	/* A disk may be quick: then a read blocks for less. */
	static const struct {
		enum timekeeper_work work;
		const char *function;
		enum analyzer_off_state state;
		int syscall;
		uint64_t least_ns;
	} rows[] = {
		{TIMEKEEPER_SLEEP, "planted_sleep", ANALYZER_OFF_INTERRUPTIBLE, SYS_clock_nanosleep, 1000000},
		{TIMEKEEPER_LOCK, "planted_lock_wait", ANALYZER_OFF_INTERRUPTIBLE, SYS_futex, 500000},
		{TIMEKEEPER_READ, "planted_read", ANALYZER_OFF_IO, SYS_pread64, 5000},
		{TIMEKEEPER_FAULT, "planted_page_fault", ANALYZER_OFF_IO, -1, 5000},
	};
	struct timekeeper_run runs[ARRAY_SIZE(rows)];
	struct symbolizer *s = NULL;
	struct keeper k;
	struct records r;
	static bool seen[ARRAY_SIZE(rows)]; /* in this try or before */
	unsigned n_seen = 0;

	keeper_start(&k, f);
	send_tables(f, &k);
	uint64_t session = front_attach(f, k.worker.pid, ANALYZER_RELEASE);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		runs[i] = profiled_work(f, session, &k, rows[i].work);
	detach(f, session, &r);
	assert_int_equal(symbolizer_new(k.worker.maps, k.worker.maps_len, &s), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct analyzer_off_cpu *o = longest(&r, k.worker.pid, &runs[i], rows[i].state, rows[i].syscall);
		if (!o) {
			n_seen += seen[i];
			continue;
		}
		print_message("# %s: %.1f us blocked, state %u, system call %d, %u frames\n", rows[i].function,
			(double)(o->woken_ns - o->time_ns) / 1e3, o->state, o->syscall, o->n_ips);
		seen[i] |= o->woken_ns - o->time_ns >= rows[i].least_ns && !o->flags && o->result == ANALYZER_RESULT_COMPLETE &&
			stack_has(s, o, rows[i].function) && stack_has(s, o, "main");
		n_seen += seen[i];
	}
	symbolizer_free(s);
	records_done(&r);
	keeper_end(&k);
	return n_seen == ARRAY_SIZE(rows);
}

static void what_was_waited_for_is_told_with_the_stack_that_waited(void **state)
{
	front_need_object(*state, ANALYZER_RELEASE);
	try_until(*state, waits_are_told);
}

static bool cuts_are_seen(struct front *f)
{
	struct keeper k;
	struct records r;
	struct timekeeper_run run;
	unsigned before = 0, after = 0;
	uint64_t begin_ns[2], end_ns[2];

	keeper_start(&k, f);
	uint64_t session = front_attach(f, k.worker.pid, ANALYZER_RELEASE);
	for (int i = 0; i < 2; i++) {
		begin_ns[i] = front_must(f, ANALYZER_ENABLE, session).time_ns;
		run = work(&k, i ? TIMEKEEPER_BURN : TIMEKEEPER_LEAVE);
		end_ns[i] = front_must(f, ANALYZER_DISABLE, session).time_ns;
	}
	assert_true(run.begin_ns >= begin_ns[1] && run.end_ns <= end_ns[1]);
	detach(f, session, &r);
	for (const struct analyzer_record *at = NULL; (at = records_next(&r, at));) {
		const struct analyzer_off_cpu *o = (const void *)at;
		int in = o->time_ns < begin_ns[1] ? 0 : 1;
		if (at->type != ANALYZER_RECORD_OFF_CPU)
			continue;
		assert_true(o->time_ns >= begin_ns[in] && o->on_ns <= end_ns[in]);
		if (o->flags & ANALYZER_OFF_CUT_BEFORE) {
			before++;
			assert_int_equal(o->time_ns, begin_ns[in]);
			assert_int_equal(o->n_ips, 0);
		}
		if (o->flags & ANALYZER_OFF_CUT_AFTER) {
			after++;
			assert_int_equal(o->on_ns, end_ns[in]);
			assert_true(o->n_ips > 0 || o->state == ANALYZER_OFF_NEW || o->flags & ANALYZER_OFF_CUT_BEFORE);
		}
	}
	records_done(&r);
	keeper_end(&k);
	print_message("# %u were cut at the beginning of a run, %u at the end\n", before, after);
	/* The worker waits for its commands, and the thread sleeps on. */
	return before >= 2 && after >= 1;
}

static void intervals_are_cut_at_both_ends_of_a_run(void **state)
{
	front_need_object(*state, ANALYZER_RELEASE);
	try_until(*state, cuts_are_seen);
}

/* What is known of the processes of a session besides the worker. */
struct children {
	pid_t pids[8];
	uint64_t born_ns[8], ended_ns[8], first_ns[8]; /* the last: sample */
	unsigned samples[8], n;
};

static unsigned child(struct children *c, uint32_t pid)
{
	unsigned i = 0;

	while (i < c->n && c->pids[i] != (pid_t)pid)
		i++;
	if (i == c->n) {
		assert_true(c->n < ARRAY_SIZE(c->pids));
		c->pids[c->n++] = (pid_t)pid;
	}
	return i;
}

static struct children find_children(const struct records *r, pid_t worker)
{
	struct children c = {0};

	for (const struct analyzer_record *at = NULL; (at = records_next(r, at));) {
		const struct analyzer_sample *s = (const void *)at;
		const struct analyzer_off_cpu *o = (const void *)at;
		if (at->type == ANALYZER_RECORD_SAMPLE && s->pid != (uint32_t)worker) {
			unsigned i = child(&c, s->pid);
			c.first_ns[i] = c.first_ns[i] ?: s->time_ns;
			c.samples[i]++;
		} else if (at->type == ANALYZER_RECORD_OFF_CPU && o->pid != (uint32_t)worker) {
			unsigned i = child(&c, o->pid);
			if (o->state == ANALYZER_OFF_NEW)
				c.born_ns[i] = o->on_ns;
			if (o->state == ANALYZER_OFF_ENDED)
				c.ended_ns[i] = o->time_ns;
		}
	}
	return c;
}

static bool forks_are_followed(struct front *f)
{
	struct keeper k;
	struct records r;
	bool seen;

	keeper_start(&k, f);
	uint64_t session = front_attach(f, k.worker.pid, ANALYZER_RELEASE);
	profiled_work(f, session, &k, TIMEKEEPER_FORK);
	work(&k, TIMEKEEPER_SLEEP); /* the grandchild that was left behind ends meanwhile, or goes on */
	profiled_work(f, session, &k, TIMEKEEPER_BURN);
	struct analyzer_counters counters = detach(f, session, &r);
	struct children c = find_children(&r, k.worker.pid);
	records_done(&r);
	keeper_end(&k);
	assert_int_equal(counters.forks, 2);
	assert_int_equal(counters.lost_forks, 0);
	seen = c.n == 2 && (c.ended_ns[0] || c.ended_ns[1]);
	for (unsigned i = 0; i < c.n; i++) {
		print_message("# child %d: %u samples, the first %.0f us after it was there\n", (int)c.pids[i], c.samples[i],
			(double)(c.first_ns[i] - c.born_ns[i]) / 1e3);
		assert_true(!c.samples[i] || c.first_ns[i] >= c.born_ns[i]);
		seen &= c.born_ns[i] > 0 && c.samples[i] >= 2;
	}
	/* Of the tree, and as many as there should be of it: a machine that is shared lets some timers fall out. */
	print_message("# %" PRIu64 " samples of %" PRIu64 " expected of the tree\n", counters.samples, counters.expected);
	return seen && counters.samples <= counters.expected + 4 && counters.samples >= counters.expected * 7 / 10;
}

static void forked_processes_are_followed_from_their_first_instruction(void **state)
{
	front_need_object(*state, ANALYZER_RELEASE);
	try_until(*state, forks_are_followed);
}

static bool exec_and_kill_are_followed(struct front *f)
{
	struct keeper k;
	struct records r;

	keeper_start(&k, f);
	uint64_t session = front_attach(f, k.worker.pid, ANALYZER_RELEASE);
	profiled_work(f, session, &k, TIMEKEEPER_EXEC);
	profiled_work(f, session, &k, TIMEKEEPER_KILL);
	detach(f, session, &r);
	struct children c = find_children(&r, k.worker.pid);
	records_done(&r);
	keeper_end(&k);
	assert_int_equal(c.n, 2);
	print_message("# %u samples of the program, %u of the one that was killed\n", c.samples[0], c.samples[1]);
	return c.samples[0] >= 5 && c.ended_ns[0] && c.ended_ns[1]; /* the second slept when it was killed */
}

static void a_child_that_becomes_another_program_or_is_killed_stays_in_the_session(void **state)
{
	front_need_object(*state, ANALYZER_RELEASE);
	try_until(*state, exec_and_kill_are_followed);
}

static void counters_are_the_sums_of_the_records(void **state)
{
	struct front *f = *state;
	struct keeper k;
	struct records r;
	uint64_t runnable_ns = 0, blocked_ns = 0, stolen_ns = 0, n = 0;

	front_need_object(f, ANALYZER_RELEASE);
	keeper_start(&k, f);
	uint64_t session = front_attach(f, k.worker.pid, ANALYZER_RELEASE);
	for (int i = 0; i < 20; i++)
		profiled_work(f, session, &k, i % TIMEKEEPER_N_CALM);
	struct analyzer_counters counters = detach(f, session, &r);
	for (const struct analyzer_record *at = NULL; (at = records_next(&r, at));) {
		const struct analyzer_off_cpu *o = (const void *)at;
		if (at->type == ANALYZER_RECORD_OFF_CPU) {
			n++;
			blocked_ns += o->woken_ns - o->time_ns;
			runnable_ns += o->on_ns - o->woken_ns;
		} else if (at->type == ANALYZER_RECORD_STOLEN) {
			stolen_ns += ((const struct analyzer_stolen *)at)->stolen_ns;
		}
	}
	records_done(&r);
	keeper_end(&k);
	assert_int_equal(n, counters.intervals);
	assert_int_equal(blocked_ns, counters.blocked_ns);
	assert_int_equal(runnable_ns, counters.runnable_ns);
	assert_int_equal(stolen_ns, counters.stolen_ns);
	assert_int_equal(counters.debug_overlap_ns, 0);
}

static void a_release_session_is_told_that_debug_slowed_it(void **state)
{
	struct front *f = *state;
	struct keeper a, b;
	struct records r;

	front_need_object(f, ANALYZER_RELEASE);
	front_need_object(f, ANALYZER_DEBUG);
	keeper_start(&a, f);
	keeper_start(&b, f);
	uint64_t debug = front_attach(f, a.worker.pid, ANALYZER_DEBUG), release = front_attach(f, b.worker.pid, ANALYZER_RELEASE);
	struct timekeeper_run run = profiled_work(f, release, &b, TIMEKEEPER_SLEEP);
	front_must(f, ANALYZER_DETACH, debug);
	struct analyzer_counters counters = detach(f, release, &r);
	records_done(&r);
	keeper_end(&a);
	keeper_end(&b);
	assert_true(counters.debug_overlap_ns >= run.end_ns - run.begin_ns);
	assert_int_equal(counters.events, 0);
}

/* In a PID namespace of its own, where this process is number 1. Exits. */
static _Noreturn void be_in_a_namespace(void)
{
	struct front f;
	struct keeper k;
	struct records r;
	bool ours = true;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	front_start(&f, false);
	keeper_start(&k, &f);
	uint64_t session = front_attach(&f, k.worker.pid, ANALYZER_DEBUG);
	profiled_work(&f, session, &k, TIMEKEEPER_FORK);
	struct analyzer_counters counters = detach(&f, session, &r);
	for (const struct analyzer_record *at = NULL; (at = records_next(&r, at));) {
		const struct analyzer_sample *s = (const void *)at; /* they all begin so */
		const struct analyzer_event *e = (const void *)at;
		/* The front is 1, the analyzer 2, the worker 3, and its children are the next ones. */
		ours &= s->pid >= 3 && s->pid <= 5 && s->tid == s->pid;
		if (at->type == ANALYZER_RECORD_EVENT && e->kind == ANALYZER_EVENT_FORK)
			ours &= strcmp(e->text, "forked process 4") == 0 || strcmp(e->text, "forked process 5") == 0;
	}
	_exit(!ours || counters.forks != 2 || k.worker.pid != 3 ? 1 : 0);
}

static void processes_have_the_numbers_of_the_analyzers_own_namespace(void **state)
{
	struct front *f = *state;
	int status = -1;
	pid_t pid;

	front_need_object(f, ANALYZER_DEBUG);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWPID) < 0)
			_exit(77);
		pid = fork();
		if (pid == 0)
			be_in_a_namespace();
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("# skipped: making a PID namespace is not allowed here\n");
		skip();
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_front(a_thousand_runs_agree_with_the_threads_own_clocks),
		with_front(what_was_waited_for_is_told_with_the_stack_that_waited),
		with_front(intervals_are_cut_at_both_ends_of_a_run),
		with_front(forked_processes_are_followed_from_their_first_instruction),
		with_front(a_child_that_becomes_another_program_or_is_killed_stays_in_the_session),
		with_front(counters_are_the_sums_of_the_records),
		with_front(a_release_session_is_told_that_debug_slowed_it),
		with_front(processes_have_the_numbers_of_the_analyzers_own_namespace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
