/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks merged from the outermost frame, as nested JSON objects. Pure; any thread that may read profile and tree. */
#include <stdlib.h>
#include <string.h>

#include "api/formats/flame_select.h"
#include "api/formats/json.h"
#include "api/formats/writers.h"
#include "base/cleanup.h"

static int by_parent_then_total(const void *a, const void *b, void *merge)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct flame_merge *m = merge;
	const struct profile *p = m->profile;
	if (p->stacks[x].parent != p->stacks[y].parent)
		return p->stacks[x].parent < p->stacks[y].parent ? -1 : 1;
	if (m->total[x] != m->total[y])
		return m->total[x] > m->total[y] ? -1 : 1;
	int names = strcmp(p->strings[p->frames[p->stacks[x].frame].name], p->strings[p->frames[p->stacks[y].frame].name]);
	return names ? names : x < y ? -1 : x > y;
}

struct writing {
	const struct flame_merge *merge;
	const uint32_t *order; /* nodes by parent (roots last), then from the largest to the smallest */
	const uint32_t *first; /* by node, and behind the last node for the roots: where its children begin in order */
	struct strbuf *out;
};

static void put_children(const struct writing *w, uint32_t parent);

/* Recursion goes as deep as a stack: PROFILE_MAX_DEPTH. */
static void put_node(const struct writing *w, uint32_t node)
{
	const struct profile *p = w->merge->profile;
	const struct profile_frame *f = &p->frames[p->stacks[node].frame];
	json_member_text(w->out, "{", "name", p->strings[f->name]);
	json_member_text(w->out, ",", "module", p->strings[f->module]);
	json_member_u64(w->out, ",", "self", w->merge->self[node]);
	json_member_u64(w->out, ",", "total", w->merge->total[node]);
	put_children(w, node);
	strbuf_putc(w->out, '}');
}

static void put_children(const struct writing *w, uint32_t parent)
{
	strbuf_puts(w->out, ",\"children\":[");
	for (uint32_t i = w->first[parent]; i < w->first[parent + 1]; i++) {
		if (i > w->first[parent])
			strbuf_putc(w->out, ',');
		put_node(w, w->order[i]);
	}
	strbuf_putc(w->out, ']');
}

/* Where each parent's children begin: PROFILE_NO_STACK, the roots' parent, sorts last and counts as node n. */
static void find_children(const struct profile *p, const uint32_t *order, uint32_t *first)
{
	size_t n = p->n_stacks, at = 0;
	for (size_t parent = 0; parent <= n; parent++) {
		while (at < n && p->stacks[order[at]].parent < parent)
			at++;
		first[parent] = (uint32_t)at;
	}
	first[n + 1] = (uint32_t)n;
}

static void put_head(const struct profile *p, enum profile_kind kind, const struct flame_selection *s,
	const struct trace_info *info, struct strbuf *out)
{
	strbuf_printf(out, "{\"format\":\"spvscope-tree\",\"version\":1,\"kind\":\"%s\",\"unit\":\"%s\"",
		profile_kind_name(kind), flame_unit(kind));
	json_member_u64(out, ",", "frequency_hz", p->frequency_hz);
	json_member_text(out, ",", "trace_id", info->trace_id);
	json_member_u64(out, ",", "complete", s->complete_weight);
	json_member_u64(out, ",", "truncated", s->weight - s->complete_weight);
	json_member_u64(out, ",", "lost", p->lost[kind]);
	json_member_text(out, ",\n", "name", "all");
	json_member_text(out, ",", "module", "");
	json_member_u64(out, ",", "self", 0);
	json_member_u64(out, ",", "total", s->weight);
}

void format_tree(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	const struct trace_info *info, struct strbuf *out)
{
	_cleanup_selection_ struct flame_selection selection = {0};
	_cleanup_merge_ struct flame_merge merge = {0};
	_cleanup_free_ uint32_t *order = NULL, *first = NULL;

	if (flame_select(profile, tree, span, kind, &selection) < 0 || flame_merge(profile, &selection, true, &merge) < 0) {
		out->failed = true;
		return;
	}
	size_t n = merge.profile->n_stacks;
	order = calloc(n + 1, sizeof(*order));
	first = calloc(n + 2, sizeof(*first));
	if (!order || !first) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, n, sizeof(*order), by_parent_then_total, &merge);
	find_children(merge.profile, order, first);
	put_head(profile, kind, &selection, info, out);
	put_children(&(struct writing){&merge, order, first, out}, (uint32_t)n);
	strbuf_puts(out, "}\n");
}
