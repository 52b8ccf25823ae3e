/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/trace/tree.c and tree_find.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/trace/tree.h"
#include "tests/unit/sample_log.h"
#include "tests/unit/tree_check.h"

#define ROOT TRACE_NO_SPAN

static uint32_t add(struct trace_tree *t, uint32_t parent, const char *name, uint64_t start, uint64_t duration)
{
	int64_t idx = trace_tree_add(t, parent, SPVSCOPE_LEVEL_INFO, name, start, duration);
	assert_true(idx >= 0);
	return (uint32_t)idx;
}

static void a_tree_is_built_span_by_span(void **state)
{
	(void)state;
	char name[] = "server::request";
	struct trace_tree *t = trace_tree_new();
	uint32_t root = add(t, ROOT, name, 100, 50);
	name[0] = 'X'; /* the tree has its own copy */
	uint32_t child = add(t, root, "server::queue", 110, 5);
	assert_int_equal(child, 1);
	assert_int_equal(trace_tree_attr_u64(t, child, "k", 3), 0);
	assert_int_equal(trace_tree_attr_str(t, root, "s", "v"), 0);
	assert_int_equal(trace_tree_event(t, ROOT, SPVSCOPE_LEVEL_WARN, 120, "n", "m"), 0);
	assert_string_equal(t->spans[0].name, "server::request");
	assert_int_equal(t->spans[1].depth, 1);
	assert_int_equal(trace_tree_add(t, 2, SPVSCOPE_LEVEL_INFO, "no parent", 0, 0), -EINVAL);
	assert_int_equal(trace_tree_attr_u64(t, 2, "k", 3), -EINVAL);
	assert_int_equal(trace_tree_event(t, 2, SPVSCOPE_LEVEL_WARN, 1, "n", "m"), -EINVAL);
	tree_check(t, true);
	trace_tree_free(t);
	trace_tree_free(NULL);
}

static void depth_has_a_limit(void **state)
{
	(void)state;
	struct trace_tree *t = trace_tree_new();
	uint32_t at = ROOT;
	for (int i = 0; i < TRACE_TREE_MAX_DEPTH; i++)
		at = add(t, at, "deep", 0, 100);
	assert_int_equal(trace_tree_add(t, at, SPVSCOPE_LEVEL_INFO, "deeper", 0, 0), -E2BIG);
	trace_tree_free(t);
}

static void equal_names_are_kept_once_and_many_names_each(void **state)
{
	(void)state;
	struct trace_tree *t = trace_tree_new();
	char name[32], long_name[200];
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		add(t, ROOT, name, 0, 0);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		uint32_t idx = add(t, ROOT, name, 0, 0);
		assert_string_equal(t->spans[idx].name, name);
		assert_string_equal(t->spans[i].name, name);
	}
	assert_ptr_equal(t->spans[0].name, t->spans[5000].name);
	memset(long_name, 'l', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_string_equal(t->spans[add(t, ROOT, long_name, 0, 0)].name, long_name);
	trace_tree_free(t);
}

static struct trace_tree *sample_tree(void)
{
	static uint64_t log[8192 / 8];
	struct trace_tree *t = NULL;
	sample_log_write(log, sizeof(log));
	assert_int_equal(trace_tree_read(log, sizeof(log), SAMPLE_LOG_RUN, 0, &t), 0);
	return t;
}

static void a_graft_copies_everything_below_its_parent(void **state)
{
	(void)state;
	struct trace_tree *from = sample_tree(), *t = trace_tree_new();
	uint64_t start = from->spans[0].start_ns - 10, duration = from->spans[0].duration_ns + 20;
	add(t, ROOT, "server::request", start, duration);
	uint32_t run = add(t, 0, "server::run", start, duration), first = 99;
	from->dropped = 3;
	from->out_of_memory = true;
	trace_tree_event(from, ROOT, SPVSCOPE_LEVEL_INFO, 5, "outside", "every span");
	assert_int_equal(trace_tree_graft(t, run, from, &first), 0);
	assert_int_equal(first, 2);
	assert_int_equal(t->n_spans, from->n_spans + 2);
	assert_int_equal(t->spans[2].parent_idx, run);
	assert_int_equal(t->dropped, 3);
	assert_true(t->out_of_memory);
	for (size_t i = 0; i < from->n_spans; i++) {
		assert_string_equal(t->spans[i + 2].name, from->spans[i].name);
		assert_int_equal(t->spans[i + 2].start_ns, from->spans[i].start_ns);
		assert_int_equal(t->spans[i + 2].depth, from->spans[i].depth + 2);
	}
	assert_int_equal(t->attrs[0].span_idx, 2);
	assert_int_equal(t->events[t->n_events - 1].span_idx, run);
	assert_int_equal(t->events[t->n_events - 1].time_ns, start);
	trace_tree_free(from); /* nothing of it is borrowed */
	tree_check(t, true);
	trace_tree_free(t);
}

static void a_graft_is_clamped_into_a_parent_of_known_length(void **state)
{
	(void)state;
	struct trace_tree *from = trace_tree_new(), *t = trace_tree_new();
	add(from, ROOT, "a", 0, UINT64_MAX);
	add(from, 0, "b", 500, 100);
	add(t, ROOT, "known", 200, 50);
	add(t, ROOT, "unknown", 0, 0);
	assert_int_equal(trace_tree_graft(t, 0, from, NULL), 0);
	assert_int_equal(t->spans[2].start_ns, 200);
	assert_int_equal(t->spans[2].duration_ns, 50);
	assert_int_equal(t->spans[3].start_ns, 250);
	assert_int_equal(t->spans[3].duration_ns, 0);
	assert_int_equal(trace_tree_graft(t, 1, from, NULL), 0);
	assert_int_equal(t->spans[5].start_ns, 500);
	assert_int_equal(t->spans[5].duration_ns, 100);
	assert_int_equal(trace_tree_graft(t, 77, from, NULL), -EINVAL);
	trace_tree_free(from);
	trace_tree_free(t);
}

static void a_graft_that_is_too_deep_leaves_the_tree_as_it_was(void **state)
{
	(void)state;
	struct trace_tree *from = sample_tree(), *t = trace_tree_new();
	uint32_t at = ROOT;
	for (int i = 0; i < TRACE_TREE_MAX_DEPTH - 2; i++)
		at = add(t, at, "deep", 0, 0);
	assert_int_equal(trace_tree_graft(t, at, from, NULL), -E2BIG);
	assert_int_equal(t->n_spans, TRACE_TREE_MAX_DEPTH - 2);
	assert_int_equal(t->n_attrs, 0);
	trace_tree_free(from);
	trace_tree_free(t);
}

static void the_innermost_span_is_found_by_time(void **state)
{
	(void)state;
	struct trace_tree *t = trace_tree_new();
	/*  a ├────────────────────┤ 100–200
	 *  b   ├──────┤             110–140
	 *  c     ├──┤               120–130
	 *  d     ├─────────┤        115–160, overlaps b, which ended inside it
	 *  e                  ││    170–170, no length     f: 300–400 */
	uint32_t a = add(t, ROOT, "a", 100, 100), b = add(t, a, "b", 110, 30), c = add(t, b, "c", 120, 10);
	uint32_t d = add(t, a, "d", 115, 45), e = add(t, a, "e", 170, 0), f = add(t, ROOT, "f", 300, 100);
	(void)c;
	assert_int_equal(trace_tree_innermost(t, ROOT, 99), TRACE_NO_SPAN);
	assert_int_equal(trace_tree_innermost(t, ROOT, 100), a);
	assert_int_equal(trace_tree_innermost(t, ROOT, 112), b);
	assert_int_equal(trace_tree_innermost(t, ROOT, 150), d);
	assert_int_equal(trace_tree_innermost(t, ROOT, 160), a);
	assert_int_equal(trace_tree_innermost(t, ROOT, 170), e);
	assert_int_equal(trace_tree_innermost(t, ROOT, 199), a);
	assert_int_equal(trace_tree_innermost(t, ROOT, 200), TRACE_NO_SPAN);
	assert_int_equal(trace_tree_innermost(t, ROOT, 399), f);
	assert_int_equal(trace_tree_innermost(t, b, 125), c);
	assert_int_equal(trace_tree_innermost(t, f, 125), TRACE_NO_SPAN);
	assert_int_equal(trace_tree_innermost(t, 1000, 125), TRACE_NO_SPAN);
	/* the index follows what is added later */
	uint32_t g = add(t, f, "g", 350, 10);
	assert_int_equal(trace_tree_innermost(t, ROOT, 355), g);
	trace_tree_free(t);
}

static void the_index_agrees_with_looking_at_every_span(void **state)
{
	(void)state;
	uint64_t seed = 88172645463325252ull;
	struct trace_tree *t = trace_tree_new();
	/* A thousand spans without overlapping siblings: each child lies in its own piece of its parent. */
	uint32_t at = add(t, ROOT, "root", 0, 1u << 20);
	uint64_t next[1024] = {0};
	for (int i = 1; i < 1000; i++) {
		at = (uint32_t)(sample_random(&seed) % t->n_spans);
		const struct trace_span *p = &t->spans[at];
		uint64_t left = p->duration_ns - next[at];
		if (p->depth > 100 || left < 4)
			continue;
		uint64_t length = left / 4 + 1;
		uint32_t idx = add(t, at, "x", p->start_ns + next[at], length);
		next[at] += length;
		assert_true(idx < 1024);
	}
	for (uint64_t time = 0; time < 1u << 20; time += 97) {
		uint32_t best = TRACE_NO_SPAN;
		for (uint32_t i = 0; i < t->n_spans; i++)
			if (time >= t->spans[i].start_ns && time - t->spans[i].start_ns < t->spans[i].duration_ns &&
			    (best == TRACE_NO_SPAN || t->spans[i].depth > t->spans[best].depth))
				best = i;
		assert_int_equal(trace_tree_innermost(t, ROOT, time), best);
	}
	trace_tree_free(t);
}

static void spans_of_two_runs_are_matched_by_their_place(void **state)
{
	(void)state;
	struct trace_tree *a = trace_tree_new(), *b = trace_tree_new();
	uint32_t map[8];
	uint32_t ra = add(a, ROOT, "run", 0, 0), oa = add(a, ra, "opt", 0, 0);
	add(a, oa, "pass", 0, 0);           /* 2 */
	add(a, oa, "other", 0, 0);          /* 3 */
	add(a, oa, "pass", 0, 0);           /* 4: the second of its name */
	uint32_t extra = add(a, oa, "only-in-a", 0, 0);
	add(a, extra, "pass", 0, 0);        /* 6: below one that b lacks */
	add(a, ROOT, "elsewhere", 0, 0);    /* 7: no such root in b */

	uint32_t rb = add(b, ROOT, "run", 0, 0);
	add(b, rb, "warm", 0, 0);
	uint32_t ob = add(b, rb, "opt", 0, 0);
	uint32_t other = add(b, ob, "other", 0, 0), p1 = add(b, ob, "pass", 0, 0), p2 = add(b, ob, "pass", 0, 0);

	assert_int_equal(trace_tree_match(a, b, map), 0);
	assert_int_equal(map[0], rb);
	assert_int_equal(map[1], ob);
	assert_int_equal(map[2], p1);
	assert_int_equal(map[3], other);
	assert_int_equal(map[4], p2);
	assert_int_equal(map[5], ob);
	assert_int_equal(map[6], ob);
	assert_int_equal(map[7], TRACE_NO_SPAN);
	struct trace_tree *none = trace_tree_new();
	assert_int_equal(trace_tree_match(a, none, map), 0);
	assert_int_equal(map[0], TRACE_NO_SPAN);
	assert_int_equal(map[6], TRACE_NO_SPAN);
	assert_int_equal(trace_tree_match(none, a, map), 0);
	trace_tree_free(none);
	trace_tree_free(a);
	trace_tree_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_is_built_span_by_span),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(equal_names_are_kept_once_and_many_names_each),
		cmocka_unit_test(a_graft_copies_everything_below_its_parent),
		cmocka_unit_test(a_graft_is_clamped_into_a_parent_of_known_length),
		cmocka_unit_test(a_graft_that_is_too_deep_leaves_the_tree_as_it_was),
		cmocka_unit_test(the_innermost_span_is_found_by_time),
		cmocka_unit_test(the_index_agrees_with_looking_at_every_span),
		cmocka_unit_test(spans_of_two_runs_are_matched_by_their_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
