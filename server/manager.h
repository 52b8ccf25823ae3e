/* SPDX-License-Identifier: Apache-2.0 */
/* Only when started as root: the first process stays root, opens no socket and reads no request; it forks the front,
 * which becomes --user, starts the analyzer when the front asks for one (over a socket pair, one message a request),
 * passes signals on, and ends when the front ends. Started as an ordinary user there is no manager and the front starts
 * the analyzer itself, with whatever file capabilities the binary has. */
#ifndef SPVSCOPE_MANAGER_H
#define SPVSCOPE_MANAGER_H

#include <sys/types.h>

#define MANAGER_DEFAULT_USER "spvscope"

struct manager_options {
	const char *user;          /* --user; NULL: the default one, a system user that is made when it is missing */
	const char *worker_path;   /* opened before the drop, so that the front can start it wherever it lies */
	const char *analyzer_path; /* NULL: none */
	const char *state_dir;     /* made and given to the user */
	const char *runtime_dir;   /* of the unix socket, likewise; NULL: none */
	/* Called in the front while it is root still, for what its user may not open. Negative: it tells why, and all ends. */
	int (*before_drop)(void *arg, uid_t uid, gid_t gid);
	void *arg;
};

/* In the parent: runs the manager's life and returns the exit status for main, *ret_is_front false. In the child: drops
 * to the user for good and returns 0 with *ret_is_front true and *ret_manager_fd to ask for analyzers (O_CLOEXEC).
 * Negative errno, with a message on standard error, when the user cannot be had. */
int manager_start(const struct manager_options *o, int *ret_is_front, int *ret_manager_fd);

/* Front side. Starts spvscope-analyzer and gives one end of its control socket; *ret_pid may be 0 when the manager
 * holds it. With manager_fd -1 it spawns path itself. 0 or -errno. Blocks only for the spawn. */
int analyzer_spawn(int manager_fd, const char *path, int *ret_socket_fd, int *ret_pid);

#endif
