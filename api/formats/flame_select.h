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
	size_t n_complete; /* of these, with a complete stack */
};

/* The samples at or below span of tree; all of them when span is TRACE_NO_SPAN. 0 or -ENOMEM. */
int flame_select(const struct profile *p, const struct trace_tree *tree, uint32_t span, struct flame_selection *ret);
void flame_selection_done(struct flame_selection *s);

/* Stacks by name and module (or by name alone), whatever file and line; truncated ones stand below a frame
 * "[truncated]" of their own. Nodes are the stacks of `profile`, parents first. */
struct flame_merge {
	struct profile *profile; /* owned */
	uint64_t *self, *total;  /* samples, by stack of `profile`; owned */
};

int flame_merge(const struct profile *p, const struct flame_selection *s, bool by_module, struct flame_merge *ret);
void flame_merge_done(struct flame_merge *m);

#define FLAME_TRUNCATED "[truncated]"

#define _cleanup_selection_ __attribute__((cleanup(flame_selection_done)))
#define _cleanup_merge_     __attribute__((cleanup(flame_merge_done)))

#endif
