/* SPDX-License-Identifier: Apache-2.0 */
/* The span tree's memory, and building one span by span. Runs in the front; one thread a tree. */
#include "codegen/trace/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/trace/tree_memory.h"

#define TREE_CHUNK_BYTES  (16u << 10)
#define TREE_INTERN_BYTES 64 /* longer strings are mostly messages, each of its own */
#define TREE_FIRST_SLOTS  64
#define TREE_MAX_PROBES   32 /* names made to collide are kept twice rather than searched for long */

struct trace_tree *trace_tree_new(void)
{
	struct trace_tree *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->memory = calloc(1, sizeof(*t->memory));
	if (!t->memory) {
		free(t);
		return NULL;
	}
	return t;
}

void trace_tree_free(struct trace_tree *t)
{
	if (!t)
		return;
	tree_index_drop(t);
	for (struct tree_chunk *c = t->memory->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(t->memory->interned);
	free(t->memory);
	free(t->spans);
	free(t->attrs);
	free(t->events);
	free(t);
}

void tree_index_drop(struct trace_tree *t)
{
	struct tree_index *x = &t->memory->index;
	free(x->first);
	free(x->child);
	free(x->latest_end_ns);
	*x = (struct tree_index){0};
}

static const char *copy_string(struct trace_tree_memory *m, const char *s, size_t len)
{
	struct tree_chunk *c = m->chunks;
	if (!c || len + 1 > c->size - c->used) {
		size_t size = len + 1 > TREE_CHUNK_BYTES ? len + 1 : TREE_CHUNK_BYTES;
		c = malloc(sizeof(*c) + size);
		if (!c)
			return NULL;
		*c = (struct tree_chunk){.next = m->chunks, .size = size};
		m->chunks = c;
	}
	char *copy = c->bytes + c->used;
	if (len)
		memcpy(copy, s, len);
	copy[len] = '\0';
	c->used += len + 1;
	return copy;
}

/* FNV-1a, 64 bits, with its upper half folded in for the small tables here. */
static size_t hash_string(const char *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3ull;
	return (size_t)(h ^ (h >> 32));
}

/* The slot of s, or the free one where it belongs; NULL when neither is near. */
static const char **find_slot(const char **slots, size_t n_slots, const char *s, size_t len)
{
	size_t at = hash_string(s, len);
	for (size_t i = 0; i < TREE_MAX_PROBES; i++) {
		const char **slot = &slots[(at + i) & (n_slots - 1)];
		if (!*slot || (!strncmp(*slot, s, len) && (*slot)[len] == '\0'))
			return slot;
	}
	return NULL;
}

static int grow_slots(struct trace_tree_memory *m)
{
	size_t n = m->n_slots ? m->n_slots * 2 : TREE_FIRST_SLOTS, n_interned = 0;
	const char **slots = calloc(n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_slots; i++) {
		const char *s = m->interned[i];
		const char **slot = s ? find_slot(slots, n, s, strlen(s)) : NULL;
		if (slot) {
			*slot = s;
			n_interned++;
		}
	}
	free(m->interned);
	m->interned = slots;
	m->n_slots = n;
	m->n_interned = n_interned;
	return 0;
}

const char *tree_string(struct trace_tree *t, const char *s, size_t len)
{
	struct trace_tree_memory *m = t->memory;

	if (len > TREE_INTERN_BYTES)
		return copy_string(m, s, len);
	if (m->n_interned * 2 >= m->n_slots && grow_slots(m) < 0)
		return NULL;
	const char **slot = find_slot(m->interned, m->n_slots, s, len);
	if (slot && *slot)
		return *slot;
	const char *copy = copy_string(m, s, len);
	if (slot && copy) {
		*slot = copy;
		m->n_interned++;
	}
	return copy;
}

/* Room for one more of size bytes in *array, which has n of *capacity. */
static int grow_array(void *array, size_t n, size_t *capacity, size_t size)
{
	if (n < *capacity)
		return 0;
	size_t more = *capacity ? *capacity * 2 : 32;
	void *p = reallocarray(*(void **)array, more, size);
	if (!p)
		return -ENOMEM;
	*(void **)array = p;
	*capacity = more;
	return 0;
}

int64_t tree_add_span(struct trace_tree *t, const struct trace_span *span)
{
	uint32_t depth = 0;

	if (span->parent_idx != TRACE_NO_SPAN) {
		if (span->parent_idx >= t->n_spans)
			return -EINVAL;
		depth = t->spans[span->parent_idx].depth + 1;
		if (depth >= TRACE_TREE_MAX_DEPTH)
			return -E2BIG;
	}
	if (t->n_spans >= TRACE_NO_SPAN - 1)
		return -E2BIG;
	if (grow_array(&t->spans, t->n_spans, &t->memory->spans_capacity, sizeof(*t->spans)) < 0)
		return -ENOMEM;
	tree_index_drop(t);
	t->spans[t->n_spans] = *span;
	t->spans[t->n_spans].depth = depth;
	return (int64_t)t->n_spans++;
}

int tree_add_attr(struct trace_tree *t, const struct trace_attr *attr)
{
	if (attr->span_idx >= t->n_spans)
		return -EINVAL;
	if (grow_array(&t->attrs, t->n_attrs, &t->memory->attrs_capacity, sizeof(*t->attrs)) < 0)
		return -ENOMEM;
	t->attrs[t->n_attrs++] = *attr;
	return 0;
}

int tree_add_event(struct trace_tree *t, const struct trace_event *event)
{
	if (event->span_idx != TRACE_NO_SPAN && event->span_idx >= t->n_spans)
		return -EINVAL;
	if (grow_array(&t->events, t->n_events, &t->memory->events_capacity, sizeof(*t->events)) < 0)
		return -ENOMEM;
	t->events[t->n_events++] = *event;
	return 0;
}

int64_t trace_tree_add(struct trace_tree *t, uint32_t parent_idx, enum spvscope_level level, const char *name,
	uint64_t start_ns, uint64_t duration_ns)
{
	struct trace_span span = {
		.name = tree_string(t, name, strlen(name)),
		.level = level,
		.parent_idx = parent_idx,
		.start_ns = start_ns,
		.duration_ns = duration_ns,
	};
	return span.name ? tree_add_span(t, &span) : -ENOMEM;
}

int trace_tree_attr_u64(struct trace_tree *t, uint32_t span_idx, const char *key, uint64_t value)
{
	struct trace_attr attr = {
		.span_idx = span_idx,
		.key = tree_string(t, key, strlen(key)),
		.value = value,
	};
	return attr.key ? tree_add_attr(t, &attr) : -ENOMEM;
}

int trace_tree_attr_str(struct trace_tree *t, uint32_t span_idx, const char *key, const char *value)
{
	struct trace_attr attr = {
		.span_idx = span_idx,
		.key = tree_string(t, key, strlen(key)),
		.text = tree_string(t, value, strlen(value)),
	};
	return attr.key && attr.text ? tree_add_attr(t, &attr) : -ENOMEM;
}

int trace_tree_event(struct trace_tree *t, uint32_t span_idx, enum spvscope_level level, uint64_t time_ns,
	const char *name, const char *message)
{
	struct trace_event event = {
		.span_idx = span_idx,
		.level = level,
		.time_ns = time_ns,
		.name = tree_string(t, name, strlen(name)),
		.message = tree_string(t, message, strlen(message)),
	};
	return event.name && event.message ? tree_add_event(t, &event) : -ENOMEM;
}

static uint64_t clamp(uint64_t v, uint64_t low, uint64_t high)
{
	return v < low ? low : v > high ? high : v;
}

void tree_clamp(struct trace_span *span, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t end_ns = span->duration_ns > UINT64_MAX - span->start_ns ? UINT64_MAX :
		span->start_ns + span->duration_ns;
	span->start_ns = clamp(span->start_ns, from_ns, to_ns);
	span->duration_ns = clamp(end_ns, span->start_ns, to_ns) - span->start_ns;
}

static int copy_spans(struct trace_tree *t, uint32_t parent_idx, const struct trace_tree *from, uint32_t first)
{
	uint64_t from_ns = 0, to_ns = UINT64_MAX;

	if (parent_idx != TRACE_NO_SPAN && t->spans[parent_idx].duration_ns) {
		from_ns = t->spans[parent_idx].start_ns;
		to_ns = from_ns + t->spans[parent_idx].duration_ns;
	}
	for (size_t i = 0; i < from->n_spans; i++) {
		struct trace_span span = from->spans[i];
		span.name = tree_string(t, span.name, strlen(span.name));
		if (!span.name)
			return -ENOMEM;
		span.parent_idx = span.parent_idx == TRACE_NO_SPAN ? parent_idx : span.parent_idx + first;
		tree_clamp(&span, from_ns, to_ns);
		int64_t r = tree_add_span(t, &span);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

/* Attributes and events of `from`; what stood outside every span there stands on parent_idx here. */
static int copy_details(struct trace_tree *t, uint32_t parent_idx, const struct trace_tree *from, uint32_t first)
{
	for (size_t i = 0; i < from->n_attrs; i++) {
		const struct trace_attr *a = &from->attrs[i];
		int r = a->text ? trace_tree_attr_str(t, a->span_idx + first, a->key, a->text) :
			trace_tree_attr_u64(t, a->span_idx + first, a->key, a->value);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < from->n_events; i++) {
		const struct trace_event *e = &from->events[i];
		uint32_t span_idx = e->span_idx == TRACE_NO_SPAN ? parent_idx : e->span_idx + first;
		uint64_t time_ns = e->time_ns;
		if (span_idx != TRACE_NO_SPAN && t->spans[span_idx].duration_ns)
			time_ns = clamp(time_ns, t->spans[span_idx].start_ns,
				t->spans[span_idx].start_ns + t->spans[span_idx].duration_ns);
		int r = trace_tree_event(t, span_idx, e->level, time_ns, e->name, e->message);
		if (r < 0)
			return r;
	}
	return 0;
}

int trace_tree_graft(struct trace_tree *t, uint32_t parent_idx, const struct trace_tree *from,
	uint32_t *ret_first_idx)
{
	size_t n_spans = t->n_spans, n_attrs = t->n_attrs, n_events = t->n_events;

	if (parent_idx != TRACE_NO_SPAN && parent_idx >= n_spans)
		return -EINVAL;
	if (n_spans + from->n_spans >= TRACE_NO_SPAN - 1)
		return -E2BIG;
	int r = copy_spans(t, parent_idx, from, (uint32_t)n_spans);
	if (r == 0)
		r = copy_details(t, parent_idx, from, (uint32_t)n_spans);
	if (r < 0) {
		tree_index_drop(t);
		t->n_spans = n_spans;
		t->n_attrs = n_attrs;
		t->n_events = n_events;
		return r;
	}
	t->dropped += from->dropped;
	t->malformed += from->malformed;
	t->out_of_memory = t->out_of_memory || from->out_of_memory;
	if (ret_first_idx)
		*ret_first_idx = (uint32_t)n_spans;
	return 0;
}
