/* SPDX-License-Identifier: Apache-2.0 */
/* The heavy stacks of a large profile, with its samples summed onto them. Pure; any thread that may read the profile. */
#include "api/formats/flame_outline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/protocol.h"

static const struct profile_sample *sample_at(const struct profile *p, const struct flame_selection *s, size_t i)
{
	return &p->samples[s->samples[i]];
}

/* Samples are ordered by run. */
static bool one_thread_a_run(const struct profile *p, const struct flame_selection *s)
{
	for (size_t i = 1; i < s->n_samples; i++) {
		const struct profile_sample *before = sample_at(p, s, i - 1), *sample = sample_at(p, s, i);
		if (sample->run == before->run && sample->tid != before->tid)
			return false;
	}
	return true;
}

/* By stack, the weight in it and below. */
static uint64_t *weigh_stacks(const struct profile *p, const struct flame_selection *s)
{
	uint64_t *weight = calloc(p->n_stacks + 1, sizeof(*weight));
	if (!weight)
		return NULL;
	for (size_t i = 0; i < s->n_samples; i++) {
		const struct profile_sample *sample = sample_at(p, s, i);
		if (sample->stack != PROFILE_NO_STACK)
			weight[sample->stack] += flame_weight(sample);
	}
	for (size_t k = p->n_stacks; k-- > 0;) /* children before parents */
		if (p->stacks[k].parent != PROFILE_NO_STACK)
			weight[p->stacks[k].parent] += weight[k];
	return weight;
}

/* Fills in o->stacks; place: of each stack, where it or the nearest one above it is among them. Nobody weighs more than its
 * parent, so the way up from each is there. */
static void keep_heavy(const struct profile *p, const uint64_t *weight, uint64_t all, struct flame_outline *o, uint32_t *place)
{
	for (size_t k = 0; k < p->n_stacks; k++) {
		uint32_t parent = p->stacks[k].parent;
		uint32_t above = parent == PROFILE_NO_STACK ? PROFILE_NO_STACK : place[parent];
		place[k] = above;
		if (!weight[k] || weight[k] < all / FLAME_OUTLINE_PARTS)
			continue;
		place[k] = (uint32_t)o->n_stacks;
		o->stacks[o->n_stacks++] = (struct profile_stack){above, p->stacks[k].frame};
	}
}

static bool ended_in_kernel(const struct profile *p, const struct profile_sample *sample, enum profile_kind kind)
{
	if (kind == PROFILE_OFF_CPU || !(sample->flags & ANALYZER_SAMPLE_IN_KERNEL))
		return false;
	return sample->stack == PROFILE_NO_STACK ||
		strcmp(p->strings[p->frames[p->stacks[sample->stack].frame].name], "[kernel]") != 0;
}

/* rows has room for four of each stack and of none; afterwards those that are in use stand in front. */
static void sum_samples(const struct profile *p, const struct flame_selection *s, enum profile_kind kind,
	const uint64_t *weight, const uint32_t *place, struct flame_outline *o)
{
	for (size_t i = 0; i < s->n_samples; i++) {
		const struct profile_sample *sample = sample_at(p, s, i);
		bool whole = sample->stack == PROFILE_NO_STACK ||
			(weight[sample->stack] && weight[sample->stack] >= s->weight / FLAME_OUTLINE_PARTS);
		bool truncated = sample->result != ANALYZER_RESULT_COMPLETE;
		bool in_kernel = ended_in_kernel(p, sample, kind);
		uint32_t stack = sample->stack == PROFILE_NO_STACK ? PROFILE_NO_STACK : place[sample->stack];
		size_t group = stack == PROFILE_NO_STACK ? o->n_stacks : stack;
		struct flame_outline_row *row = &o->rows[group * 4 + truncated * 2u + (in_kernel && whole)];

		*row = (struct flame_outline_row){stack, truncated, in_kernel && whole, row->n_samples + 1, row->weight + flame_weight(sample)};
		if (in_kernel)
			o->own[p->n_frames] += flame_weight(sample);
		else if (sample->stack != PROFILE_NO_STACK)
			o->own[p->stacks[sample->stack].frame] += flame_weight(sample);
	}
	for (size_t i = 0; i < (o->n_stacks + 1) * 4; i++)
		if (o->rows[i].n_samples)
			o->rows[o->n_rows++] = o->rows[i];
}

int flame_outline(const struct profile *p, const struct flame_selection *s, enum profile_kind kind, struct flame_outline *ret)
{
	*ret = (struct flame_outline){0};
	if (p->n_stacks < FLAME_OUTLINE_MIN_STACKS || !s->n_samples || !one_thread_a_run(p, s))
		return 0;
	_cleanup_outline_ struct flame_outline o = {.stacks = calloc(p->n_stacks, sizeof(*o.stacks))};
	_cleanup_free_ uint64_t *weight = weigh_stacks(p, s);
	_cleanup_free_ uint32_t *place = calloc(p->n_stacks, sizeof(*place));
	if (!o.stacks || !weight || !place)
		return -ENOMEM;
	keep_heavy(p, weight, s->weight, &o, place);
	o.rows = calloc((o.n_stacks + 1) * 4, sizeof(*o.rows));
	o.own = calloc(p->n_frames + 1, sizeof(*o.own));
	if (!o.rows || !o.own)
		return -ENOMEM;
	sum_samples(p, s, kind, weight, place, &o);
	*ret = o;
	o = (struct flame_outline){0};
	return 0;
}

void flame_outline_done(struct flame_outline *o)
{
	free(o->stacks);
	free(o->rows);
	free(o->own);
	*o = (struct flame_outline){0};
}
