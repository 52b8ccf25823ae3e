/* SPDX-License-Identifier: Apache-2.0 */
/* One run in a worker: a job comes in as bytes, the compile is traced and limited, the result goes out as bytes. */
#ifndef SPVSCOPE_WORKER_RUN_H
#define SPVSCOPE_WORKER_RUN_H

#include "codegen/worker/memory_limit.h"
#include "codegen/worker/protocol.h"

struct trace_writer;

struct run_context {
	int socket_fd;
	struct trace_writer *writer;
	struct memory_limit memory;
};

/* Serves the RUN in *m whose job is job_fd and whose result goes to result_fd (both taken over), and answers with DONE. 1: ready for the next; 0: the worker
 * must end now (DONE said so); -errno: the front cannot be reached. */
int run_serve(struct run_context *c, const struct worker_message *m, int job_fd, int result_fd);

#endif
