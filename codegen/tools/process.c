/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, watching and ending of external programs. Runs in tool hosts, on their only thread.
 *
 * The whole tree is one process group that none of it can leave, for the system call list refuses setpgid and setsid: one
 * signal reaches all of it, also what is being forked at that moment. The host is the subreaper, so that nothing gets
 * out of its sight either. Neither needs a namespace or a cgroup, which a service often may not have. */
#include "codegen/tools/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "codegen/tools/tasks.h"
#include "codegen/tools/tool_seccomp.h"
#include "codegen/worker/sandbox.h"

#ifndef WORKER_SANITIZED
#define WORKER_SANITIZED 0
#endif

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define REAP_PATIENCE_NS (2 * NS_PER_S)
/* What forks as fast as it can comes to some hundreds between two looks. */
#define LOOK_EVERY_NS    (20 * NS_PER_MS)

/* ---- limits ---- */

/* Per process, for its whole life. */
static const struct limit {
	int resource;
	const char *name;
	rlim_t value;
	const char *why;
} limits[] = {
	{RLIMIT_CORE, "core", 1, "a crash is a result; 1 keeps even a core_pattern that is a pipe from being fed"},
	{RLIMIT_FSIZE, "file size", PROCESS_MAX_FILE_BYTES, "of each output file; it can make no others"},
	{RLIMIT_STACK, "stack", 16ull << 20, "endless recursion ends as SIGSEGV, early"},
	{RLIMIT_NOFILE, "descriptors", 256, "sources, headers, libraries, event loops"},
	{RLIMIT_MEMLOCK, "locked memory", 0, "nothing is pinned"},
	{RLIMIT_MSGQUEUE, "message queues", 0, "none are used"},
	{RLIMIT_NICE, "nice", 0, "no priority is raised"},
	{RLIMIT_RTPRIO, "real-time priority", 0, "no priority is raised"},
};

void process_limits_describe(FILE *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		fprintf(out, "  %-20s %12llu  %s\n", limits[i].name, (unsigned long long)limits[i].value, limits[i].why);
	fprintf(out, "  %-20s %12s  %s\n", "private memory", "of the run", "of each process; what the request's limits say");
	fprintf(out, "  %-20s %12d  %s\n", "tasks", PROCESS_MAX_TASKS,
		"processes and threads of one run; a run that has more is ended");
}

/* Never above what the host itself may have. */
static int lower(int resource, rlim_t value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return -errno;
	rlim_t v = value < now.rlim_max ? value : now.rlim_max;
	return setrlimit(resource, &(struct rlimit){.rlim_cur = v, .rlim_max = v}) < 0 ? -errno : 0;
}

/* ---- start ---- */

struct child {
	const struct process_spec *spec;
	int stdin_fd, out_fd, err_fd, reply_fd;
	rlim_t max_tasks;
	pid_t host;
	volatile int error; /* written by the child, whose memory is ours until it executes */
};

static int set_limits(const struct child *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		int r = lower(limits[i].resource, limits[i].value);
		if (r < 0)
			return r;
	}
	int r = lower(RLIMIT_NPROC, c->max_tasks);
	if (r < 0 || WORKER_SANITIZED || c->spec->memory_bytes == 0)
		return r;
	return lower(RLIMIT_DATA, c->spec->memory_bytes);
}

static int set_descriptors(const struct child *c)
{
	if (dup2(c->stdin_fd, 0) < 0 || dup2(c->out_fd, 1) < 0 || dup2(c->err_fd, 2) < 0)
		return -errno;
	if (c->reply_fd >= 0 && dup2(c->reply_fd, 3) < 0)
		return -errno;
	return fchdir(c->spec->folder_fd) < 0 ? -errno : 0;
}

static void reset_signals(void)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		sigaction(s, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int confine(const struct child *c)
{
	if (setpgid(0, 0) < 0)
		return -errno;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != c->host)
		return -ESRCH;
	reset_signals();
	int r = set_descriptors(c);
	if (r >= 0)
		r = set_limits(c);
	if (r >= 0)
		r = landlock_restrict(c->spec->ruleset_fd);
	return r < 0 ? r : seccomp_program_load(c->spec->seccomp);
}

/* In the child of a vfork, which shares our memory and stack frame: it calls the kernel, and writes one number. */
static _Noreturn __attribute__((noinline)) void become(struct child *c)
{
	c->error = confine(c);
	if (c->error >= 0) {
		execve(c->spec->program, c->spec->argv, c->spec->env);
		c->error = -errno;
	}
	_exit(127);
}

/* No page table is copied, and the parent goes on when the child executes, which is the moment to tell. */
static pid_t start_child(struct child *c)
{
	pid_t pid = vfork();

	if (pid == 0)
		become(c);
	return pid;
}

struct pipes {
	int in[2], out[2], err[2], reply[2]; /* reading end, writing end */
};

static void pipes_done(struct pipes *p)
{
	int *all = (int *)p;

	for (size_t i = 0; i < sizeof(*p) / sizeof(int); i++)
		fd_close(all[i]);
}

static int make_pipes(struct pipes *p, bool resident)
{
	if (pipe2(p->out, O_CLOEXEC) < 0 || pipe2(p->err, O_CLOEXEC) < 0)
		return -errno;
	if (resident && (pipe2(p->in, O_CLOEXEC) < 0 || pipe2(p->reply, O_CLOEXEC) < 0))
		return -errno;
	const int ours[] = {p->out[0], p->err[0], p->in[1], p->reply[0]};
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (ours[i] >= 0 && fcntl(ours[i], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	return 0;
}

void process_init(struct process *p)
{
	*p = (struct process){.pidfd = -1, .in_fd = -1, .reply_fd = -1, .out_fd = -1, .err_fd = -1};
}

int process_start(struct process *p, const struct process_spec *spec)
{
	_cleanup_(pipes_done) struct pipes pipes = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};

	process_init(p);
	p->start_ns = clock_now_ns();
	int r = make_pipes(&pipes, spec->resident);
	if (r < 0)
		return r;
	struct child c = {
		.spec = spec,
		.stdin_fd = spec->resident ? pipes.in[0] : STDIN_FILENO,
		.out_fd = pipes.out[1],
		.err_fd = pipes.err[1],
		.reply_fd = pipes.reply[1],
		/* The kernel's limit counts all of the user's, whose processes are not to be in each other's way. */
		.max_tasks = tasks_of_machine() + PROCESS_MAX_TASKS,
		.host = getpid(),
	};
	pid_t pid = start_child(&c);
	if (pid < 0)
		return -errno;
	p->exec_ns = clock_now_ns();
	int pidfd = c.error < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		r = c.error < 0 ? c.error : -errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	p->pid = pid;
	p->pidfd = pidfd;
	p->proc_fd = spec->proc_fd;
	p->least_tasks = tasks_of_machine();
	p->out_fd = TAKE_FD(pipes.out[0]);
	p->err_fd = TAKE_FD(pipes.err[0]);
	p->in_fd = TAKE_FD(pipes.in[1]);
	p->reply_fd = TAKE_FD(pipes.reply[0]);
	return 0;
}

/* ---- watch ---- */

/* Takes in what is there. False: more than may be kept. Closes *fd at its end. */
static bool take_in(int *fd, struct strbuf *into, size_t most)
{
	char chunk[65536];

	while (*fd >= 0) {
		ssize_t n = read(*fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			*fd = fd_close(*fd);
			return true;
		}
		size_t room = into->len < most ? most - into->len : 0;
		strbuf_append(into, chunk, (size_t)n < room ? (size_t)n : room);
		if ((size_t)n > room)
			return false;
	}
	return true;
}

/* The reply is whole: its length stands before it. */
static bool is_whole(const struct strbuf *reply)
{
	uint32_t size;

	if (!reply || reply->len < sizeof(size))
		return false;
	memcpy(&size, reply->data, sizeof(size));
	return reply->len - sizeof(size) >= size;
}

static void hand_in(struct process *p, const struct strbuf *request, size_t *done)
{
	while (p->in_fd >= 0 && *done < request->len) {
		ssize_t n = write(p->in_fd, request->data + *done, request->len - *done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			p->in_fd = fd_close(p->in_fd); /* it does not listen: its end tells why */
		if (n < 0)
			return;
		*done += (size_t)n;
	}
}

static int timeout_ms(uint64_t deadline_ns)
{
	uint64_t now_ns = clock_now_ns();

	if (!deadline_ns)
		return -1;
	return deadline_ns <= now_ns ? 0 : (int)((deadline_ns - now_ns) / NS_PER_MS + 1);
}

/* The tool's own tasks are counted only when the machine has so many more than it had that they could be too many. */
static bool is_crowded(struct process *p)
{
	size_t n = tasks_of_machine();

	if (n < p->least_tasks)
		p->least_tasks = n;
	return n > p->least_tasks + PROCESS_MAX_TASKS / 2 &&
		tasks_of_group_exceed(p->proc_fd, p->pid, PROCESS_MAX_TASKS);
}

/* Takes in all that there is of what it prints and replies. False: more than may be kept. */
static bool take_in_all(struct process *p, struct strbuf *reply)
{
	if (!take_in(&p->out_fd, &p->out, PROCESS_STREAM_MAX_BYTES) ||
		!take_in(&p->err_fd, &p->err, PROCESS_STREAM_MAX_BYTES))
		return false;
	return !reply || take_in(&p->reply_fd, reply, PROCESS_REPLY_MAX_BYTES);
}

int process_watch(struct process *p, int worker_socket, uint64_t deadline_ns, const struct strbuf *request,
	struct strbuf *reply, enum tool_end *ret)
{
	enum { WORKER, GONE, OUT, ERR, REPLY, IN, N };
	uint64_t look_ns = clock_now_ns() + LOOK_EVERY_NS;
	size_t handed_in = 0;

	for (;;) {
		bool more = request && handed_in < request->len;
		struct pollfd fds[N] = {
			[WORKER] = {worker_socket, POLLRDHUP, 0},
			[GONE] = {p->pidfd, POLLIN, 0},
			[OUT] = {p->out_fd, POLLIN, 0},
			[ERR] = {p->err_fd, POLLIN, 0},
			[REPLY] = {p->reply_fd, POLLIN, 0},
			[IN] = {more ? p->in_fd : -1, POLLOUT, 0},
		};
		bool until_look = !deadline_ns || look_ns < deadline_ns;
		if (poll(fds, N, timeout_ms(until_look ? look_ns : deadline_ns)) < 0 && errno != EINTR)
			return -errno;
		if (fds[WORKER].revents)
			return -EPIPE;
		if (fds[IN].revents)
			hand_in(p, request, &handed_in);
		*ret = TOOL_EXITED;
		if (!take_in_all(p, reply))
			*ret = TOOL_FLOODED;
		else if (fds[GONE].revents || is_whole(reply))
			return 0;
		uint64_t now_ns = clock_now_ns();
		if (*ret == TOOL_EXITED && deadline_ns && now_ns >= deadline_ns)
			*ret = TOOL_TIMED_OUT;
		if (*ret == TOOL_EXITED && now_ns >= look_ns) {
			*ret = is_crowded(p) ? TOOL_CROWDED : TOOL_EXITED;
			look_ns = now_ns + LOOK_EVERY_NS;
		}
		if (*ret != TOOL_EXITED)
			return 0;
	}
}

/* ---- end ---- */

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_usec * 1000;
}

/* A child of vfork begins with the peak of the process that it was forked from: only what is above that is its own. */
static uint64_t own_peak_bytes(const struct rusage *child)
{
	struct rusage host;

	if (getrusage(RUSAGE_SELF, &host) < 0 || child->ru_maxrss <= host.ru_maxrss)
		return 0;
	return (uint64_t)child->ru_maxrss << 10;
}

static void tell_usage(const struct rusage *u, struct tool_answer *a)
{
	a->user_ns = timeval_ns(u->ru_utime);
	a->system_ns = timeval_ns(u->ru_stime);
	a->max_rss_bytes = own_peak_bytes(u);
	a->minor_faults = (uint64_t)u->ru_minflt;
	a->major_faults = (uint64_t)u->ru_majflt;
	a->voluntary_switches = (uint64_t)u->ru_nvcsw;
	a->involuntary_switches = (uint64_t)u->ru_nivcsw;
}

/* What the leader left: it comes to us, the subreaper, killed already. */
static uint32_t reap_rest(pid_t group)
{
	uint64_t until_ns = clock_now_ns() + REAP_PATIENCE_NS;
	uint32_t n = 0;

	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		if (pid > 0) {
			n++;
			continue;
		}
		if (pid < 0 || clock_now_ns() > until_ns)
			return n;
		kill(-group, SIGKILL);
		nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	}
}

void process_end(struct process *p, struct tool_answer *a)
{
	struct rusage usage = {0};
	int status = 0;

	if (p->pid <= 0)
		return;
	a->pid = p->pid;
	a->start_ns = p->start_ns;
	a->exec_ns = p->exec_ns;
	/* While the leader is not reaped its number is the group's alone. */
	kill(-p->pid, SIGKILL);
	while (waitid(P_PID, (id_t)p->pid, &(siginfo_t){0}, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	a->exit_ns = clock_now_ns();
	while (wait4(p->pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	a->n_left = reap_rest(p->pid);
	tell_usage(&usage, a);
	if (a->end == TOOL_EXITED) {
		a->end = WIFSIGNALED(status) ? TOOL_SIGNALED : TOOL_EXITED;
		a->status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	}
	take_in(&p->out_fd, &p->out, PROCESS_STREAM_MAX_BYTES);
	take_in(&p->err_fd, &p->err, PROCESS_STREAM_MAX_BYTES);
	a->out = strbuf_take(&p->out, &a->out_size);
	a->err = strbuf_take(&p->err, &a->err_size);
	fd_close(p->pidfd);
	fd_close(p->in_fd);
	fd_close(p->reply_fd);
	fd_close(p->out_fd);
	fd_close(p->err_fd);
	process_init(p);
}

uint64_t process_cpu_ns(const struct process *p)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(p->pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}
