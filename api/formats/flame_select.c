/* SPDX-License-Identifier: Apache-2.0 */
/* Selects and merges samples. Pure; any thread that may read profile and tree. */
#include "api/formats/flame_select.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "bpf/protocol.h"

/* For each span, whether it is `span` or below it: parents come first, so one pass is enough. */
static bool *mark_subtree(const struct trace_tree *t, uint32_t span)
{
	bool *in = calloc(t->n_spans + 1, sizeof(*in));
	for (size_t i = span; in && i < t->n_spans; i++) {
		uint32_t parent = t->spans[i].parent_idx;
		in[i] = i == span || (parent != TRACE_NO_SPAN && in[parent]);
	}
	return in;
}

uint64_t flame_weight(const struct profile_sample *s)
{
	return s->kind == PROFILE_OFF_CPU ? s->weight_ns : 1;
}

const char *flame_unit(enum profile_kind kind)
{
	return kind == PROFILE_OFF_CPU ? "ns" : kind == PROFILE_FAULTS ? "faults" : "samples";
}

int flame_select(const struct profile *p, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	struct flame_selection *ret)
{
	_cleanup_free_ bool *in = NULL;
	_cleanup_selection_ struct flame_selection s = {.samples = calloc(p->n_samples + 1, sizeof(*s.samples))};

	if (span != TRACE_NO_SPAN && tree)
		in = mark_subtree(tree, span);
	if (!s.samples || (span != TRACE_NO_SPAN && tree && !in))
		return -ENOMEM;
	for (size_t i = 0; i < p->n_samples; i++) {
		const struct profile_sample *sample = &p->samples[i];
		bool complete = sample->result == ANALYZER_RESULT_COMPLETE;

		if (sample->kind != kind)
			continue;
		if (span != TRACE_NO_SPAN && (!in || sample->span >= tree->n_spans || !in[sample->span]))
			continue;
		s.samples[s.n_samples++] = (uint32_t)i;
		s.n_complete += complete;
		s.weight += flame_weight(sample);
		s.complete_weight += complete ? flame_weight(sample) : 0;
	}
	*ret = s;
	s.samples = NULL;
	return 0;
}

void flame_selection_done(struct flame_selection *s)
{
	free(s->samples);
	*s = (struct flame_selection){0};
}

/* The old stacks' new nodes; complete and truncated samples may share old nodes but never new ones. */
struct mapping {
	const struct profile *from;
	struct profile *to;
	bool by_module;
	uint32_t *node[2]; /* [truncated][old stack]: new stack, or PROFILE_NO_STACK */
	uint32_t root[2];
};

static int64_t map_frame(const struct mapping *m, uint32_t frame)
{
	const struct profile_frame *f = &m->from->frames[frame];
	return profile_add_frame(m->to, m->from->strings[f->name], m->by_module ? m->from->strings[f->module] : "", "", 0);
}

/* The new node of an old stack: walks out to the first frame that has one, then adds inwards. */
static int64_t map_stack(const struct mapping *m, uint32_t stack, bool truncated)
{
	uint32_t path[PROFILE_MAX_DEPTH], *node = m->node[truncated], n = 0, at = stack;

	while (at != PROFILE_NO_STACK && node[at] == PROFILE_NO_STACK) {
		if (n == PROFILE_MAX_DEPTH)
			return -E2BIG;
		path[n++] = at;
		at = m->from->stacks[at].parent;
	}
	int64_t parent = at == PROFILE_NO_STACK ? m->root[truncated] : node[at];
	while (n > 0) {
		int64_t frame = map_frame(m, m->from->stacks[path[--n]].frame);
		if (frame < 0)
			return frame;
		int64_t added = profile_add_stack(m->to, (uint32_t)parent, (uint32_t)frame);
		if (added == -E2BIG)
			return parent; /* one deeper through "[truncated]": its innermost frame is left out */
		if (added < 0)
			return added;
		node[path[n]] = (uint32_t)added;
		parent = added;
	}
	return parent;
}

static int64_t add_root(struct profile *p, const char *name)
{
	int64_t frame = profile_add_frame(p, name, "", "", 0);
	return frame < 0 ? frame : profile_add_stack(p, PROFILE_NO_STACK, (uint32_t)frame);
}

static int map_samples(struct mapping *m, const struct flame_selection *s, uint32_t *stack_of)
{
	for (size_t i = 0; i < s->n_samples; i++) {
		const struct profile_sample *sample = &m->from->samples[s->samples[i]];
		bool truncated = sample->result != ANALYZER_RESULT_COMPLETE || sample->stack == PROFILE_NO_STACK;
		if (truncated && m->root[true] == PROFILE_NO_STACK) {
			int64_t root = add_root(m->to, FLAME_TRUNCATED);
			if (root < 0)
				return (int)root;
			m->root[true] = (uint32_t)root;
		}
		int64_t node = map_stack(m, sample->stack, truncated);
		if (node < 0)
			return (int)node;
		stack_of[i] = (uint32_t)node;
	}
	return 0;
}

static int count(struct flame_merge *m, const struct profile *from, const struct flame_selection *s,
	const uint32_t *stack_of)
{
	m->self = calloc(m->profile->n_stacks + 1, sizeof(*m->self));
	m->total = calloc(m->profile->n_stacks + 1, sizeof(*m->total));
	if (!m->self || !m->total)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_samples; i++)
		m->self[stack_of[i]] += flame_weight(&from->samples[s->samples[i]]);
	for (size_t i = m->profile->n_stacks; i-- > 0;) { /* children before parents */
		m->total[i] += m->self[i];
		if (m->profile->stacks[i].parent != PROFILE_NO_STACK)
			m->total[m->profile->stacks[i].parent] += m->total[i];
	}
	return 0;
}

int flame_merge(const struct profile *p, const struct flame_selection *s, bool by_module, struct flame_merge *ret)
{
	_cleanup_merge_ struct flame_merge m = {.profile = profile_new()};
	_cleanup_free_ uint32_t *whole = calloc(p->n_stacks + 1, sizeof(*whole));
	_cleanup_free_ uint32_t *cut = calloc(p->n_stacks + 1, sizeof(*cut));
	_cleanup_free_ uint32_t *stack_of = calloc(s->n_samples + 1, sizeof(*stack_of));
	if (!m.profile || !whole || !cut || !stack_of)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_stacks; i++)
		whole[i] = cut[i] = PROFILE_NO_STACK;
	struct mapping mapping = {p, m.profile, by_module, {whole, cut}, {PROFILE_NO_STACK, PROFILE_NO_STACK}};
	int r = map_samples(&mapping, s, stack_of);
	if (r == 0)
		r = count(&m, p, s, stack_of);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct flame_merge){0};
	return 0;
}

void flame_merge_done(struct flame_merge *m)
{
	profile_free(m->profile);
	free(m->self);
	free(m->total);
	*m = (struct flame_merge){0};
}
