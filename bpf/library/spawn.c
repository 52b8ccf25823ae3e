/* SPDX-License-Identifier: Apache-2.0 */
/* A command that is analyzed from its first instruction: the child waits at a barrier between fork and exec. The thread
 * that uses the analyzer. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/library/private.h"

/* One byte lets it go, an end without a byte sends it home. What exec says goes into the other pipe, which exec closes.
 * Runs in the child, of a program that may have threads: no function that could want a lock. */
static _Noreturn void become(char *const argv[], int barrier_fd, int failure_fd)
{
	char go;
	int error;

	if (read(barrier_fd, &go, 1) == 1) {
		execvp(argv[0], argv);
		error = errno;
		if (write(failure_fd, &error, sizeof(error)) < 0)
			_exit(126);
	}
	_exit(127);
}

/* The errno of exec; 0 when the command runs. */
static int exec_result(int fd)
{
	int error = 0;
	ssize_t n;

	do
		n = read(fd, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == sizeof(error) ? error : 0;
}

/* The tables of what the command will have mapped, before it is there: as execvp finds it. */
static void bring_program(struct spvscope_analyzer *a, const char *name)
{
	const char *folders = getenv("PATH") ?: "/usr/local/bin:/bin:/usr/bin";
	char path[PATH_MAX];

	if (strchr(name, '/')) {
		library_files_bring_program(&a->files, name);
		return;
	}
	for (size_t len; *folders; folders += len + (folders[len] == ':')) {
		len = strcspn(folders, ":");
		if (snprintf(path, sizeof(path), "%.*s%s%s", (int)len, folders, len ? "/" : "", name) < (int)sizeof(path) &&
		    access(path, X_OK) == 0) {
			library_files_bring_program(&a->files, path);
			return;
		}
	}
}

int spvscope_analyzer_spawn(struct spvscope_analyzer *a, char *const argv[], const struct spvscope_attach_opts *opts,
	struct spvscope_attachment **ret, pid_t *ret_pid)
{
	int barrier[2], failure[2], r;
	struct spvscope_attachment *at = NULL;
	_cleanup_fd_ int pidfd = -1;
	pid_t pid;

	if (!a || !argv || !argv[0] || !ret || !ret_pid)
		return -EINVAL;
	bring_program(a, argv[0]);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, barrier) < 0)
		return library_fail(a, -errno, "no socket pair: %s", strerror(errno));
	if (pipe2(failure, O_CLOEXEC) < 0) {
		r = -errno;
		fd_close(barrier[0]);
		fd_close(barrier[1]);
		return library_fail(a, r, "no pipe: %s", strerror(-r));
	}
	pid = fork();
	if (pid == 0) {
		fd_close(barrier[1]);
		fd_close(failure[0]);
		become(argv, barrier[0], failure[1]);
	}
	r = pid < 0 ? library_fail(a, -errno, "fork: %s", strerror(errno)) : 0;
	fd_close(barrier[0]);
	fd_close(failure[1]);
	if (r >= 0) {
		pidfd = pidfd_open(pid, 0); /* our own child: nobody else has its number until it is waited for */
		r = pidfd < 0 ? library_fail(a, -errno, "pid %d: %s", (int)pid, strerror(errno))
			: library_attach(a, pidfd, opts, SESSION_AT_EXEC, &at);
	}
	if (r >= 0 && send(barrier[1], "", 1, MSG_NOSIGNAL) != 1)
		r = library_fail(a, -errno, "the child is gone: %s", strerror(errno));
	fd_close(barrier[1]);
	if (r >= 0) {
		r = -exec_result(failure[0]);
		if (r < 0)
			library_fail(a, r, "%s: %s", argv[0], strerror(-r));
	}
	fd_close(failure[0]);
	if (r >= 0) {
		*ret = at;
		*ret_pid = pid;
		return 0;
	}
	spvscope_attachment_detach(at);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return r;
}
