/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are run again: profiled and clean in turn, with the real analyzer where this machine may. */
#include "tests/server/scene.h"

#include <stdlib.h>
#include <string.h>

static void without_an_analyzer_the_reason_is_told(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){0});
	struct compile_request q = glsl_request(good_shader);
	struct ended *e;

	(void)state;
	q.analyzer.kind = ANALYZER_RELEASE;
	e = compile_one(s, q);
	assert_int_equal(e->status, SPVSCOPE_STATUS_OK);
	assert_int_equal(e->analyzer_state, ANALYZER_STATE_UNAVAILABLE);
	assert_true(strlen(e->analyzer_reason) > 10);
	scene_stop(s);
}

static void the_analyzer_samples_repeated_runs(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){
		.analyzer = true, .analyzer_path = getenv("SPVSCOPE_ANALYZER")});
	struct compile_request q = glsl_request(good_shader);
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
		scene_stop(s);
		skip();
		return;
	}
	assert_int_equal(e->analyzer_state, ANALYZER_STATE_ATTACHED);
	assert_true(e->n_profiled > 1);
	assert_int_equal(e->n_profiled, e->n_clean);
	assert_true(e->samples.samples > 100);
	assert_int_equal(e->samples.complete + e->samples.truncated, e->samples.samples);
	assert_true(e->slowdown > 0.5 && e->slowdown < 10);
	r = scene_find(s, e->trace_id);
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
	scene_stop(s);
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

	struct scene *s = scene_start(&(struct compile_service_options){
		.analyzer = true, .analyzer_path = getenv("SPVSCOPE_ANALYZER")});
	struct compile_request q = glsl_request(good_shader);
	const struct trace_span *span;
	struct ended *e;
	struct record *r;

	(void)state;
	q.trace_filter = strdup("codegen::opt=debug");
	q.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	r = scene_find(s, compile_one(s, q)->trace_id);
	assert_true(passes_with_sizes(r->tree) >= 40);
	assert_non_null(span_named(r->tree, "codegen::opt-sizes"));

	q = glsl_request(good_shader);
	q.trace_filter = strdup("codegen::opt=debug");
	q.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	q.analyzer.kind = ANALYZER_RELEASE;
	q.analyzer.min_samples = 100;
	e = compile_one(s, q);
	if (e->analyzer_state == ANALYZER_STATE_UNAVAILABLE) {
		print_message("no analyzer here: %s\n", e->analyzer_reason);
		scene_stop(s);
		skip();
		return;
	}
	assert_true(e->n_clean > 2);
	r = scene_find(s, e->trace_id);
	check_tree(r->tree);
	assert_true(passes_with_sizes(r->tree) >= 40);
	assert_null(span_named(r->tree, "codegen::opt-sizes"));
	span = span_named(r->tree, "codegen::compile");
	assert_int_equal(span->clean.n_runs, e->n_clean - 1);
	scene_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_analyzer_the_reason_is_told),
		cmocka_unit_test(the_analyzer_samples_repeated_runs),
		cmocka_unit_test(of_repeated_runs_one_measures_the_passes_and_the_others_tell_the_time),
	};

	return RUN_SCENE_TESTS(tests);
}
