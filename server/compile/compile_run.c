/* SPDX-License-Identifier: Apache-2.0 */
/* The course of one request from the moment it has a worker until it needs none: the analyzer is attached, the job runs,
 * perhaps again and again, and the analyzer is detached. Everything that a worker says is checked here. Runs on the
 * loop's thread. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "codegen/trace/span_log.h"
#include "server/compile/compile_private.h"

#define TARGET               "server::compile"
#define LOGS_MAX_BYTES       (64u << 20) /* span logs copied for one request; beyond it, runs have times only */
#define RUNS_MAX             20000u

static void go_on(struct compile *c);
static void finish_runs(struct compile *c);

static struct assembly_run *current_run(struct compile *c)
{
	return &c->a.runs[c->a.n_runs - 1];
}

/* ---- the analyzer ---- */

void compile_analyzer_unavailable(struct compile *c, const char *reason)
{
	c->a.outcome.analyzer.state = ANALYZER_STATE_UNAVAILABLE;
	snprintf(c->a.outcome.analyzer.reason, sizeof(c->a.outcome.analyzer.reason), "%s", reason);
}

static void lose_analyzer(struct compile *c)
{
	if (!c->session)
		return;
	if (!c->attached) {
		compile_analyzer_unavailable(c, "the analyzer went away while it was being attached; try again");
	} else {
		c->a.outcome.analyzer.state = ANALYZER_STATE_LOST;
		snprintf(c->a.outcome.analyzer.reason, sizeof(c->a.outcome.analyzer.reason),
			"the analyzer process ended after %zu run%s; its samples are lost", c->a.n_runs,
			c->a.n_runs == 1 ? "" : "s");
	}
	c->attached = false;
	c->session = 0;
}

static void answered(struct compile *c)
{
	assert(c->n_awaited > 0);
	if (--c->n_awaited == 0)
		go_on(c);
}

static void on_attached(void *arg, const struct analyzer_message *m, struct analyzer_handover *h)
{
	struct compile *c = arg;

	(void)h;
	if (!m) {
		lose_analyzer(c);
	} else if (m->error) {
		char reason[ANALYZER_TEXT_MAX + 1];

		snprintf(reason, sizeof(reason), "%.*s", (int)m->text_len, m->text);
		compile_analyzer_unavailable(c, reason[0] ? reason : strerror(m->error));
		c->session = 0;
	} else {
		c->attached = true;
		c->a.outcome.analyzer.state = ANALYZER_STATE_ATTACHED;
		c->a.outcome.analyzer.object = m->kind;
		c->a.outcome.analyzer.attach_ns = m->duration_ns;
		if (m->frequency_hz)
			c->a.outcome.analyzer.frequency_hz = m->frequency_hz;
	}
	answered(c);
}

static void on_switched(void *arg, const struct analyzer_message *m, struct analyzer_handover *h)
{
	struct compile *c = arg;

	(void)h;
	if (!m)
		lose_analyzer(c);
	else if (m->error)
		c->switch_failed = true;
	else if (m->type == ANALYZER_DISABLED)
		c->n_samples = m->counters.samples;
	answered(c);
}

/* Those that there is no memory for are as good as none: the answer's counters tell how many there were. */
static void take_samples(struct compile *c, struct analyzer_handover *h)
{
	struct analyzer_handover *to = &c->a.samples;
	void *data = h->len ? malloc(h->len) : NULL;

	if (data)
		*to = (struct analyzer_handover){.data = memcpy(data, h->data, h->len), .len = h->len, .fd = -1};
	else
		to->fd = TAKE_FD(h->fd);
}

static void on_detached(void *arg, const struct analyzer_message *m, struct analyzer_handover *h)
{
	struct compile *c = arg;

	if (!m) {
		lose_analyzer(c);
	} else {
		c->session = 0;
		c->a.detached_ns = clock_now_ns();
		c->a.outcome.analyzer.detach_ns = m->duration_ns;
		c->a.outcome.analyzer.counters = m->counters;
		take_samples(c, h);
	}
	answered(c);
}

/* True: an answer will come. False: it could not be asked, so nothing changes. */
static bool ask(struct compile *c, enum analyzer_message_type type, analyzer_answer_fn fn)
{
	struct analyzer_request q = {
		.type = type,
		.session = c->session,
		.pid = c->worker->pid,
		.kind = c->a.request.analyzer.kind,
		.frequency_hz = c->a.request.analyzer.frequency_hz,
		.flags = type == ANALYZER_ATTACH ? ANALYZER_ATTACH_ENABLED : 0, /* the first run is profiled */
	};

	if (analyzer_client_request(c->service->analyzer, &q, fn, c) < 0)
		return false;
	c->n_awaited++;
	return true;
}

/* ---- a run ---- */

static int add_run(struct compile *c, bool profiled, bool measures)
{
	struct assembly *a = &c->a;

	if (a->n_runs == a->runs_capacity) {
		size_t capacity = a->runs_capacity ? a->runs_capacity * 4 : 1;
		struct assembly_run *runs = realloc(a->runs, capacity * sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		a->runs = runs;
		a->runs_capacity = capacity;
	}
	a->runs[a->n_runs++] = (struct assembly_run){
		.run_id = ++c->service->n_runs,
		.profiled = profiled,
		.measures = measures,
		.pid = c->worker->pid,
	};
	return 0;
}

static uint8_t nibble(char digit)
{
	return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* Our own text of lower-case digits, as bytes. */
static void decode_trace_id(const char *hex, uint8_t ret[COMPILE_ID_CHARS / 2])
{
	for (int i = 0; i < COMPILE_ID_CHARS / 2; i++)
		ret[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
}

/* Our own trouble, before the compiler has seen anything. */
static void fail(struct compile *c, const char *what, int error)
{
	struct compile_outcome *o = &c->a.outcome;

	log_warn(TARGET, "%s: %s: %s", o->id, what, strerror(-error));
	o->result.status = SPVSCOPE_STATUS_CRASHED;
	o->failure.is_set = true;
	snprintf(o->failure.stage, sizeof(o->failure.stage), "worker");
	snprintf(o->failure.message, sizeof(o->failure.message), "%s: %s", what, strerror(-error));
}

/* The worker has not heard of it: no descriptors left, or no memory. */
static void give_up_run(struct compile *c, int error)
{
	loop_timer_set(c->timer, UINT64_MAX);
	c->a.n_runs--;
	c->switch_failed = c->worker_retires = true; /* no more of them */
	if (!c->a.n_runs)
		fail(c, "the job could not be handed over", error);
	finish_runs(c);
}

static void start_run(struct compile *c, bool profiled)
{
	/* What the passes did to the module's size is the same each time and costs more than the compile: the first run
	 * that nobody samples tells it. */
	bool measures = !profiled && c->a.n_runs <= 1;
	struct worker_message m = {
		.memory_bytes = c->a.request.memory_bytes,
		.output_bytes = c->service->o.output_bytes,
		.text_len = (uint32_t)(measures ? c->filter_len : c->lean_filter_len),
	};
	struct assembly_run *run;
	int r = compile_make_job(c);

	if (r >= 0)
		r = add_run(c, profiled, measures);
	if (r < 0) {
		if (!c->a.n_runs)
			fail(c, "the job could not be handed over", r);
		finish_runs(c);
		return;
	}
	run = current_run(c);
	m.run_id = run->run_id;
	decode_trace_id(c->a.outcome.trace_id, m.trace_id);
	memcpy(m.text, c->filter, m.text_len);
	c->state = COMPILE_RUNNING;
	run->sent_ns = clock_now_ns();
	m.value = run->sent_ns + c->a.request.wall_ms * NS_PER_MS;
	loop_timer_set(c->timer, m.value);
	c->service->counters.profiled_runs += profiled;
	c->service->counters.clean_runs += !profiled && c->a.n_runs > 1; /* those made for comparison */
	r = pool_run(c->worker, &m, &c->job, c->job_fd);
	if (r == -EPIPE)
		pool_kill(c->worker); /* it is gone; the news of its death comes by itself */
	else if (r < 0)
		give_up_run(c, r);
}

/* The span log is the worker's to write again from the next run on. */
static void copy_log(struct compile *c, struct assembly_run *run)
{
	const struct span_log_header *h = c->worker->log;
	uint64_t used = atomic_load_explicit(&h->used, memory_order_acquire);

	if (used < sizeof(*h) || used > c->worker->log_size)
		used = sizeof(*h);
	if (!c->a.wants_record && !c->worker_dead)
		return; /* only a death is told from the log then */
	if (c->log_bytes + used > LOGS_MAX_BYTES)
		return;
	run->log = malloc(used);
	if (!run->log)
		return;
	memcpy(run->log, c->worker->log, used);
	run->log_size = used;
	c->log_bytes += used;
}

/* A result of the first run, or what its lack means. */
static void take_result(struct compile *c, const struct worker_message *m, const void *payload)
{
	struct compile_outcome *o = &c->a.outcome;
	int r = -EBADMSG;

	if (!m->error)
		r = compile_read_result(c, m, payload, &o->result);
	if (r >= 0)
		return;
	c->worker_retires = true;
	if (m->error == ENOMEM) {
		o->result.status = SPVSCOPE_STATUS_OUT_OF_MEMORY;
	} else if (m->error == EFBIG || m->error == EMSGSIZE || m->error == E2BIG) {
		o->result.status = SPVSCOPE_STATUS_FAILED;
		o->result.language = c->a.request.job.language;
		spvscope_result_diagnose(&o->result, SPVSCOPE_SEVERITY_ERROR, "spvscope", "output-too-large", NULL, 0, 0, 0,
			"the result would be larger than this service hands out");
	} else {
		o->result.status = SPVSCOPE_STATUS_CRASHED;
		snprintf(o->failure.message, sizeof(o->failure.message), "the worker gave no readable result%s%s",
			m->error ? ": " : "", m->error ? strerror(m->error) : "");
	}
}

static uint64_t between(uint64_t lo, uint64_t hi, uint64_t v)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static void drop_run(struct compile *c)
{
	struct assembly_run *run = current_run(c);

	c->log_bytes -= run->log_size;
	free(TAKE_PTR(run->log));
	c->a.n_runs--;
	c->worker_retires = true;
}

/* Once; its answer leads on. */
static void begin_detaching(struct compile *c)
{
	if (c->state == COMPILE_DETACHING)
		return;
	c->state = COMPILE_DETACHING;
	if (!c->session)
		return;
	c->a.detach_ns = c->a.detached_ns = clock_now_ns();
	if (!ask(c, ANALYZER_DETACH, on_detached))
		lose_analyzer(c);
}

void compile_worker_done(void *user, const struct worker_message *m, const void *payload)
{
	struct compile *c = user;
	struct assembly_run *run;
	bool is_first = c->a.n_runs == 1;

	if (c->state != COMPILE_RUNNING || c->worker->killed_ns || m->run_id != current_run(c)->run_id) {
		pool_kill(c->worker); /* too late, or out of turn */
		return;
	}
	run = current_run(c);
	loop_timer_set(c->timer, UINT64_MAX);
	run->received_ns = clock_now_ns();
	/* One run was asked for: the analyzer goes while the result is read here. */
	if (!c->a.request.analyzer.min_samples)
		begin_detaching(c);
	run->start_ns = between(run->sent_ns, run->received_ns, m->start_ns);
	run->end_ns = between(run->start_ns, run->received_ns, m->end_ns);
	run->cpu_ns = between(0, run->end_ns - run->start_ns, m->cpu_ns);
	copy_log(c, run);
	if (m->flags & WORKER_RETIRES)
		c->worker_retires = true;
	if (is_first) {
		take_result(c, m, payload);
		c->first_end_ns = run->received_ns;
		if (c->a.outcome.result.status >= SPVSCOPE_STATUS_CRASHED)
			c->worker_retires = true; /* the compiler's own state is not known */
	}
	if (!m->payload_len)
		c->worker->result_fd = fd_close(c->worker->result_fd);
	if (!is_first && m->error)
		drop_run(c); /* a repetition that came to nothing tells no time */
	else if (run->profiled)
		c->profiled_cpu_ns += run->cpu_ns;
	go_on(c);
}

/* ---- a death ---- */

static bool never_began(struct compile *c)
{
	const struct span_log_header *h = c->worker->log;

	return h->magic != SPAN_LOG_MAGIC || h->run_id != current_run(c)->run_id;
}

static void tell_death(struct compile *c, const struct worker_death *death)
{
	struct compile_outcome *o = &c->a.outcome;
	int status = death->wait_status;

	c->a.died = true;
	o->result.status = SPVSCOPE_STATUS_CRASHED;
	o->result.language = c->a.request.job.language;
	o->result.stage = c->a.request.job.stage;
	o->failure.is_set = true;
	if (c->cancelled) {
		o->result.status = SPVSCOPE_STATUS_CANCELLED;
		o->failure.is_set = false;
	} else if (c->timed_out) {
		o->result.status = SPVSCOPE_STATUS_TIMED_OUT;
		snprintf(o->failure.message, sizeof(o->failure.message), "the compile took longer than its limit of %llu ms",
			(unsigned long long)c->a.request.wall_ms);
	} else if (death->template_died) {
		snprintf(o->failure.message, sizeof(o->failure.message), "the workers' template died twice");
	} else if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		if (WTERMSIG(status) == SIGXCPU)
			o->result.status = SPVSCOPE_STATUS_TIMED_OUT;
		snprintf(o->failure.signal, sizeof(o->failure.signal), "SIG%s", name ? name : "???");
		snprintf(o->failure.message, sizeof(o->failure.message), "the compiler was ended by %s",
			o->failure.signal);
	} else {
		snprintf(o->failure.message, sizeof(o->failure.message), "the compiler left with exit status %d",
			WEXITSTATUS(status));
	}
}

void compile_worker_died(void *user, const struct worker_death *death)
{
	struct compile *c = user;
	bool ran = c->state == COMPILE_RUNNING && c->a.n_runs;
	bool by_us = c->cancelled || c->timed_out;

	c->worker_dead = c->worker_retires = true;
	loop_timer_set(c->timer, UINT64_MAX);
	if (ran) {
		struct assembly_run *run = current_run(c);

		run->received_ns = clock_now_ns();
		run->start_ns = run->sent_ns;
		run->end_ns = run->received_ns;
	}
	if (c->a.n_runs > 1 || (c->a.n_runs == 1 && !ran)) {
		/* The result is there; a repetition that died is not one. */
		if (ran)
			c->a.n_runs--;
	} else if (!by_us && death->template_died && !c->template_retried) {
		c->template_retried = c->starts_over = true;
	} else if (!by_us && !c->retried && (!ran || never_began(c))) {
		c->retried = c->starts_over = true;
	} else {
		if (ran)
			copy_log(c, current_run(c));
		tell_death(c, death);
	}
	if (c->state == COMPILE_RUNNING)
		go_on(c); /* else when the analyzer's answers are in */
}

void compile_deadline(struct compile *c)
{
	c->timed_out = true;
	pool_kill(c->worker);
}

/* ---- from one to the next ---- */

/* The first run is profiled; then clean and profiled ones in turn, until there are samples enough or no time left. */
static bool wants_another_run(struct compile *c)
{
	const struct compile_request *q = &c->a.request;

	if (!c->attached || !q->analyzer.min_samples || c->cancelled || c->worker_retires || c->switch_failed)
		return false;
	if (c->a.outcome.result.status > SPVSCOPE_STATUS_FAILED || c->a.n_runs >= RUNS_MAX)
		return false;
	if (clock_now_ns() - c->first_end_ns >= q->analyzer.budget_ms * NS_PER_MS)
		return false;
	/* With repetitions there are as many clean runs as profiled ones; and behind a clean one it is known how many samples
	 * there are. Behind the first it is not, so its time tells. */
	if (c->a.n_runs > 1)
		return current_run(c)->profiled || c->n_samples < q->analyzer.min_samples;
	return c->profiled_cpu_ns * c->a.outcome.analyzer.frequency_hz / NS_PER_S < q->analyzer.min_samples;
}

/* No more runs: the analyzer goes first, then the worker, whose pid must stay its own until then. */
static void finish_runs(struct compile *c)
{
	begin_detaching(c);
	if (!c->n_awaited)
		go_on(c);
}

/* Its worker came to nothing through no fault of the job: as if it had never been taken. */
static void start_over(struct compile *c)
{
	struct assembly *a = &c->a;

	for (size_t i = 0; i < a->n_runs; i++)
		free(a->runs[i].log);
	a->n_runs = 0;
	assembly_drop_samples(a);
	a->attach_ns = a->attached_ns = a->detach_ns = a->detached_ns = 0;
	memset(&a->outcome.analyzer.counters, 0, sizeof(a->outcome.analyzer.counters));
	memset(&a->outcome.failure, 0, sizeof(a->outcome.failure));
	a->outcome.analyzer.state = ANALYZER_STATE_OFF;
	a->outcome.analyzer.reason[0] = '\0';
	c->attached = c->switch_failed = c->worker_dead = c->worker_retires = c->starts_over = false;
	c->profiled_cpu_ns = c->n_samples = 0;
	c->log_bytes = 0;
	compile_requeue(c);
}

static void give_back_worker(struct compile *c)
{
	pool_release(TAKE_PTR(c->worker), c->worker_retires || c->fresh_worker || c->cancelled);
	if (c->starts_over && !c->cancelled) {
		start_over(c);
		return;
	}
	for (size_t i = 0; i < c->a.n_runs; i++) {
		c->a.outcome.analyzer.n_profiled_runs += c->a.runs[i].profiled;
		c->a.outcome.analyzer.n_clean_runs += !c->a.runs[i].profiled && c->a.n_runs > 1;
	}
	/* The worker's next job before this one's answer, which takes a tenth of a small compile to write. */
	compile_dispatch(c->service);
	compile_end(c);
}

static void after_run(struct compile *c)
{
	bool was_profiled = current_run(c)->profiled;

	if (!wants_another_run(c)) {
		finish_runs(c);
		return;
	}
	c->state = COMPILE_SWITCHING;
	if (!ask(c, was_profiled ? ANALYZER_DISABLE : ANALYZER_ENABLE, on_switched))
		finish_runs(c);
}

/* Nothing is awaited any more: what next? */
static void go_on(struct compile *c)
{
	if (c->n_awaited)
		return;
	switch (c->state) {
	case COMPILE_ATTACHING:
		if (c->a.attach_ns)
			c->a.attached_ns = clock_now_ns();
		if (c->worker_dead)
			finish_runs(c);
		else
			start_run(c, c->attached && !c->switch_failed);
		break;
	case COMPILE_RUNNING:
		if (c->worker_dead)
			finish_runs(c);
		else
			after_run(c);
		break;
	case COMPILE_SWITCHING:
		if (c->worker_dead || !c->attached || c->switch_failed || c->cancelled)
			finish_runs(c);
		else
			start_run(c, !current_run(c)->profiled);
		break;
	case COMPILE_DETACHING:
		give_back_worker(c);
		break;
	default:
		break;
	}
}

void compile_begin(struct compile *c, const char *unavailable)
{
	struct worker *w = c->worker;
	struct assembly *a = &c->a;

	a->dispatched_ns = clock_now_ns();
	a->worker_runs = w->n_runs;
	a->fork_ns = a->ready_ns = 0;
	if (w->ready_ns > a->received_ns && !w->n_runs) {
		a->fork_ns = w->fork_ns > a->received_ns ? w->fork_ns : a->received_ns;
		a->ready_ns = w->ready_ns;
	}
	image_unref(a->image);
	a->image = image_ref(w->image);
	a->files = analyzer_client_files(c->service->analyzer);
	loop_timer_set(c->timer, UINT64_MAX);
	c->state = COMPILE_ATTACHING;
	if (unavailable) {
		compile_analyzer_unavailable(c, unavailable);
	} else if (a->request.analyzer.kind != ANALYZER_OFF) {
		c->session = ++c->service->n_sessions;
		a->attach_ns = a->attached_ns = a->dispatched_ns;
		a->outcome.analyzer.frequency_hz = a->request.analyzer.frequency_hz;
		if (!ask(c, ANALYZER_ATTACH, on_attached)) {
			compile_analyzer_unavailable(c, "the analyzer takes no requests just now");
			c->session = 0;
			a->attach_ns = 0;
		}
	}
	go_on(c);
}
