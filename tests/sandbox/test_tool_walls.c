/* SPDX-License-Identifier: Apache-2.0 */
/* The walls around external tools, from inside: this program starts itself as a tool host would start a compiler, and the
 * child tries. What must not be possible is refused, what compilers need still works, and whatever a tool has started
 * ends with it. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "codegen/tools/process.h"
#include "codegen/tools/tool_seccomp.h"
#include "codegen/worker/sandbox.h"

#ifndef WORKER_SANITIZED
#define WORKER_SANITIZED 0
#endif

#define MEMORY_BYTES (512ull << 20)

/* ---- deeds: 0 when done, else the errno of the refusal ---- */

static int tell(long r)
{
	return r < 0 ? errno : 0;
}

static int read_passwd(void)
{
	return tell(open("/etc/passwd", O_RDONLY));
}

static int read_own_environment(void)
{
	return tell(open("/proc/self/environ", O_RDONLY));
}

static int list_root(void)
{
	return tell(open("/", O_RDONLY | O_DIRECTORY));
}

static int read_source(void)
{
	return tell(open("dir/source", O_RDONLY));
}

static int write_source(void)
{
	return tell(open("dir/source", O_WRONLY));
}

static int write_output(void)
{
	int fd = open("output", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	return fd < 0 ? errno : write(fd, "x", 1) == 1 ? 0 : EIO;
}

static int make_file(void)
{
	return tell(open("made", O_WRONLY | O_CREAT, 0600));
}

static int make_folder(void)
{
	return tell(mkdir("folder", 0700));
}

static int rename_source(void)
{
	return tell(rename("dir/source", "output"));
}

static int truncate_source(void)
{
	return tell(truncate("dir/source", 0));
}

static int link_source(void)
{
	return tell(link("dir/source", "linked"));
}

static int open_socket(void)
{
	return tell(socket(AF_INET, SOCK_STREAM, 0));
}

static int open_unix_socket(void)
{
	return tell(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int make_socket_pair(void)
{
	int pair[2];
	return tell(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int make_memfd(void)
{
	return tell(memfd_create("m", 0));
}

static int map_shared_memory(void)
{
	return tell((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static int map_code(void)
{
	return tell((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int take_all_memory(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_DATA, &limit);
	limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
	setrlimit(RLIMIT_DATA, &limit);
	return tell((long)mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int leave_the_session(void)
{
	return tell(setsid());
}

static int leave_the_group(void)
{
	return tell(setpgid(0, 0));
}

static int signal_the_host(void)
{
	return tell(kill(getppid(), 0));
}

static int kill_the_host_as_a_thread(void)
{
	return tell(syscall(SYS_tgkill, getppid(), getppid(), SIGKILL));
}

static int outlive_the_host(void)
{
	return tell(prctl(PR_SET_PDEATHSIG, 0));
}

static int trace_the_host(void)
{
	return tell(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int make_a_namespace(void)
{
	return tell(unshare(CLONE_NEWUSER));
}

static int fork_into_a_namespace(void)
{
	return tell(syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, NULL, NULL, NULL, NULL));
}

static int fork_by_clone3(void)
{
	uint64_t args[11] = {[4] = SIGCHLD};
	return tell(syscall(SYS_clone3, args, sizeof(args)));
}

static int load_bpf(void)
{
	return tell(syscall(SYS_bpf, 0, NULL, 0));
}

static int set_up_a_ring(void)
{
	return tell(syscall(SYS_io_uring_setup, 4, NULL));
}

static int execute_another(void)
{
	return tell(execl("/bin/true", "true", NULL));
}

static int execute_itself(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return errno;
	self[n] = '\0';
	return tell(execl(self, self, "deed", "read the source", NULL));
}

static int start_a_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : tell(waitpid(pid, NULL, 0));
}

static void *nothing(void *arg)
{
	return arg;
}

static int start_a_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	return r ? r : pthread_join(thread, NULL);
}

static int print(void)
{
	return printf("printed\n") < 0 || fflush(stdout) < 0 ? errno : 0;
}

enum outcome { DONE, REFUSED, DONE_IF_IT_MAY_FORK };

static const struct deed {
	const char *name;
	int (*f)(void);
	enum outcome expected;
	bool by_seccomp; /* not refused in a build with a sanitizer, which has no such list */
} deeds[] = {
	{"read the source", read_source, DONE, false},
	{"write the output", write_output, DONE, false},
	{"execute itself", execute_itself, DONE, false},
	{"map code", map_code, DONE, false},
	{"start a thread", start_a_thread, DONE, false},
	{"print", print, DONE, false},
	{"start a process", start_a_process, DONE_IF_IT_MAY_FORK, true},
	{"read /etc/passwd", read_passwd, REFUSED, false},
	{"read its environment", read_own_environment, REFUSED, false},
	{"list /", list_root, REFUSED, false},
	{"write the source", write_source, REFUSED, false},
	{"truncate the source", truncate_source, REFUSED, true},
	{"make a file", make_file, REFUSED, false},
	{"make a folder", make_folder, REFUSED, false},
	{"rename the source", rename_source, REFUSED, false},
	{"link the source", link_source, REFUSED, false},
	{"execute another program", execute_another, REFUSED, false},
	{"open a TCP socket", open_socket, REFUSED, true},
	{"open a unix socket", open_unix_socket, REFUSED, true},
	{"make a socket pair", make_socket_pair, REFUSED, true},
	{"make a memfd", make_memfd, REFUSED, true},
	{"map shared memory", map_shared_memory, REFUSED, true},
	{"take all memory", take_all_memory, REFUSED, true},
	{"leave the session", leave_the_session, REFUSED, true},
	{"leave the group", leave_the_group, REFUSED, true},
	{"signal the host", signal_the_host, REFUSED, true},
	{"kill the host as a thread", kill_the_host_as_a_thread, REFUSED, true},
	{"outlive the host", outlive_the_host, REFUSED, true},
	{"trace the host", trace_the_host, REFUSED, false},
	{"make a namespace", make_a_namespace, REFUSED, true},
	{"fork into a namespace", fork_into_a_namespace, REFUSED, true},
	{"clone3", fork_by_clone3, REFUSED, true},
	{"bpf", load_bpf, REFUSED, true},
	{"io_uring_setup", set_up_a_ring, REFUSED, true},
};

#define REFUSED_STATUS 10

/* The child's side. */
static int do_deed(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(deeds); i++)
		if (strcmp(deeds[i].name, name) == 0)
			return deeds[i].f() == 0 ? 0 : REFUSED_STATUS;
	return 99;
}

/* ---- the host's side ---- */

static struct tool self = {.name = "self"};
static char folder[] = "/tmp/spvscope-test-tools-XXXXXX";
static int folder_fd, proc_fd, worker_end[2];

static void write_file(const char *name, const char *text)
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int make_ruleset(void)
{
	struct landlock_path paths[TOOL_MAX_READS + 3];
	size_t n = 0;

	for (; n < self.n_reads; n++)
		paths[n] = (struct landlock_path){open(self.reads[n], O_PATH | O_CLOEXEC),
			LANDLOCK_READ_FILE | LANDLOCK_READ_DIR | LANDLOCK_EXECUTE};
	paths[n++] = (struct landlock_path){open("/etc/ld.so.cache", O_PATH | O_CLOEXEC), LANDLOCK_READ_FILE};
	paths[n++] = (struct landlock_path){open(folder, O_PATH | O_CLOEXEC), LANDLOCK_READ_FILE | LANDLOCK_READ_DIR};
	paths[n++] = (struct landlock_path){openat(folder_fd, "output", O_PATH | O_CLOEXEC), LANDLOCK_WRITE_FILE};
	int fd = landlock_prepare(paths, n);
	while (n > 0)
		close(paths[--n].fd);
	assert_true(fd >= 0);
	return fd;
}

/* Runs this program with two arguments, as a tool. */
static void run_as_tool(const char *verb, const char *object, bool may_fork, uint64_t patience_ns, struct tool_answer *ret)
{
	char *const argv[] = {(char *)"self", (char *)(uintptr_t)verb, (char *)(uintptr_t)object, NULL};
	char *const env[] = {(char *)"LC_ALL=C", (char *)"ASAN_OPTIONS=detect_leaks=0", NULL};
	struct seccomp_program *seccomp;
	_cleanup_fd_ int ruleset_fd = make_ruleset();
	struct process p;

	assert_true(tool_seccomp_prepare(may_fork, &seccomp) >= 0);
	const struct process_spec spec = {
		.program = self.program,
		.argv = argv,
		.env = env,
		.folder_fd = folder_fd,
		.ruleset_fd = ruleset_fd,
		.seccomp = seccomp,
		.memory_bytes = MEMORY_BYTES,
		.proc_fd = proc_fd,
	};
	*ret = (struct tool_answer){0};
	assert_int_equal(process_start(&p, &spec), 0);
	assert_int_equal(process_watch(&p, worker_end[0], clock_now_ns() + patience_ns, NULL, NULL, &ret->end), 0);
	process_end(&p, ret);
	seccomp_program_free(seccomp);
}

static void try_all(bool may_fork)
{
	for (size_t i = 0; i < ARRAY_SIZE(deeds); i++) {
		const struct deed *d = &deeds[i];
		enum outcome expected = d->expected != DONE_IF_IT_MAY_FORK ? d->expected : may_fork ? DONE : REFUSED;
		struct tool_answer a;

		if (WORKER_SANITIZED && d->by_seccomp)
			continue;
		run_as_tool("deed", d->name, may_fork, 20 * NS_PER_S, &a);
		if (a.end != TOOL_EXITED || a.status != (expected == DONE ? 0 : REFUSED_STATUS))
			fail_msg("%s: end %d, status %d: %s", d->name, (int)a.end, a.status, a.err);
		free(a.out);
		free(a.err);
	}
	struct stat st;
	assert_int_equal(fstatat(folder_fd, "dir/source", &st, 0), 0);
	assert_int_equal(st.st_size, 6);
}

static void a_tool_reaches_its_own_files_and_its_output(void **state)
{
	(void)state;
	try_all(false);
}

static void one_that_may_fork_reaches_no_more(void **state)
{
	(void)state;
	try_all(true);
}

/* Three generations, of which the middle one is gone: the youngest have no parent but the host. */
static int grow_a_tree(void)
{
	for (int i = 0; i < 3; i++) {
		if (fork() == 0) {
			if (fork() == 0)
				for (;;)
					pause();
			_exit(0);
		}
	}
	printf("%d\n", getpid());
	fflush(stdout);
	for (;;)
		pause();
}

static void a_tree_ends_with_its_tool(void **state)
{
	(void)state;
	struct tool_answer a;

	if (WORKER_SANITIZED)
		skip(); /* its runtime takes its time in each fork */
	run_as_tool("grow", "", true, 300 * NS_PER_MS, &a);
	assert_int_equal(a.end, TOOL_TIMED_OUT);
	assert_int_equal(atoi(a.out), a.pid);
	assert_true(a.n_left >= 3);
	assert_int_equal(kill(-a.pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left to reap */
	free(a.out);
	free(a.err);
}

#define GENERATIONS 9   /* 512 processes at most, should nobody end them */
#define N_THREADS   200

/* Every process doubles itself, again and again. */
static int multiply(void)
{
	for (int i = 0; i < GENERATIONS; i++)
		(void)fork();
	sleep(1000);
	return 0;
}

static void *wait_long(void *arg)
{
	sleep(1000);
	return arg;
}

static int start_many_threads(void)
{
	pthread_attr_t small; /* stacks of the usual size would come to the limit on memory first */
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 << 10);
	for (int i = 0; i < N_THREADS; i++)
		(void)pthread_create(&thread, &small, wait_long, NULL);
	sleep(1000);
	return 0;
}

static void one_that_becomes_too_many_is_ended(void **state)
{
	(void)state;
	static const struct {
		const char *verb;
		bool may_fork;
		uint32_t least_left;
	} crowds[] = {{"multiply", true, PROCESS_MAX_TASKS}, {"thread", false, 0}};

	if (WORKER_SANITIZED)
		skip(); /* its runtime takes its time in each fork */
	for (size_t i = 0; i < ARRAY_SIZE(crowds); i++) {
		struct tool_answer a;

		run_as_tool(crowds[i].verb, "", crowds[i].may_fork, 20 * NS_PER_S, &a);
		assert_int_equal(a.end, TOOL_CROWDED);
		assert_true(a.exit_ns - a.start_ns < 10 * NS_PER_S);
		assert_true(a.n_left >= crowds[i].least_left);
		assert_int_equal(kill(-a.pid, 0), -1);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		free(a.out);
		free(a.err);
	}
}

static int print_for_ever(void)
{
	for (;;)
		if (write(1, "0123456789abcdef", 16) < 0)
			return 0;
}

static void one_that_floods_is_ended_and_what_it_printed_is_kept(void **state)
{
	(void)state;
	struct tool_answer a;

	run_as_tool("flood", "", false, 20 * NS_PER_S, &a);
	assert_int_equal(a.end, TOOL_FLOODED);
	assert_int_equal(a.out_size, PROCESS_STREAM_MAX_BYTES);
	assert_memory_equal(a.out, "0123456789abcdef0", 17);
	free(a.out);
	free(a.err);
}

static void one_whose_worker_is_gone_is_not_waited_for(void **state)
{
	(void)state;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	char *const argv[] = {(char *)"self", (char *)"grow", NULL};
	_cleanup_fd_ int ruleset_fd = make_ruleset();
	struct tool_answer a = {0};
	struct process p;
	const struct process_spec spec = {
		.program = self.program, .argv = argv, .env = (char *[]){NULL}, .folder_fd = folder_fd, .ruleset_fd = ruleset_fd};
	assert_int_equal(process_start(&p, &spec), 0);
	assert_int_equal(process_watch(&p, pair[0], clock_now_ns() + 20 * NS_PER_S, NULL, NULL, &a.end), -EPIPE);
	process_end(&p, &a);
	assert_int_equal(kill(-a.pid, 0), -1);
	close(pair[0]);
	free(a.out);
	free(a.err);
}

static void what_cannot_be_executed_says_why(void **state)
{
	(void)state;
	char *const argv[] = {(char *)"none", NULL};
	_cleanup_fd_ int ruleset_fd = make_ruleset();
	struct process p;
	struct process_spec spec = {
		.program = "/nonexistent", .argv = argv, .env = (char *[]){NULL}, .folder_fd = folder_fd, .ruleset_fd = ruleset_fd};

	assert_int_equal(process_start(&p, &spec), -ENOENT);
	spec.program = "/bin/true"; /* there, but not in the ruleset */
	assert_int_equal(process_start(&p, &spec), -EACCES);
}

static int start_all(void **state)
{
	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!mkdtemp(folder) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, worker_end) < 0)
		return -1;
	proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(folder_fd, "dir", 0700) < 0)
		return -1;
	write_file("dir/source", "source");
	write_file("output", "");
	return tool_find_program(&self, (const char *const[]){"/proc/self/exe", NULL});
}

static int stop_all(void **state)
{
	(void)state;
	unlinkat(folder_fd, "dir/source", 0);
	unlinkat(folder_fd, "dir", AT_REMOVEDIR);
	unlinkat(folder_fd, "output", 0);
	rmdir(folder);
	tool_done(&self);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tool_reaches_its_own_files_and_its_output),
		cmocka_unit_test(one_that_may_fork_reaches_no_more),
		cmocka_unit_test(a_tree_ends_with_its_tool),
		cmocka_unit_test(one_that_becomes_too_many_is_ended),
		cmocka_unit_test(one_that_floods_is_ended_and_what_it_printed_is_kept),
		cmocka_unit_test(one_whose_worker_is_gone_is_not_waited_for),
		cmocka_unit_test(what_cannot_be_executed_says_why),
	};

	if (argc > 2 && strcmp(argv[1], "deed") == 0)
		_exit(do_deed(argv[2])); /* a leak checker would look into /proc at the end */
	if (argc > 1 && strcmp(argv[1], "grow") == 0)
		return grow_a_tree();
	if (argc > 1 && strcmp(argv[1], "multiply") == 0)
		return multiply();
	if (argc > 1 && strcmp(argv[1], "thread") == 0)
		return start_many_threads();
	if (argc > 1 && strcmp(argv[1], "flood") == 0)
		return print_for_ever();
	if (landlock_abi() == 0) {
		printf("1..0 # SKIP this kernel has no Landlock: no tool is run here\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, start_all, stop_all);
}
