/* SPDX-License-Identifier: Apache-2.0 */
/* Starts our own helper programs with nothing inherited but standard error and a control socket. Any thread, but the
 * child is killed when the thread that started it ends. */
#ifndef SPVSCOPE_CHILD_H
#define SPVSCOPE_CHILD_H

#include <stddef.h>
#include <sys/types.h>

struct spawned {
	pid_t pid;
	int pidfd; /* readable once it has died; owned by the caller */
};

/* Opens path now, for spawn_process by a less privileged user later, who may not be able to reach it. Before threads
 * start. 0 or -errno. */
int spawn_remember(const char *path);
/* The real path of the i-th of them and its descriptor, which can be read unless it was opened with O_PATH; NULL behind the last. */
const char *spawn_remembered(size_t i, int *ret_fd);

/* Starts path with the NULL-terminated argv. The child's descriptors are 0 (/dev/null), 1 and 2 (our standard error)
 * and 3 (control_fd, which stays the caller's). Blocks until it has
 * been executed: 0, or the -errno of that. */
int spawn_process(const char *path, const char *const argv[], int control_fd, struct spawned *ret);

/* Waits until it is gone, killing it after grace_ns, and closes the pidfd. Takes a zeroed or finished one. */
void spawned_end(struct spawned *s, unsigned long long grace_ns);

#endif
