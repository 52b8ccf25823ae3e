/* SPDX-License-Identifier: Apache-2.0 */
/* The tool host: a process forked from a worker before that confines itself, which runs one tool for it. Only workers for
 * languages that need a tool have one. It is a child of its worker, so that whatever it starts belongs to that worker for
 * the analyzer; it outlives it by the moment that it takes to end the tool's tree and to remove the job's files.
 *
 *   front ──RUN──► worker (confined, compiles) ──request──► host (sees the tool's files and the job's) ──vfork──► tool
 *         ◄──DONE──        validates the result ◄──answer──      watches, ends the tree                  one group
 */
#ifndef SPVSCOPE_TOOLS_HOST_H
#define SPVSCOPE_TOOLS_HOST_H

#include <stdint.h>
#include <stdio.h>

#include "codegen/tools/tool.h"

struct host_start {
	const struct tool *tool;
	const char *folders_root; /* job_folders_root() */
	uint64_t worker_id;       /* names the folder */
	int registration_fd;      /* the analyzer's: it takes the host for one of the worker's own; -1: none */
	const int *close_fds;     /* what the host must not hold: the worker's own socket, its span log */
	size_t n_close_fds;
};

/* Forks the host. *ret_socket is the caller's, for tool_channel_set. 0 or -errno. */
int host_fork(const struct host_start *start, int *ret_socket);
/* For people: the rules that hold for tools, with their reasons. */
void host_describe(FILE *out);

#endif
