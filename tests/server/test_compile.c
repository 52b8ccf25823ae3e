/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a request: compiled, refused, crashed, hung, cancelled, overtaken, kept. */
#include "tests/server/scene.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

static void a_source_becomes_spirv_and_a_trace(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){0});
	struct ended *e = compile_one(s, glsl_request(good_shader));
	struct record *r;

	(void)state;
	assert_int_equal(e->status, SPVSCOPE_STATUS_OK);
	assert_true(e->n_spirv_words > 20);
	assert_true(e->traced);
	r = scene_find(s, e->trace_id);
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
	scene_stop(s);
}

static void a_wrong_source_fails_with_diagnostics(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){0});
	struct ended *e = compile_one(s, glsl_request(wrong_shader));

	(void)state;
	assert_int_equal(e->status, SPVSCOPE_STATUS_FAILED);
	assert_true(e->n_diagnostics > 0);
	scene_stop(s);
}

static void many_requests_are_each_answered_once(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){0});

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct compile_request q = glsl_request(i % 7 ? good_shader : wrong_shader);

		scene_submit(s, &q);
	}
	scene_wait(s, 500);
	for (int i = 0; i < 500; i++)
		assert_int_equal(s->ended[i].status, i % 7 ? SPVSCOPE_STATUS_OK : SPVSCOPE_STATUS_FAILED);
	assert_int_equal(scene_counters(s).started, 500);
	assert_int_equal(scene_counters(s).workers_died, 0);
	scene_stop(s);
}

static void a_full_queue_refuses(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){.max_queued = 3});
	struct compile_request q;
	struct compile *c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		q = glsl_request(good_shader);
		scene_submit(s, &q);
	}
	q = glsl_request(good_shader);
	assert_int_equal(compile_submit(s->service, &q, &(struct compile_caller){0}, on_done, NULL, &c), -EBUSY);
	assert_null(q.job.source.data);
	assert_int_equal(scene_counters(s).refused_busy, 1);
	scene_wait(s, 3);
	scene_stop(s);
}

static void a_crash_is_the_requests_result_and_the_next_is_served(void **state)
{
	skip_when_sanitized();

	struct scene *s = scene_start(&(struct compile_service_options){.n_workers = 1});
	struct ended *e = compile_one(s, glsl_request(crashing_shader));
	struct record *r;

	(void)state;
	assert_int_equal(e->status, SPVSCOPE_STATUS_CRASHED);
	assert_string_equal(e->signal, "SIGSEGV");
	assert_non_null(strstr(e->stage, "codegen::"));
	assert_true(e->traced);
	r = scene_find(s, e->trace_id);
	check_tree(r->tree);
	assert_non_null(span_named(r->tree, e->stage));
	assert_true(span_named(r->tree, e->stage)->open);
	assert_int_equal(compile_one(s, glsl_request(good_shader))->status, SPVSCOPE_STATUS_OK);
	assert_int_equal(scene_counters(s).workers_died, 1);
	scene_stop(s);
}

static void a_hang_ends_at_the_wall_and_tells_where(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){.n_workers = 1});
	struct compile_request q = endless_request();
	struct ended *e;

	(void)state;
	compile_one(s, glsl_request(good_shader));
	q.wall_ms = 300;
	e = compile_one(s, q);
	assert_int_equal(e->status, SPVSCOPE_STATUS_TIMED_OUT);
	assert_true(e->duration_ns >= 300 * NS_PER_MS && e->duration_ns < 1500 * NS_PER_MS);
	assert_string_equal(e->stage, "codegen::opt");
	assert_string_equal(e->signal, "");
	assert_int_equal(compile_one(s, glsl_request(good_shader))->status, SPVSCOPE_STATUS_OK);
	scene_stop(s);
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
	return glsl_request(source);
}

static void a_memory_blow_up_is_told_as_such(void **state)
{
	skip_when_sanitized(); /* its own shadow memory takes no notice of the limit */

	struct scene *s = scene_start(&(struct compile_service_options){.n_workers = 1});
	struct compile_request q = bomb_request();
	struct ended *e;

	(void)state;
	q.memory_bytes = 64 << 20;
	q.wall_ms = 20000;
	e = compile_one(s, q);
	assert_int_equal(e->status, SPVSCOPE_STATUS_OUT_OF_MEMORY);
	assert_non_null(strstr(e->stage, "codegen::"));
	assert_int_equal(compile_one(s, glsl_request(good_shader))->status, SPVSCOPE_STATUS_OK);
	scene_stop(s);
}

static void cancelling_ends_a_queued_and_a_running_one(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){.n_workers = 1});
	struct compile_request q = endless_request();
	struct compile *running, *queued;

	(void)state;
	compile_one(s, glsl_request(good_shader));
	running = scene_submit(s, &q);
	q = glsl_request(good_shader);
	queued = scene_submit(s, &q);
	compile_cancel(queued, false);
	compile_cancel(running, false);
	assert_int_equal(s->n_ended, 1); /* never from within the call */
	scene_wait(s, 3);
	assert_int_equal(s->ended[1].status, SPVSCOPE_STATUS_CANCELLED);
	assert_int_equal(s->ended[2].status, SPVSCOPE_STATUS_CANCELLED);
	assert_false(s->ended[1].traced);
	assert_int_equal(compile_one(s, glsl_request(good_shader))->status, SPVSCOPE_STATUS_OK);
	scene_stop(s);
}

static struct compile_request document(const char *uri, uint64_t version)
{
	struct compile_request q = glsl_request(good_shader);

	q.document.session = strdup("editor");
	q.document.uri = strdup(uri);
	q.document.version = version;
	return q;
}

static void the_newest_version_of_a_document_wins(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){.n_workers = 1});
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

		scene_submit(s, &q);
	}
	scene_wait(s, ARRAY_SIZE(sent));
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		assert_int_equal(s->ended[i].status, sent[i].status);
	scene_stop(s);
}

static void isolation_gives_each_request_a_process_of_its_own(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){.isolation = ISOLATION_REQUEST});

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct ended *e = compile_one(s, glsl_request(good_shader));

		assert_int_equal(e->status, SPVSCOPE_STATUS_OK);
		assert_int_equal(scene_find(s, e->trace_id)->tree->n_attrs > 0, true);
	}
	assert_true(scene_counters(s).workers_forked >= 20);
	scene_stop(s);
}

static void workers_are_recycled_after_their_runs(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){.n_workers = 1, .worker_max_runs = 5});

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_int_equal(compile_one(s, glsl_request(good_shader))->status, SPVSCOPE_STATUS_OK);
	assert_true(scene_counters(s).workers_forked >= 9);
	assert_int_equal(scene_counters(s).workers_died, 0);
	scene_stop(s);
}

static void a_kept_one_is_answered_when_it_is_on_disk(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){0});
	struct compile_request q = glsl_request(good_shader);
	struct ended *e;

	(void)state;
	q.keep = true;
	e = compile_one(s, q);
	assert_true(e->kept);
	assert_true(scene_find(s, e->id)->kept);
	scene_stop(s);
}

static void with_tracing_off_there_is_no_record(void **state)
{
	struct scene *s = scene_start(&(struct compile_service_options){0});
	struct compile_request q = glsl_request(good_shader);
	struct ended *e;

	(void)state;
	q.has_trace_level = true;
	q.trace_level = SPVSCOPE_LEVEL_OFF;
	e = compile_one(s, q);
	assert_int_equal(e->status, SPVSCOPE_STATUS_OK);
	assert_false(e->traced);
	assert_int_equal(e->n_spans, 0);
	scene_stop(s);
}

static void a_filter_shows_the_passes_of_the_optimizer(void **state)
{
	skip_when_sanitized();

	struct scene *s = scene_start(&(struct compile_service_options){0});
	struct compile_request q = glsl_request(good_shader);
	const struct trace_tree *t;
	unsigned n_passes = 0;

	(void)state;
	q.trace_filter = strdup("codegen::opt=debug");
	q.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	t = scene_find(s, compile_one(s, q)->trace_id)->tree;
	check_tree(t);
	for (size_t i = 0; i < t->n_spans; i++)
		n_passes += strncmp(t->spans[i].name, "codegen::opt::", 14) == 0;
	assert_true(n_passes >= 40);
	scene_stop(s);
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
	};

	return RUN_SCENE_TESTS(tests);
}
