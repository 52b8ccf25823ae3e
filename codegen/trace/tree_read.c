/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a span log into a tree. Runs in the front, on memory that a worker (perhaps one that was taken over) may still
 * write to: every value is copied once, then checked, then used; what is copied is never looked at again in the log. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/trace/span_log.h"
#include "codegen/trace/tree.h"
#include "codegen/trace/tree_memory.h"
#include "codegen/trace/writer.h"

/* A writer nests this deep; what claims to be deeper is no log of ours. */
static_assert(TRACE_WRITER_MAX_DEPTH < TRACE_TREE_MAX_DEPTH, "a log must fit below the front's own spans");

#define TEXTS_MAX (SPVSCOPE_SPAN_NAME_MAX + SPVSCOPE_ATTR_VALUE_MAX)

struct reading {
	const uint8_t *log;
	uint64_t used;        /* checked: within the memory */
	struct trace_tree *tree;
	uint32_t innermost;   /* open span, or TRACE_NO_SPAN */
	uint64_t end_ns;      /* no time in the log counts as later; 0: not known */
	struct spvscope_usage last; /* the newest reading, for spans that never ended */
};

/* One record, copied: texts are NUL-terminated behind each other. */
struct record {
	struct span_log_record head;
	const char *text[2];
	size_t len[2];
	char bytes[TEXTS_MAX + 2];
};

static int copy_header(const void *log, size_t size, uint64_t run_id, struct reading *ret, struct trace_tree *t,
	uint32_t *ret_pid, uint32_t *ret_tid)
{
	const struct span_log_header *shared = log;
	struct span_log_header h;

	if (size < sizeof(h))
		return -EINVAL;
	/* Acquire pairs with the writer's release: what lies below `used` is whole. */
	uint64_t used = atomic_load_explicit(&shared->used, memory_order_acquire);
	memcpy(&h, log, sizeof(h));
	if (h.magic != SPAN_LOG_MAGIC || h.version != SPAN_LOG_VERSION || h.header_bytes != sizeof(h) ||
	    h.run_id != run_id)
		return -EINVAL;
	if (used < sizeof(h) || used > size || used % 8) {
		t->malformed++;
		used = used < sizeof(h) ? sizeof(h) : (used < size ? used : size) & ~(uint64_t)7;
	}
	t->dropped = h.dropped;
	t->out_of_memory = h.flags & SPAN_LOG_FLAG_OUT_OF_MEMORY;
	ret->used = used;
	*ret_pid = h.pid;
	*ret_tid = h.tid;
	return 0;
}

/* Copies the record at *at and moves on. False when there is none that makes sense. */
static bool next_record(const struct reading *in, uint64_t *at, struct record *ret)
{
	uint64_t left = in->used - *at;

	if (left < sizeof(ret->head))
		return false;
	memcpy(&ret->head, in->log + *at, sizeof(ret->head));
	ret->len[0] = ret->head.text_len[0];
	ret->len[1] = ret->head.text_len[1];
	if (ret->len[0] > SPVSCOPE_SPAN_NAME_MAX || ret->len[1] > SPVSCOPE_ATTR_VALUE_MAX)
		return false;
	size_t texts = ret->len[0] + ret->len[1];
	size_t size = (sizeof(ret->head) + texts + 7) & ~(size_t)7;
	if (ret->head.size != size || size > left)
		return false;
	const uint8_t *from = in->log + *at + sizeof(ret->head);
	char *to = ret->bytes;
	for (int i = 0; i < 2; i++) {
		memcpy(to, from, ret->len[i]);
		if (memchr(to, '\0', ret->len[i]))
			return false;
		to[ret->len[i]] = '\0';
		ret->text[i] = to;
		to += ret->len[i] + 1;
		from += ret->len[i];
	}
	*at += size;
	return true;
}

static uint64_t bounded_time(const struct reading *in, uint64_t time_ns)
{
	return in->end_ns && time_ns > in->end_ns ? in->end_ns : time_ns;
}

static void note_reading(struct reading *in, const struct span_log_record *r)
{
	uint64_t now_ns = bounded_time(in, r->time_ns);
	in->last = (struct spvscope_usage){
		.now_ns = now_ns > in->last.now_ns ? now_ns : in->last.now_ns,
		.cpu_ns = r->usage.cpu_ns,
		.minor_faults = r->usage.minor_faults,
		.major_faults = r->usage.major_faults,
		.alloc_bytes = r->usage.alloc_bytes,
		.alloc_calls = r->usage.alloc_calls,
	};
}

static uint64_t difference(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/* While a span is open, `used` holds the readings at its begin; here they become differences. */
static void close_span(struct trace_span *span, const struct spvscope_usage *now)
{
	span->duration_ns = difference(span->start_ns, now->now_ns);
	span->used = (struct spvscope_usage){
		.cpu_ns = difference(span->used.cpu_ns, now->cpu_ns),
		.minor_faults = difference(span->used.minor_faults, now->minor_faults),
		.major_faults = difference(span->used.major_faults, now->major_faults),
		.alloc_bytes = difference(span->used.alloc_bytes, now->alloc_bytes),
		.alloc_calls = difference(span->used.alloc_calls, now->alloc_calls),
	};
}

static bool level_is_known(uint16_t level)
{
	return level >= SPVSCOPE_LEVEL_ERROR && level <= SPVSCOPE_LEVEL_DEBUG;
}

/* BEGIN and ADDED. 0, -EBADMSG when it contradicts what came before, -ENOMEM. */
static int read_span(struct reading *in, const struct record *r)
{
	struct trace_tree *t = in->tree;
	uint32_t parent_idx = r->head.parent ? r->head.parent - 1 : TRACE_NO_SPAN;

	if (r->head.span != t->n_spans + 1 || r->head.span > SPAN_LOG_MAX_SPANS || parent_idx != in->innermost ||
	    !level_is_known(r->head.level) || r->len[0] == 0 || r->len[1] != 0)
		return -EBADMSG;
	struct trace_span span = {
		.name = tree_string(t, r->text[0], r->len[0]),
		.level = r->head.level,
		.parent_idx = parent_idx,
		.start_ns = bounded_time(in, r->head.time_ns),
		.measured = true,
		.used = {
			.cpu_ns = r->head.usage.cpu_ns,
			.minor_faults = r->head.usage.minor_faults,
			.major_faults = r->head.usage.major_faults,
			.alloc_bytes = r->head.usage.alloc_bytes,
			.alloc_calls = r->head.usage.alloc_calls,
		},
	};
	if (r->head.type == SPAN_LOG_ADDED) {
		span.duration_ns = r->head.usage.duration_ns;
	} else {
		span.begin_published_ns = r->head.published_ns;
		if (parent_idx != TRACE_NO_SPAN && t->spans[parent_idx].depth + 1 >= TRACE_WRITER_MAX_DEPTH)
			return -EBADMSG;
		span.open = true;
		note_reading(in, &r->head);
	}
	if (!span.name)
		return -ENOMEM;
	int64_t idx = tree_add_span(t, &span);
	if (idx < 0)
		return (int)idx;
	if (span.open)
		in->innermost = (uint32_t)idx;
	return 0;
}

/* The writer ends spans innermost first, so nothing else may be ended. */
static int read_end(struct reading *in, const struct record *r)
{
	if (in->innermost == TRACE_NO_SPAN || r->head.span != in->innermost + 1 || r->len[0] || r->len[1])
		return -EBADMSG;
	struct trace_span *span = &in->tree->spans[in->innermost];
	note_reading(in, &r->head);
	close_span(span, &in->last);
	span->open = false;
	span->end_published_ns = r->head.published_ns;
	in->innermost = span->parent_idx;
	return 0;
}

static int read_attr(struct reading *in, const struct record *r)
{
	bool is_text = r->head.type == SPAN_LOG_ATTR_STR;
	struct trace_tree *t = in->tree;

	if (r->head.span == 0 || r->head.span > t->n_spans || r->len[0] == 0 || (!is_text && r->len[1]))
		return -EBADMSG;
	struct trace_attr attr = {
		.span_idx = r->head.span - 1,
		.key = tree_string(t, r->text[0], r->len[0]),
		.text = is_text ? tree_string(t, r->text[1], r->len[1]) : NULL,
		.value = is_text ? 0 : r->head.value,
	};
	return attr.key && (attr.text || !is_text) ? tree_add_attr(t, &attr) : -ENOMEM;
}

static int read_event(struct reading *in, const struct record *r)
{
	struct trace_tree *t = in->tree;
	uint32_t span_idx = r->head.span ? r->head.span - 1 : TRACE_NO_SPAN;

	if (span_idx != in->innermost || !level_is_known(r->head.level) || r->len[0] == 0)
		return -EBADMSG;
	uint64_t time_ns = bounded_time(in, r->head.time_ns);
	if (time_ns > in->last.now_ns)
		in->last.now_ns = time_ns;
	struct trace_event event = {
		.span_idx = span_idx,
		.level = r->head.level,
		.time_ns = time_ns,
		.name = tree_string(t, r->text[0], r->len[0]),
		.message = tree_string(t, r->text[1], r->len[1]),
	};
	return event.name && event.message ? tree_add_event(t, &event) : -ENOMEM;
}

static int read_records(struct reading *in)
{
	static int (*const readers[])(struct reading *in, const struct record *r) = {
		[SPAN_LOG_BEGIN] = read_span,
		[SPAN_LOG_END] = read_end,
		[SPAN_LOG_ADDED] = read_span,
		[SPAN_LOG_ATTR_U64] = read_attr,
		[SPAN_LOG_ATTR_STR] = read_attr,
		[SPAN_LOG_EVENT] = read_event,
	};
	struct record record;
	uint64_t at = sizeof(struct span_log_header);

	while (at < in->used) {
		int r = -EBADMSG;
		if (next_record(in, &at, &record) && record.head.type < ARRAY_SIZE(readers) &&
		    readers[record.head.type])
			r = readers[record.head.type](in, &record);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			in->tree->malformed++;
			return 0;
		}
	}
	return 0;
}

/* Ends what is open, then moves every child and event into its parent's interval. */
static void settle(struct reading *in, uint32_t pid, uint32_t tid)
{
	struct trace_tree *t = in->tree;
	struct spvscope_usage end = in->last;

	if (in->end_ns)
		end.now_ns = in->end_ns;
	for (size_t i = 0; i < t->n_spans; i++) {
		struct trace_span *span = &t->spans[i];
		span->pid = pid;
		span->tid = tid;
		if (span->open)
			close_span(span, &end);
		const struct trace_span *parent = span->parent_idx == TRACE_NO_SPAN ? NULL : &t->spans[span->parent_idx];
		uint64_t to_ns = in->end_ns ? in->end_ns : UINT64_MAX;
		tree_clamp(span, parent ? parent->start_ns : 0, parent ? parent->start_ns + parent->duration_ns : to_ns);
	}
	for (size_t i = 0; i < t->n_events; i++) {
		struct trace_event *e = &t->events[i];
		if (e->span_idx == TRACE_NO_SPAN)
			continue;
		const struct trace_span *span = &t->spans[e->span_idx];
		if (e->time_ns < span->start_ns)
			e->time_ns = span->start_ns;
		else if (e->time_ns - span->start_ns > span->duration_ns)
			e->time_ns = span->start_ns + span->duration_ns;
	}
}

static void tree_freep(struct trace_tree **t)
{
	trace_tree_free(*t);
}

int trace_tree_read(const void *log, size_t size, uint64_t run_id, uint64_t end_ns, struct trace_tree **ret_tree)
{
	_cleanup_(tree_freep) struct trace_tree *t = trace_tree_new();
	if (!t)
		return -ENOMEM;
	struct reading in = {.log = log, .tree = t, .innermost = TRACE_NO_SPAN, .end_ns = end_ns};
	uint32_t pid, tid;
	int r = copy_header(log, size, run_id, &in, t, &pid, &tid);
	if (r == 0)
		r = read_records(&in);
	if (r < 0)
		return r;
	settle(&in, pid, tid);
	*ret_tree = TAKE_PTR(t);
	return 0;
}
