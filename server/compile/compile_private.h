/* SPDX-License-Identifier: Apache-2.0 */
/* What compile_service.c (the service and its parts), compile.c (queue and answers) and compile_run.c (the course of one
 * request on a worker) share. Loop thread only. */
#ifndef SPVSCOPE_COMPILE_PRIVATE_H
#define SPVSCOPE_COMPILE_PRIVATE_H

#include "server/cache/cache.h"
#include "server/compile/assembler.h"
#include "server/compile/compile.h"
#include "server/pool/analyzer_client.h"
#include "server/pool/pool.h"

#define COMPILE_FILTER_MAX WORKER_TEXT_MAX

/*            ┌────────────── its worker died before it began, or with the template (once) ─┐
 *            ▼                                                                             │
 *  submit → QUEUED → ATTACHING → RUNNING ⇄ SWITCHING (profiling on or off) → DETACHING → ASSEMBLING → KEEPING → answer
 *   ├ FOLLOWING │           └── no analyzer ──►│                                  ▲
 *   ├ FETCHING  └── cancelled ── ENDING        └───────────── no analyzer ────────┘
 *   └ in the cache ────────────────►│
 */
enum compile_state {
	COMPILE_QUEUED = 0,
	COMPILE_ATTACHING,  /* waits for the analyzer */
	COMPILE_RUNNING,    /* the worker has it, or is dying with it */
	COMPILE_SWITCHING,  /* between two runs: waits for the analyzer to switch on or off */
	COMPILE_DETACHING,  /* no more runs: waits for the samples */
	COMPILE_ENDING,     /* ended without a worker; told on the loop's next turn */
	COMPILE_ASSEMBLING,
	COMPILE_KEEPING,    /* waits for the disk */
	COMPILE_FOLLOWING,  /* waits for a compile of the same */
	COMPILE_FETCHING,   /* waits for the cache's disk */
};

#define COMPILE_LEADER_BUCKETS 256u

struct compile {
	struct compile_service *service;
	struct compile *prev, *next;             /* all that are not freed */
	struct compile *queue_prev, *queue_next; /* QUEUED or ENDING: the list it is in */
	enum compile_state state;
	compile_done_fn fn;
	void *arg;
	bool answered, cancelled, timed_out, retried, template_retried;
	bool fresh_worker;          /* isolation: it gets a worker that has run nothing, which then goes */
	bool expected;              /* records_expect was called and is to be kept or taken back */
	struct assembly a;
	struct assembler_item item;
	char filter[COMPILE_FILTER_MAX];
	size_t filter_len, lean_filter_len; /* lean: with the directive behind it that leaves pass sizes out */
	struct strbuf job;          /* encoded, once there is a run */
	int job_fd;                 /* sealed memfd of the same, when it is too long for a message; else -1 */
	struct worker *worker;      /* lent to it */
	struct loop_source *timer;  /* QUEUED: patience with the analyzer; RUNNING: the run's deadline */
	size_t log_bytes;           /* of span logs copied so far */

	bool worker_dead, worker_retires, starts_over;
	uint64_t session;           /* 0: none */
	bool attached, switch_failed;
	unsigned n_awaited;         /* analyzer answers */
	uint64_t first_end_ns, profiled_cpu_ns, n_samples; /* n_samples: as of the last profiled run but this */

	/* compile_cache.c */
	enum compile_cache_use cache_use;
	struct cache_key key, whole_key; /* without files; with all of them */
	bool leads;                      /* others may follow it: it is in the service's table */
	struct compile *lead_prev, *lead_next;
	bool remembers;                  /* its result goes to the cache */
	bool lingers;                    /* outdated and answered; ends for its worker's sake */
	bool cancelled_alone;            /* answered as cancelled, and going on for its followers */
	bool kept_once;
	struct compile *leader, *followers, *follow_prev, *follow_next;
	struct cached *cached;           /* reference: what it is answered from */
	struct cached *lent;             /* reference: what has taken its result over */
};

struct compile_list {
	struct compile *first, *last;
};

struct observer {
	struct observer *next;
	compile_observer_fn fn;
	void *arg;
};

struct compile_service {
	struct loop *loop;
	struct records *records;
	struct compile_service_options o;
	char default_filter[COMPILE_FILTER_MAX];
	size_t default_filter_len;
	struct pool *pool;
	struct analyzer_client *analyzer;
	struct assembler *assembler;
	struct compile *compiles;
	struct compile_list queue, ending;
	struct compile *leaders[COMPILE_LEADER_BUCKETS]; /* by the hash of whole_key: a storm of one request asks each time */
	bool dispatching;            /* a compile that could not begin ends within the call */
	struct loop_source *soon, *tick;
	struct observer *observers;
	size_t n_compiles, n_queued, n_assembling, n_waiting; /* waiting: for others or the cache's disk */
	struct cache *cache;         /* the caller's; NULL: none */
	char compilers[2 * CACHE_KEY_BYTES + 1]; /* digest of all that they are, for the cache's keys; "": not known yet */
	uint64_t compilers_generation;
	uint64_t n_runs, n_sessions; /* numbers given out */
	struct compile_service_counters counters;

	bool draining;
	struct loop_source *drain_timer;
	loop_fn drained;
	void *drained_arg;
};

/* compile_exchange.c */
/* What the worker gets: made once, sent at each run. 0 or -errno. */
int compile_make_job(struct compile *c);
/* The result that a DONE brings. 0 or -errno. */
int compile_read_result(struct compile *c, const struct worker_message *m, const void *payload,
	struct spvscope_result *ret);

/* compile_run.c */
/* It has been lent c->worker: takes its course from here. unavailable: why no analyzer is used though asked for. */
void compile_begin(struct compile *c, const char *unavailable);
void compile_worker_done(void *user, const struct worker_message *m, const void *payload);
void compile_worker_died(void *user, const struct worker_death *death);
void compile_deadline(struct compile *c);

/* compile_cache.c */
/* Instead of the queue, where nothing has to be compiled; else into it. */
void compile_cache_begin(struct compile *c);
/* Nobody may follow it from now on. */
void compile_cache_stop_leading(struct compile *c);
/* One that has c->cached: its answer. */
void compile_cache_answer(struct compile *c);
/* c->a has its final outcome, answered or not: for its followers and for the cache. */
void compile_cache_end(struct compile *c);
/* FOLLOWING, and cancelled. */
void compile_cache_leave(struct compile *c);
/* True: it goes on for others, and has been answered. */
bool compile_cache_cancel_alone(struct compile *c);
void compile_cache_template_changed(struct compile_service *s);

/* compile_document.c */
/* Cancels older versions of its document, or itself. */
void compile_supersede(struct compile *c);

/* compile.c */
void compile_free(struct compile *c);
/* What is left of one that compile_service_free left to the records. */
void compile_discard(struct compile *c);
void compile_enqueue(struct compile *c);
/* Into ENDING. It is in no list. */
void compile_end_soon(struct compile *c);
/* Its one outcome. */
void compile_answer(struct compile *c, const struct compile_outcome *o);
/* The same, and what goes on goes on. */
void compile_answer_cancelled(struct compile *c);
/* Lends workers to those in the queue, as far as there are any. */
void compile_dispatch(struct compile_service *s);
void compile_on_soon(void *service);
void compile_on_tick(void *service);
/* There is an outcome and no worker any more. */
void compile_end(struct compile *c);
/* Back to the head of the queue: what became of its worker says nothing about it. */
void compile_requeue(struct compile *c);
void compile_analyzer_unavailable(struct compile *c, const char *reason);

#endif
