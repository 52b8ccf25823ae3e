/* SPDX-License-Identifier: Apache-2.0 */
/* The front's side of the worker protocol, for tests of the real spvscope-worker. Every wait has an end; whatever goes
 * wrong fails the test that called. */
#ifndef SPVSCOPE_TESTS_SANDBOX_FRONT_H
#define SPVSCOPE_TESTS_SANDBOX_FRONT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/unix_message.h"
#include "codegen/trace/tree.h"
#include "codegen/worker/protocol.h"
#include "spvscope/codegen.h"

#define FRONT_MAX_BACKENDS 16

struct front {
	pid_t pid;   /* of the template */
	int control; /* our end */
	struct worker_message hello;
	int maps_fd;
	unsigned warm_done, warm_steps; /* as WARM messages came by */
	char backends[FRONT_MAX_BACKENDS][WORKER_TEXT_MAX + 1]; /* texts of BACKEND messages, likewise */
	bool backends_complete;
};

struct front_worker {
	uint64_t id;
	pid_t pid;
	int socket, pidfd;
	int result_fd; /* for results that are too long for a message; 0: it needs one */
	void *log;
	size_t log_bytes;
	uint64_t ready_flags, warm_steps;
};

/* Starts the program that SPVSCOPE_WORKER names, and waits for its HELLO. */
void front_start(struct front *f);
/* Closes the control socket and waits for the template; gives its wait status. */
int front_stop(struct front *f);
void front_wait_warm(struct front *f);
/* The next message of this type from the template; those about warming are taken in on the way. */
void front_expect(struct front *f, uint32_t type, struct worker_message *ret, struct unix_message *ret_datagram);
void front_send(struct front *f, struct worker_message *m, const int *fds, size_t n_fds);

/* The number of a back end that can be used; -1: there is none of that name, or something is missing. */
int front_backend(const struct front *f, const char *name);
/* FORK to READY. */
void front_fork(struct front *f, struct front_worker *ret);
/* With a host for the tool of that back end. */
void front_fork_with_tool(struct front *f, int backend, struct front_worker *ret);
/* EXITED for this worker: its wait status; it is reaped then. */
int front_wait_exit(struct front *f, struct front_worker *w, uint64_t *ret_max_rss_kib);
void front_worker_done(struct front_worker *w);

struct front_run {
	uint64_t id;
	const char *filter;
	uint64_t memory_bytes, output_bytes;
	uint64_t deadline_ns; /* for tools; 0: none */
};
void front_send_run(struct front_worker *w, const struct front_run *run, const struct spvscope_job *job);
/* False: the worker closed its socket instead of answering. result may be NULL. */
bool front_receive_done(struct front_worker *w, struct worker_message *ret, struct spvscope_result *result);
/* What the worker has written for this run. */
struct trace_tree *front_trace(const struct front_worker *w, uint64_t run_id);

/* Readable before the time is over? */
bool front_poll(int fd, int timeout_ms);

#endif
