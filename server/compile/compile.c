/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on their way in and out: the queue, who gets which worker, the one answer that each request has, and the
 * publishing of what was recorded. The course of one request on its worker is in compile_run.c, the service that holds
 * it all in compile_service.c. Runs on the loop's thread. */
#include "server/compile/compile.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/compile/compile_private.h"

#define TARGET                "server::compile"
#define ANALYZER_PATIENCE_NS  (10 * NS_PER_S)  /* for an analyzer that starts, or a worker that it knows */
#define TEMPLATE_PATIENCE_NS  (10 * NS_PER_S)  /* for a template that cannot be started */
#define TICK_NS               (500 * NS_PER_MS)
#define ASSEMBLING_MAX        256u             /* beyond it answers wait for their records, so that clients slow down */

/* ---- lists ---- */

static void list_append(struct compile_list *l, struct compile *c)
{
	c->queue_prev = l->last;
	c->queue_next = NULL;
	if (l->last)
		l->last->queue_next = c;
	else
		l->first = c;
	l->last = c;
}

static void list_prepend(struct compile_list *l, struct compile *c)
{
	c->queue_next = l->first;
	c->queue_prev = NULL;
	if (l->first)
		l->first->queue_prev = c;
	else
		l->last = c;
	l->first = c;
}

static void list_remove(struct compile_list *l, struct compile *c)
{
	if (c->queue_prev)
		c->queue_prev->queue_next = c->queue_next;
	else
		l->first = c->queue_next;
	if (c->queue_next)
		c->queue_next->queue_prev = c->queue_prev;
	else
		l->last = c->queue_prev;
	c->queue_prev = c->queue_next = NULL;
}

static void soon(struct compile_service *s)
{
	loop_timer_set(s->soon, 0);
}

/* ---- the end of a compile ---- */

static void release(struct compile *c)
{
	if (c->lent)
		memset(&c->a.outcome.result, 0, sizeof(c->a.outcome.result)); /* it is over there */
	cached_unref(c->lent);
	cached_unref(c->cached);
	assembly_done(&c->a);
}

void compile_discard(struct compile *c)
{
	release(c);
	free(c);
}

void compile_free(struct compile *c)
{
	struct compile_service *s = c->service;

	if (c->expected)
		records_forget(s->records, c->a.outcome.trace_id);
	loop_source_free(c->timer);
	strbuf_done(&c->job);
	fd_close(c->job_fd);
	release(c);
	compile_cache_stop_leading(c);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->compiles = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->n_compiles--;
	free(c);
	if (s->draining && !s->n_compiles)
		loop_timer_set(s->drain_timer, 0);
}

static void observe(struct compile_service *s, bool ended, const struct compile_outcome *o)
{
	for (struct observer *ob = s->observers; ob; ob = ob->next)
		ob->fn(ob->arg, ended, o);
}

/* Of structs that hold nothing but numbers of 64 bits. */
static void add_numbers(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] += ((const uint64_t *)from)[i];
}
static_assert(sizeof(struct analyzer_counters) % 8 == 0 && sizeof(struct span_joins) % 8 == 0, "whole numbers");

/* The one place where a compile's request gets its outcome. */
void compile_answer(struct compile *c, const struct compile_outcome *o)
{
	struct compile_service *s = c->service;

	assert(!c->answered);
	c->answered = true;
	s->counters.ended[o->result.status]++;
	add_numbers(&s->counters.analyzer, &o->analyzer.counters, sizeof(s->counters.analyzer));
	add_numbers(&s->counters.joins, &o->analyzer.joins, sizeof(s->counters.joins));
	log_debug(TARGET, "%s: %s after %llu us", o->id, spvscope_status_name(o->result.status),
		(unsigned long long)(o->duration_ns / NS_PER_US));
	observe(s, true, o);
	if (c->fn)
		c->fn(c->arg, o);
}

void compile_answer_cancelled(struct compile *c)
{
	struct compile_outcome o = c->a.outcome;

	memset(&o.result, 0, sizeof(o.result));
	memset(&o.failure, 0, sizeof(o.failure));
	o.result.status = SPVSCOPE_STATUS_CANCELLED;
	o.traced = false;
	o.duration_ns = clock_now_ns() - c->a.received_ns;
	compile_answer(c, &o);
}

static void answer(struct compile *c)
{
	if (!c->answered)
		compile_answer(c, &c->a.outcome);
}

static void finish(struct compile *c)
{
	answer(c);
	compile_cache_end(c);
	compile_free(c);
}

static void on_kept(void *arg, int error)
{
	struct compile *c = arg;

	if (!c->service) { /* it was freed meanwhile */
		compile_discard(c);
		return;
	}
	if (error)
		log_warn(TARGET, "%s: not kept: %s", c->a.outcome.id, strerror(error < 0 ? -error : error));
	c->a.outcome.kept = !error;
	finish(c);
}

static void on_assembled(struct assembler_item *item, int error)
{
	struct compile *c = (struct compile *)((char *)item - offsetof(struct compile, item));
	struct compile_service *s = c->service;

	s->n_assembling--;
	if (error || !c->a.record) {
		if (error)
			log_warn(TARGET, "%s: no record: %s", c->a.outcome.id, strerror(-error));
		c->a.outcome.traced = false;
	} else if (c->a.keep) {
		c->expected = false;
		compile_cache_end(c); /* they do not wait for the disk */
		c->state = COMPILE_KEEPING;
		records_publish(s->records, c->a.record, true, on_kept, c);
		return;
	} else {
		c->expected = false;
		records_publish(s->records, c->a.record, false, NULL, NULL);
	}
	finish(c);
}

static void assemble(struct compile *c)
{
	struct compile_service *s = c->service;

	c->state = COMPILE_ASSEMBLING;
	c->item = (struct assembler_item){.assembly = &c->a, .urgent = !c->answered, .done = on_assembled};
	s->n_assembling++;
	assembler_push(s->assembler, &c->item);
}

/* An answer that needs nothing from the record does not wait for it. Of an analyzer's samples it tells how many stacks are
 * whole and how their spans were found, which names and trees say; of what else was gathered the counts are known. */
static bool answer_can_go(const struct compile *c)
{
	return !c->answered && !c->a.died && !c->a.keep && !c->a.outcome.analyzer.counters.samples && c->a.n_runs <= 1 &&
	       c->a.outcome.result.status <= SPVSCOPE_STATUS_FAILED && c->service->n_assembling < ASSEMBLING_MAX;
}

void compile_end(struct compile *c)
{
	struct compile_outcome *o = &c->a.outcome;

	if (c->cached && !c->cancelled) {
		compile_cache_answer(c);
		return;
	}
	if (c->lingers) {
		compile_free(c);
		return;
	}
	c->a.finished_ns = clock_now_ns();
	o->duration_ns = c->a.finished_ns - c->a.received_ns;
	if (c->cancelled) {
		spvscope_result_done(&o->result);
		memset(&o->result, 0, sizeof(o->result));
		memset(&o->failure, 0, sizeof(o->failure));
		o->result.status = SPVSCOPE_STATUS_CANCELLED;
		o->traced = false;
		answer(c);
		compile_free(c);
		return;
	}
	/* What the compiler failed at is kept whatever was asked for: somebody will want to report it. */
	if (o->result.status > SPVSCOPE_STATUS_FAILED && !c->answered)
		c->a.wants_record = c->a.keep = true;
	o->traced = c->a.wants_record;
	if (!c->a.wants_record && o->result.status <= SPVSCOPE_STATUS_FAILED) {
		finish(c);
		return;
	}
	if (answer_can_go(c)) {
		o->n_spans = assembly_count_spans(&c->a, &o->n_dropped);
		answer(c);
	}
	assemble(c);
}

/* ---- the queue ---- */

/* Why a request that asked for the analyzer goes on without, NULL when it need not; *ret_wait: not yet decided. */
static const char *analyzer_obstacle(struct compile *c, uint64_t now_ns, uint64_t *ret_generation, bool *ret_wait)
{
	struct analyzer_client_state as;
	bool patient = now_ns < c->a.received_ns + ANALYZER_PATIENCE_NS;

	*ret_generation = 0;
	*ret_wait = false;
	if (c->a.request.analyzer.kind == ANALYZER_OFF)
		return NULL;
	analyzer_client_state(c->service->analyzer, &as);
	if (!as.up) {
		*ret_wait = as.starting && patient;
		return as.reason;
	}
	if (!(as.kinds & 1u << c->a.request.analyzer.kind))
		return "this kind of analyzer was not built in: see -Danalyzers";
	*ret_generation = as.generation;
	*ret_wait = as.tables_due && patient;
	return NULL;
}

/* Lends it a worker, if there is one for it. */
static bool dispatch(struct compile *c, uint64_t now_ns)
{
	struct compile_service *s = c->service;
	uint64_t generation;
	bool wait;
	const char *obstacle = analyzer_obstacle(c, now_ns, &generation, &wait);

	if (wait) {
		loop_timer_set(c->timer, c->a.received_ns + ANALYZER_PATIENCE_NS);
		return false;
	}
	c->worker = pool_take(s->pool, &c->a.request.job, c->fresh_worker, generation, c);
	if (!c->worker && generation) {
		uint64_t deadline_ns = c->a.received_ns + ANALYZER_PATIENCE_NS;

		if (now_ns < deadline_ns) {
			loop_timer_set(c->timer, deadline_ns);
			return false;
		}
		obstacle = "no worker that the analyzer knows was ready in time: the service has just started, or the machine is "
			   "very busy; ask again";
		c->worker = pool_take(s->pool, &c->a.request.job, c->fresh_worker, 0, c);
	}
	if (!c->worker)
		return false;
	list_remove(&s->queue, c);
	s->n_queued--;
	compile_begin(c, obstacle);
	return true;
}

void compile_dispatch(struct compile_service *s)
{
	uint64_t now_ns;
	struct compile *c, *next;

	if (!s->queue.first || s->dispatching)
		return;
	s->dispatching = true;
	now_ns = clock_now_ns();
	for (c = s->queue.first; c; c = next) {
		next = c->queue_next;
		if (!dispatch(c, now_ns) && !c->fresh_worker && c->a.request.analyzer.kind == ANALYZER_OFF &&
		    backends_is_built_in(&c->a.request.job))
			break; /* what anyone could have taken is not there */
	}
	s->dispatching = false;
}

static void enqueue(struct compile *c, bool first)
{
	struct compile_service *s = c->service;

	c->state = COMPILE_QUEUED;
	if (first)
		list_prepend(&s->queue, c);
	else
		list_append(&s->queue, c);
	if (s->n_queued++ == 0)
		loop_timer_set(s->tick, clock_now_ns() + TICK_NS);
}

void compile_enqueue(struct compile *c)
{
	c->service->counters.started++;
	enqueue(c, false);
	observe(c->service, false, &c->a.outcome);
}

void compile_requeue(struct compile *c)
{
	log_info(TARGET, "%s: once more, its worker died before it could begin or with its template", c->a.outcome.id);
	c->service->counters.retried++;
	enqueue(c, true);
	soon(c->service);
}

/* Told on the loop's next turn, so that nobody is called back from within a call of theirs. */
void compile_end_soon(struct compile *c)
{
	struct compile_service *s = c->service;

	c->state = COMPILE_ENDING;
	list_append(&s->ending, c);
	soon(s);
}

static void end_queued(struct compile *c)
{
	struct compile_service *s = c->service;

	list_remove(&s->queue, c);
	s->n_queued--;
	compile_end_soon(c);
}

void compile_on_soon(void *arg)
{
	struct compile_service *s = arg;
	struct compile *c;

	while ((c = s->ending.first)) {
		list_remove(&s->ending, c);
		compile_end(c);
	}
	compile_dispatch(s);
}

/* Requests do not wait for ever for a template that cannot be had. */
void compile_on_tick(void *arg)
{
	struct compile_service *s = arg;
	uint64_t now_ns = clock_now_ns();
	struct compile *c, *next;
	struct pool_state ps;

	if (!s->n_queued)
		return;
	loop_timer_set(s->tick, now_ns + TICK_NS);
	pool_state(s->pool, &ps);
	for (c = s->queue.first; c && !ps.can_serve; c = next) {
		next = c->queue_next;
		if (now_ns - c->a.received_ns < TEMPLATE_PATIENCE_NS)
			continue;
		c->a.outcome.result.status = SPVSCOPE_STATUS_CRASHED;
		snprintf(c->a.outcome.failure.message, sizeof(c->a.outcome.failure.message), "no worker can be started: %s",
			ps.trouble ? ps.trouble : "their template does not come up");
		end_queued(c);
	}
	compile_dispatch(s);
}

static void on_compile_timer(void *arg)
{
	struct compile *c = arg;

	if (c->state == COMPILE_QUEUED)
		compile_dispatch(c->service);
	else if (c->state == COMPILE_RUNNING)
		compile_deadline(c);
}

/* ---- submission ---- */

/* Directives for the worker: the service's, unless the request names a level, and the request's own behind them. */
static int choose_filter(struct compile *c)
{
	const struct compile_service *s = c->service;
	const struct compile_request *q = &c->a.request;
	static const char without_sizes[] = ",codegen::opt-sizes=off";
	struct trace_filter f = s->o.trace_filter, lean;
	char error[128];
	int n;

	if (q->has_trace_level)
		trace_filter_init(&f, q->trace_level);
	if (q->trace_filter && trace_filter_parse(&f, q->trace_filter, error, sizeof(error)) < 0)
		return -EINVAL;
	lean = f;
	n = snprintf(c->filter, sizeof(c->filter), "%s%s%s",
		q->has_trace_level ? trace_level_name(q->trace_level) : s->default_filter, q->trace_filter ? "," : "",
		q->trace_filter ? q->trace_filter : "");
	c->filter_len = n < (int)sizeof(c->filter) ? (size_t)n : sizeof(c->filter) - 1;
	if (n >= (int)sizeof(c->filter)) {
		/* whole directives only */
		while (c->filter_len && c->filter[c->filter_len - 1] != ',')
			c->filter_len--;
		c->filter_len -= c->filter_len > 0;
	}
	c->lean_filter_len = c->filter_len;
	if (c->filter_len + sizeof(without_sizes) <= sizeof(c->filter) &&
	    trace_filter_parse(&lean, without_sizes + 1, error, sizeof(error)) >= 0) {
		memcpy(c->filter + c->filter_len, without_sizes, sizeof(without_sizes));
		c->lean_filter_len += sizeof(without_sizes) - 1;
	}
	c->a.wants_record = f.max_level > SPVSCOPE_LEVEL_OFF || q->analyzer.kind != ANALYZER_OFF || q->keep;
	c->a.wants_span_events = trace_filter_matches(&f, SPVSCOPE_LEVEL_DEBUG, "analyzer");
	return 0;
}

static bool wants_fresh_worker(const struct compile *c, bool came_with_token)
{
	switch (c->a.request.isolation) {
	case ISOLATION_WORKER: return false;
	case ISOLATION_REQUEST: return true;
	default: return came_with_token || c->service->o.isolation == ISOLATION_REQUEST;
	}
}

static int compile_new(struct compile_service *s, struct compile_request *request, struct compile **ret)
{
	struct compile *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->service = s;
	c->job_fd = -1;
	c->a.samples.fd = -1;
	c->a.request = *request;
	memset(request, 0, sizeof(*request));
	c->a.keep = c->a.request.keep;
	c->a.outcome.request = &c->a.request;
	c->a.outcome.analyzer.kind = c->a.request.analyzer.kind;
	c->a.received_ns = clock_now_ns();
	c->a.outcome.started_unix_ns = clock_realtime_ns();
	c->next = s->compiles;
	if (c->next)
		c->next->prev = c;
	s->compiles = c;
	s->n_compiles++;
	r = compile_make_id(c->a.outcome.id);
	if (r >= 0)
		r = compile_make_id(c->a.outcome.trace_id);
	if (r >= 0)
		r = choose_filter(c);
	if (r >= 0)
		r = loop_timer(s->loop, UINT64_MAX, on_compile_timer, c, &c->timer);
	if (r >= 0 && c->a.wants_record) {
		r = records_expect(s->records, c->a.outcome.id, c->a.outcome.trace_id);
		c->expected = r >= 0;
	}
	if (r < 0) {
		compile_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int compile_submit(struct compile_service *s, struct compile_request *request, const struct compile_caller *caller,
	compile_done_fn fn, void *arg, struct compile **ret_compile)
{
	struct compile *c = NULL;
	int r = 0;

	if (s->draining)
		r = -ESHUTDOWN;
	else if (s->n_queued >= s->o.max_queued)
		r = -EBUSY;
	else
		r = compile_new(s, request, &c);
	if (r < 0) {
		s->counters.refused_busy += r == -EBUSY;
		compile_request_done(request);
		memset(request, 0, sizeof(*request));
		return r;
	}
	c->fn = fn;
	c->arg = arg;
	c->fresh_worker = wants_fresh_worker(c, caller->came_with_token);
	c->cache_use = caller->cache;
	compile_cache_begin(c);
	compile_supersede(c);
	if (c->state == COMPILE_QUEUED && s->queue.first == c)
		dispatch(c, c->a.received_ns);
	else
		soon(s);
	if (ret_compile)
		*ret_compile = c;
	return 0;
}

void compile_cancel(struct compile *c, bool detach)
{
	if (detach)
		c->fn = NULL;
	if (compile_cache_cancel_alone(c))
		return;
	switch (c->state) {
	case COMPILE_QUEUED:
		c->cancelled = true;
		end_queued(c);
		break;
	case COMPILE_ATTACHING:
	case COMPILE_RUNNING:
	case COMPILE_SWITCHING:
		c->cancelled = true;
		pool_kill(c->worker);
		break;
	case COMPILE_DETACHING:
	case COMPILE_ENDING:
	case COMPILE_FETCHING:
		c->cancelled = true;
		break;
	case COMPILE_FOLLOWING:
		c->cancelled = true;
		compile_cache_leave(c);
		break;
	case COMPILE_ASSEMBLING:
	case COMPILE_KEEPING:
		break; /* it has its result: too late to end anything */
	}
}

struct compile *compile_find(struct compile_service *s, const char *id)
{
	for (struct compile *c = s->compiles; c; c = c->next)
		if (!c->answered && strcmp(c->a.outcome.id, id) == 0)
			return c;
	return NULL;
}
