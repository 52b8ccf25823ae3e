/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox from inside: each child confines itself by the worker's own code, and tries. What must not be possible is
 * refused or deadly, what a compile needs still works, and each wall stands without the other. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "codegen/worker/protocol.h"
#include "codegen/worker/sandbox.h"
#include "tests/sandbox/attempts.h"

static struct sandbox *the_sandbox;

enum wall { WHOLE_SANDBOX, LANDLOCK_ALONE };

#define REFUSED_STATUS 10
#define NO_SANDBOX     99

static int confine(enum wall wall)
{
	uint64_t flags;
	if (wall == WHOLE_SANDBOX)
		return sandbox_apply(the_sandbox, &flags);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return landlock_apply();
}

/* The child's wait status. */
static int in_a_child(enum wall wall, attempt_fn f)
{
	int status;

	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		a_result = memfd_create("result", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		/* The test library's handlers are not a worker's. */
		for (int s = 1; s < NSIG; s++)
			signal(s, SIG_DFL);
		if (confine(wall) < 0)
			_exit(NO_SANDBOX);
		_exit(f() == 0 ? 0 : REFUSED_STATUS);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static const char *outcome_text(int status)
{
	static char text[64];
	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "killed by %s", strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == NO_SANDBOX)
		snprintf(text, sizeof(text), "could not be confined");
	else
		snprintf(text, sizeof(text), "%s", WEXITSTATUS(status) ? "refused" : "done");
	return text;
}

static bool is_expected(enum outcome expected, int status)
{
	switch (expected) {
	case DONE:
		return WIFEXITED(status) && WEXITSTATUS(status) == 0;
	case REFUSED:
		return WIFEXITED(status) && WEXITSTATUS(status) == REFUSED_STATUS;
	case KILLED:
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
	}
	return false;
}

static void whatever_a_worker_must_not_do_is_refused_or_deadly(void **state)
{
	(void)state;
	if (WORKER_SANITIZED)
		skip(); /* such a build has no system call list */
	for (size_t i = 0; i < n_attempts; i++) {
		int status = in_a_child(WHOLE_SANDBOX, attempts[i].f);
		if (attempts[i].expected != DONE && !is_expected(attempts[i].expected, status))
			fail_msg("%s: %s", attempts[i].name, outcome_text(status));
	}
	struct stat st;
	assert_int_equal(stat(a_file, &st), 0);
	assert_int_equal(st.st_size, 4);
}

static void whatever_a_compile_needs_still_works(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_attempts; i++) {
		if (attempts[i].expected != DONE)
			continue;
		if (WORKER_SANITIZED && attempts[i].f == run_out_of_memory_and_on)
			continue; /* its allocator ends the process in words of its own */
		int status = in_a_child(WHOLE_SANDBOX, attempts[i].f);
		if (!is_expected(DONE, status))
			fail_msg("%s: %s", attempts[i].name, outcome_text(status));
	}
}

/* The second wall is one: what it covers is refused with the first one away. */
static void landlock_alone_keeps_files_signals_and_other_processes_out_of_reach(void **state)
{
	(void)state;
	int abi = landlock_abi();
	if (abi == 0)
		skip();
	for (size_t i = 0; i < n_attempts; i++) {
		if (!attempts[i].landlock_too || abi < attempts[i].landlock_abi)
			continue;
		int status = in_a_child(LANDLOCK_ALONE, attempts[i].f);
		if (!is_expected(REFUSED, status))
			fail_msg("%s: %s", attempts[i].name, outcome_text(status));
	}
}

/* Or the proofs above would prove nothing. */
static void without_the_sandbox_the_same_attempts_succeed(void **state)
{
	(void)state;
	static const attempt_fn plain[] = {open_passwd, open_for_writing, look_at_a_file, open_a_socket, make_code,
		make_a_socket_pair, kill_the_parent, execute};
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		int status;
		pid_t pid = fork();
		if (pid == 0)
			_exit(plain[i]() == 0 ? 0 : REFUSED_STATUS);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static int abort_itself(void)
{
	abort();
}

static int write_to_nowhere(void)
{
	volatile int *volatile nowhere = NULL;
	*nowhere = 1;
	return 0;
}

static int recurse(volatile int *depth)
{
	volatile char page[4096];
	page[0] = (char)++*depth;
	if (*depth < 0)
		return 0; /* never; but the compiler asks for an end */
	return recurse(depth) + page[0];
}

static int overflow_the_stack(void)
{
	volatile int depth = 0;
	return recurse(&depth);
}

static void deaths_keep_their_signals_and_leave_no_core(void **state)
{
	(void)state;
	if (WORKER_SANITIZED)
		skip(); /* the sanitizer makes exits of them */
	static const struct {
		attempt_fn f;
		int signal;
	} deaths[] = {{abort_itself, SIGABRT}, {write_to_nowhere, SIGSEGV}, {overflow_the_stack, SIGSEGV}};
	for (size_t i = 0; i < ARRAY_SIZE(deaths); i++) {
		int status = in_a_child(WHOLE_SANDBOX, deaths[i].f);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != deaths[i].signal || WCOREDUMP(status))
			fail_msg("death %zu, by %s: %s", i, strsignal(deaths[i].signal), outcome_text(status));
	}
}

static int write_beyond_the_largest_file(void)
{
	lseek(a_result, (off_t)SANDBOX_MAX_FILE_BYTES, SEEK_SET);
	return write(a_result, "x", 1) < 0 ? errno : 0;
}

static void a_result_cannot_grow_without_end(void **state)
{
	(void)state;
	int status = in_a_child(WHOLE_SANDBOX, write_beyond_the_largest_file);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGXFSZ);
}

static void it_says_what_took_effect_and_why_each_rule_stands(void **state)
{
	(void)state;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	sandbox_describe(out);
	fclose(out);
	assert_non_null(strstr(text, "tgkill"));
	assert_non_null(strstr(text, "core"));
	assert_non_null(strstr(text, "killed"));
	free(text);
}

static int set_up(void **state)
{
	(void)state;
	the_parent = getpid();
	int fd = mkstemp(a_file);
	if (fd < 0 || write(fd, "text", 4) != 4)
		return -1;
	close(fd);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, a_pair) < 0)
		return -1;
	return sandbox_prepare(&the_sandbox);
}

static int tear_down(void **state)
{
	(void)state;
	sandbox_free(the_sandbox);
	return unlink(a_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_a_worker_must_not_do_is_refused_or_deadly),
		cmocka_unit_test(whatever_a_compile_needs_still_works),
		cmocka_unit_test(landlock_alone_keeps_files_signals_and_other_processes_out_of_reach),
		cmocka_unit_test(without_the_sandbox_the_same_attempts_succeed),
		cmocka_unit_test(deaths_keep_their_signals_and_leave_no_core),
		cmocka_unit_test(a_result_cannot_grow_without_end),
		cmocka_unit_test(it_says_what_took_effect_and_why_each_rule_stands),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
