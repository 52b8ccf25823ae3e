/* SPDX-License-Identifier: Apache-2.0 */
/* Starting of helper programs: fork, a clean set of descriptors and signals, exec. Runs in the front and in the
 * privileged manager. */
#include "server/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define SPAWN_MAX_REMEMBERED 4

/* Written before threads start, read afterwards. */
static struct remembered {
	char *path;      /* as it was given */
	char *real_path; /* as /proc/PID/maps shows it */
	int fd;
} remembered[SPAWN_MAX_REMEMBERED];
static size_t n_remembered;

static int find_remembered(const char *path)
{
	for (size_t i = 0; i < n_remembered; i++)
		if (strcmp(remembered[i].path, path) == 0)
			return remembered[i].fd;
	return -1;
}

int spawn_remember(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *copy, *real_path;

	if (find_remembered(path) >= 0)
		return 0;
	if (fd < 0 && errno == EACCES)
		fd = open(path, O_PATH | O_CLOEXEC); /* enough to execute it, not to read its symbols */
	if (fd < 0)
		return -errno;
	if (n_remembered == SPAWN_MAX_REMEMBERED)
		return -ENOSPC;
	copy = strdup(path);
	real_path = realpath(path, NULL);
	if (!copy || !real_path) {
		free(copy);
		free(real_path);
		return -ENOMEM;
	}
	remembered[n_remembered++] = (struct remembered){.path = copy, .real_path = real_path, .fd = TAKE_FD(fd)};
	return 0;
}

const char *spawn_remembered(size_t i, int *ret_fd)
{
	if (i >= n_remembered)
		return NULL;
	*ret_fd = remembered[i].fd;
	return remembered[i].real_path;
}

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL); /* refused for SIGKILL and SIGSTOP, which is no matter */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Moves the descriptors to where the program expects them; those at hand may be in each other's way, so they are first
 * lifted above all targets. */
static int arrange_fds(int control_fd, int *exec_fd, int *error_fd)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 10);
	control_fd = fcntl(control_fd, F_DUPFD_CLOEXEC, 10);
	*error_fd = fcntl(*error_fd, F_DUPFD_CLOEXEC, 10);
	if (*exec_fd >= 0)
		*exec_fd = fcntl(*exec_fd, F_DUPFD_CLOEXEC, 10);
	if (null_fd < 0 || control_fd < 0 || *error_fd < 0)
		return -errno;
	if (dup2(null_fd, 0) < 0 || dup2(2, 1) < 0 || dup2(control_fd, 3) < 0)
		return -errno;
	return close_range(4, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

/* In the child: never returns. */
static _Noreturn void become(const char *path, const char *const argv[], int control_fd, int error_fd, pid_t parent)
{
	int exec_fd = find_remembered(path);
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127); /* it died before the line above */
	reset_signals();
	r = arrange_fds(control_fd, &exec_fd, &error_fd);
	if (r >= 0) {
		if (exec_fd >= 0)
			execveat(exec_fd, "", (char *const *)argv, environ, AT_EMPTY_PATH);
		else
			execv(path, (char *const *)argv);
		r = -errno;
	}
	if (write(error_fd, &r, sizeof(r)) < 0)
		_exit(126);
	_exit(127);
}

int spawn_process(const char *path, const char *const argv[], int control_fd, struct spawned *ret)
{
	int report[2], error = 0;
	pid_t parent = getpid(), pid;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		error = -errno;
		close(report[0]);
		close(report[1]);
		return error;
	}
	if (pid == 0)
		become(path, argv, control_fd, report[1], parent);
	close(report[1]);
	do
		n = read(report[0], &error, sizeof(error)); /* the end of the pipe is a successful exec */
	while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n == sizeof(error)) {
		waitpid(pid, NULL, 0);
		return error < 0 ? error : -EIO;
	}
	ret->pidfd = pidfd_open(pid, 0);
	if (ret->pidfd < 0) {
		error = -errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return error;
	}
	fcntl(ret->pidfd, F_SETFD, FD_CLOEXEC);
	ret->pid = pid;
	return 0;
}

void spawned_end(struct spawned *s, unsigned long long grace_ns)
{
	if (s->pid <= 0)
		return;
	if (s->pidfd >= 0) {
		struct pollfd p = {.fd = s->pidfd, .events = POLLIN};

		if (poll(&p, 1, (int)(grace_ns / NS_PER_MS)) != 1)
			pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
	} else {
		kill(s->pid, SIGKILL); /* not reaped yet, so the number is still its own */
	}
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pidfd = fd_close(s->pidfd);
	s->pid = 0;
}
