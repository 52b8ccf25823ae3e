/* SPDX-License-Identifier: Apache-2.0 */
/* The scene that the tests of this folder share. One thread, the loop's. */
#include "tests/server/scene.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

const char good_shader[] =
	"#version 450\nlayout(location = 0) out vec4 color;\n"
	"void main() { color = vec4(1.0, 0.5, 0.25, 1.0); }\n";
const char wrong_shader[] = "#version 450\nvoid main() { color = 1; }\n";
const char crashing_shader[] = "#version 450\n#pragma STDGL\nvoid main(){}";

void skip_when_sanitized(void)
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

struct scene *scene_start(const struct compile_service_options *with)
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

void scene_stop(struct scene *s)
{
	compile_service_free(s->service);
	records_close(s->records);
	record_unref(s->found);
	loop_free(s->loop);
	nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(s);
}

struct compile_request glsl_request(const char *source)
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

void on_done(void *arg, const struct compile_outcome *o)
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

struct compile *scene_submit(struct scene *s, struct compile_request *q)
{
	struct ticket *t = malloc(sizeof(*t));
	struct compile *c;

	*t = (struct ticket){.scene = s, .idx = s->n_submitted++};
	assert_int_equal(compile_submit(s->service, q, &(struct compile_caller){0}, on_done, t, &c), 0);
	assert_null(q->job.source.data); /* taken over */
	return c;
}

void scene_wait(struct scene *s, unsigned n_ended)
{
	s->n_wanted = n_ended;
	if (s->n_ended < n_ended)
		assert_int_equal(loop_run(s->loop), 0);
	assert_false(s->timed_out);
	for (unsigned i = 0; i < s->n_submitted; i++)
		assert_true(s->ended[i].n_answers <= 1);
}

struct ended *compile_one(struct scene *s, struct compile_request q)
{
	scene_submit(s, &q);
	scene_wait(s, s->n_submitted);
	return &s->ended[s->n_submitted - 1];
}

static void on_found(void *arg, struct record *r)
{
	struct scene *s = arg;

	s->found = record_ref(r);
	loop_quit(s->loop);
}

struct record *scene_find(struct scene *s, const char *trace_id)
{
	if (s->found)
		record_unref(TAKE_PTR(s->found));
	assert_true(records_get(s->records, trace_id, on_found, s) > 0);
	assert_int_equal(loop_run(s->loop), 0);
	assert_false(s->timed_out);
	assert_non_null(s->found);
	return s->found;
}

struct compile_service_counters scene_counters(struct scene *s)
{
	struct compile_service_counters c;

	compile_service_counters(s->service, &c);
	return c;
}

void check_tree(const struct trace_tree *t)
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

const struct trace_span *span_named(const struct trace_tree *t, const char *name)
{
	for (size_t i = 0; i < t->n_spans; i++)
		if (strcmp(t->spans[i].name, name) == 0)
			return &t->spans[i];
	return NULL;
}

struct compile_request endless_request(void)
{
	char source[2048];
	int n = snprintf(source, sizeof(source), "#version 450\nlayout(location=0) out vec4 o;\nfloat f0(float x){return x*1.1+sin(x);}\n");
	struct compile_request q;

	for (int i = 1; i <= 14; i++)
		n += snprintf(source + n, sizeof(source) - (size_t)n,
			"float f%d(float x){return f%d(x)+f%d(x+1.0)+f%d(x+2.0)+f%d(x*2.0);}\n", i, i - 1, i - 1, i - 1, i - 1);
	snprintf(source + n, sizeof(source) - (size_t)n, "void main(){o=vec4(f14(gl_FragCoord.x));}\n");
	q = glsl_request(source);
	q.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	return q;
}

int run_scene_tests(const struct CMUnitTest *tests, size_t n)
{
	if (!worker_path()) {
		fprintf(stderr, "SPVSCOPE_WORKER must name the worker\n");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	if (getenv("SPVSCOPE_TEST"))
		cmocka_set_test_filter(getenv("SPVSCOPE_TEST"));
	return _cmocka_run_group_tests("scene", tests, n, NULL, NULL);
}
