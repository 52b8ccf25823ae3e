/* SPDX-License-Identifier: Apache-2.0 */
/* The deeds of attempts.h. Each runs in a child of its own, confined or, to prove that the proof proves something, not. */
#include "tests/sandbox/attempts.h"

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
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "codegen/worker/alloc.h"
#include "codegen/worker/sandbox.h"

int a_pair[2];
int a_result;
pid_t the_parent;
char a_file[] = "/tmp/spvscope-confinement-XXXXXX";

static int tell(long r)
{
	return r < 0 ? errno : 0;
}

/* ---- attempts that must not succeed ---- */

int open_passwd(void)
{
	return tell(open("/etc/passwd", O_RDONLY));
}

static int open_passwd_raw(void)
{
	return tell(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY));
}

int open_for_writing(void)
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

int look_at_a_file(void)
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

int open_a_socket(void)
{
	return tell(socket(AF_INET, SOCK_STREAM, 0));
}

static int open_a_unix_socket(void)
{
	return tell(socket(AF_UNIX, SOCK_STREAM, 0));
}

int make_a_socket_pair(void)
{
	int pair[2];
	return tell(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

int execute(void)
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

int kill_the_parent(void)
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

int make_code(void)
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

int run_out_of_memory_and_on(void)
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

const struct attempt attempts[] = {
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
const size_t n_attempts = ARRAY_SIZE(attempts);
