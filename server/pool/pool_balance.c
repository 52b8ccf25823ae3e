/* SPDX-License-Identifier: Apache-2.0 */
/* How many workers there are, and which are too old. Runs in the front, on the loop's thread. */
#include <string.h>

#include "base/log.h"
#include "server/pool/pool_private.h"

#define TARGET "server::pool"

/* Would a worker that is forked now be better? While the tables are being warmed, not each step is worth a fork. */
static bool is_stale(const struct worker *w, const struct template_state *ts)
{
	if (w->analyzer_generation != w->pool->analyzer_generation)
		return true;
	return (w->warm_steps == 0 && ts->warm_steps > 0) || (ts->warm && w->warm_steps < ts->warm_steps_total);
}

static bool is_live(const struct worker *w)
{
	return w->state <= WORKER_BUSY && w->socket >= 0 && !w->killed_ns;
}

/* The idle worker that is missed least, of those with a host for a tool or of the others. */
static struct worker *least_useful(struct pool *p, const struct template_state *ts, bool with_host)
{
	struct worker *least = NULL;

	for (struct worker *w = p->workers; w; w = w->next) {
		if (w->state != WORKER_IDLE || (w->tool != WORKERS_PLAIN) != with_host)
			continue;
		if (!least || is_stale(w, ts) > is_stale(least, ts) ||
		    (is_stale(w, ts) == is_stale(least, ts) && w->n_runs > least->n_runs))
			least = w;
	}
	return least;
}

/* Those with a host for a tool are forked when someone wants one, and stay; there are as many as plain ones at most, of all
 * tools together, for more could not run at a time. */
static void balance_tools(struct pool *p, const struct template_state *ts)
{
	unsigned n_live = 0;
	uint64_t starting = 0;

	for (struct worker *w = p->workers; w; w = w->next) {
		n_live += is_live(w) && w->tool != WORKERS_PLAIN;
		if (is_live(w) && w->state == WORKER_STARTING)
			starting |= 1ull << w->tool;
	}
	for (int tool = 1; tool < BACKENDS_MOST; tool++) {
		if (!(p->want_tools & ~starting & 1ull << tool))
			continue;
		if (n_live >= p->o.n_workers) {
			struct worker *w = least_useful(p, ts, true);

			if (!w)
				continue; /* one that comes back is looked at again */
			pool_end_worker(w);
			n_live--;
		}
		int r = pool_start_worker(p, tool);
		if (r < 0) {
			log_warn(TARGET, "cannot ask for a worker with a tool: %s", strerror(-r));
			p->fork_retry_ns = clock_now_ns() + POOL_FORK_RETRY_NS;
			return;
		}
		n_live++;
	}
	p->want_tools = 0;
}

/* Ready to take the place of those that are killed: a cancelled compile costs the next one no fork. */
static unsigned spares(const struct pool *p)
{
	return p->o.n_workers > 1 ? 2 : 1;
}

/* As many live ones as wanted. A better one is forked before a worse one goes, so that requests never wait for it. */
void pool_balance(struct pool *p)
{
	struct template_state ts;
	unsigned n_live = 0, n_idle = 0, n_starting = 0, n_stale = 0, wanted = p->o.n_workers + spares(p), target = wanted;

	template_state(p->template, &ts);
	if (!ts.up)
		return;
	if (clock_now_ns() < p->fork_retry_ns) {
		loop_timer_set(p->soon, p->fork_retry_ns);
		return;
	}
	for (struct worker *w = p->workers; w; w = w->next) {
		bool live = is_live(w) && w->tool == WORKERS_PLAIN;

		n_live += live;
		n_idle += live && w->state == WORKER_IDLE;
		n_starting += live && w->state == WORKER_STARTING;
		n_stale += live && w->state != WORKER_STARTING && is_stale(w, &ts);
	}
	if ((n_stale || (p->want_fresh && n_idle)) && n_starting == 0)
		target++;
	p->want_fresh = 0;
	balance_tools(p, &ts);
	for (; n_live < target; n_live++) {
		int r = pool_start_worker(p, WORKERS_PLAIN);

		if (r < 0) {
			log_warn(TARGET, "cannot ask for a worker: %s", strerror(-r));
			p->fork_retry_ns = clock_now_ns() + POOL_FORK_RETRY_NS;
			return;
		}
		n_starting++;
	}
	while (n_live > wanted && n_starting == 0) {
		struct worker *w = least_useful(p, &ts, false);

		if (!w)
			return;
		pool_end_worker(w);
		n_live--;
	}
}

/* A template that neither forks nor tells of deaths is no use. */
void pool_on_watchdog(void *arg)
{
	struct pool *p = arg;
	uint64_t now_ns = clock_now_ns();
	struct template_state ts;

	loop_timer_set(p->watchdog, now_ns + POOL_WATCH_PERIOD_NS);
	template_state(p->template, &ts);
	for (struct worker *w = p->workers; w && ts.up; w = w->next) {
		bool waits_for_fork = !w->pid && now_ns - w->fork_ns > POOL_TEMPLATE_PATIENCE_NS;
		bool waits_for_exit = w->pid && w->killed_ns && !w->exit_known && w->state != WORKER_DEAD &&
				      now_ns - w->killed_ns > POOL_TEMPLATE_PATIENCE_NS;

		if (w->template_generation == ts.generation && (waits_for_fork || waits_for_exit)) {
			template_give_up(p->template, "it does not answer");
			break;
		}
		if (w->state == WORKER_STARTING && w->pid && !w->killed_ns &&
		    now_ns - w->fork_ns > POOL_TEMPLATE_PATIENCE_NS) {
			log_warn(TARGET, "worker %d does not become ready; it is ended", (int)w->pid);
			pool_kill(w);
		}
	}
	pool_balance(p);
}
