/* SPDX-License-Identifier: Apache-2.0 */
/* The compile service on a real loop, with real worker processes. Each test starts its own. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "server/compile/compile.h"

static const char good_shader[] =
	"#version 450\nlayout(location = 0) out vec4 color;\n"
	"void main() { color = vec4(1.0, 0.5, 0.25, 1.0); }\n";
static const char wrong_shader[] = "#version 450\nvoid main() { color = 1; }\n";
static const char crashing_shader[] = "#version 450\n#pragma STDGL\nvoid main(){}";

#define MAX_ENDED 4096

struct ended {
	unsigned n_answers;
	enum spvscope_status status;
	size_t n_spirv_words, n_diagnostics;
	uint64_t n_spans, duration_ns;
	bool traced, kept;
	char trace_id[COMPILE_ID_CHARS + 1], id[COMPILE_ID_CHARS + 1];
	char stage[64], span[256], signal[16], message[256];
	enum analyzer_state analyzer_state;
	char analyzer_reason[512];
	uint32_t n_profiled, n_clean;
	struct analyzer_counters samples;
	struct span_joins joins;
	double slowdown;
};

struct scene {
	char dir[64];
	struct loop *loop;
	struct records *records;
	struct compile_service *service;
	struct ended ended[MAX_ENDED];
	unsigned n_submitted, n_ended, n_wanted;
	unsigned n_observed_starts, n_observed_ends;
	struct loop_source *timeout;
	struct record *found;
	bool drained, timed_out;
};

/* A sanitizer's report takes the place of the signal that the compiler would have died of. */
static void skip_when_sanitized(void)
{
#ifdef __SANITIZE_ADDRESS__
	print_message("not with a sanitizer\n");
	skip();
#endif
}

static const char *worker_path(void)
{
	return getenv("SPVSCOPE_WORKER");
}

static void on_timeout(void *arg)
{
	struct scene *s = arg;

	s->timed_out = true;
	loop_quit(s->loop);
}

static void on_observed(void *arg, bool ended, const struct compile_outcome *o)
{
	struct scene *s = arg;

	assert_int_equal(strlen(o->id), COMPILE_ID_CHARS);
	if (ended)
		s->n_observed_ends++;
	else
		s->n_observed_starts++;
}

static struct scene *start(const struct compile_service_options *with)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct compile_service_options o = *with;
	struct records_options ro = {.memory_count = 256, .memory_bytes = 64 << 20, .disk_count = 100,
		.disk_bytes = 1 << 30, .disk_age_s = 86400};

	strcpy(s->dir, "/tmp/spvscope-compile-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	ro.state_dir = s->dir;
	assert_int_equal(loop_new(&s->loop), 0);
	assert_int_equal(records_open(s->loop, &ro, &s->records), 0);
	if (!o.worker_path)
		o.worker_path = worker_path();
	if (!o.n_workers)
		o.n_workers = 2;
	o.manager_fd = -1;
	if (!o.trace_filter.default_level)
		trace_filter_init(&o.trace_filter, SPVSCOPE_LEVEL_INFO);
	assert_int_equal(compile_service_new(s->loop, s->records, &o, &s->service), 0);
	compile_service_observe(s->service, on_observed, s);
	assert_int_equal(loop_timer(s->loop, clock_now_ns() + 60 * NS_PER_S, on_timeout, s, &s->timeout), 0);
	return s;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void stop(struct scene *s)
{
	compile_service_free(s->service);
	records_close(s->records);
	record_unref(s->found);
	loop_free(s->loop);
	nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(s);
}

static struct compile_request request(const char *source)
{
	struct compile_request q = {0};

	compile_request_init(&q);
	q.job.language = SPVSCOPE_LANGUAGE_GLSL;
	q.job.stage = SPVSCOPE_STAGE_FRAGMENT;
	q.job.source.name = strdup("a.frag");
	q.job.source.data = (uint8_t *)strdup(source);
	q.job.source.size = strlen(source);
	return q;
}

struct ticket {
	struct scene *scene;
	unsigned idx;
};

static void on_done(void *arg, const struct compile_outcome *o)
{
	struct ticket *t = arg;
	struct scene *s = t->scene;
	struct ended *e = &s->ended[t->idx];

	e->n_answers++;
	e->status = o->result.status;
	e->n_spirv_words = o->result.n_spirv_words;
	e->n_diagnostics = o->result.n_diagnostics;
	e->n_spans = o->n_spans;
	e->duration_ns = o->duration_ns;
	e->traced = o->traced;
	e->kept = o->kept;
	e->analyzer_state = o->analyzer.state;
	e->n_profiled = o->analyzer.n_profiled_runs;
	e->n_clean = o->analyzer.n_clean_runs;
	e->samples = o->analyzer.counters;
	e->joins = o->analyzer.joins;
	e->slowdown = o->analyzer.slowdown;
	strcpy(e->trace_id, o->trace_id);
	strcpy(e->id, o->id);
	strcpy(e->stage, o->failure.stage);
	strcpy(e->span, o->failure.span);
	strcpy(e->signal, o->failure.signal);
	strcpy(e->message, o->failure.message);
	strcpy(e->analyzer_reason, o->analyzer.reason);
	free(t);
	if (++s->n_ended >= s->n_wanted)
		loop_quit(s->loop);
}

static struct compile *submit(struct scene *s, struct compile_request *q)
{
	struct ticket *t = malloc(sizeof(*t));
	struct compile *c;

	*t = (struct ticket){.scene = s, .idx = s->n_submitted++};
	assert_int_equal(compile_submit(s->service, q, &(struct compile_caller){0}, on_done, t, &c), 0);
	assert_null(q->job.source.data); /* taken over */
	return c;
}

static void wait_for(struct scene *s, unsigned n_ended)
{
	s->n_wanted = n_ended;
	if (s->n_ended < n_ended)
		assert_int_equal(loop_run(s->loop), 0);
	assert_false(s->timed_out);
	for (unsigned i = 0; i < s->n_submitted; i++)
		assert_true(s->ended[i].n_answers <= 1);
}

static struct ended *compile_one(struct scene *s, struct compile_request q)
{
	submit(s, &q);
	wait_for(s, s->n_submitted);
	return &s->ended[s->n_submitted - 1];
}

static void on_found(void *arg, struct record *r)
{
	struct scene *s = arg;

	s->found = record_ref(r);
	loop_quit(s->loop);
}

static struct record *find(struct scene *s, const char *trace_id)
{
	if (s->found)
		record_unref(TAKE_PTR(s->found));
	assert_true(records_get(s->records, trace_id, on_found, s) > 0);
	assert_int_equal(loop_run(s->loop), 0);
	assert_false(s->timed_out);
	assert_non_null(s->found);
	return s->found;
}

static struct compile_service_counters counters(struct scene *s)
{
	struct compile_service_counters c;

	compile_service_counters(s->service, &c);
	return c;
}

/* Children lie inside their parents, and siblings beside each other. */
static void check_tree(const struct trace_tree *t)
{
	for (size_t i = 1; i < t->n_spans; i++) {
		const struct trace_span *span = &t->spans[i];
		const struct trace_span *parent = &t->spans[span->parent_idx];

		assert_true(span->parent_idx < i);
		assert_true(span->start_ns >= parent->start_ns);
		assert_true(span->start_ns + span->duration_ns <= parent->start_ns + parent->duration_ns);
		for (size_t j = i + 1; j < t->n_spans; j++)
			if (t->spans[j].parent_idx == span->parent_idx)
				assert_true(t->spans[j].start_ns >= span->start_ns + span->duration_ns);
	}
}

static const struct trace_span *span_named(const struct trace_tree *t, const char *name)
{
	for (size_t i = 0; i < t->n_spans; i++)
		if (strcmp(t->spans[i].name, name) == 0)
			return &t->spans[i];
	return NULL;
}

static void a_source_becomes_spirv_and_a_trace(void **state)
{
	struct scene *s = start(&(struct compile_service_options){0});
	struct ended *e = compile_one(s, request(good_shader));
	struct record *r;

	(void)state;
	assert_int_equal(e->status, SPVSCOPE_STATUS_OK);
	assert_true(e->n_spirv_words > 20);
	assert_true(e->traced);
	r = find(s, e->trace_id);
	check_tree(r->tree);
	assert_string_equal(r->tree->spans[0].name, "server::request");
	assert_non_null(span_named(r->tree, "server::queue"));
	assert_non_null(span_named(r->tree, "worker::fork")); /* it was the first: it waited for one */
	assert_non_null(span_named(r->tree, "codegen::compile"));
	assert_true(span_named(r->tree, "codegen::compile")->measured);
	assert_false(r->tree->spans[0].measured);
	assert_int_equal(r->n_spans, e->n_spans);
	assert_int_equal(r->spirv_size, e->n_spirv_words * 4);
	assert_non_null(strstr(r->response, e->id));
	assert_int_equal(r->tree->spans[0].duration_ns, e->duration_ns);
	assert_int_equal(s->n_observed_starts, 1);
	assert_int_equal(s->n_observed_ends, 1);
	stop(s);
}

static void a_wrong_source_fails_with_diagnostics(void **state)
{
	struct scene *s = start(&(struct compile_service_options){0});
	struct ended *e = compile_one(s, request(wrong_shader));

	(void)state;
	assert_int_equal(e->status, SPVSCOPE_STATUS_FAILED);
	assert_true(e->n_diagnostics > 0);
	stop(s);
}

static void many_requests_are_each_answered_once(void **state)
{
	struct scene *s = start(&(struct compile_service_options){0});

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct compile_request q = request(i % 7 ? good_shader : wrong_shader);

		submit(s, &q);
	}
	wait_for(s, 500);
	for (int i = 0; i < 500; i++)
		assert_int_equal(s->ended[i].status, i % 7 ? SPVSCOPE_STATUS_OK : SPVSCOPE_STATUS_FAILED);
	assert_int_equal(counters(s).started, 500);
	assert_int_equal(counters(s).workers_died, 0);
	stop(s);
}

static void a_full_queue_refuses(void **state)
{
	struct scene *s = start(&(struct compile_service_options){.max_queued = 3});
	struct compile_request q;
	struct compile *c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		q = request(good_shader);
		submit(s, &q);
	}
	q = request(good_shader);
	assert_int_equal(compile_submit(s->service, &q, &(struct compile_caller){0}, on_done, NULL, &c), -EBUSY);
	assert_null(q.job.source.data);
	assert_int_equal(counters(s).refused_busy, 1);
	wait_for(s, 3);
	stop(s);
}

static void a_crash_is_the_requests_result_and_the_next_is_served(void **state)
{
	skip_when_sanitized();

	struct scene *s = start(&(struct compile_service_options){.n_workers = 1});
	struct ended *e = compile_one(s, request(crashing_shader));
	struct record *r;

	(void)state;
	assert_int_equal(e->status, SPVSCOPE_STATUS_CRASHED);
	assert_string_equal(e->signal, "SIGSEGV");
	assert_non_null(strstr(e->stage, "codegen::"));
	assert_true(e->traced);
	r = find(s, e->trace_id);
	check_tree(r->tree);
	assert_non_null(span_named(r->tree, e->stage));
	assert_true(span_named(r->tree, e->stage)->open);
	assert_int_equal(compile_one(s, request(good_shader))->status, SPVSCOPE_STATUS_OK);
	assert_int_equal(counters(s).workers_died, 1);
	stop(s);
}

/* 802 bytes that take the optimizer more than a minute. */
static struct compile_request endless_request(void)
{
	char source[2048];
	int n = snprintf(source, sizeof(source), "#version 450\nlayout(location=0) out vec4 o;\nfloat f0(float x){return x*1.1+sin(x);}\n");
	struct compile_request q;

	for (int i = 1; i <= 14; i++)
		n += snprintf(source + n, sizeof(source) - (size_t)n,
			"float f%d(float x){return f%d(x)+f%d(x+1.0)+f%d(x+2.0)+f%d(x*2.0);}\n", i, i - 1, i - 1, i - 1, i - 1);
	snprintf(source + n, sizeof(source) - (size_t)n, "void main(){o=vec4(f14(gl_FragCoord.x));}\n");
	q = request(source);
	q.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	return q;
}

static void a_hang_ends_at_the_wall_and_tells_where(void **state)
{
	struct scene *s = start(&(struct compile_service_options){.n_workers = 1});
	struct compile_request q = endless_request();
	struct ended *e;

	(void)state;
	compile_one(s, request(good_shader));
	q.wall_ms = 300;
	e = compile_one(s, q);
	assert_int_equal(e->status, SPVSCOPE_STATUS_TIMED_OUT);
	assert_true(e->duration_ns >= 300 * NS_PER_MS && e->duration_ns < 1500 * NS_PER_MS);
	assert_string_equal(e->stage, "codegen::opt");
	assert_string_equal(e->signal, "");
	assert_int_equal(compile_one(s, request(good_shader))->status, SPVSCOPE_STATUS_OK);
	stop(s);
}

/* Some hundred bytes that expand to gigabytes. */
static struct compile_request bomb_request(void)
{
	char source[1024];
	int n = snprintf(source, sizeof(source), "#version 450\n#define A0 1.0+1.0+1.0+1.0+1.0+1.0+1.0+1.0+1.0+1.0\n");

	for (int i = 1; i < 9; i++)
		n += snprintf(source + n, sizeof(source) - (size_t)n, "#define A%d A%d+A%d+A%d+A%d+A%d+A%d+A%d+A%d\n", i, i - 1,
			i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	snprintf(source + n, sizeof(source) - (size_t)n, "void main(){float x=A8;}\n");
	return request(source);
}

static void a_memory_blow_up_is_told_as_such(void **state)
{
	skip_when_sanitized(); /* its own shadow memory takes no notice of the limit */

	struct scene *s = start(&(struct compile_service_options){.n_workers = 1});
	struct compile_request q = bomb_request();
	struct ended *e;

	(void)state;
	q.memory_bytes = 64 << 20;
	q.wall_ms = 20000;
	e = compile_one(s, q);
	assert_int_equal(e->status, SPVSCOPE_STATUS_OUT_OF_MEMORY);
	assert_non_null(strstr(e->stage, "codegen::"));
	assert_int_equal(compile_one(s, request(good_shader))->status, SPVSCOPE_STATUS_OK);
	stop(s);
}

static void cancelling_ends_a_queued_and_a_running_one(void **state)
{
	struct scene *s = start(&(struct compile_service_options){.n_workers = 1});
	struct compile_request q = endless_request();
	struct compile *running, *queued;

	(void)state;
	compile_one(s, request(good_shader));
	running = submit(s, &q);
	q = request(good_shader);
	queued = submit(s, &q);
	compile_cancel(queued, false);
	compile_cancel(running, false);
	assert_int_equal(s->n_ended, 1); /* never from within the call */
	wait_for(s, 3);
	assert_int_equal(s->ended[1].status, SPVSCOPE_STATUS_CANCELLED);
	assert_int_equal(s->ended[2].status, SPVSCOPE_STATUS_CANCELLED);
	assert_false(s->ended[1].traced);
	assert_int_equal(compile_one(s, request(good_shader))->status, SPVSCOPE_STATUS_OK);
	stop(s);
}

static struct compile_request document(const char *uri, uint64_t version)
{
	struct compile_request q = request(good_shader);

	q.document.session = strdup("editor");
	q.document.uri = strdup(uri);
	q.document.version = version;
	return q;
}

static void the_newest_version_of_a_document_wins(void **state)
{
	struct scene *s = start(&(struct compile_service_options){.n_workers = 1});
	static const struct {
		const char *uri;
		uint64_t version;
		enum spvscope_status status;
	} sent[] = {
		{"file:///a", 1, SPVSCOPE_STATUS_CANCELLED},
		{"file:///b", 1, SPVSCOPE_STATUS_OK},
		{"file:///a", 3, SPVSCOPE_STATUS_OK},
		{"file:///a", 2, SPVSCOPE_STATUS_CANCELLED}, /* overtaken on the way */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
		struct compile_request q = document(sent[i].uri, sent[i].version);

		submit(s, &q);
	}
	wait_for(s, ARRAY_SIZE(sent));
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		assert_int_equal(s->ended[i].status, sent[i].status);
	stop(s);
}

static void isolation_gives_each_request_a_process_of_its_own(void **state)
{
	struct scene *s = start(&(struct compile_service_options){.isolation = ISOLATION_REQUEST});

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct ended *e = compile_one(s, request(good_shader));

		assert_int_equal(e->status, SPVSCOPE_STATUS_OK);
		assert_int_equal(find(s, e->trace_id)->tree->n_attrs > 0, true);
	}
	assert_true(counters(s).workers_forked >= 20);
	stop(s);
}

static void workers_are_recycled_after_their_runs(void **state)
{
	struct scene *s = start(&(struct compile_service_options){.n_workers = 1, .worker_max_runs = 5});

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_int_equal(compile_one(s, request(good_shader))->status, SPVSCOPE_STATUS_OK);
	assert_true(counters(s).workers_forked >= 9);
	assert_int_equal(counters(s).workers_died, 0);
	stop(s);
}

static void a_kept_one_is_answered_when_it_is_on_disk(void **state)
{
	struct scene *s = start(&(struct compile_service_options){0});
	struct compile_request q = request(good_shader);
	struct ended *e;

	(void)state;
	q.keep = true;
	e = compile_one(s, q);
	assert_true(e->kept);
	assert_true(find(s, e->id)->kept);
	stop(s);
}

static void with_tracing_off_there_is_no_record(void **state)
{
	struct scene *s = start(&(struct compile_service_options){0});
	struct compile_request q = request(good_shader);
	struct ended *e;

	(void)state;
	q.has_trace_level = true;
	q.trace_level = SPVSCOPE_LEVEL_OFF;
	e = compile_one(s, q);
	assert_int_equal(e->status, SPVSCOPE_STATUS_OK);
	assert_false(e->traced);
	assert_int_equal(e->n_spans, 0);
	stop(s);
}

static void a_filter_shows_the_passes_of_the_optimizer(void **state)
{
	skip_when_sanitized();

	struct scene *s = start(&(struct compile_service_options){0});
	struct compile_request q = request(good_shader);
	const struct trace_tree *t;
	unsigned n_passes = 0;

	(void)state;
	q.trace_filter = strdup("codegen::opt=debug");
	q.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	t = find(s, compile_one(s, q)->trace_id)->tree;
	check_tree(t);
	for (size_t i = 0; i < t->n_spans; i++)
		n_passes += strncmp(t->spans[i].name, "codegen::opt::", 14) == 0;
	assert_true(n_passes >= 40);
	stop(s);
}

static void without_an_analyzer_the_reason_is_told(void **state)
{
	struct scene *s = start(&(struct compile_service_options){0});
	struct compile_request q = request(good_shader);
	struct ended *e;

	(void)state;
	q.analyzer.kind = ANALYZER_RELEASE;
	e = compile_one(s, q);
	assert_int_equal(e->status, SPVSCOPE_STATUS_OK);
	assert_int_equal(e->analyzer_state, ANALYZER_STATE_UNAVAILABLE);
	assert_true(strlen(e->analyzer_reason) > 10);
	stop(s);
}

static void the_analyzer_samples_repeated_runs(void **state)
{
	struct scene *s = start(&(struct compile_service_options){
		.analyzer = true, .analyzer_path = getenv("SPVSCOPE_ANALYZER")});
	struct compile_request q = request(good_shader);
	const struct trace_span *span;
	struct ended *e;
	struct record *r;

	(void)state;
	q.analyzer.kind = ANALYZER_DEBUG;
	q.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	q.analyzer.min_samples = 200;
#ifdef __SANITIZE_ADDRESS__
	/* One run brings some hundred then. */
	q.analyzer.min_samples = 2000;
	q.analyzer.budget_ms = 10000;
#endif
	e = compile_one(s, q);
	assert_int_equal(e->status, SPVSCOPE_STATUS_OK);
	if (e->analyzer_state == ANALYZER_STATE_UNAVAILABLE) {
		print_message("no analyzer here: %s\n", e->analyzer_reason);
		stop(s);
		skip();
		return;
	}
	assert_int_equal(e->analyzer_state, ANALYZER_STATE_ATTACHED);
	assert_true(e->n_profiled > 1);
	assert_int_equal(e->n_profiled, e->n_clean);
	assert_true(e->samples.samples > 100);
	assert_int_equal(e->samples.complete + e->samples.truncated, e->samples.samples);
	assert_true(e->slowdown > 0.5 && e->slowdown < 10);
	r = find(s, e->trace_id);
	check_tree(r->tree);
	assert_non_null(span_named(r->tree, "server::repeat"));
	assert_non_null(span_named(r->tree, "analyzer::attach"));
	assert_non_null(span_named(r->tree, "analyzer::detach"));
	span = span_named(r->tree, "codegen::compile");
	assert_non_null(span);
	assert_int_equal(span->clean.n_runs, e->n_clean);
	assert_true(span->clean.min_ns <= span->clean.median_ns && span->clean.median_ns <= span->clean.max_ns);
	assert_true(span->clean.min_ns <= span->duration_ns && span->duration_ns <= span->clean.max_ns);
	assert_int_equal(r->profile->complete + r->profile->truncated, e->samples.samples);
	assert_int_equal(r->n_samples, e->samples.samples);
	assert_non_null(r->log);
	/* Where its time went in the profiled runs, beside the clean times. */
	assert_int_equal(span->profiled.n_runs, e->n_profiled);
	assert_int_equal(span->profiled.on_cpu_ns + span->profiled.runnable_ns + span->profiled.blocked_ns,
		span->profiled.wall_ns);
	assert_true(span->profiled.on_cpu_ns > 0 && span->profiled.cpu_clock_ns > 0);
	assert_true(e->joins.by_id + e->joins.by_time == e->samples.samples);
	assert_int_equal(e->joins.disagreeing, 0);
	print_message("%u+%u runs, %llu samples, %llu complete, slowdown %.2f\n", e->n_profiled, e->n_clean,
		(unsigned long long)e->samples.samples, (unsigned long long)e->samples.complete, e->slowdown);
	stop(s);
}

static const char *attr_of(const struct trace_tree *t, const struct trace_span *span, const char *key)
{
	for (size_t i = 0; i < t->n_attrs; i++)
		if (t->attrs[i].span_idx == span - t->spans && strcmp(t->attrs[i].key, key) == 0)
			return t->attrs[i].text ? t->attrs[i].text : "a number";
	return NULL;
}

static unsigned passes_with_sizes(const struct trace_tree *t)
{
	unsigned n_passes = 0, n_sized = 0;

	for (size_t i = 0; i < t->n_spans; i++) {
		if (strncmp(t->spans[i].name, "codegen::opt::", 14) != 0)
			continue;
		n_passes++;
		n_sized += attr_of(t, &t->spans[i], "ir.instructions_after") != NULL;
	}
	assert_int_equal(n_passes, n_sized);
	return n_sized;
}

static void of_repeated_runs_one_measures_the_passes_and_the_others_tell_the_time(void **state)
{
	skip_when_sanitized();

	struct scene *s = start(&(struct compile_service_options){
		.analyzer = true, .analyzer_path = getenv("SPVSCOPE_ANALYZER")});
	struct compile_request q = request(good_shader);
	const struct trace_span *span;
	struct ended *e;
	struct record *r;

	(void)state;
	q.trace_filter = strdup("codegen::opt=debug");
	q.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	r = find(s, compile_one(s, q)->trace_id);
	assert_true(passes_with_sizes(r->tree) >= 40);
	assert_non_null(span_named(r->tree, "codegen::opt-sizes"));

	q = request(good_shader);
	q.trace_filter = strdup("codegen::opt=debug");
	q.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	q.analyzer.kind = ANALYZER_RELEASE;
	q.analyzer.min_samples = 100;
	e = compile_one(s, q);
	if (e->analyzer_state == ANALYZER_STATE_UNAVAILABLE) {
		print_message("no analyzer here: %s\n", e->analyzer_reason);
		stop(s);
		skip();
		return;
	}
	assert_true(e->n_clean > 2);
	r = find(s, e->trace_id);
	check_tree(r->tree);
	assert_true(passes_with_sizes(r->tree) >= 40);
	assert_null(span_named(r->tree, "codegen::opt-sizes"));
	span = span_named(r->tree, "codegen::compile");
	assert_int_equal(span->clean.n_runs, e->n_clean - 1);
	stop(s);
}

static void a_worker_path_that_is_wrong_ends_requests_with_the_reason(void **state)
{
	struct scene *s = start(&(struct compile_service_options){.worker_path = "/nonexistent/worker"});
	struct ended *e;

	(void)state;
	e = compile_one(s, request(good_shader));
	assert_int_equal(e->status, SPVSCOPE_STATUS_CRASHED);
	assert_string_equal(e->stage, "worker");
	assert_non_null(strstr(e->message, "/nonexistent/worker"));
	stop(s);
}

/* ---- killed from outside ---- */

static void children_of(pid_t pid, pid_t *ret, size_t *n_ret, size_t max)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	f = fopen(path, "re");
	*n_ret = 0;
	while (f && *n_ret < max && fscanf(f, "%d", &ret[*n_ret]) == 1)
		(*n_ret)++;
	if (f)
		fclose(f);
}

static bool is_program(pid_t pid, const char *name)
{
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f && !fgets(comm, sizeof(comm), f))
		comm[0] = '\0';
	if (f)
		fclose(f);
	return strncmp(comm, name, strlen(name)) == 0;
}

enum victim { VICTIM_WORKER, VICTIM_TEMPLATE, VICTIM_ANALYZER };

/* Only children of this test are ever signalled. */
static bool kill_one(enum victim which, unsigned turn)
{
	pid_t ours[16], workers[16];
	size_t n_ours, n_workers;

	children_of(getpid(), ours, &n_ours, ARRAY_SIZE(ours));
	for (size_t i = 0; i < n_ours; i++) {
		bool is_analyzer = is_program(ours[i], "spvscope-analyz");
		bool is_template = is_program(ours[i], "spvscope-tmpl");

		if (is_analyzer && which == VICTIM_ANALYZER)
			return kill(ours[i], SIGKILL) == 0;
		if (!is_template || which == VICTIM_ANALYZER)
			continue;
		if (which == VICTIM_TEMPLATE)
			return kill(ours[i], SIGKILL) == 0;
		children_of(ours[i], workers, &n_workers, ARRAY_SIZE(workers));
		if (n_workers)
			return kill(workers[turn % n_workers], SIGKILL) == 0;
	}
	return false;
}

#define CHAOS_REQUESTS  1000u
#define CHAOS_IN_FLIGHT 16u
#ifdef __SANITIZE_ADDRESS__
#define CHAOS_KILL_NS (60 * NS_PER_MS) /* a fork takes some 20 ms: it is to have a chance */
#else
#define CHAOS_KILL_NS (15 * NS_PER_MS)
#endif

struct chaos {
	struct scene *s;
	struct loop_source *killer, *feeder;
	unsigned turn, n_killed[3];
};

static void chaos_kill(void *arg)
{
	struct chaos *c = arg;
	enum victim which = c->turn % 60 == 9 ? VICTIM_TEMPLATE : c->turn % 20 == 19 ? VICTIM_ANALYZER : VICTIM_WORKER;

	if (which != VICTIM_WORKER && c->n_killed[which] == 4)
		which = VICTIM_WORKER; /* the pauses between restarts grow */
	c->n_killed[which] += kill_one(which, c->turn);
	c->turn++;
	loop_timer_set(c->killer, clock_now_ns() + CHAOS_KILL_NS);
}

static void chaos_feed(void *arg)
{
	struct chaos *c = arg;
	struct scene *s = c->s;

	while (s->n_submitted < CHAOS_REQUESTS && s->n_submitted - s->n_ended < CHAOS_IN_FLIGHT) {
		struct compile_request q = request(good_shader);

		q.analyzer.kind = s->n_submitted % 5 == 0 ? ANALYZER_RELEASE : s->n_submitted % 7 == 0 ? ANALYZER_DEBUG
												 : ANALYZER_OFF;
		q.analyzer.budget_ms = 20;
		if (s->n_submitted % 11 == 0)
			q.isolation = ISOLATION_REQUEST;
		q.keep = s->n_submitted % 50 == 0;
		submit(s, &q);
	}
	loop_timer_set(c->feeder, clock_now_ns() + 2 * NS_PER_MS);
}

static void kills_give_each_request_one_outcome_and_the_service_heals(void **state)
{
	struct scene *s = start(&(struct compile_service_options){
		.analyzer = true, .analyzer_path = getenv("SPVSCOPE_ANALYZER"), .isolation = ISOLATION_WORKER});
	struct chaos c = {.s = s};
	unsigned by_status[SPVSCOPE_N_STATUSES] = {0};

	(void)state;
	loop_timer_set(s->timeout, clock_now_ns() + 120 * NS_PER_S);
	assert_int_equal(loop_timer(s->loop, 0, chaos_kill, &c, &c.killer), 0);
	assert_int_equal(loop_timer(s->loop, 0, chaos_feed, &c, &c.feeder), 0);
	wait_for(s, CHAOS_REQUESTS);
	loop_source_free(c.killer);
	loop_source_free(c.feeder);
	for (unsigned i = 0; i < CHAOS_REQUESTS; i++) {
		assert_int_equal(s->ended[i].n_answers, 1);
		by_status[s->ended[i].status]++;
		if (s->ended[i].status == SPVSCOPE_STATUS_CRASHED && !strstr(s->ended[i].message, "died twice"))
			assert_string_equal(s->ended[i].signal, "SIGKILL");
	}
	assert_int_equal(by_status[SPVSCOPE_STATUS_OK] + by_status[SPVSCOPE_STATUS_CRASHED], CHAOS_REQUESTS);
	assert_true(c.n_killed[VICTIM_WORKER] > 10);
	assert_true(c.n_killed[VICTIM_TEMPLATE] >= 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(compile_one(s, request(good_shader))->status, SPVSCOPE_STATUS_OK);
	assert_true(counters(s).templates_started >= 2);
	print_message("killed %u workers, %u templates, %u analyzers: %u ok, %u crashed, %llu retried\n",
		c.n_killed[VICTIM_WORKER], c.n_killed[VICTIM_TEMPLATE], c.n_killed[VICTIM_ANALYZER],
		by_status[SPVSCOPE_STATUS_OK], by_status[SPVSCOPE_STATUS_CRASHED],
		(unsigned long long)counters(s).retried);
	stop(s);
}

static void on_drained(void *arg)
{
	struct scene *s = arg;

	s->drained = true;
	loop_quit(s->loop);
}

static void draining_ends_what_runs_and_refuses_what_comes(void **state)
{
	struct scene *s = start(&(struct compile_service_options){.n_workers = 1});
	struct compile_request q = endless_request();
	struct compile *c;

	(void)state;
	compile_one(s, request(good_shader));
	submit(s, &q);
	q = request(good_shader);
	submit(s, &q);
	s->n_wanted = 1000;
	compile_service_drain(s->service, clock_now_ns() + 200 * NS_PER_MS, on_drained, s);
	q = request(good_shader);
	assert_int_equal(compile_submit(s->service, &q, &(struct compile_caller){0}, on_done, NULL, &c), -ESHUTDOWN);
	assert_int_equal(loop_run(s->loop), 0);
	assert_true(s->drained);
	assert_int_equal(s->n_ended, 3);
	assert_int_equal(s->ended[1].status, SPVSCOPE_STATUS_CANCELLED);
	stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_becomes_spirv_and_a_trace),
		cmocka_unit_test(a_wrong_source_fails_with_diagnostics),
		cmocka_unit_test(many_requests_are_each_answered_once),
		cmocka_unit_test(a_full_queue_refuses),
		cmocka_unit_test(a_crash_is_the_requests_result_and_the_next_is_served),
		cmocka_unit_test(a_hang_ends_at_the_wall_and_tells_where),
		cmocka_unit_test(a_memory_blow_up_is_told_as_such),
		cmocka_unit_test(cancelling_ends_a_queued_and_a_running_one),
		cmocka_unit_test(the_newest_version_of_a_document_wins),
		cmocka_unit_test(isolation_gives_each_request_a_process_of_its_own),
		cmocka_unit_test(workers_are_recycled_after_their_runs),
		cmocka_unit_test(a_kept_one_is_answered_when_it_is_on_disk),
		cmocka_unit_test(with_tracing_off_there_is_no_record),
		cmocka_unit_test(a_filter_shows_the_passes_of_the_optimizer),
		cmocka_unit_test(without_an_analyzer_the_reason_is_told),
		cmocka_unit_test(the_analyzer_samples_repeated_runs),
		cmocka_unit_test(of_repeated_runs_one_measures_the_passes_and_the_others_tell_the_time),
		cmocka_unit_test(kills_give_each_request_one_outcome_and_the_service_heals),
		cmocka_unit_test(a_worker_path_that_is_wrong_ends_requests_with_the_reason),
		cmocka_unit_test(draining_ends_what_runs_and_refuses_what_comes),
	};

	if (!worker_path()) {
		fprintf(stderr, "SPVSCOPE_WORKER must name the worker\n");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	if (getenv("SPVSCOPE_TEST"))
		cmocka_set_test_filter(getenv("SPVSCOPE_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
