/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox from inside: each child confines itself by the worker's own code, and tries. What must not be possible is
 * refused or deadly, what a compile needs still works, and each wall stands without the other. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "codegen/worker/protocol.h"
#include "codegen/worker/alloc.h"
#include "codegen/worker/sandbox.h"

#ifndef WORKER_SANITIZED
#define WORKER_SANITIZED 0
#endif

static struct sandbox *the_sandbox;
static int a_pair[2]; /* connected, opened before confinement */
static int a_result;  /* memfd, opened before confinement in each child */
static pid_t the_parent; /* this program, of the children that try */
static char a_file[] = "/tmp/spvscope-confinement-XXXXXX";

/* What an attempt came to. */
enum outcome { DONE, REFUSED, KILLED };

/* Returns 0 when it was done, or the errno of its refusal. */
typedef int (*attempt_fn)(void);

static int tell(long r)
{
	return r < 0 ? errno : 0;
}

/* ---- attempts that must not succeed ---- */

static int open_passwd(void)
{
	return tell(open("/etc/passwd", O_RDONLY));
}

static int open_passwd_raw(void)
{
	return tell(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY));
}

static int open_for_writing(void)
{
	return tell(open(a_file, O_WRONLY));
}

static int make_a_file(void)
{
	return tell(open("/tmp/spvscope-made", O_WRONLY | O_CREAT, 0600));
}

static int open_by_handle(void)
{
	struct {
		struct file_handle head;
		char bytes[16];
	} h = {.head = {.handle_bytes = 16}};
	return tell(open_by_handle_at(AT_FDCWD, &h.head, O_RDONLY));
}

static int look_at_a_file(void)
{
	struct stat st;
	return tell(stat("/etc/passwd", &st));
}

static int unlink_a_file(void)
{
	return tell(unlink(a_file));
}

static int rename_a_file(void)
{
	return tell(rename(a_file, "/tmp/spvscope-renamed"));
}

static int truncate_a_file(void)
{
	return tell(truncate(a_file, 0));
}

static int change_directory(void)
{
	return tell(chdir("/"));
}

static int open_a_socket(void)
{
	return tell(socket(AF_INET, SOCK_STREAM, 0));
}

static int open_a_unix_socket(void)
{
	return tell(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int make_a_socket_pair(void)
{
	int pair[2];
	return tell(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int execute(void)
{
	char *const argv[] = {(char *)"true", NULL};
	return tell(execve("/bin/true", argv, NULL));
}

static int fork_raw(void)
{
	return tell(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

static int fork_by_clone3(void)
{
	uint64_t args[11] = {[4] = SIGCHLD};
	return tell(syscall(SYS_clone3, args, sizeof(args)));
}

static int kill_the_parent(void)
{
	return tell(kill(the_parent, 0));
}

static int abort_the_parent(void)
{
	return tell(syscall(SYS_tgkill, the_parent, the_parent, SIGABRT));
}

static int signal_the_parent_by_pidfd(void)
{
	return tell(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0));
}

static int trace_the_parent(void)
{
	return tell(ptrace(PTRACE_ATTACH, the_parent, NULL, NULL));
}

static int read_the_parent(void)
{
	char byte;
	struct iovec local = {&byte, 1}, remote = {&byte, 1};
	return tell(process_vm_readv(the_parent, &local, 1, &remote, 1, 0));
}

static int make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? errno : 0;
}

/* What is shared is in no limit of the process. */
static int map_shared_memory(void)
{
	return tell((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static int map_a_file(void)
{
	return tell((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, a_result, 0));
}

static int make_a_memfd(void)
{
	return tell(memfd_create("large", MFD_CLOEXEC));
}

/* A taken-over worker may lift the limit of its run, but not that of its life. */
static int ask_for_all_memory(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_DATA, &limit) < 0)
		return EIO;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_DATA, &limit) < 0)
		return errno;
	return tell((long)mmap(NULL, SANDBOX_MAX_DATA_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

static int turn_data_into_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return tell(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int type_into_the_terminal(void)
{
	return tell(ioctl(2, 0x5412 /* TIOCSTI */, "x"));
}

static int raise_the_stack_limit(void)
{
	struct rlimit limit = {1ull << 30, 1ull << 30};
	return tell(setrlimit(RLIMIT_STACK, &limit));
}

static int limit_the_parent(void)
{
	struct rlimit limit = {1 << 20, 1 << 20};
	return tell(prlimit(the_parent, RLIMIT_DATA, &limit, NULL));
}

static int make_a_namespace(void)
{
	return tell(unshare(CLONE_NEWUSER));
}

static int change_the_user(void)
{
	return tell(syscall(SYS_setuid, 12345));
}

static int load_bpf(void)
{
	return tell(syscall(SYS_bpf, 0, NULL, 0));
}

static int set_up_a_ring(void)
{
	return tell(syscall(SYS_io_uring_setup, 4, NULL));
}

static int undo_death_with_the_parent(void)
{
	return tell(prctl(PR_SET_PDEATHSIG, 0));
}

static int duplicate_a_descriptor(void)
{
	return tell(fcntl(2, F_DUPFD, 100));
}

/* ---- attempts that must succeed ---- */

static int allocate(void)
{
	static const size_t sizes[] = {1, 100, 5000, 300000, 40000000};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *p = malloc(sizes[i]);
		if (!p)
			return ENOMEM;
		memset(p, 1, sizes[i]);
		char *q = realloc(p, sizes[i] * 2);
		if (!q)
			return ENOMEM;
		q[sizes[i] * 2 - 1] = 1;
		free(q);
	}
	alloc_give_back();
	return 0;
}

static int run_out_of_memory_and_on(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_DATA, &limit);
	limit.rlim_cur = 1 << 20;
	if (setrlimit(RLIMIT_DATA, &limit) < 0)
		return errno;
	void *volatile p = malloc(100 << 20);
	if (p)
		return EINVAL;
	for (int i = 0; i < 10000; i++)
		if (!malloc(1000))
			break;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_DATA, &limit) < 0)
		return errno;
	p = malloc(100 << 20);
	return p ? 0 : ENOMEM;
}

static int read_all_clocks(void)
{
	static const clockid_t ids[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_THREAD_CPUTIME_ID,
		CLOCK_PROCESS_CPUTIME_ID};
	struct timespec ts;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (clock_gettime(ids[i], &ts) < 0)
			return errno;
	return 0;
}

static int read_usage(void)
{
	struct rusage usage;
	return tell(getrusage(RUSAGE_THREAD, &usage));
}

static int write_a_sealed_result(void)
{
	int fd = a_result;
	char back[3];

	if (write(fd, "abc", 3) != 3)
		return EIO;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return errno;
	if (!(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE))
		return EINVAL;
	if (lseek(fd, 0, SEEK_END) != 3 || pread(fd, back, 3, 0) != 3)
		return EIO;
	return tell(close(fd));
}

static int talk_to_the_front(void)
{
	char c = 'x';
	struct iovec iov = {&c, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (sendmsg(a_pair[0], &m, MSG_NOSIGNAL) != 1)
		return errno;
	return recvmsg(a_pair[1], &m, 0) == 1 ? 0 : errno;
}

static int print_to_standard_error(void)
{
	return fprintf(stderr, "%s", "") < 0 ? errno : 0;
}

static const struct attempt {
	const char *name;
	attempt_fn f;
	enum outcome expected;  /* under the whole sandbox */
	bool landlock_too;      /* refused by Landlock alone as well, from the version below on */
	int landlock_abi;
} attempts[] = {
	{"open /etc/passwd", open_passwd, REFUSED, true, 1},
	{"openat without the C library", open_passwd_raw, REFUSED, true, 1},
	{"open a file for writing", open_for_writing, REFUSED, true, 1},
	{"make a file", make_a_file, REFUSED, true, 1},
	{"stat a file", look_at_a_file, REFUSED, false, 0},
	{"open by handle", open_by_handle, KILLED, false, 0},
	{"unlink a file", unlink_a_file, KILLED, true, 1},
	{"rename a file", rename_a_file, KILLED, true, 1},
	{"truncate a file", truncate_a_file, KILLED, true, 3},
	{"change directory", change_directory, KILLED, false, 0},
	{"open a TCP socket", open_a_socket, KILLED, false, 0},
	{"open a unix socket", open_a_unix_socket, KILLED, false, 0},
	{"make a socket pair", make_a_socket_pair, KILLED, false, 0},
	{"execve", execute, KILLED, true, 1},
	{"fork", fork_raw, KILLED, false, 0},
	{"clone3", fork_by_clone3, KILLED, false, 0},
	{"kill", kill_the_parent, KILLED, true, 6},
	{"tgkill another process", abort_the_parent, KILLED, true, 6},
	{"pidfd_send_signal", signal_the_parent_by_pidfd, KILLED, false, 0},
	{"ptrace", trace_the_parent, KILLED, true, 1},
	{"process_vm_readv", read_the_parent, KILLED, true, 1},
	{"map writable code", make_code, REFUSED, false, 0},
	{"map shared memory", map_shared_memory, KILLED, false, 0},
	{"map a file", map_a_file, KILLED, false, 0},
	{"make a memfd", make_a_memfd, KILLED, false, 0},
	{"lift the memory limit and use it", ask_for_all_memory, REFUSED, false, 0},
	{"make data executable", turn_data_into_code, REFUSED, false, 0},
	{"ioctl on standard error", type_into_the_terminal, REFUSED, false, 0},
	{"raise the stack limit", raise_the_stack_limit, KILLED, false, 0},
	{"limit another process", limit_the_parent, KILLED, false, 0},
	{"unshare", make_a_namespace, KILLED, false, 0},
	{"setuid", change_the_user, KILLED, false, 0},
	{"bpf", load_bpf, KILLED, false, 0},
	{"io_uring_setup", set_up_a_ring, KILLED, false, 0},
	{"outlive the template", undo_death_with_the_parent, KILLED, false, 0},
	{"duplicate a descriptor", duplicate_a_descriptor, KILLED, false, 0},

	{"allocate, grow, free, trim", allocate, DONE, false, 0},
	{"run out of memory and go on", run_out_of_memory_and_on, DONE, false, 0},
	{"read all clocks", read_all_clocks, DONE, false, 0},
	{"read page faults", read_usage, DONE, false, 0},
	{"write a sealed result", write_a_sealed_result, DONE, false, 0},
	{"send and receive on its socket", talk_to_the_front, DONE, false, 0},
	{"print to standard error", print_to_standard_error, DONE, false, 0},
};

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
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
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
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
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
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
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
	return tell(write(a_result, "x", 1));
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
