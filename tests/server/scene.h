/* SPDX-License-Identifier: Apache-2.0 */
/* The front's core on a loop of a test's own, with real workers: what was submitted, and what became of each. */
#ifndef SPVSCOPE_TESTS_SCENE_H
#define SPVSCOPE_TESTS_SCENE_H

#include "tests/unit/cmocka_head.h"

#include "server/compile/compile.h"

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

/* A shader that compiles, one that is wrong, and one that glslang dies of. */
extern const char good_shader[], wrong_shader[], crashing_shader[];

/* A sanitizer's report takes the place of the signal that the compiler would have died of. */
void skip_when_sanitized(void);

/* What `with` leaves open is for tests. Ends a test that takes a minute. */
struct scene *scene_start(const struct compile_service_options *with);
void scene_stop(struct scene *s);

struct compile_request glsl_request(const char *source);
/* 802 bytes that take the optimizer more than a minute. */
struct compile_request endless_request(void);

/* A compile_done_fn of a struct ticket, which scene_submit makes. */
void on_done(void *arg, const struct compile_outcome *o);
/* Its outcome will be in s->ended, by the number of the submission. Takes the request over. */
struct compile *scene_submit(struct scene *s, struct compile_request *q);
/* Until so many have ended. */
void scene_wait(struct scene *s, unsigned n_ended);
struct ended *compile_one(struct scene *s, struct compile_request q);

/* Of a trace that has ended; the scene's reference. */
struct record *scene_find(struct scene *s, const char *trace_id);
struct compile_service_counters scene_counters(struct scene *s);
/* Children lie inside their parents, and siblings beside each other. */
void check_tree(const struct trace_tree *t);
/* NULL: there is none. */
const struct trace_span *span_named(const struct trace_tree *t, const char *name);

int run_scene_tests(const struct CMUnitTest *tests, size_t n);
#define RUN_SCENE_TESTS(tests) run_scene_tests(tests, sizeof(tests) / sizeof((tests)[0]))

#endif
