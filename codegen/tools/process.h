/* SPDX-License-Identifier: Apache-2.0 */
/* One run of an external program: started confined, watched, and ended with everything that it has started. Runs in tool
 * hosts, on their only thread. */
#ifndef SPVSCOPE_TOOLS_PROCESS_H
#define SPVSCOPE_TOOLS_PROCESS_H

#include <stdbool.h>
#include <stdio.h>

#include "codegen/tools/tool.h"

#define PROCESS_STREAM_MAX_BYTES (1u << 20)   /* of each of what it prints; beyond it, it is ended */
#define PROCESS_REPLY_MAX_BYTES  (256u << 20)
#define PROCESS_MAX_TASKS        64           /* processes and threads of one run; beyond it, it is ended */
#define PROCESS_MAX_FILE_BYTES   (256ull << 20)

struct seccomp_program;

struct process_spec {
	const char *program;
	char *const *argv;
	char *const *env;
	int folder_fd;      /* where it starts */
	int ruleset_fd;     /* Landlock's */
	const struct seccomp_program *seccomp; /* NULL: none */
	uint64_t memory_bytes; /* of each of its processes; 0: no limit of its own */
	bool resident;
	int proc_fd;        /* /proc, to count its tasks by; stays the caller's. 0: they are not counted */
};

struct process {
	pid_t pid;          /* also the number of its group; 0: none */
	int pidfd;
	int in_fd, reply_fd; /* resident ones only */
	int out_fd, err_fd;
	struct strbuf out, err;
	uint64_t start_ns, exec_ns;
	int proc_fd;        /* borrowed */
	size_t least_tasks; /* the fewest that the machine had since it started */
};

void process_init(struct process *p);
/* 0 once it executes; -errno. */
int process_start(struct process *p, const struct process_spec *spec);
/* Until it is gone (TOOL_EXITED, whatever its status), has to be ended, or, when reply is not NULL, has answered a request
 * (TOOL_EXITED with a reply). -EPIPE: the worker behind worker_socket is gone. */
int process_watch(struct process *p, int worker_socket, uint64_t deadline_ns, const struct strbuf *request,
	struct strbuf *reply, enum tool_end *ret);
/* Ends it with all that it has started, and reads what it printed to the end. Fills in how it ended (unless ended already
 * says why), usage and streams. */
void process_end(struct process *p, struct tool_answer *a);
/* CPU time that a running one has used. */
uint64_t process_cpu_ns(const struct process *p);
void process_limits_describe(FILE *out);

#endif
