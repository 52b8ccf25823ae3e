/* SPDX-License-Identifier: Apache-2.0 */
/* The front's core: takes typed requests, schedules them over the workers, attaches the analyzer, repeats short
 * compiles, and gives each request exactly one outcome. Owns the worker pool and the analyzer connection. Loop thread
 * only. */
#ifndef SPVSCOPE_COMPILE_H
#define SPVSCOPE_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/response.h"
#include "codegen/trace/filter.h"
#include "server/loop.h"
#include "server/records/records.h"

struct cache;
struct cached;
struct backends;
struct compile_service;
struct compile; /* one request in flight */

struct compile_service_options {
	const char *worker_path;     /* spvscope-worker */
	const char *const *worker_args; /* further ones of its template, NULL-terminated; NULL: none; copied */
	const char *analyzer_path;   /* spvscope-analyzer; NULL: none */
	unsigned n_workers;          /* 0: one per CPU */
	unsigned max_queued;         /* default 1024; beyond it submissions are refused */
	uint64_t worker_max_runs;    /* recycled after so many, default 20000 */
	uint64_t worker_max_rss_bytes; /* recycled beyond, default 512 MiB */
	uint64_t output_bytes;       /* largest result, default 64 MiB */
	enum isolation isolation;    /* default of requests that don't say */
	bool analyzer;               /* false: never start it */
	struct trace_filter trace_filter; /* default of requests that don't say */
	int manager_fd;              /* to the privileged manager (server/manager.h), -1: none */
	struct cache *cache;         /* borrowed; NULL: none */
	const char *unwind_folder;   /* where unwind tables are kept between runs; NULL: nowhere */
};

struct compile_service_counters {
	uint64_t started, ended[SPVSCOPE_N_STATUSES], refused_busy, retried;
	uint64_t queued_now, running_now;
	uint64_t workers_now, workers_forked, workers_died, templates_started;
	unsigned warm_steps, warm_steps_total;
	uint64_t analyzers_started, profiled_runs, clean_runs;
	struct analyzer_counters analyzer; /* summed over all requests */
	struct span_joins joins;           /* likewise */
	struct analyzer_costs costs;       /* as the analyzer last told */
	uint64_t perf_events_opened, perf_events_enabled; /* by the analyzer, for sessions, as it says itself */
};

/* What /v1/analyzers and /readyz say. Strings live until the next turn of the loop. */
struct compile_service_state {
	bool can_serve;              /* a template is up */
	bool warm;
	const char *compiler_versions;
	const struct backends *backends; /* borrowed */
	unsigned worker_confinement; /* WORKER_CONFINED_… of the last worker that was READY */
	uint32_t analyzer_kinds;     /* bits 1<<kind */
	uint32_t analyzer_objects;   /* bits 1<<kind of what is loaded, which serves the other kind too where it is alone */
	const char *analyzer_reason; /* why not, and what to do; NULL when it can */
};

enum compile_cache_use {
	COMPILE_CACHE_USE = 0,
	COMPILE_CACHE_REFRESH, /* compile afresh and remember that */
	COMPILE_CACHE_IGNORE,  /* compile afresh and leave the cache as it is */
};

struct compile_caller {
	bool came_with_token;
	enum compile_cache_use cache;
};

int compile_service_new(struct loop *loop, struct records *records, const struct compile_service_options *o,
	struct compile_service **ret);
/* Refuses new work with -ESHUTDOWN; calls fn once nothing is in flight, or at deadline_ns after cancelling the rest. */
void compile_service_drain(struct compile_service *s, uint64_t deadline_ns, void (*fn)(void *arg), void *arg);
void compile_service_free(struct compile_service *s); /* ends every process that it started */

/* Takes over what the request holds (also on failure) and leaves it zeroed; the struct itself stays the caller's. With
 * a document, older versions of it that are in flight are cancelled. fn is called exactly once, never before this has
 * returned; outcome is borrowed. -EBUSY when the queue is full, -ESHUTDOWN when draining, -ENOMEM. *ret_compile (which
 * may be NULL) is valid until fn is called. */
typedef void (*compile_done_fn)(void *arg, const struct compile_outcome *outcome);
int compile_submit(struct compile_service *s, struct compile_request *request, const struct compile_caller *caller,
	compile_done_fn fn, void *arg, struct compile **ret_compile);
/* Within fn: what the answer was made of when it was a hit; borrowed. NULL else. */
const struct cached *compile_cached(const struct compile *c);
/* A new id. 0 or -EIO. */
int compile_make_id(char ret[COMPILE_ID_CHARS + 1]);
/* Nobody waits any more: ends it; fn is still called, with status cancelled, unless detach, when it is never called. */
void compile_cancel(struct compile *c, bool detach);
/* Calls fn once the records of all that was answered until now can be found; never before this has returned, and not at
 * all when the service is freed first. 0 or -ENOMEM. */
int compile_service_settle(struct compile_service *s, void (*fn)(void *arg), void *arg);
/* By compilation id; NULL when not in flight. */
struct compile *compile_find(struct compile_service *s, const char *id);

/* Compiles as they start (outcome has no result yet) and end. */
typedef void (*compile_observer_fn)(void *arg, bool ended, const struct compile_outcome *outcome);
void compile_service_observe(struct compile_service *s, compile_observer_fn fn, void *arg);

void compile_service_counters(const struct compile_service *s, struct compile_service_counters *ret);
void compile_service_state(const struct compile_service *s, struct compile_service_state *ret);

#endif
