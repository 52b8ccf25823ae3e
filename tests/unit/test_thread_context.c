/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/trace/thread_context.c, alone and as writer.c uses it. They read as a profiler does: by the variable's
 * place from the thread pointer, while the thread is interrupted. */
#include "tests/unit/cmocka_head.h"

#include <endian.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/thread_context.h"
#include "codegen/trace/thread_context.h"
#include "codegen/trace/tree.h"
#include "codegen/trace/writer.h"

#define RUN       7u
#define LOG_BYTES (1u << 16)

static const uint8_t trace_id[16] = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36};

/* The calling thread's record, or NULL. */
static const struct thread_context_record *published(void)
{
	const char *at = (const char *)__builtin_thread_pointer() + thread_context_offset();
	const struct thread_context_record *record;

	memcpy(&record, at, sizeof(record));
	return record;
}

static uint64_t span_of(const struct thread_context_record *record)
{
	uint64_t id;

	memcpy(&id, record->span_id, sizeof(id));
	return be64toh(id);
}

static void a_record_has_the_trace_the_run_and_the_span(void **state)
{
	(void)state;
	assert_null(published());
	thread_context_set(3);
	assert_null(published());
	thread_context_start(trace_id, RUN);
	assert_null(published());
	thread_context_set(3);
	const struct thread_context_record *record = published();
	assert_non_null(record);
	assert_int_equal((uintptr_t)record % 2, 0);
	assert_memory_equal(record->trace_id, trace_id, sizeof(trace_id));
	assert_memory_equal(record->span_id, ((uint8_t[]){0, 0, 0, RUN, 0, 0, 0, 3}), 8);
	assert_int_equal(record->valid, 1);
	assert_int_equal(record->trace_flags, 3);
	assert_int_equal(record->attrs_data_size, 0);
	thread_context_set(0);
	assert_null(published());
	thread_context_set(4);
	thread_context_stop();
	assert_null(published());
	thread_context_set(5);
	assert_null(published());
}

static volatile uint32_t before, after;
static volatile unsigned n_signals, n_wrong;

static void look(int number)
{
	const struct thread_context_record *record = published();

	(void)number;
	n_signals++;
	if (!record || record->valid != 1 || memcmp(record->trace_id, trace_id, sizeof(trace_id)) != 0 ||
	    (span_of(record) != ((uint64_t)RUN << 32 | before) && span_of(record) != ((uint64_t)RUN << 32 | after)))
		n_wrong++;
}

static void whoever_interrupts_sees_the_span_before_or_after_whole(void **state)
{
	(void)state;
	struct sigaction action = {.sa_handler = look, .sa_flags = SA_RESTART}, earlier;
	struct itimerval often = {{0, 100}, {0, 100}}, never = {0};
	uint64_t end_ns = clock_now_ns() + 10 * NS_PER_S;

	before = after = 0x01010101;
	thread_context_start(trace_id, RUN);
	thread_context_set(before);
	sigaction(SIGALRM, &action, &earlier);
	setitimer(ITIMER_REAL, &often, NULL);
	while (n_signals < 300 && clock_now_ns() < end_ns)
		for (uint32_t i = 1; i < 1000; i++) {
			after = i * 0x01010101u; /* every byte changes, so a torn one shows */
			thread_context_set(after);
			before = after;
		}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &earlier, NULL);
	thread_context_stop();
	assert_true(n_signals >= 300);
	assert_int_equal(n_wrong, 0);
}

static void *in_another_thread(void *arg)
{
	const struct thread_context_record *record;

	(void)arg;
	if (published())
		return NULL; /* the other one's is not ours */
	thread_context_start(trace_id, 8);
	thread_context_set(1);
	record = published();
	return record && span_of(record) == (8ull << 32 | 1) ? (void *)1 : NULL;
}

static void each_thread_has_its_own_at_the_same_place(void **state)
{
	(void)state;
	pthread_t thread;
	void *found;

	thread_context_start(trace_id, RUN);
	thread_context_set(2);
	assert_int_equal(pthread_create(&thread, NULL, in_another_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, &found), 0);
	assert_ptr_equal(found, (void *)1);
	assert_int_equal(span_of(published()), (uint64_t)RUN << 32 | 2);
	thread_context_stop();
}

struct written {
	void *log;
	struct trace_writer *writer;
	const struct spvscope_tracer *t;
};

static void start_writing(struct written *w)
{
	struct trace_filter filter;

	w->log = mmap(NULL, LOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w->log, MAP_FAILED);
	w->writer = trace_writer_new(w->log, LOG_BYTES, NULL);
	assert_non_null(w->writer);
	w->t = trace_writer_tracer(w->writer);
	trace_filter_init(&filter, SPVSCOPE_LEVEL_INFO);
	trace_writer_start(w->writer, RUN, &filter);
}

static void a_writer_publishes_the_innermost_recorded_span(void **state)
{
	(void)state;
	struct written w;

	start_writing(&w);
	uint32_t quiet = w.t->begin(w.t->ctx, SPVSCOPE_LEVEL_INFO, "quiet");
	assert_null(published());
	w.t->end(w.t->ctx, quiet);
	trace_writer_publish(w.writer, trace_id);
	uint32_t outer = w.t->begin(w.t->ctx, SPVSCOPE_LEVEL_INFO, "outer");
	assert_int_equal(span_of(published()), (uint64_t)RUN << 32 | outer);
	uint32_t inner = w.t->begin(w.t->ctx, SPVSCOPE_LEVEL_INFO, "inner");
	assert_int_equal(span_of(published()), (uint64_t)RUN << 32 | inner);
	/* Left out by the filter: the one around it stays active. */
	w.t->begin(w.t->ctx, SPVSCOPE_LEVEL_DEBUG, "left-out");
	assert_int_equal(span_of(published()), (uint64_t)RUN << 32 | inner);
	w.t->end(w.t->ctx, inner);
	assert_int_equal(span_of(published()), (uint64_t)RUN << 32 | outer);
	inner = w.t->begin(w.t->ctx, SPVSCOPE_LEVEL_INFO, "inner");
	w.t->end(w.t->ctx, outer); /* and with it what is open inside */
	assert_null(published());
	struct trace_filter filter;
	trace_filter_init(&filter, SPVSCOPE_LEVEL_INFO);
	w.t->begin(w.t->ctx, SPVSCOPE_LEVEL_INFO, "open");
	trace_writer_start(w.writer, RUN + 1, &filter);
	assert_null(published());
	trace_writer_free(w.writer);
	munmap(w.log, LOG_BYTES);
}

static void the_log_tells_how_late_a_change_was_published(void **state)
{
	(void)state;
	struct spvscope_usage from, to;
	struct trace_tree *tree;
	struct written w;

	start_writing(&w);
	uint32_t quiet = w.t->begin(w.t->ctx, SPVSCOPE_LEVEL_INFO, "quiet");
	w.t->end(w.t->ctx, quiet);
	trace_writer_publish(w.writer, trace_id);
	uint32_t outer = w.t->begin(w.t->ctx, SPVSCOPE_LEVEL_INFO, "outer");
	w.t->usage(w.t->ctx, &from);
	w.t->usage(w.t->ctx, &to);
	w.t->add(w.t->ctx, SPVSCOPE_LEVEL_INFO, "added", &from, &to);
	w.t->begin(w.t->ctx, SPVSCOPE_LEVEL_INFO, "inner");
	w.t->end(w.t->ctx, outer);
	assert_int_equal(trace_tree_read(w.log, LOG_BYTES, RUN, 0, &tree), 0);
	assert_int_equal(tree->n_spans, 4);
	assert_int_equal(tree->spans[0].begin_published_ns, 0);
	assert_int_equal(tree->spans[0].end_published_ns, 0);
	assert_true(tree->spans[1].begin_published_ns > 0);
	assert_int_equal(tree->spans[2].begin_published_ns, 0);
	assert_true(tree->spans[3].begin_published_ns > 0);
	/* It was the active one when both ended. */
	assert_true(tree->spans[3].end_published_ns > 0);
	assert_true(tree->spans[3].begin_published_ns < NS_PER_S);
	trace_tree_free(tree);
	trace_writer_free(w.writer);
	munmap(w.log, LOG_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_has_the_trace_the_run_and_the_span),
		cmocka_unit_test(whoever_interrupts_sees_the_span_before_or_after_whole),
		cmocka_unit_test(each_thread_has_its_own_at_the_same_place),
		cmocka_unit_test(a_writer_publishes_the_innermost_recorded_span),
		cmocka_unit_test(the_log_tells_how_late_a_change_was_published),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
