/* SPDX-License-Identifier: Apache-2.0 */
/* libspvscope-analyzer on the running kernel, through its public header alone. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spvscope/analyzer.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/unit/cmocka_head.h"

#define NOBODY 65534

/* ---- the target ---- */

struct target {
	pid_t pid;
	int stdin_fd;
};

/* Whatever a failed test leaves behind is ended behind it. */
static pid_t live[8];

static int end_what_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(live); i++)
		if (live[i]) {
			kill(live[i], SIGKILL);
			waitpid(live[i], NULL, 0);
			live[i] = 0;
		}
	return 0;
}

static void swap_live(pid_t from, pid_t to)
{
	for (size_t i = 0; i < ARRAY_SIZE(live); i++)
		if (live[i] == from) {
			live[i] = to;
			return;
		}
}

static void target_start(struct target *t, const char *mode)
{
	const char *const argv[] = {"library_target", mode, NULL};
	int in[2], out[2];
	posix_spawn_file_actions_t actions;
	char word[16];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	assert_int_equal(posix_spawn(&t->pid, TARGET_PATH, &actions, NULL, (char *const *)argv, environ), 0);
	swap_live(0, t->pid);
	posix_spawn_file_actions_destroy(&actions);
	fd_close(in[0]);
	fd_close(out[1]);
	t->stdin_fd = in[1];
	assert_int_equal(read(out[0], word, sizeof(word)), 6);
	fd_close(out[0]);
}

static void target_go_on(const struct target *t)
{
	assert_int_equal(write(t->stdin_fd, "", 1), 1);
}

static void target_end(struct target *t)
{
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
	swap_live(t->pid, 0);
	fd_close(t->stdin_fd);
}

/* ---- the analyzer ---- */

static struct spvscope_analyzer *open_or_skip(uint32_t kind)
{
	char error[512] = "";
	struct spvscope_analyzer_opts opts = {.size = sizeof(opts), .kind = kind, .error = error, .error_size = sizeof(error)};
	struct spvscope_analyzer *a = NULL;
	int r = spvscope_analyzer_open(&opts, &a);

	if (r == -EPERM || r == -ENOENT) {
		print_message("# skipped: %s\n", error);
		skip();
	}
	if (r < 0)
		print_message("# %s\n", error);
	assert_int_equal(r, 0);
	assert_string_equal(error, "");
	return a;
}

#define IDS_MAX 16

/* What a poll brought. */
struct seen {
	struct spvscope_attachment *at;
	unsigned samples, complete, in_order, events, with_stack, printed;
	unsigned intervals, sleeps; /* the second: in sleep_outer, blocked for some 5 ms */
	uint64_t blocked_ns, runnable_ns;
	uint32_t pids[IDS_MAX], tids[IDS_MAX];
	unsigned n_pids, n_tids;
	uint64_t last_ns;
};

static void note(uint32_t *ids, unsigned *n, uint32_t id)
{
	for (unsigned i = 0; i < *n; i++)
		if (ids[i] == id)
			return;
	if (*n < IDS_MAX)
		ids[(*n)++] = id;
}

/* work_inner is called by work_outer, and something calls that. */
static bool is_in_order(const struct seen *seen, const struct spvscope_sample *s)
{
	const char *last = NULL;

	for (uint32_t i = 0; i < s->n_ips; i++) {
		struct spvscope_symbol symbol = {.size = sizeof(symbol)};
		assert_int_equal(spvscope_attachment_symbolize(seen->at, s->pid, s->ips[i], i, &symbol), 0);
		assert_non_null(symbol.module);
		if (symbol.function && strcmp(symbol.function, "work_outer") == 0)
			return last && strcmp(last, "work_inner") == 0 && i + 1 < s->n_ips;
		last = symbol.function;
	}
	return false;
}

static void print_stack(const struct seen *seen, const struct spvscope_sample *s)
{
	print_message("# pid %u, end %u:", s->pid, s->end);
	for (uint32_t i = 0; i < s->n_ips; i++) {
		struct spvscope_symbol symbol = {.size = sizeof(symbol)};
		spvscope_attachment_symbolize(seen->at, s->pid, s->ips[i], i, &symbol);
		print_message(" %s(%s)", symbol.function ?: "?", symbol.module);
	}
	print_message("\n");
}

static void on_sample(void *arg, const struct spvscope_sample *s)
{
	struct seen *seen = arg;
	bool in_order = is_in_order(seen, s);

	assert_true(s->size >= sizeof(*s));
	assert_true(s->time_ns >= seen->last_ns);
	seen->last_ns = s->time_ns;
	seen->samples++;
	seen->complete += s->end == SPVSCOPE_STACK_COMPLETE;
	seen->in_order += in_order;
	note(seen->pids, &seen->n_pids, s->pid);
	note(seen->tids, &seen->n_tids, s->tid);
	if ((!in_order || s->end != SPVSCOPE_STACK_COMPLETE) && seen->printed++ < 4)
		print_stack(seen, s);
}

static void on_event(void *arg, const struct spvscope_event *e)
{
	struct seen *seen = arg;

	assert_true(e->name[0] && e->text[0]);
	seen->events++;
	seen->with_stack += e->n_ips > 0;
}

static bool is_sleep(const struct seen *seen, const struct spvscope_off_cpu *off)
{
	for (uint32_t i = 0; i < off->n_ips; i++) {
		struct spvscope_symbol symbol = {.size = sizeof(symbol)};
		spvscope_attachment_symbolize(seen->at, off->pid, off->ips[i], i, &symbol);
		if (symbol.function && strcmp(symbol.function, "sleep_outer") == 0)
			return off->end == SPVSCOPE_STACK_COMPLETE && off->state == SPVSCOPE_OFF_INTERRUPTIBLE &&
			       off->woken_ns - off->start_ns >= 5 * NS_PER_MS;
	}
	return false;
}

static void on_off_cpu(void *arg, const struct spvscope_off_cpu *off)
{
	struct seen *seen = arg;

	assert_true(off->start_ns <= off->woken_ns && off->woken_ns <= off->end_ns);
	assert_true(off->state < SPVSCOPE_OFF_STATES);
	seen->intervals++;
	seen->blocked_ns += off->woken_ns - off->start_ns;
	seen->runnable_ns += off->end_ns - off->woken_ns;
	seen->sleeps += is_sleep(seen, off);
}

/* Polls until that time has passed, or until the end (-ENODATA, which is returned). */
static int poll_for_ms(struct seen *seen, uint64_t ms)
{
	struct spvscope_callbacks callbacks = {.size = sizeof(callbacks), .arg = seen, .sample = on_sample, .event = on_event,
		.off_cpu = on_off_cpu};
	uint64_t end_ns = clock_now_ns() + ms * NS_PER_MS;
	int r = 0;

	seen->last_ns = 0;
	for (uint64_t now; r >= 0 && (now = clock_now_ns()) < end_ns;) {
		r = spvscope_attachment_poll(seen->at, &callbacks, (int)((end_ns - now) / NS_PER_MS));
		seen->last_ns = 0; /* the order of time holds within one poll */
	}
	return r < 0 ? r : 0;
}

static struct spvscope_statistics statistics(struct spvscope_attachment *at)
{
	struct spvscope_statistics s = {.size = sizeof(s)};

	assert_int_equal(spvscope_attachment_statistics(at, &s), 0);
	assert_int_equal(s.complete + s.truncated, s.samples);
	uint64_t ends = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(s.ends); i++)
		ends += s.ends[i];
	assert_int_equal(ends, s.samples);
	return s;
}

static struct seen attach(struct spvscope_analyzer *a, pid_t pid, uint32_t flags)
{
	struct spvscope_attach_opts opts = {.size = sizeof(opts), .flags = flags, .frequency_hz = 1999};
	struct seen seen = {0};
	int r = spvscope_analyzer_attach(a, pid, &opts, &seen.at);

	if (r < 0)
		print_message("# %s\n", spvscope_analyzer_error(a));
	assert_int_equal(r, 0);
	return seen;
}

/* ---- tests ---- */

static void a_running_process_is_profiled_with_whole_stacks_and_names(void **state)
{
	struct spvscope_analyzer *a = open_or_skip(SPVSCOPE_ANALYZER_RELEASE);
	struct target t;

	(void)state;
	target_start(&t, "work");
	struct seen seen = attach(a, t.pid, 0);
	for (unsigned tries = 0; tries < 100 && seen.samples < 200; tries++) /* however busy the machine is */
		assert_int_equal(poll_for_ms(&seen, 200), 0);
	assert_int_equal(spvscope_attachment_pause(seen.at), 0);
	poll_for_ms(&seen, 1);
	struct spvscope_statistics s = statistics(seen.at);
	print_message("# %u samples, %llu expected, %u complete, %u in order\n", seen.samples,
		(unsigned long long)s.expected, seen.complete, seen.in_order);
	assert_int_equal(s.samples, seen.samples);
	assert_int_equal(s.complete, seen.complete);
	assert_int_equal(s.lost, 0);
	assert_true(seen.samples >= 200);
	assert_true(seen.samples > s.expected * 7 / 10 && seen.samples < s.expected * 11 / 10 + 2);
	assert_true(seen.complete * 1000 >= seen.samples * 995);
	assert_true(seen.in_order * 100 >= seen.samples * 95);
	target_end(&t);
	assert_int_equal(poll_for_ms(&seen, 5000), -ENODATA);
	spvscope_attachment_detach(seen.at);
	spvscope_analyzer_close(a);
}

static void nothing_is_sampled_during_a_pause(void **state)
{
	struct spvscope_analyzer *a = open_or_skip(SPVSCOPE_ANALYZER_RELEASE);
	struct target t;

	(void)state;
	target_start(&t, "work");
	struct seen seen = attach(a, t.pid, SPVSCOPE_ATTACH_PAUSED);
	assert_int_equal(poll_for_ms(&seen, 100), 0);
	assert_int_equal(seen.samples, 0);
	assert_int_equal(spvscope_attachment_pause(seen.at), -EALREADY);
	assert_int_equal(spvscope_attachment_resume(seen.at), 0);
	assert_int_equal(spvscope_attachment_resume(seen.at), -EALREADY);
	for (unsigned tries = 0; tries < 100 && seen.samples <= 10; tries++)
		poll_for_ms(&seen, 100);
	assert_int_equal(spvscope_attachment_pause(seen.at), 0);
	poll_for_ms(&seen, 1);
	unsigned samples = seen.samples;
	assert_true(samples > 10);
	poll_for_ms(&seen, 100);
	assert_int_equal(seen.samples, samples);
	target_end(&t);
	spvscope_analyzer_close(a); /* detaches */
}

static void threads_that_were_there_and_threads_that_come_are_all_sampled(void **state)
{
	struct spvscope_analyzer *a = open_or_skip(SPVSCOPE_ANALYZER_RELEASE);
	struct target t;

	(void)state;
	target_start(&t, "threads");
	struct seen seen = attach(a, t.pid, 0);
	target_go_on(&t);
	for (unsigned tries = 0; tries < 100 && seen.n_tids < 4; tries++)
		poll_for_ms(&seen, 200);
	assert_int_equal(spvscope_attachment_pause(seen.at), 0);
	poll_for_ms(&seen, 1); /* what is still in the kernel */
	struct spvscope_statistics s = statistics(seen.at);
	print_message("# %u threads, %u samples, %llu expected, %u complete\n", seen.n_tids, seen.samples,
		(unsigned long long)s.expected, seen.complete);
	assert_int_equal(seen.n_pids, 1);
	assert_int_equal(seen.n_tids, 4);
	assert_true(seen.complete * 1000 >= seen.samples * 995);
	assert_true(seen.samples > s.expected * 6 / 10 && seen.samples < s.expected * 12 / 10 + 20);
	target_end(&t);
	spvscope_analyzer_close(a);
}

static void a_tree_is_its_children_too_and_a_process_is_not(void **state)
{
	struct spvscope_analyzer *a = open_or_skip(SPVSCOPE_ANALYZER_RELEASE);
	struct target t;

	(void)state;
	target_start(&t, "tree");
	struct seen alone = attach(a, t.pid, 0);
	target_go_on(&t);
	for (unsigned tries = 0; tries < 100 && alone.samples < 50; tries++)
		poll_for_ms(&alone, 200);
	assert_int_equal(alone.n_pids, 1);
	assert_int_equal(alone.pids[0], t.pid);
	assert_int_equal(alone.samples, statistics(alone.at).samples);
	spvscope_attachment_detach(alone.at);
	target_end(&t);

	target_start(&t, "tree");
	struct seen tree = attach(a, t.pid, SPVSCOPE_ATTACH_TREE);
	target_go_on(&t);
	for (unsigned tries = 0; tries < 100 && tree.n_pids < 4; tries++)
		poll_for_ms(&tree, 200);
	print_message("# %u processes, %u samples, %u complete, %u in order\n", tree.n_pids, tree.samples, tree.complete,
		tree.in_order);
	assert_int_equal(tree.n_pids, 4);
	assert_true(tree.complete * 1000 >= tree.samples * 995);
	assert_true(tree.in_order * 100 >= tree.samples * 90);
	target_end(&t);
	spvscope_analyzer_close(a);
}

static void a_command_is_profiled_from_its_start_to_its_end(void **state)
{
	struct spvscope_analyzer *a = open_or_skip(SPVSCOPE_ANALYZER_RELEASE);
	char path[] = TARGET_PATH, mode[] = "once", nowhere[] = "/nowhere/at-all";
	char *const argv[] = {path, mode, NULL}, *const missing[] = {nowhere, NULL};
	struct spvscope_attach_opts opts = {.size = sizeof(opts), .frequency_hz = 1999};
	struct seen seen = {0};
	int status = -1;
	pid_t pid = 0;

	(void)state;
	assert_int_equal(spvscope_analyzer_spawn(a, missing, &opts, &seen.at, &pid), -ENOENT);
	assert_non_null(strstr(spvscope_analyzer_error(a), "/nowhere/at-all"));
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1); /* no child is left */
	assert_int_equal(spvscope_analyzer_spawn(a, argv, &opts, &seen.at, &pid), 0);
	assert_int_equal(poll_for_ms(&seen, 20000), -ENODATA);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	struct spvscope_statistics s = statistics(seen.at);
	print_message("# %u samples, %llu expected in %.1f ms, %u complete, %u in order\n", seen.samples,
		(unsigned long long)s.expected, (double)s.on_cpu_ns / 1e6, seen.complete, seen.in_order);
	assert_true(s.on_cpu_ns >= 90 * NS_PER_MS);
	assert_int_equal(s.samples, seen.samples);
	assert_true(seen.samples > 100);
	assert_true(seen.complete * 100 >= seen.samples * 99);
	assert_true(seen.in_order * 100 >= seen.samples * 90);
	spvscope_analyzer_close(a);
}

static void a_program_that_nobody_knew_of_gets_its_tables_while_it_runs(void **state)
{
	struct spvscope_analyzer *a = open_or_skip(SPVSCOPE_ANALYZER_RELEASE);
	char sh[] = "sh", c[] = "-c", script[] = "for i in 1 2 3 4 5; do " TARGET_PATH " once; done; exit 3";
	char *const argv[] = {sh, c, script, NULL};
	struct spvscope_attach_opts opts = {.size = sizeof(opts), .frequency_hz = 1999, .flags = SPVSCOPE_ATTACH_TREE};
	struct seen seen = {0};
	int status = -1;
	pid_t pid = 0;

	(void)state;
	assert_int_equal(spvscope_analyzer_spawn(a, argv, &opts, &seen.at, &pid), 0);
	assert_int_equal(poll_for_ms(&seen, 60000), -ENODATA);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	struct spvscope_statistics s = statistics(seen.at);
	print_message("# %u samples of %u processes, %llu expected, %u complete, %llu without table, %u in order\n", seen.samples,
		seen.n_pids, (unsigned long long)s.expected, seen.complete,
		(unsigned long long)s.ends[SPVSCOPE_STACK_NO_TABLE], seen.in_order);
	assert_int_equal(s.forks, 5);
	assert_int_equal(s.lost_forks, 0);
	assert_true(seen.n_pids >= 5);
	/* The first of them runs while its tables are made. */
	assert_true(seen.complete * 10 >= seen.samples * 5);
	assert_true(seen.in_order * 10 >= seen.samples * 5);
	spvscope_analyzer_close(a);
}

static void sleeps_are_told_with_the_stack_that_slept(void **state)
{
	struct spvscope_analyzer *a = open_or_skip(SPVSCOPE_ANALYZER_RELEASE);
	struct target t;

	(void)state;
	target_start(&t, "sleep");
	struct seen seen = attach(a, t.pid, 0);
	for (unsigned tries = 0; tries < 100 && seen.sleeps < 20; tries++)
		poll_for_ms(&seen, 100);
	assert_int_equal(spvscope_attachment_pause(seen.at), 0);
	poll_for_ms(&seen, 1);
	struct spvscope_statistics s = statistics(seen.at);
	print_message("# %u intervals, %u sleeps, %.1f ms blocked, %.1f ms runnable, %.1f ms on CPU\n", seen.intervals,
		seen.sleeps, (double)seen.blocked_ns / 1e6, (double)seen.runnable_ns / 1e6, (double)s.on_cpu_ns / 1e6);
	assert_true(seen.sleeps >= 20);
	assert_int_equal(s.intervals, seen.intervals);
	assert_int_equal(s.lost_intervals, 0);
	assert_int_equal(s.blocked_ns, seen.blocked_ns);
	assert_int_equal(s.runnable_ns, seen.runnable_ns);
	target_end(&t);
	spvscope_analyzer_close(a);
}

static void the_debug_analyzer_hands_over_events(void **state)
{
	struct spvscope_analyzer *a = open_or_skip(SPVSCOPE_ANALYZER_DEBUG);
	struct target t;

	(void)state;
	assert_int_equal(spvscope_analyzer_loaded_kind(a), SPVSCOPE_ANALYZER_DEBUG);
	target_start(&t, "sleep");
	struct seen seen = attach(a, t.pid, 0);
	for (unsigned tries = 0; tries < 100 && seen.with_stack < 10; tries++)
		poll_for_ms(&seen, 100);
	assert_true(seen.with_stack >= 10);
	assert_int_equal(statistics(seen.at).events, seen.events);
	target_end(&t);
	spvscope_analyzer_close(a);
}

static void wrong_uses_are_told(void **state)
{
	struct spvscope_analyzer *a = open_or_skip(SPVSCOPE_ANALYZER_RELEASE);
	struct {
		struct spvscope_attach_opts opts;
		uint64_t younger;
	} grown = {.opts = {.size = sizeof(grown), .flags = SPVSCOPE_ATTACH_PAUSED}};
	struct spvscope_attach_opts opts = {.size = sizeof(opts), .frequency_hz = 60000};
	struct spvscope_analyzer_opts open_opts = {.size = sizeof(open_opts), .kind = 7};
	struct spvscope_attachment *at = NULL, *other = NULL;
	struct spvscope_analyzer *b = NULL;
	struct target t;
	pid_t ended;

	(void)state;
	assert_int_equal(spvscope_analyzer_open(&open_opts, &b), -EINVAL);
	open_opts = (struct spvscope_analyzer_opts){.size = 3};
	assert_int_equal(spvscope_analyzer_open(&open_opts, &b), -EINVAL);
	assert_int_equal(spvscope_analyzer_open(NULL, NULL), -EINVAL);
	target_start(&t, "work");
	assert_int_equal(spvscope_analyzer_attach(a, t.pid, &opts, &at), -ERANGE);
	assert_non_null(strstr(spvscope_analyzer_error(a), "50000"));
	opts = (struct spvscope_attach_opts){.size = sizeof(opts), .flags = 1u << 30};
	assert_int_equal(spvscope_analyzer_attach(a, t.pid, &opts, &at), -EINVAL);
	grown.younger = 1;
	assert_int_equal(spvscope_analyzer_attach(a, t.pid, &grown.opts, &at), -E2BIG);
	grown.younger = 0;
	assert_int_equal(spvscope_analyzer_attach(a, t.pid, &grown.opts, &at), 0);
	assert_int_equal(spvscope_analyzer_attach(a, t.pid, NULL, &other), -EBUSY);
	assert_int_equal(spvscope_analyzer_attach(a, 0, NULL, &other), -EINVAL);
	assert_int_equal(spvscope_analyzer_attach_pidfd(a, STDERR_FILENO, NULL, &other), -EBADF);
	struct spvscope_symbol symbol = {.size = sizeof(symbol)};
	assert_int_equal(spvscope_attachment_symbolize(at, 1, 4096, 0, &symbol), -ENOENT);
	struct seen seen = {.at = at};
	spvscope_attachment_resume(at);
	for (unsigned tries = 0; tries < 100 && !seen.samples; tries++)
		poll_for_ms(&seen, 100);
	assert_int_equal(spvscope_attachment_symbolize(at, (uint32_t)t.pid, 16, 0, &symbol), 0);
	assert_null(symbol.function);
	assert_string_equal(symbol.module, "[unknown]");
	spvscope_attachment_detach(at);
	_cleanup_fd_ int pidfd = pidfd_open(t.pid, 0);
	ended = t.pid;
	target_end(&t);
	assert_int_equal(spvscope_analyzer_attach(a, ended, NULL, &at), -ESRCH);
	assert_int_equal(spvscope_analyzer_attach_pidfd(a, pidfd, NULL, &at), -ESRCH);
	assert_true(spvscope_analyzer_error(a)[0]);
	spvscope_analyzer_close(a);
	spvscope_analyzer_close(NULL);
	spvscope_attachment_detach(NULL);
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void closing_leaves_nothing_open(void **state)
{
	struct target t;

	(void)state;
	spvscope_analyzer_close(open_or_skip(SPVSCOPE_ANALYZER_RELEASE));
	target_start(&t, "threads");
	unsigned before = count_fds();
	for (int i = 0; i < 3; i++) {
		struct spvscope_analyzer *a = open_or_skip(i & 1 ? SPVSCOPE_ANALYZER_DEBUG : SPVSCOPE_ANALYZER_RELEASE);
		for (int j = 0; j < 3; j++) {
			struct seen seen = attach(a, t.pid, SPVSCOPE_ATTACH_TREE);
			poll_for_ms(&seen, 20);
			if (j < 2)
				spvscope_attachment_detach(seen.at);
		}
		spvscope_analyzer_close(a);
	}
	assert_int_equal(count_fds(), before);
	target_end(&t);
}

static void without_the_capabilities_it_says_what_grants_them(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0) {
		print_message("# skipped: only root can become nobody\n");
		skip();
	}
	spvscope_analyzer_close(open_or_skip(SPVSCOPE_ANALYZER_RELEASE));
	pid = fork();
	if (pid == 0) {
		char error[512] = "";
		struct spvscope_analyzer_opts opts = {.size = sizeof(opts), .error = error, .error_size = sizeof(error)};
		struct spvscope_analyzer *a = NULL;
		if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(2);
		if (spvscope_analyzer_open(&opts, &a) != -EPERM)
			_exit(3);
		_exit(strstr(error, "sudo setcap cap_bpf,cap_perfmon+ep /") ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_running_process_is_profiled_with_whole_stacks_and_names, end_what_is_left),
		cmocka_unit_test_teardown(nothing_is_sampled_during_a_pause, end_what_is_left),
		cmocka_unit_test_teardown(threads_that_were_there_and_threads_that_come_are_all_sampled, end_what_is_left),
		cmocka_unit_test_teardown(a_tree_is_its_children_too_and_a_process_is_not, end_what_is_left),
		cmocka_unit_test_teardown(a_command_is_profiled_from_its_start_to_its_end, end_what_is_left),
		cmocka_unit_test_teardown(a_program_that_nobody_knew_of_gets_its_tables_while_it_runs, end_what_is_left),
		cmocka_unit_test_teardown(sleeps_are_told_with_the_stack_that_slept, end_what_is_left),
		cmocka_unit_test_teardown(the_debug_analyzer_hands_over_events, end_what_is_left),
		cmocka_unit_test_teardown(wrong_uses_are_told, end_what_is_left),
		cmocka_unit_test_teardown(closing_leaves_nothing_open, end_what_is_left),
		cmocka_unit_test_teardown(without_the_capabilities_it_says_what_grants_them, end_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
