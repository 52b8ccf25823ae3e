/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/trace/writer.c, read back by tree_read.c. */
#include "tests/unit/cmocka_head.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "codegen/trace/span_log.h"
#include "codegen/trace/tree.h"
#include "codegen/trace/writer.h"

#define LOG_BYTES (1u << 20)
#define RUN       7

struct fixture {
	void *log;
	size_t size;
	struct trace_writer *writer;
	const struct spvscope_tracer *t;
	struct trace_tree *tree;
};

static uint64_t fake_bytes, fake_calls;

static void fake_alloc(uint64_t *ret_bytes, uint64_t *ret_calls)
{
	*ret_bytes = fake_bytes;
	*ret_calls = fake_calls;
}

static void start(struct fixture *f, size_t size, const char *directives)
{
	struct trace_filter filter;
	f->size = size;
	f->log = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->log, MAP_FAILED);
	f->writer = trace_writer_new(f->log, size, fake_alloc);
	assert_non_null(f->writer);
	f->t = trace_writer_tracer(f->writer);
	f->tree = NULL;
	trace_filter_init(&filter, SPVSCOPE_LEVEL_INFO);
	assert_int_equal(trace_filter_parse(&filter, directives, NULL, 0), 0);
	trace_writer_start(f->writer, RUN, &filter);
}

static const struct trace_tree *read_back(struct fixture *f)
{
	trace_tree_free(f->tree);
	f->tree = NULL;
	assert_int_equal(trace_tree_read(f->log, f->size, RUN, clock_now_ns(), &f->tree), 0);
	return f->tree;
}

static void finish(struct fixture *f)
{
	trace_tree_free(f->tree);
	trace_writer_free(f->writer);
	munmap(f->log, f->size);
}

static void what_was_written_is_read_back(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, LOG_BYTES, "debug");
	void *ctx = f.t->ctx;

	uint32_t outer = f.t->begin(ctx, SPVSCOPE_LEVEL_INFO, "codegen::compile");
	uint32_t inner = f.t->begin(ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::parse");
	fake_bytes += 1000;
	fake_calls += 3;
	f.t->attr_u64(ctx, inner, "ir.bytes_before", 42);
	f.t->attr_str(ctx, outer, "backend", "glslang", 7);
	f.t->event(ctx, SPVSCOPE_LEVEL_ERROR, "codegen::parse", "no such name", 12);
	f.t->end(ctx, inner);
	f.t->attr_u64(ctx, inner, "late", 1); /* an ended span takes attributes too */
	f.t->end(ctx, outer);
	f.t->event(ctx, SPVSCOPE_LEVEL_INFO, "codegen", "", 0);

	const struct trace_tree *t = read_back(&f);
	assert_int_equal(t->n_spans, 2);
	assert_int_equal(t->malformed, 0);
	assert_int_equal(t->dropped, 0);
	assert_string_equal(t->spans[0].name, "codegen::compile");
	assert_int_equal(t->spans[0].parent_idx, TRACE_NO_SPAN);
	assert_int_equal(t->spans[0].depth, 0);
	assert_string_equal(t->spans[1].name, "codegen::parse");
	assert_int_equal(t->spans[1].level, SPVSCOPE_LEVEL_DEBUG);
	assert_int_equal(t->spans[1].parent_idx, 0);
	assert_int_equal(t->spans[1].depth, 1);
	assert_int_equal(t->spans[1].pid, getpid());
	assert_int_equal(t->spans[1].used.alloc_bytes, 1000);
	assert_int_equal(t->spans[1].used.alloc_calls, 3);
	assert_false(t->spans[0].open || t->spans[1].open);
	assert_true(t->spans[1].start_ns >= t->spans[0].start_ns);
	assert_true(t->spans[0].duration_ns >= t->spans[1].duration_ns && t->spans[1].duration_ns > 0);
	assert_true(t->spans[0].used.cpu_ns >= t->spans[1].used.cpu_ns);
	assert_int_equal(t->n_attrs, 3);
	assert_string_equal(t->attrs[0].key, "ir.bytes_before");
	assert_null(t->attrs[0].text);
	assert_int_equal(t->attrs[0].value, 42);
	assert_string_equal(t->attrs[1].text, "glslang");
	assert_int_equal(t->attrs[1].span_idx, 0);
	assert_int_equal(t->n_events, 2);
	assert_int_equal(t->events[0].span_idx, 1);
	assert_string_equal(t->events[0].message, "no such name");
	assert_int_equal(t->events[1].span_idx, TRACE_NO_SPAN);
	finish(&f);
}

static void what_the_filter_leaves_out_costs_nothing_and_breaks_nothing(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, LOG_BYTES, "info,codegen::opt=debug");
	void *ctx = f.t->ctx;

	assert_true(f.t->enabled(ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::opt::x"));
	assert_false(f.t->enabled(ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::parse"));
	uint32_t outer = f.t->begin(ctx, SPVSCOPE_LEVEL_INFO, "codegen::parse");
	assert_int_equal(f.t->begin(ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::parse::include"), 0);
	uint32_t pass = f.t->begin(ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::opt::x");
	f.t->attr_u64(ctx, 0, "k", 1);
	f.t->attr_u64(ctx, 99, "k", 1);
	f.t->end(ctx, 0);
	f.t->event(ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::parse", "no", 2);
	f.t->end(ctx, pass);
	f.t->end(ctx, pass);
	f.t->end(ctx, outer);
	const struct trace_tree *t = read_back(&f);
	assert_int_equal(t->n_spans, 2);
	assert_int_equal(t->spans[1].parent_idx, 0);
	assert_int_equal(t->n_attrs, 0);
	assert_int_equal(t->n_events, 0);
	assert_int_equal(t->dropped, 0);
	finish(&f);
}

static void ending_an_outer_span_ends_the_inner_ones(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, LOG_BYTES, "debug");
	uint32_t first = f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "a");
	for (int i = 0; i < 5; i++)
		f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "b");
	f.t->end(f.t->ctx, first);
	uint32_t next = f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "c");
	f.t->end(f.t->ctx, next);
	const struct trace_tree *t = read_back(&f);
	assert_int_equal(t->n_spans, 7);
	for (size_t i = 0; i < 7; i++)
		assert_false(t->spans[i].open);
	assert_int_equal(t->spans[6].parent_idx, TRACE_NO_SPAN);
	finish(&f);
}

static void a_span_can_be_added_afterwards(void **state)
{
	(void)state;
	struct fixture f;
	struct spvscope_usage from, to;
	start(&f, LOG_BYTES, "debug");
	uint32_t opt = f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "codegen::opt");
	f.t->usage(f.t->ctx, &from);
	fake_bytes += 77;
	f.t->usage(f.t->ctx, &to);
	uint32_t pass = f.t->add(f.t->ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::opt::p", &from, &to);
	f.t->attr_u64(f.t->ctx, pass, "ir.bytes_after", 5);
	uint32_t swapped = f.t->add(f.t->ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::opt::q", &to, &from);
	assert_int_not_equal(swapped, 0);
	f.t->end(f.t->ctx, opt);
	const struct trace_tree *t = read_back(&f);
	assert_int_equal(t->n_spans, 3);
	assert_int_equal(t->spans[1].start_ns, from.now_ns);
	assert_int_equal(t->spans[1].duration_ns, to.now_ns - from.now_ns);
	assert_int_equal(t->spans[1].used.alloc_bytes, 77);
	assert_int_equal(t->spans[1].parent_idx, 0);
	assert_int_equal(t->spans[2].duration_ns, 0);
	assert_int_equal(t->spans[2].used.alloc_bytes, 0);
	assert_int_equal(t->attrs[0].span_idx, 1);
	finish(&f);
}

static void spans_of_another_process_are_told_with_the_times_of_its_clock(void **state)
{
	(void)state;
	struct fixture f;
	struct spvscope_usage at = {0};

	start(&f, LOG_BYTES, "debug");
	uint32_t tool = f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "codegen::tool::x");
	uint64_t from_ns = clock_now_ns();
	while (clock_now_ns() < from_ns + 100000)
		;
	at.now_ns = from_ns + 1000;
	uint32_t outer = f.t->begin_at(f.t->ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::tool::x::parse", &at);
	at.now_ns = from_ns + 2000;
	uint32_t inner = f.t->begin_at(f.t->ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::tool::x::include", &at);
	at.now_ns = from_ns + 5000;
	at.cpu_ns = 2500;
	f.t->end_at(f.t->ctx, inner, &at);
	at.now_ns = from_ns + 9000;
	f.t->end_at(f.t->ctx, outer, &at);
	f.t->end_at(f.t->ctx, outer, &at); /* twice is once */
	f.t->end(f.t->ctx, tool);
	const struct trace_tree *t = read_back(&f);
	assert_int_equal(t->malformed, 0);
	assert_int_equal(t->n_spans, 3);
	assert_int_equal(t->spans[1].parent_idx, 0);
	assert_int_equal(t->spans[1].start_ns, from_ns + 1000);
	assert_int_equal(t->spans[1].duration_ns, 8000);
	assert_int_equal(t->spans[2].parent_idx, 1);
	assert_int_equal(t->spans[2].start_ns, from_ns + 2000);
	assert_int_equal(t->spans[2].duration_ns, 3000);
	assert_int_equal(t->spans[2].used.cpu_ns, 2500);
	assert_true(t->spans[0].duration_ns >= 100000);
	finish(&f);
}

static void a_full_log_counts_what_it_drops_and_still_ends_its_spans(void **state)
{
	(void)state;
	struct fixture f;
	uint32_t ids[200], n = 0, dropped = 0;
	start(&f, 4096, "debug");
	for (int i = 0; i < 20; i++) {
		uint32_t id = f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "codegen::a");
		if (id)
			ids[n++] = id;
		else
			dropped++;
	}
	for (int i = 0; i < 100; i++) {
		f.t->attr_str(f.t->ctx, ids[0], "k", "vvvvvvvvvvvvvvvvvvvvvvvvvvvvv", 30);
		f.t->event(f.t->ctx, SPVSCOPE_LEVEL_INFO, "e", "m", 1);
	}
	while (n > 0)
		f.t->end(f.t->ctx, ids[--n]);
	const struct trace_tree *t = read_back(&f);
	assert_int_equal(t->malformed, 0);
	assert_true(t->n_spans > 5);
	assert_int_equal(t->dropped, dropped + 200 - t->n_attrs - t->n_events);
	for (size_t i = 0; i < t->n_spans; i++)
		assert_false(t->spans[i].open);
	finish(&f);
}

static void too_deep_and_too_many_spans_are_dropped(void **state)
{
	(void)state;
	struct fixture f;
	struct spvscope_usage u;
	start(&f, 64u << 20, "debug");
	uint32_t first = f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "a");
	for (uint32_t i = 2; i <= TRACE_WRITER_MAX_DEPTH; i++)
		assert_int_equal(f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "a"), i);
	assert_int_equal(f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "a"), 0);
	f.t->end(f.t->ctx, first);
	f.t->usage(f.t->ctx, &u);
	for (uint32_t i = TRACE_WRITER_MAX_DEPTH; i < SPAN_LOG_MAX_SPANS; i++)
		assert_int_not_equal(f.t->add(f.t->ctx, SPVSCOPE_LEVEL_INFO, "b", &u, &u), 0);
	assert_int_equal(f.t->add(f.t->ctx, SPVSCOPE_LEVEL_INFO, "b", &u, &u), 0);
	assert_int_equal(f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "b"), 0);
	const struct trace_tree *t = read_back(&f);
	assert_int_equal(t->n_spans, SPAN_LOG_MAX_SPANS);
	assert_int_equal(t->malformed, 0);
	assert_int_equal(t->dropped, 3);
	finish(&f);
}

static void long_texts_are_cut_between_characters(void **state)
{
	(void)state;
	struct fixture f;
	char name[400], value[5000];
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memcpy(name + SPVSCOPE_SPAN_NAME_MAX - 1, "\xC3\xA9", 2); /* straddles the limit */
	memset(value, 'v', sizeof(value));
	start(&f, LOG_BYTES, "debug");
	uint32_t id = f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, name);
	f.t->attr_str(f.t->ctx, id, name, value, sizeof(value));
	f.t->attr_str(f.t->ctx, id, "nul", "ab\0cd", 5);
	f.t->event(f.t->ctx, SPVSCOPE_LEVEL_INFO, "e", value, sizeof(value));
	f.t->end(f.t->ctx, id);
	const struct trace_tree *t = read_back(&f);
	assert_int_equal(strlen(t->spans[0].name), SPVSCOPE_SPAN_NAME_MAX - 1);
	assert_int_equal(strlen(t->attrs[0].text), SPVSCOPE_ATTR_VALUE_MAX);
	assert_string_equal(t->attrs[1].text, "ab");
	assert_int_equal(strlen(t->events[0].message), SPVSCOPE_ATTR_VALUE_MAX);
	finish(&f);
}

static void a_new_run_forgets_the_one_before(void **state)
{
	(void)state;
	struct fixture f;
	struct trace_filter filter;
	struct trace_tree *t = NULL;
	start(&f, LOG_BYTES, "debug");
	f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "old");
	trace_writer_mark_out_of_memory(f.writer);
	assert_true(read_back(&f)->out_of_memory);
	trace_filter_init(&filter, SPVSCOPE_LEVEL_INFO);
	trace_writer_start(f.writer, RUN + 1, &filter);
	assert_int_not_equal(trace_tree_read(f.log, f.size, RUN, 0, &t), 0);
	uint32_t id = f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "new");
	assert_int_equal(id, 1);
	assert_int_equal(trace_tree_read(f.log, f.size, RUN + 1, 0, &t), 0);
	assert_int_equal(t->n_spans, 1);
	assert_false(t->out_of_memory);
	assert_string_equal(t->spans[0].name, "new");
	trace_tree_free(t);
	finish(&f);
}

/* Writes spans without end, until it is killed. */
static void write_for_ever(struct fixture *f, int ready_fd)
{
	struct trace_filter filter;
	char byte = 0;
	trace_filter_init(&filter, SPVSCOPE_LEVEL_DEBUG);
	for (bool told = false;; told = true) {
		trace_writer_start(f->writer, RUN, &filter);
		uint32_t outer = f->t->begin(f->t->ctx, SPVSCOPE_LEVEL_INFO, "codegen::outer");
		if (!told && write(ready_fd, &byte, 1) != 1)
			_exit(1);
		for (int i = 0; i < 2000; i++) {
			uint32_t id = f->t->begin(f->t->ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::inner");
			f->t->attr_str(f->t->ctx, id, "key", "a value of some length", 22);
			f->t->event(f->t->ctx, SPVSCOPE_LEVEL_INFO, "codegen", "message", 7);
			f->t->end(f->t->ctx, id);
		}
		f->t->end(f->t->ctx, outer);
	}
}

static void a_writer_killed_anywhere_leaves_whole_records(void **state)
{
	(void)state;
	size_t spans_seen = 0;
	for (int round = 0; round < 60; round++) {
		struct fixture f;
		int ready[2];
		char byte;
		start(&f, LOG_BYTES, "debug");
		assert_int_equal(pipe(ready), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			write_for_ever(&f, ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		/* A different moment of its work each round. */
		for (uint64_t until = clock_now_ns() + (uint64_t)round * 37 * NS_PER_US; clock_now_ns() < until;)
			;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		const struct trace_tree *t = read_back(&f);
		assert_int_equal(t->malformed, 0);
		spans_seen += t->n_spans;
		for (size_t i = 0; i < t->n_spans; i++)
			assert_string_equal(t->spans[i].name, i ? "codegen::inner" : "codegen::outer");
		for (size_t i = 0; i < t->n_attrs; i++)
			assert_string_equal(t->attrs[i].text, "a value of some length");
		close(ready[0]);
		close(ready[1]);
		finish(&f);
	}
	assert_true(spans_seen > 60);
}

static void memory_that_is_too_small_or_crooked_is_refused(void **state)
{
	(void)state;
	static uint64_t memory[1024];
	assert_null(trace_writer_new(memory, 4095, NULL));
	assert_null(trace_writer_new((char *)memory + 1, 4096, NULL));
	struct trace_writer *w = trace_writer_new(memory, 4096, NULL);
	assert_non_null(w);
	/* before any start nothing is recorded */
	const struct spvscope_tracer *t = trace_writer_tracer(w);
	assert_int_equal(t->begin(t->ctx, SPVSCOPE_LEVEL_ERROR, "x"), 0);
	trace_writer_free(w);
	trace_writer_free(NULL);
}

static void a_span_takes_little_time(void **state)
{
	(void)state;
	struct fixture f;
	struct trace_filter filter;
	uint64_t best = UINT64_MAX;
	start(&f, 16u << 20, "debug");
	trace_filter_init(&filter, SPVSCOPE_LEVEL_DEBUG);
	for (int round = 0; round < 20; round++) {
		trace_writer_start(f.writer, RUN, &filter);
		uint64_t from = clock_now_ns();
		for (int i = 0; i < 1000; i++)
			f.t->end(f.t->ctx, f.t->begin(f.t->ctx, SPVSCOPE_LEVEL_INFO, "codegen::opt::pass"));
		uint64_t ns = (clock_now_ns() - from) / 1000;
		best = ns < best ? ns : best;
	}
	print_message("# a span with its end: %llu ns\n", (unsigned long long)best);
	/* Loose, for sanitizers and busy machines; the best of 20 rounds is about 1000 ns. */
	assert_true(best < 20000);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(what_the_filter_leaves_out_costs_nothing_and_breaks_nothing),
		cmocka_unit_test(ending_an_outer_span_ends_the_inner_ones),
		cmocka_unit_test(a_span_can_be_added_afterwards),
		cmocka_unit_test(spans_of_another_process_are_told_with_the_times_of_its_clock),
		cmocka_unit_test(a_full_log_counts_what_it_drops_and_still_ends_its_spans),
		cmocka_unit_test(too_deep_and_too_many_spans_are_dropped),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(a_new_run_forgets_the_one_before),
		cmocka_unit_test(a_writer_killed_anywhere_leaves_whole_records),
		cmocka_unit_test(memory_that_is_too_small_or_crooked_is_refused),
		cmocka_unit_test(a_span_takes_little_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
