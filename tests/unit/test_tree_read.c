/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/trace/tree_read.c against logs that no honest writer leaves. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/trace/tree.h"
#include "tests/unit/sample_log.h"
#include "tests/unit/tree_check.h"

#define LOG_BYTES 8192

static uint64_t log_memory[LOG_BYTES / 8];

/* A record without texts behind what is in the log. */
static struct span_log_record *put(enum span_log_type type, uint32_t span, uint32_t parent, uint64_t time_ns)
{
	struct span_log_header *h = (struct span_log_header *)log_memory;
	struct span_log_record *r = (struct span_log_record *)((char *)log_memory + h->used);
	*r = (struct span_log_record){
		.size = sizeof(*r), .type = (uint16_t)type, .span = span, .parent = parent, .time_ns = time_ns};
	h->used += sizeof(*r);
	return r;
}

/* The same with a name of one to eight bytes, at level info. */
static struct span_log_record *put_named(enum span_log_type type, uint32_t span, uint32_t parent, uint64_t time_ns,
	const char *name)
{
	struct span_log_header *h = (struct span_log_header *)log_memory;
	struct span_log_record *r = put(type, span, parent, time_ns);
	r->level = SPVSCOPE_LEVEL_INFO;
	r->size += 8;
	r->text_len[0] = (uint16_t)strlen(name);
	memset(r + 1, 0, 8);
	memcpy(r + 1, name, strlen(name));
	h->used += 8;
	return r;
}

static struct span_log_header *empty_log(void)
{
	struct span_log_header *h = (struct span_log_header *)log_memory;
	memset(log_memory, 0, sizeof(log_memory));
	*h = (struct span_log_header){
		.magic = SPAN_LOG_MAGIC,
		.version = SPAN_LOG_VERSION,
		.header_bytes = sizeof(*h),
		.capacity = LOG_BYTES,
		.run_id = 1,
		.used = sizeof(*h),
	};
	return h;
}

static struct trace_tree *read_log(uint64_t end_ns)
{
	struct trace_tree *t = NULL;
	assert_int_equal(trace_tree_read(log_memory, LOG_BYTES, 1, end_ns, &t), 0);
	tree_check(t, true);
	return t;
}

static void a_log_of_another_run_or_kind_is_refused(void **state)
{
	(void)state;
	struct trace_tree *t = NULL;
	struct span_log_header *h = empty_log();
	assert_int_equal(trace_tree_read(log_memory, LOG_BYTES, 2, 0, &t), -EINVAL);
	assert_int_equal(trace_tree_read(log_memory, sizeof(*h) - 1, 1, 0, &t), -EINVAL);
	h->version++;
	assert_int_equal(trace_tree_read(log_memory, LOG_BYTES, 1, 0, &t), -EINVAL);
	h = empty_log();
	h->magic++;
	assert_int_equal(trace_tree_read(log_memory, LOG_BYTES, 1, 0, &t), -EINVAL);
	h = empty_log();
	h->header_bytes = 64;
	assert_int_equal(trace_tree_read(log_memory, LOG_BYTES, 1, 0, &t), -EINVAL);
	assert_null(t);
}

static void a_wrong_length_is_counted_and_bounded(void **state)
{
	(void)state;
	static const uint64_t lengths[] = {0, 1, 127, 129, LOG_BYTES + 8, UINT64_MAX, UINT64_MAX - 7};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct span_log_header *h = empty_log();
		h->used = lengths[i];
		struct trace_tree *t = read_log(0);
		assert_true(t->malformed >= 1);
		assert_int_equal(t->n_spans, 0);
		trace_tree_free(t);
	}
}

static void what_contradicts_ends_the_reading_and_keeps_what_came_before(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 21; wrong++) {
		empty_log();
		put_named(SPAN_LOG_BEGIN, 1, 0, 100, "a");
		struct span_log_record *r = put_named(SPAN_LOG_BEGIN, 2, 1, 110, "b");
		switch (wrong) {
		case 0: r->span = 3; break;            /* ids count up */
		case 1: r->span = 1; break;
		case 2: r->parent = 0; break;          /* the parent is the innermost open span */
		case 3: r->parent = 2; break;
		case 4: r->parent = 999; break;
		case 5: r->level = 0; break;
		case 6: r->level = 5; break;
		case 7: r->type = 0; break;
		case 8: r->type = 7; break;
		case 9: r->type = 0xffff; break;
		case 10: r->size = 0; break;
		case 11: r->size = 80; break;
		case 12: r->size = 96; break;
		case 13: r->size = 0xfffffff8; break;
		case 14: r->text_len[0] = 0; break;
		case 15: r->text_len[0] = 9; break;
		case 16: r->text_len[1] = 1; break;
		case 17: r->text_len[0] = 0xffff; break;
		case 18: ((char *)(r + 1))[0] = '\0'; break; /* a NUL in a text */
		case 19: r->type = SPAN_LOG_END; r->text_len[0] = 0; break;
		case 20: r->type = SPAN_LOG_ATTR_U64; r->span = 2; break; /* no such span yet */
		}
		put_named(SPAN_LOG_BEGIN, 3, 2, 120, "c");
		struct trace_tree *t = read_log(200);
		if (t->n_spans != 1 || t->malformed != 1)
			fail_msg("case %d: %zu spans, %d malformed", wrong, t->n_spans, (int)t->malformed);
		assert_true(t->spans[0].open);
		assert_int_equal(t->spans[0].duration_ns, 100);
		trace_tree_free(t);
	}
}

static void only_the_innermost_span_can_be_ended(void **state)
{
	(void)state;
	empty_log();
	put_named(SPAN_LOG_BEGIN, 1, 0, 100, "a");
	put_named(SPAN_LOG_BEGIN, 2, 1, 110, "b");
	put(SPAN_LOG_END, 1, 0, 120);
	struct trace_tree *t = read_log(200);
	assert_int_equal(t->malformed, 1);
	assert_true(t->spans[0].open && t->spans[1].open);
	trace_tree_free(t);
}

static void times_are_moved_into_the_parent(void **state)
{
	(void)state;
	empty_log();
	put_named(SPAN_LOG_BEGIN, 1, 0, 1000, "a");
	put_named(SPAN_LOG_BEGIN, 2, 1, 10, "before");
	put(SPAN_LOG_END, 2, 1, 5);
	put_named(SPAN_LOG_BEGIN, 3, 1, 3000, "behind");
	put_named(SPAN_LOG_EVENT, 3, 0, UINT64_MAX, "e");
	put(SPAN_LOG_END, 3, 1, UINT64_MAX);
	struct span_log_record *r = put_named(SPAN_LOG_ADDED, 4, 1, 1500, "added");
	r->usage.duration_ns = UINT64_MAX;
	put(SPAN_LOG_END, 1, 0, 2000);
	struct trace_tree *t = read_log(5000);
	assert_int_equal(t->malformed, 0);
	assert_int_equal(t->n_spans, 4);
	/* An end is never before a time that was told earlier: "a" reaches to the end of "behind". */
	assert_int_equal(t->spans[0].start_ns, 1000);
	assert_int_equal(t->spans[0].duration_ns, 4000);
	assert_int_equal(t->spans[1].start_ns, 1000);
	assert_int_equal(t->spans[2].start_ns, 3000);
	assert_int_equal(t->spans[2].duration_ns, 2000);
	assert_int_equal(t->spans[3].start_ns, 1500);
	assert_int_equal(t->spans[3].duration_ns, 3500);
	assert_int_equal(t->events[0].time_ns, 5000);
	trace_tree_free(t);
}

static void open_spans_end_where_the_process_did(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		empty_log();
		put_named(SPAN_LOG_BEGIN, 1, 0, 1000, "a")->usage.alloc_bytes = 50;
		put_named(SPAN_LOG_BEGIN, 2, 1, 1100, "b")->usage.alloc_bytes = 80;
		put(SPAN_LOG_END, 2, 1, 1200)->usage.alloc_bytes = 95;
		put_named(SPAN_LOG_BEGIN, 3, 1, 1300, "c")->usage.alloc_bytes = 95;
		struct trace_tree *t = read_log(known ? 2000 : 0);
		assert_int_equal(t->spans[0].duration_ns, known ? 1000 : 300);
		assert_int_equal(t->spans[0].used.alloc_bytes, 45);
		assert_true(t->spans[0].open && !t->spans[1].open && t->spans[2].open);
		assert_int_equal(t->spans[2].duration_ns, known ? 700 : 0);
		trace_tree_free(t);
	}
}

static void spans_nested_too_deep_are_refused(void **state)
{
	(void)state;
	empty_log();
	for (uint32_t i = 1; i <= TRACE_WRITER_MAX_DEPTH + 1; i++)
		put_named(SPAN_LOG_BEGIN, i, i - 1, 100, "deep");
	struct trace_tree *t = read_log(0);
	assert_int_equal(t->n_spans, TRACE_WRITER_MAX_DEPTH);
	assert_int_equal(t->malformed, 1);
	trace_tree_free(t);
}

static void damaged_logs_give_sound_trees_for_20000_seeds(void **state)
{
	(void)state;
	uint8_t whole[LOG_BYTES];
	size_t spans = 0, untouched, refused = 0;
	memset(log_memory, 0, sizeof(log_memory));
	size_t used = sample_log_write(log_memory, LOG_BYTES);
	struct trace_tree *t = NULL;
	assert_int_equal(trace_tree_read(log_memory, LOG_BYTES, SAMPLE_LOG_RUN, 0, &t), 0);
	untouched = t->n_spans;
	assert_int_equal(untouched, 8);
	trace_tree_free(t);
	memcpy(whole, log_memory, LOG_BYTES);
	for (uint64_t i = 1; i <= 20000; i++) {
		uint64_t seed = i * 0x9e3779b97f4a7c15ull;
		memcpy(log_memory, whole, LOG_BYTES);
		sample_damage((uint8_t *)log_memory, used, &seed);
		if (trace_tree_read(log_memory, LOG_BYTES, SAMPLE_LOG_RUN, i % 2 ? UINT64_MAX / 4 : 0, &t) < 0) {
			refused++;
			continue;
		}
		tree_check(t, true);
		assert_true(t->n_spans <= used / sizeof(struct span_log_record));
		trace_tree_innermost(t, TRACE_NO_SPAN, t->n_spans ? t->spans[0].start_ns : 0);
		spans += t->n_spans;
		trace_tree_free(t);
	}
	/* The damage reached all depths of the reader: some logs were refused, some read in part. */
	assert_true(refused > 0 && refused < 20000);
	assert_true(spans > 0 && spans < 20000 * untouched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_of_another_run_or_kind_is_refused),
		cmocka_unit_test(a_wrong_length_is_counted_and_bounded),
		cmocka_unit_test(what_contradicts_ends_the_reading_and_keeps_what_came_before),
		cmocka_unit_test(only_the_innermost_span_can_be_ended),
		cmocka_unit_test(times_are_moved_into_the_parent),
		cmocka_unit_test(open_spans_end_where_the_process_did),
		cmocka_unit_test(spans_nested_too_deep_are_refused),
		cmocka_unit_test(damaged_logs_give_sound_trees_for_20000_seeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
