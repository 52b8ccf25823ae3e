/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of every tree that came out of a reader, whatever went in. */
#ifndef SPVSCOPE_TESTS_TREE_CHECK_H
#define SPVSCOPE_TESTS_TREE_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/trace/tree.h"

#define TREE_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: broken tree: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* nested: children must lie inside their parents, as they do when a log was read. */
static inline void tree_check(const struct trace_tree *t, bool nested)
{
	for (size_t i = 0; i < t->n_spans; i++) {
		const struct trace_span *s = &t->spans[i];
		TREE_CHECK(strlen(s->name) < 1u << 20);
		TREE_CHECK(s->start_ns + s->duration_ns >= s->start_ns);
		TREE_CHECK(s->depth < TRACE_TREE_MAX_DEPTH);
		if (s->parent_idx == TRACE_NO_SPAN) {
			TREE_CHECK(s->depth == 0);
			continue;
		}
		TREE_CHECK(s->parent_idx < i);
		const struct trace_span *p = &t->spans[s->parent_idx];
		TREE_CHECK(s->depth == p->depth + 1);
		TREE_CHECK(!nested || (s->start_ns >= p->start_ns &&
			s->start_ns + s->duration_ns <= p->start_ns + p->duration_ns));
	}
	for (size_t i = 0; i < t->n_attrs; i++)
		TREE_CHECK(t->attrs[i].span_idx < t->n_spans && strlen(t->attrs[i].key) < 1u << 20);
	for (size_t i = 0; i < t->n_events; i++) {
		uint32_t idx = t->events[i].span_idx;
		TREE_CHECK(idx == TRACE_NO_SPAN || idx < t->n_spans);
		TREE_CHECK(strlen(t->events[i].name) + strlen(t->events[i].message) < 1u << 20);
	}
}

#endif
