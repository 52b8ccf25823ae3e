/* SPDX-License-Identifier: Apache-2.0 */
/* Finding spans: by time within a tree, and by place across two trees. Runs in the front; one thread a tree. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/trace/tree.h"
#include "codegen/trace/tree_memory.h"

static size_t list_of(const struct trace_tree *t, uint32_t span_idx)
{
	return span_idx == TRACE_NO_SPAN ? t->n_spans : span_idx;
}

static bool contains(const struct trace_span *s, uint64_t time_ns)
{
	return time_ns >= s->start_ns && (time_ns - s->start_ns < s->duration_ns || time_ns == s->start_ns);
}

static int by_start(const void *a, const void *b, void *spans)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct trace_span *s = spans;
	if (s[x].start_ns != s[y].start_ns)
		return s[x].start_ns < s[y].start_ns ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Counts children, then places them: the lists of all spans lie behind each other in one array. */
static void place_children(const struct trace_tree *t, struct tree_index *x)
{
	size_t n = t->n_spans;
	for (size_t i = 0; i < n; i++)
		x->first[list_of(t, t->spans[i].parent_idx) + 1]++;
	for (size_t i = 0; i <= n; i++)
		x->first[i + 1] += x->first[i];
	/* Moved up by one, first[list + 1] is where the list begins; filling it takes it to where it ends. */
	for (size_t i = n + 1; i > 0; i--)
		x->first[i] = x->first[i - 1];
	for (size_t i = 0; i < n; i++)
		x->child[x->first[list_of(t, t->spans[i].parent_idx) + 1]++] = (uint32_t)i;
}

static bool build_index(const struct trace_tree *t)
{
	struct tree_index x = {
		.first = calloc(t->n_spans + 2, sizeof(*x.first)),
		.child = calloc(t->n_spans + 1, sizeof(*x.child)),
		.latest_end_ns = calloc(t->n_spans + 1, sizeof(*x.latest_end_ns)),
	};
	if (!x.first || !x.child || !x.latest_end_ns) {
		free(x.first);
		free(x.child);
		free(x.latest_end_ns);
		return false;
	}
	place_children(t, &x);
	for (size_t list = 0; list <= t->n_spans; list++) {
		uint32_t first = x.first[list], end = x.first[list + 1];
		if (end - first > 1)
			qsort_r(x.child + first, end - first, sizeof(*x.child), by_start, t->spans);
		uint64_t latest = 0;
		for (uint32_t i = first; i < end; i++) {
			const struct trace_span *s = &t->spans[x.child[i]];
			uint64_t end_ns = s->start_ns + s->duration_ns;
			latest = end_ns > latest ? end_ns : latest;
			x.latest_end_ns[i] = latest;
		}
	}
	t->memory->index = x;
	return true;
}

/* The child of a list that contains time_ns and began last, or TRACE_NO_SPAN. */
static uint32_t child_at(const struct trace_tree *t, size_t list, uint64_t time_ns)
{
	const struct tree_index *x = &t->memory->index;
	uint32_t low = x->first[list], high = x->first[list + 1];

	while (low < high) { /* to the first that begins later */
		uint32_t mid = low + (high - low) / 2;
		if (t->spans[x->child[mid]].start_ns <= time_ns)
			low = mid + 1;
		else
			high = mid;
	}
	for (uint32_t i = low; i > x->first[list] && x->latest_end_ns[i - 1] >= time_ns; i--)
		if (contains(&t->spans[x->child[i - 1]], time_ns))
			return x->child[i - 1];
	return TRACE_NO_SPAN;
}

static bool is_at_or_below(const struct trace_tree *t, uint32_t idx, uint32_t root_idx)
{
	while (idx != root_idx && idx != TRACE_NO_SPAN)
		idx = t->spans[idx].parent_idx;
	return idx == root_idx;
}

static uint32_t innermost_by_walking(const struct trace_tree *t, uint32_t root_idx, uint64_t time_ns)
{
	uint32_t best = TRACE_NO_SPAN;
	for (uint32_t i = 0; i < t->n_spans; i++)
		if (contains(&t->spans[i], time_ns) && is_at_or_below(t, i, root_idx) &&
		    (best == TRACE_NO_SPAN || t->spans[i].depth > t->spans[best].depth))
			best = i;
	return best;
}

uint32_t trace_tree_innermost(const struct trace_tree *t, uint32_t root_idx, uint64_t time_ns)
{
	if (root_idx != TRACE_NO_SPAN && (root_idx >= t->n_spans || !contains(&t->spans[root_idx], time_ns)))
		return TRACE_NO_SPAN;
	if (!t->memory->index.child && !build_index(t))
		return innermost_by_walking(t, root_idx, time_ns);
	uint32_t at = root_idx;
	for (;;) {
		uint32_t child = child_at(t, list_of(t, at), time_ns);
		if (child == TRACE_NO_SPAN)
			return at;
		at = child;
	}
}

/* Spans sorted so that siblings of one name lie together in their order; a span's place among them is its ordinal. */
static int by_place(const void *a, const void *b, void *spans)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct trace_span *s = spans;
	if (s[x].parent_idx != s[y].parent_idx)
		return s[x].parent_idx < s[y].parent_idx ? -1 : 1;
	int names = strcmp(s[x].name, s[y].name);
	if (names)
		return names;
	return x < y ? -1 : x > y;
}

static bool same_group(const struct trace_span *x, const struct trace_span *y)
{
	return x->parent_idx == y->parent_idx && !strcmp(x->name, y->name);
}

static uint32_t *sort_by_place(const struct trace_tree *t)
{
	uint32_t *order = calloc(t->n_spans + 1, sizeof(*order));
	if (!order)
		return NULL;
	for (size_t i = 0; i < t->n_spans; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, t->n_spans, sizeof(*order), by_place, t->spans);
	return order;
}

static int compare_place(const struct trace_span *s, uint32_t parent_idx, const char *name)
{
	if (s->parent_idx != parent_idx)
		return s->parent_idx < parent_idx ? -1 : 1;
	return strcmp(s->name, name);
}

static uint32_t find_place(const struct trace_tree *t, const uint32_t *order, uint32_t parent_idx, const char *name,
	size_t ordinal)
{
	size_t low = 0, high = t->n_spans;
	while (low < high) { /* to the first of the group */
		size_t mid = low + (high - low) / 2;
		if (compare_place(&t->spans[order[mid]], parent_idx, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (ordinal >= t->n_spans - low)
		return TRACE_NO_SPAN;
	uint32_t idx = order[low + ordinal];
	return compare_place(&t->spans[idx], parent_idx, name) == 0 ? idx : TRACE_NO_SPAN;
}

int trace_tree_match(const struct trace_tree *a, const struct trace_tree *b, uint32_t *map)
{
	_cleanup_free_ uint32_t *a_order = sort_by_place(a), *b_order = sort_by_place(b);
	_cleanup_free_ uint32_t *ordinal = calloc(a->n_spans + 1, sizeof(*ordinal));
	_cleanup_free_ bool *exact = calloc(a->n_spans + 1, sizeof(*exact));
	if (!a_order || !b_order || !ordinal || !exact)
		return -ENOMEM;
	for (size_t i = 1; i < a->n_spans; i++)
		if (same_group(&a->spans[a_order[i]], &a->spans[a_order[i - 1]]))
			ordinal[a_order[i]] = ordinal[a_order[i - 1]] + 1;
	for (size_t i = 0; i < a->n_spans; i++) {
		const struct trace_span *s = &a->spans[i];
		bool is_root = s->parent_idx == TRACE_NO_SPAN;
		uint32_t parent = is_root ? TRACE_NO_SPAN : map[s->parent_idx];
		uint32_t found = TRACE_NO_SPAN;
		if (is_root || exact[s->parent_idx])
			found = find_place(b, b_order, parent, s->name, ordinal[i]);
		exact[i] = found != TRACE_NO_SPAN;
		map[i] = exact[i] ? found : parent;
	}
	return 0;
}
