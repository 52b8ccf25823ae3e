/* SPDX-License-Identifier: Apache-2.0 */
/* Groups what a tree holds by span. Pure; any thread that may read the tree. */
#include "api/formats/span_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

typedef uint32_t (*owner_fn)(const struct trace_tree *t, size_t i);

static uint32_t parent_of(const struct trace_tree *t, size_t i)
{
	return t->spans[i].parent_idx;
}

static uint32_t span_of_attr(const struct trace_tree *t, size_t i)
{
	return t->attrs[i].span_idx;
}

static uint32_t span_of_event(const struct trace_tree *t, size_t i)
{
	return t->events[i].span_idx;
}

static size_t slot_of(const struct trace_tree *t, uint32_t span_idx)
{
	return span_idx == TRACE_NO_SPAN ? t->n_spans : span_idx;
}

/* A counting sort: stable, so each list keeps the order of the things. */
static int group(struct span_list *l, const struct trace_tree *t, size_t n, owner_fn owner)
{
	l->first = calloc(t->n_spans + 3, sizeof(*l->first));
	l->idx = calloc(n + 1, sizeof(*l->idx));
	if (!l->first || !l->idx)
		return -ENOMEM;
	uint32_t *next = l->first + 1; /* next[s] is where span s goes on; in the end that is where s + 1 begins */
	for (size_t i = 0; i < n; i++)
		next[slot_of(t, owner(t, i)) + 1]++;
	for (size_t s = 0; s <= t->n_spans; s++)
		next[s + 1] += next[s];
	for (size_t i = 0; i < n; i++)
		l->idx[next[slot_of(t, owner(t, i))]++] = (uint32_t)i;
	return 0;
}

static int by_key_then_order(const void *a, const void *b, void *attrs)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct trace_attr *at = attrs;
	int keys = strcmp(at[x].key, at[y].key);
	return keys ? keys : x < y ? -1 : x > y;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* Sorting by key brings doubles together, whatever their number; of each key the last set stays. Returns how many. */
static size_t keep_last_of_key(const struct trace_tree *t, uint32_t *idx, size_t n)
{
	size_t kept = 0;
	if (n < 2)
		return n;
	qsort_r(idx, n, sizeof(*idx), by_key_then_order, t->attrs);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || strcmp(t->attrs[idx[i]].key, t->attrs[idx[i + 1]].key))
			idx[kept++] = idx[i];
	qsort(idx, kept, sizeof(*idx), ascending);
	return kept;
}

static void drop_doubles(struct span_list *l, const struct trace_tree *t)
{
	uint32_t to = 0;
	for (size_t s = 0; s < t->n_spans; s++) {
		uint32_t begin = l->first[s], end = l->first[s + 1];
		size_t kept = keep_last_of_key(t, l->idx + begin, end - begin);
		memmove(l->idx + to, l->idx + begin, kept * sizeof(*l->idx));
		l->first[s] = to;
		to += (uint32_t)kept;
	}
	l->first[t->n_spans] = to;
	l->first[t->n_spans + 1] = to;
}

int span_lists_init(struct span_lists *l, const struct trace_tree *t)
{
	*l = (struct span_lists){0};
	if (group(&l->children, t, t->n_spans, parent_of) < 0 || group(&l->attrs, t, t->n_attrs, span_of_attr) < 0 ||
	    group(&l->events, t, t->n_events, span_of_event) < 0)
		return -ENOMEM;
	drop_doubles(&l->attrs, t);
	return 0;
}

void span_lists_done(struct span_lists *l)
{
	struct span_list *lists[] = {&l->children, &l->attrs, &l->events};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		free(lists[i]->first);
		free(lists[i]->idx);
		*lists[i] = (struct span_list){0};
	}
}

struct span_range span_list_of(const struct span_list *l, const struct trace_tree *t, uint32_t span_idx)
{
	size_t s = slot_of(t, span_idx);
	return (struct span_range){l->first[s], l->first[s + 1]};
}
