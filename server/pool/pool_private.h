/* SPDX-License-Identifier: Apache-2.0 */
/* What pool.c (workers from fork to end) and pool_balance.c (how many there are) share. Loop thread only. */
#ifndef SPVSCOPE_POOL_PRIVATE_H
#define SPVSCOPE_POOL_PRIVATE_H

#include "base/clock.h"
#include "server/pool/pool.h"
#include "server/pool/template.h"

#define POOL_FORK_RETRY_NS        (200 * NS_PER_MS)
#define POOL_TEMPLATE_PATIENCE_NS (15 * NS_PER_S) /* for a fork or the word of a death; a warm-up step takes 0.2 s */
#define POOL_WATCH_PERIOD_NS      (1 * NS_PER_S)

struct pool {
	struct loop *loop;
	struct pool_options o;
	struct template *template;
	struct loop_source *soon;  /* balance and `changed`, outside of any caller's stack */
	struct loop_source *watchdog;
	struct worker *workers;
	uint64_t n_ids;
	int analyzer_fd;           /* borrowed */
	uint64_t analyzer_generation;
	uint64_t fork_retry_ns;    /* no fork before this */
	unsigned want_fresh;       /* takers that found only used ones, since the last balance */
	uint64_t want_tools;       /* bits of `tool`: takers that found none with a host for it, likewise */
	bool telling;              /* `changed` is being called */
	unsigned confinement;
	uint64_t n_forked, n_died;
};

/* pool.c */
/* Asks the template for one, with a host for a tool or WORKERS_PLAIN. 0 or -errno. */
int pool_start_worker(struct pool *p, int tool);
/* Not lent, and not to be lent again. */
void pool_end_worker(struct worker *w);

/* pool_balance.c */
void pool_balance(struct pool *p);
void pool_on_watchdog(void *pool);

#endif
