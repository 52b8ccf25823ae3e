/* SPDX-License-Identifier: Apache-2.0 */
/* One run in a worker: a job comes in as bytes, the compile is traced and limited, the result goes out as bytes. */
#ifndef SPVSCOPE_WORKER_RUN_H
#define SPVSCOPE_WORKER_RUN_H

#include "codegen/worker/memory_limit.h"
#include "codegen/worker/message.h"

struct trace_writer;

struct run_context {
	int socket_fd;
	struct trace_writer *writer;
	struct memory_limit memory;
	int result_fd; /* for a result that is too long for a message; -1: used up */
};

/* Serves the RUN in *e and answers with DONE; its job is in job_fd (taken over), or in the payload when that is -1. 1:
 * ready for the next; 0: the worker must end now (DONE said so); -errno: the front cannot be reached. */
int run_serve(struct run_context *c, const struct worker_envelope *e, int job_fd);

#endif
