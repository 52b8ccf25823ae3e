/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen of a large profile as a whole, so that a viewer need not go through all of it before it paints. Private
 * to api/formats. */
#ifndef SPVSCOPE_FORMATS_FLAME_OUTLINE_H
#define SPVSCOPE_FORMATS_FLAME_OUTLINE_H

#include "api/formats/flame_select.h"

/* Profiles with less stacks are read as fast without. */
#define FLAME_OUTLINE_MIN_STACKS 20000
/* What has less than this part of the weight is a third of a pixel wide in a window of 1,280. */
#define FLAME_OUTLINE_PARTS 4096

/* Samples that look alike in an outline. */
struct flame_outline_row {
	uint32_t stack; /* place in the outline, or PROFILE_NO_STACK */
	bool truncated, in_kernel;
	uint32_t n_samples;
	uint64_t weight; /* of these */
};

struct flame_outline {
	/* Of the profile's stacks those of enough weight, parents first, with their parents' places in this table; owned. */
	struct profile_stack *stacks;
	size_t n_stacks; /* 0: there is no outline */
	struct flame_outline_row *rows; /* owned; the sample of a stack that is left out stands at the nearest one above it */
	size_t n_rows;
	/* By frame, the weight of the samples that ended in it, wherever they stand here; behind the last frame that of
	 * samples that ended in the kernel below a frame of the program. Owned. */
	uint64_t *own;
};

/* There is none of a small profile, nor where a run has samples of several threads: those are told apart by the reader.
 * 0 or -ENOMEM. */
int flame_outline(const struct profile *p, const struct flame_selection *s, enum profile_kind kind, struct flame_outline *ret);
void flame_outline_done(struct flame_outline *o);

#define _cleanup_outline_ __attribute__((cleanup(flame_outline_done)))

#endif
