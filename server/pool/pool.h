/* SPDX-License-Identifier: Apache-2.0 */
/* The workers: forked from the template, kept ready, lent to one compile at a time, recycled, and replaced when they
 * die or when better ones (warmer, known to the analyzer) can be had. Loop thread only. */
#ifndef SPVSCOPE_POOL_H
#define SPVSCOPE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/strbuf.h"
#include "codegen/worker/protocol.h"
#include "server/pool/backends.h"
#include "server/pool/image.h"
#include "server/loop.h"

struct pool;

enum worker_state {
	WORKER_STARTING = 0, /* forked or about to be; FORKED and READY have not both come */
	WORKER_IDLE,
	WORKER_BUSY,         /* lent; its user gives it back with pool_release */
	WORKER_LEAVING,      /* told to go, or killed; EXITED has not come yet */
	WORKER_DEAD,         /* lent and dead: not reaped until it is given back, so that its pid stays its own */
};

/* For its user to read; written by the pool. */
struct worker {
	struct pool *pool;
	struct worker *prev, *next;
	enum worker_state state;
	uint64_t id;
	pid_t pid;              /* 0: not forked yet */
	int pidfd;
	int socket;             /* ours of the pair */
	int result_fd;          /* memfd for a result that is too long for a message; -1: it has none, and gets one at a run */
	struct loop_source *watch;
	void *log;              /* the span log, mapped for reading only; hostile content */
	size_t log_size;
	struct image *image;    /* reference */
	uint64_t template_generation;
	uint64_t analyzer_generation; /* of the analyzer that it could register with; 0: none */
	bool registered;        /* it says that it did */
	unsigned warm_steps;
	int tool;               /* WORKERS_PLAIN, or 1 + the number of the back end whose tool it has a host for */
	uint64_t n_runs;
	uint64_t fork_ns, ready_ns; /* when it was asked for, when it could serve */
	bool exit_known;
	int wait_status;
	uint64_t killed_ns;     /* when we made sure of its end; 0: not yet */
	bool hung_up;           /* it had closed its socket before that */
	void *user;             /* while lent */
};

struct worker_death {
	bool template_died;     /* so it says nothing about the job */
	int wait_status;        /* as of waitpid(2); valid unless template_died */
};

struct pool_options {
	const char *worker_path;
	const char *const *worker_args; /* NULL-terminated; NULL: none; copied */
	unsigned n_workers;
	uint64_t worker_max_runs;
	uint64_t worker_max_rss_bytes;
	/* A worker became idle, or what pool_state tells has changed. Never called from within a call to the pool. */
	void (*changed)(void *arg);
	void *arg;
	/* About a lent worker; user as given to pool_take. The payload, of m->payload_len bytes, is the pool's; without one a
	 * result is in the worker's result_fd, which the callback may take. */
	void (*done)(void *user, const struct worker_message *m, const void *payload);
	/* Give it back with pool_release afterwards, at the latest when nothing refers to its pid any more. */
	void (*died)(void *user, const struct worker_death *death);
};

struct pool_state {
	bool can_serve, warm;
	unsigned warm_steps, warm_steps_total;
	const char *versions;
	const char *trouble;    /* why no template can be started; NULL: none */
	const struct backends *backends; /* borrowed */
	unsigned confinement;   /* WORKER_CONFINED_… of the last worker that was READY */
	uint64_t workers_now, workers_forked, workers_died, templates_started;
};

int pool_new(struct loop *loop, const struct pool_options *o, struct pool **ret);
void pool_free(struct pool *p); /* ends every process; nobody is called */
void pool_state(const struct pool *p, struct pool_state *ret);
/* What is mapped in the workers of the template that is up, and its generation; borrowed, NULL when there is none. */
struct image *pool_image(const struct pool *p, uint64_t *ret_template_generation);
/* The analyzer that workers forked from now on register with; fd -1 and generation 0: none. fd stays the caller's and
 * must live until the next call. */
void pool_set_analyzer(struct pool *p, int registration_fd, uint64_t generation);

/* Lends an idle worker that can do the job, or returns NULL. fresh: one that has run nothing. analyzer_generation, unless
 * 0: one that is registered with that analyzer. At most n_workers are lent at a time, those killed not counted, and as
 * many with a tool; a few more are ready to take their place. What is missing is forked then, and `changed` tells. */
struct worker *pool_take(struct pool *p, const struct spvscope_job *job, bool fresh, uint64_t analyzer_generation,
	void *user);
/* Starts a run of the job, which is sealed in job_fd when that is not -1: 0 or -errno, -EPIPE when the worker is gone. */
int pool_run(struct worker *w, struct worker_message *run, const struct strbuf *job, int job_fd);
/* Ends it for good; `died` follows. */
void pool_kill(struct worker *w);
/* Gives it back; retire: it is not to be used again. */
void pool_release(struct worker *w, bool retire);

#endif
