/* SPDX-License-Identifier: Apache-2.0 */
/* A tree turned round: the children, attributes and events of each span. Private to api/formats. */
#ifndef SPVSCOPE_FORMATS_SPAN_LISTS_H
#define SPVSCOPE_FORMATS_SPAN_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "codegen/trace/tree.h"

/* Things by span, in their order: those of span s are idx[first[s]] … idx[first[s + 1] - 1]; those of no span stand
 * behind the last span's, at first[n_spans]. */
struct span_list {
	uint32_t *first, *idx;
};

struct span_lists {
	struct span_list children; /* of "no span": the roots */
	struct span_list attrs;    /* of equal keys on a span only the one set last */
	struct span_list events;
};

int span_lists_init(struct span_lists *l, const struct trace_tree *t); /* 0 or -ENOMEM */
void span_lists_done(struct span_lists *l);

/* Where the list of span_idx (or TRACE_NO_SPAN) begins and ends in idx. */
struct span_range {
	uint32_t begin, end;
};
struct span_range span_list_of(const struct span_list *l, const struct trace_tree *t, uint32_t span_idx);

#define _cleanup_span_lists_ __attribute__((cleanup(span_lists_done)))

#endif
