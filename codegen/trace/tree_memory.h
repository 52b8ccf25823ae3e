/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the span tree share: its strings, its capacities, its index. Private to codegen/trace. */
#ifndef SPVSCOPE_TRACE_TREE_MEMORY_H
#define SPVSCOPE_TRACE_TREE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "codegen/trace/tree.h"

struct tree_chunk {
	struct tree_chunk *next;
	size_t used, size;
	char bytes[];
};

/* Children of every span and of "no span", each list sorted by start; latest_end_ns[i] is the latest end of
 * child[first..i], so that a walk back through overlapping siblings knows when to stop. */
struct tree_index {
	uint32_t *first; /* the list of span s is child[first[s]] … child[first[s + 1] - 1]; the roots' is at n_spans */
	uint32_t *child;
	uint64_t *latest_end_ns;
};

struct trace_tree_memory {
	size_t spans_capacity, attrs_capacity, events_capacity;
	struct tree_chunk *chunks;
	const char **interned; /* open addressing; a power of two of slots, at most half of them taken */
	size_t n_interned, n_slots;
	struct tree_index index; /* child is NULL: to be built */
};

/* A NUL-terminated copy that lives as long as the tree; equal short strings are kept once. NULL when out of memory. */
const char *tree_string(struct trace_tree *t, const char *s, size_t len);

/* As the public ones, of strings that tree_string gave. */
int64_t tree_add_span(struct trace_tree *t, const struct trace_span *span);
int tree_add_attr(struct trace_tree *t, const struct trace_attr *attr);
int tree_add_event(struct trace_tree *t, const struct trace_event *event);

/* Moves start and end of span into [from_ns, to_ns]. */
void tree_clamp(struct trace_span *span, uint64_t from_ns, uint64_t to_ns);
void tree_index_drop(struct trace_tree *t);

#endif
