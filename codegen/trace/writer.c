/* SPDX-License-Identifier: Apache-2.0 */
/* Writes spans into the log that the front reads. Runs on the worker's compiling thread. A record is written whole
 * behind `used`, and only then `used` is stored with release: a reader that loads `used` with acquire, or that looks
 * after this process died anywhere, sees whole records only. Room for the END of every open span is kept free, so that
 * a span which was begun can always be ended. */
#include "codegen/trace/writer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "codegen/trace/span_log.h"
#include "codegen/trace/thread_context.h"

#define TRACE_WRITER_MIN_BYTES 4096

struct trace_writer {
	struct spvscope_tracer tracer;
	struct span_log_header *log;         /* borrowed */
	uint64_t capacity;
	uint64_t used;                       /* our own copy: what is in the log is not read back */
	trace_alloc_reader alloc;            /* may be NULL */
	uint32_t n_spans;                    /* recorded in this run; also the last id */
	uint32_t depth;
	uint32_t open[TRACE_WRITER_MAX_DEPTH]; /* ids, outermost first */
	bool publishes;
	uint64_t run_id;
	struct trace_filter filter;
};

static void read_usage(struct trace_writer *w, struct spvscope_usage *ret)
{
	struct rusage ru;
	*ret = (struct spvscope_usage){.now_ns = clock_now_ns(), .cpu_ns = clock_thread_cpu_ns()};
	if (getrusage(RUSAGE_THREAD, &ru) == 0) {
		ret->minor_faults = (uint64_t)ru.ru_minflt;
		ret->major_faults = (uint64_t)ru.ru_majflt;
	}
	if (w->alloc)
		w->alloc(&ret->alloc_bytes, &ret->alloc_calls);
}

static void count_dropped(struct trace_writer *w)
{
	atomic_fetch_add_explicit(&w->log->dropped, 1, memory_order_relaxed);
}

static uint32_t innermost(const struct trace_writer *w)
{
	return w->depth ? w->open[w->depth - 1] : 0;
}

/* The active span has changed, as the record that begins at `at` tells. A second look at the clock bounds the time in
 * which who looks at the log and who looks at the thread see different spans. */
static void publish(struct trace_writer *w, uint64_t at, uint64_t time_ns)
{
	struct span_log_record *r = (struct span_log_record *)((uint8_t *)w->log + at);
	uint64_t took_ns;

	if (!w->publishes)
		return;
	thread_context_set(innermost(w));
	took_ns = clock_now_ns() - time_ns;
	r->published_ns = took_ns == 0 ? 1 : took_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)took_ns;
}

/* Bytes of text that fit into most: up to a NUL, and never ending inside a UTF-8 sequence. */
static size_t cut_text(const char *text, size_t len, size_t most)
{
	const char *nul = memchr(text, '\0', len);
	if (nul)
		len = (size_t)(nul - text);
	if (len <= most)
		return len;
	len = most;
	while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
		len--;
	return len;
}

/* The two texts of a record; either may be empty. */
struct texts {
	const char *at[2];
	size_t len[2];
};

static struct texts name_text(const char *name)
{
	size_t len = strnlen(name, SPVSCOPE_SPAN_NAME_MAX + 1);
	return (struct texts){{name}, {cut_text(name, len, SPVSCOPE_SPAN_NAME_MAX)}};
}

static_assert(SPVSCOPE_SPAN_NAME_MAX <= UINT16_MAX && SPVSCOPE_ATTR_VALUE_MAX <= UINT16_MAX, "text_len has 16 bits");
static_assert(sizeof(struct span_log_record) % 8 == 0 && sizeof(struct span_log_header) % 8 == 0, "records align");

/* Appends r with its texts, leaving room for the ends of n_open spans. False (and counted) when it does not fit. */
static bool append(struct trace_writer *w, struct span_log_record *r, const struct texts *t, uint32_t n_open)
{
	size_t texts = t ? t->len[0] + t->len[1] : 0;
	size_t size = (sizeof(*r) + texts + 7) & ~(size_t)7;
	uint64_t kept_free = (uint64_t)n_open * sizeof(*r);

	if (size + kept_free > w->capacity - w->used) {
		count_dropped(w);
		return false;
	}
	uint8_t *at = (uint8_t *)w->log + w->used;
	r->size = (uint32_t)size;
	if (t) {
		r->text_len[0] = (uint16_t)t->len[0];
		r->text_len[1] = (uint16_t)t->len[1];
		memset(at + size - 8, 0, 8); /* the padding */
		if (t->len[0])
			memcpy(at + sizeof(*r), t->at[0], t->len[0]);
		if (t->len[1])
			memcpy(at + sizeof(*r) + t->len[0], t->at[1], t->len[1]);
	}
	memcpy(at, r, sizeof(*r));
	w->used += size;
	/* Orders the record before the length that makes it part of the log. */
	atomic_store_explicit(&w->log->used, w->used, memory_order_release);
	return true;
}

static void set_usage(struct span_log_record *r, const struct spvscope_usage *u)
{
	r->usage.cpu_ns = u->cpu_ns;
	r->usage.minor_faults = u->minor_faults;
	r->usage.major_faults = u->major_faults;
	r->usage.alloc_bytes = u->alloc_bytes;
	r->usage.alloc_calls = u->alloc_calls;
}

static bool tracer_enabled(void *ctx, enum spvscope_level level, const char *name)
{
	struct trace_writer *w = ctx;
	return trace_filter_matches(&w->filter, level, name);
}

static bool has_room_for_span(struct trace_writer *w)
{
	if (w->depth < TRACE_WRITER_MAX_DEPTH && w->n_spans < SPAN_LOG_MAX_SPANS)
		return true;
	count_dropped(w);
	return false;
}

/* The span's id; 0 when the log is full. */
static uint32_t open_span(struct trace_writer *w, enum spvscope_level level, const char *name,
	const struct spvscope_usage *at)
{
	struct span_log_record r = {
		.type = SPAN_LOG_BEGIN,
		.level = (uint16_t)level,
		.span = w->n_spans + 1,
		.parent = innermost(w),
		.time_ns = at->now_ns,
	};
	set_usage(&r, at);
	struct texts name_only = name_text(name);
	if (!append(w, &r, &name_only, w->depth + 1))
		return 0;
	w->open[w->depth++] = ++w->n_spans;
	return w->n_spans;
}

/* Place of an open span among the open ones, from 1; 0: it was left out, or has ended already. */
static uint32_t place_of(const struct trace_writer *w, uint32_t span)
{
	uint32_t place = span ? w->depth : 0;

	while (place > 0 && w->open[place - 1] != span)
		place--;
	return place;
}

/* It, and what is open inside. */
static void close_spans(struct trace_writer *w, uint32_t place, const struct spvscope_usage *at)
{
	while (w->depth >= place) {
		struct span_log_record r = {
			.type = SPAN_LOG_END,
			.span = w->open[--w->depth],
			.parent = innermost(w),
			.time_ns = at->now_ns,
		};
		set_usage(&r, at);
		append(w, &r, NULL, w->depth);
	}
}

static uint32_t tracer_begin(void *ctx, enum spvscope_level level, const char *name)
{
	struct trace_writer *w = ctx;
	struct spvscope_usage now;

	if (!trace_filter_matches(&w->filter, level, name) || !has_room_for_span(w))
		return 0;
	read_usage(w, &now);
	uint64_t begins_at = w->used;
	uint32_t span = open_span(w, level, name, &now);
	if (span)
		publish(w, begins_at, now.now_ns);
	return span;
}

static void tracer_end(void *ctx, uint32_t span)
{
	struct trace_writer *w = ctx;
	struct spvscope_usage now;
	uint32_t place = place_of(w, span);
	uint64_t ends_at = w->used; /* the end of the innermost, which was the active one */

	if (place == 0)
		return;
	read_usage(w, &now);
	close_spans(w, place, &now);
	publish(w, ends_at, now.now_ns);
}

/* Nothing is published: what ran then was no thread of this process. */
static uint32_t tracer_begin_at(void *ctx, enum spvscope_level level, const char *name, const struct spvscope_usage *at)
{
	struct trace_writer *w = ctx;

	if (!trace_filter_matches(&w->filter, level, name) || !has_room_for_span(w))
		return 0;
	return open_span(w, level, name, at);
}

static void tracer_end_at(void *ctx, uint32_t span, const struct spvscope_usage *at)
{
	struct trace_writer *w = ctx;
	uint32_t place = place_of(w, span);

	if (place > 0)
		close_spans(w, place, at);
}

static void tracer_usage(void *ctx, struct spvscope_usage *ret)
{
	read_usage(ctx, ret);
}

static uint64_t difference(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

static uint32_t tracer_add(void *ctx, enum spvscope_level level, const char *name, const struct spvscope_usage *from,
	const struct spvscope_usage *to)
{
	struct trace_writer *w = ctx;

	if (!trace_filter_matches(&w->filter, level, name))
		return 0;
	if (w->n_spans == SPAN_LOG_MAX_SPANS) {
		count_dropped(w);
		return 0;
	}
	struct span_log_record r = {
		.type = SPAN_LOG_ADDED,
		.level = (uint16_t)level,
		.span = w->n_spans + 1,
		.parent = innermost(w),
		.time_ns = from->now_ns,
		.usage = {
			.duration_ns = difference(from->now_ns, to->now_ns),
			.cpu_ns = difference(from->cpu_ns, to->cpu_ns),
			.minor_faults = difference(from->minor_faults, to->minor_faults),
			.major_faults = difference(from->major_faults, to->major_faults),
			.alloc_bytes = difference(from->alloc_bytes, to->alloc_bytes),
			.alloc_calls = difference(from->alloc_calls, to->alloc_calls),
		},
	};
	struct texts name_only = name_text(name);
	if (!append(w, &r, &name_only, w->depth))
		return 0;
	return ++w->n_spans;
}

static void tracer_attr_u64(void *ctx, uint32_t span, const char *key, uint64_t value)
{
	struct trace_writer *w = ctx;

	if (span == 0 || span > w->n_spans)
		return;
	struct span_log_record r = {.type = SPAN_LOG_ATTR_U64, .span = span, .value = value};
	struct texts key_only = name_text(key);
	append(w, &r, &key_only, w->depth);
}

static void tracer_attr_str(void *ctx, uint32_t span, const char *key, const char *value, size_t len)
{
	struct trace_writer *w = ctx;

	if (span == 0 || span > w->n_spans)
		return;
	struct span_log_record r = {.type = SPAN_LOG_ATTR_STR, .span = span};
	struct texts t = name_text(key);
	t.at[1] = value;
	t.len[1] = len ? cut_text(value, len, SPVSCOPE_ATTR_VALUE_MAX) : 0;
	append(w, &r, &t, w->depth);
}

static void tracer_event(void *ctx, enum spvscope_level level, const char *name, const char *message, size_t len)
{
	struct trace_writer *w = ctx;

	if (!trace_filter_matches(&w->filter, level, name))
		return;
	struct span_log_record r = {
		.type = SPAN_LOG_EVENT,
		.level = (uint16_t)level,
		.span = innermost(w),
		.time_ns = clock_now_ns(),
	};
	struct texts t = name_text(name);
	t.at[1] = message;
	t.len[1] = len ? cut_text(message, len, SPVSCOPE_ATTR_VALUE_MAX) : 0;
	append(w, &r, &t, w->depth);
}

struct trace_writer *trace_writer_new(void *log, size_t size, trace_alloc_reader alloc)
{
	if (size < TRACE_WRITER_MIN_BYTES || (uintptr_t)log % sizeof(uint64_t)) {
		errno = EINVAL;
		return NULL;
	}
	struct trace_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	*w = (struct trace_writer){
		.tracer = {
			.size = sizeof(w->tracer),
			.ctx = w,
			.enabled = tracer_enabled,
			.begin = tracer_begin,
			.end = tracer_end,
			.usage = tracer_usage,
			.add = tracer_add,
			.attr_u64 = tracer_attr_u64,
			.attr_str = tracer_attr_str,
			.event = tracer_event,
			.begin_at = tracer_begin_at,
			.end_at = tracer_end_at,
		},
		.log = log,
		.capacity = size & ~(uint64_t)7,
		.alloc = alloc,
	};
	struct trace_filter nothing;
	trace_filter_init(&nothing, SPVSCOPE_LEVEL_OFF);
	trace_writer_start(w, 0, &nothing);
	return w;
}

void trace_writer_free(struct trace_writer *w)
{
	free(w);
}

void trace_writer_start(struct trace_writer *w, uint64_t run_id, const struct trace_filter *filter)
{
	struct span_log_header *log = w->log;

	/* The old records go first: whoever dies in here leaves an empty log, never old records under a new run. */
	atomic_store_explicit(&log->used, sizeof(*log), memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	atomic_store_explicit(&log->dropped, 0, memory_order_relaxed);
	atomic_store_explicit(&log->flags, 0, memory_order_relaxed);
	log->magic = SPAN_LOG_MAGIC;
	log->version = SPAN_LOG_VERSION;
	log->header_bytes = sizeof(*log);
	log->capacity = w->capacity;
	log->run_id = run_id;
	log->pid = (uint32_t)getpid();
	log->tid = (uint32_t)gettid();

	w->filter = *filter;
	w->run_id = run_id;
	w->used = sizeof(*log);
	w->n_spans = 0;
	w->depth = 0;
	w->publishes = false;
	thread_context_stop();
}

void trace_writer_publish(struct trace_writer *w, const uint8_t trace_id[16])
{
	w->publishes = true;
	thread_context_start(trace_id, (uint32_t)w->run_id);
	thread_context_set(innermost(w));
}

const struct spvscope_tracer *trace_writer_tracer(struct trace_writer *w)
{
	return &w->tracer;
}

void trace_writer_mark_out_of_memory(struct trace_writer *w)
{
	atomic_fetch_or_explicit(&w->log->flags, SPAN_LOG_FLAG_OUT_OF_MEMORY, memory_order_release);
}
