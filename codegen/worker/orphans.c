/* SPDX-License-Identifier: Apache-2.0 */
/* Adopted processes. Runs in the template, on its only thread. */
#include "codegen/worker/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define TARGET       "worker::orphans"
#define LOOK_MS      20
/* A host needs some ms to end its tool's tree and to empty its folder; one that takes longer is stuck. */
#define PATIENCE_NS  (3 * NS_PER_S)
#define LIST_BYTES   65536

void orphans_adopt(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void orphans_expect(struct orphans *o)
{
	o->expected = true;
	o->since_ns = clock_now_ns();
}

/* The kernel's list of this process's children; empty where it keeps none. */
static char *read_children(void)
{
	char path[64], *text = calloc(1, LIST_BYTES);

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)gettid());
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (text && (fd < 0 || read(fd, text, LIST_BYTES - 1) < 0))
		text[0] = '\0';
	return text;
}

/* False: it is there still. */
static bool reap(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) < 0 || info.si_pid == pid;
}

int orphans_sweep(struct orphans *o, bool (*is_ours)(void *arg, pid_t pid), void *arg)
{
	bool stuck = clock_now_ns() - o->since_ns > PATIENCE_NS;
	unsigned n_left = 0;

	if (!o->expected)
		return -1;
	_cleanup_free_ char *children = read_children();
	for (char *at = children, *end; at; at = end) {
		pid_t pid = (pid_t)strtol(at, &end, 10);

		if (end == at)
			break;
		if (is_ours(arg, pid) || reap(pid))
			continue;
		if (stuck) {
			log_warn(TARGET, "process %d outlived its worker; it is ended", (int)pid);
			kill(pid, SIGKILL); /* not reaped, so the number is its own */
		}
		n_left++;
	}
	o->expected = n_left > 0;
	return n_left ? LOOK_MS : -1;
}
