/* SPDX-License-Identifier: Apache-2.0 */
/* Which samples a flame graph is made of, and the same stacks with equal frames merged. Private to api/formats. */
#ifndef SPVSCOPE_FORMATS_FLAME_SELECT_H
#define SPVSCOPE_FORMATS_FLAME_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/profile.h"
#include "codegen/trace/tree.h"

struct flame_selection {
	uint32_t *samples; /* indexes into profile->samples, in their order; owned */
	size_t n_samples;
	uint64_t weight, complete_weight; /* of all, and of these with a complete stack; in the kind's unit */
	size_t n_complete;
};

/* The samples of one kind at or below span of tree; all of that kind when span is TRACE_NO_SPAN. 0 or -ENOMEM. */
int flame_select(const struct profile *p, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	struct flame_selection *ret);
/* In the unit of its kind. */
uint64_t flame_weight(const struct profile_sample *s);
/* "samples", "ns", "faults". */
const char *flame_unit(enum profile_kind kind);
void flame_selection_done(struct flame_selection *s);

/* Stacks by name and module (or by name alone), whatever file and line; truncated ones stand below a frame
 * "[truncated]" of their own. Nodes are the stacks of `profile`, parents first. */
struct flame_merge {
	struct profile *profile; /* owned */
	uint64_t *self, *total;  /* weights, by stack of `profile`; owned */
};

int flame_merge(const struct profile *p, const struct flame_selection *s, bool by_module, struct flame_merge *ret);
void flame_merge_done(struct flame_merge *m);

#define FLAME_TRUNCATED "[truncated]"

#define _cleanup_selection_ __attribute__((cleanup(flame_selection_done)))
#define _cleanup_merge_     __attribute__((cleanup(flame_merge_done)))

#endif
