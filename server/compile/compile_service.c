/* SPDX-License-Identifier: Apache-2.0 */
/* The compile service as a whole: its parts, their beginning and end, draining, and what it tells about itself. Runs on
 * the loop's thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/compile/compile_private.h"

#define TARGET "server::compile"

static void analyzer_changed(void *arg)
{
	struct compile_service *s = arg;
	struct analyzer_client_state as;

	analyzer_client_state(s->analyzer, &as);
	pool_set_analyzer(s->pool, as.registration_fd, as.generation);
	loop_timer_set(s->soon, 0);
}

/* Tools will be run, and sampled from their first instruction. */
static void tell_programs(struct compile_service *s)
{
	struct pool_state ps;

	pool_state(s->pool, &ps);
	for (size_t i = 0; ps.backends && ps.backends->complete && i < ps.backends->n; i++)
		if (*ps.backends->rows[i].program && !*ps.backends->rows[i].missing)
			analyzer_client_add_program(s->analyzer, ps.backends->rows[i].program);
}

static void pool_changed(void *arg)
{
	struct compile_service *s = arg;
	uint64_t generation;
	struct image *image = pool_image(s->pool, &generation);

	analyzer_client_set_image(s->analyzer, generation, image);
	tell_programs(s);
	if (s->compilers_generation != generation) {
		s->compilers_generation = generation;
		compile_cache_template_changed(s);
	}
	compile_dispatch(s);
}

/* The configured filter as directives again, for the workers. */
static void print_default_filter(struct compile_service *s)
{
	const struct trace_filter *f = &s->o.trace_filter;
	size_t len = (size_t)snprintf(s->default_filter, sizeof(s->default_filter), "%s",
		trace_level_name(f->default_level));

	for (size_t i = 0; i < f->n_directives; i++) {
		char one[TRACE_FILTER_MAX_PATH + 16];
		int n = snprintf(one, sizeof(one), ",%s=%s", f->directives[i].path,
			trace_level_name(f->directives[i].level));

		if (len + (size_t)n >= sizeof(s->default_filter)) {
			log_warn(TARGET, "the trace filter is too long; its last directives are left out");
			break;
		}
		memcpy(s->default_filter + len, one, (size_t)n + 1);
		len += (size_t)n;
	}
	s->default_filter_len = len;
}

static void fill_defaults(struct compile_service_options *o)
{
	long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!o->n_workers)
		o->n_workers = n_cpus > 0 ? (unsigned)n_cpus : 1;
	if (!o->max_queued)
		o->max_queued = 1024;
	if (!o->worker_max_runs)
		o->worker_max_runs = 20000;
	if (!o->worker_max_rss_bytes)
		o->worker_max_rss_bytes = 512ull << 20;
	if (!o->output_bytes)
		o->output_bytes = 64ull << 20;
}

static int start_parts(struct compile_service *s)
{
	struct analyzer_client_options ao = {
		.path = s->o.analyzer ? s->o.analyzer_path : NULL,
		.manager_fd = s->o.manager_fd,
		.unwind_folder = s->o.unwind_folder,
		.changed = analyzer_changed,
		.arg = s,
	};
	struct pool_options po = {
		.worker_path = s->o.worker_path,
		.worker_args = s->o.worker_args,
		.n_workers = s->o.n_workers,
		.worker_max_runs = s->o.worker_max_runs,
		.worker_max_rss_bytes = s->o.worker_max_rss_bytes,
		.changed = pool_changed,
		.arg = s,
		.done = compile_worker_done,
		.died = compile_worker_died,
	};
	int r = loop_timer(s->loop, UINT64_MAX, compile_on_soon, s, &s->soon);

	if (r >= 0)
		r = loop_timer(s->loop, UINT64_MAX, compile_on_tick, s, &s->tick);
	if (r >= 0)
		r = assembler_new(s->loop, &s->assembler);
	if (r >= 0)
		r = analyzer_client_new(s->loop, &ao, &s->analyzer);
	if (r >= 0)
		r = pool_new(s->loop, &po, &s->pool);
	return r;
}

int compile_service_new(struct loop *loop, struct records *records, const struct compile_service_options *o,
	struct compile_service **ret)
{
	struct compile_service *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->records = records;
	s->o = *o;
	s->cache = o->cache;
	fill_defaults(&s->o);
	print_default_filter(s);
	r = start_parts(s);
	if (r < 0) {
		compile_service_free(s);
		return r;
	}
	/* the caller's strings are not ours to keep */
	s->o.worker_args = NULL;
	s->o.worker_path = s->o.analyzer_path = NULL;
	*ret = s;
	return 0;
}

void compile_service_free(struct compile_service *s)
{
	if (!s)
		return;
	/* The thread first: it works on compiles. */
	assembler_free(s->assembler);
	s->draining = false;
	while (s->compiles) {
		struct compile *c = s->compiles;

		if (c->state != COMPILE_KEEPING) {
			compile_free(c);
			continue;
		}
		/* The records have a callback that names it. */
		s->compiles = c->next;
		loop_source_free(TAKE_PTR(c->timer));
		c->job_fd = fd_close(c->job_fd);
		c->service = NULL;
	}
	pool_free(s->pool);
	analyzer_client_free(s->analyzer);
	loop_source_free(s->soon);
	loop_source_free(s->tick);
	loop_source_free(s->drain_timer);
	while (s->observers) {
		struct observer *ob = s->observers;

		s->observers = ob->next;
		free(ob);
	}
	free(s);
}

struct settling {
	struct assembler_item item;
	void (*fn)(void *arg);
	void *arg;
};

static void on_settled(struct assembler_item *item, int error)
{
	struct settling *waiting = (struct settling *)((char *)item - offsetof(struct settling, item));

	(void)error;
	waiting->fn(waiting->arg);
	free(waiting);
}

int compile_service_settle(struct compile_service *s, void (*fn)(void *arg), void *arg)
{
	struct settling *waiting = malloc(sizeof(*waiting));

	if (!waiting)
		return -ENOMEM;
	*waiting = (struct settling){.item = {.urgent = true, .done = on_settled}, .fn = fn, .arg = arg};
	assembler_push(s->assembler, &waiting->item);
	return 0;
}

static void on_drain_timer(void *arg)
{
	struct compile_service *s = arg;
	struct compile *c, *next;

	if (!s->n_compiles) {
		loop_fn drained = s->drained;

		s->drained = NULL;
		if (drained)
			drained(s->drained_arg);
		return;
	}
	for (c = s->compiles; c; c = next) {
		next = c->next;
		compile_cancel(c, false);
	}
}

void compile_service_drain(struct compile_service *s, uint64_t deadline_ns, void (*fn)(void *arg), void *arg)
{
	s->draining = true;
	s->drained = fn;
	s->drained_arg = arg;
	if (!s->n_compiles)
		deadline_ns = 0;
	if (s->drain_timer)
		loop_timer_set(s->drain_timer, deadline_ns);
	else if (loop_timer(s->loop, deadline_ns, on_drain_timer, s, &s->drain_timer) < 0)
		log_error(TARGET, "out of memory while draining");
}

void compile_service_observe(struct compile_service *s, compile_observer_fn fn, void *arg)
{
	struct observer *ob = calloc(1, sizeof(*ob));

	if (!ob) {
		log_error(TARGET, "out of memory for an observer");
		return;
	}
	*ob = (struct observer){.next = s->observers, .fn = fn, .arg = arg};
	s->observers = ob;
}

void compile_service_counters(const struct compile_service *s, struct compile_service_counters *ret)
{
	struct analyzer_client_state as;
	struct pool_state ps;

	analyzer_client_state(s->analyzer, &as);
	pool_state(s->pool, &ps);
	*ret = s->counters;
	ret->queued_now = s->n_queued;
	ret->running_now = s->n_compiles - s->n_queued - s->n_assembling - s->n_waiting;
	ret->workers_now = ps.workers_now;
	ret->workers_forked = ps.workers_forked;
	ret->workers_died = ps.workers_died;
	ret->templates_started = ps.templates_started;
	ret->warm_steps = ps.warm_steps;
	ret->warm_steps_total = ps.warm_steps_total;
	ret->analyzers_started = as.n_started;
	ret->costs = as.costs;
	ret->perf_events_opened = as.attached_total;
	ret->perf_events_enabled = as.enabled_total;
}

void compile_service_state(const struct compile_service *s, struct compile_service_state *ret)
{
	struct analyzer_client_state as;
	struct pool_state ps;

	analyzer_client_state(s->analyzer, &as);
	pool_state(s->pool, &ps);
	*ret = (struct compile_service_state){
		.can_serve = ps.can_serve,
		.warm = ps.warm,
		.compiler_versions = ps.versions,
		.backends = ps.backends,
		.worker_confinement = ps.confinement,
		.analyzer_kinds = as.kinds,
		.analyzer_objects = as.objects,
		.analyzer_reason = as.reason,
	};
}
