/* SPDX-License-Identifier: Apache-2.0 */
/* A forked worker's life: from the fork to _exit. */
#ifndef SPVSCOPE_WORKER_WORKER_H
#define SPVSCOPE_WORKER_WORKER_H

#include <stdint.h>
#include <sys/types.h>

struct sandbox;
struct tool;

struct worker_start {
	uint64_t worker_id;
	int socket_fd;       /* to the front */
	int span_log_fd;
	int registration_fd; /* to the analyzer; -1: there is none */
	pid_t template_pid;
	struct sandbox *sandbox;
	const struct tool *tool; /* which it is to have a host for; NULL: none */
	const char *folders_root; /* of the hosts' folders */
};

/* In the child, right after fork. Takes over the descriptors, closes all others but standard error and its two
 * neighbours, and never returns. */
_Noreturn void worker_main(const struct worker_start *start);

#endif
