/* SPDX-License-Identifier: Apache-2.0 */
/* Aligns two span trees and merges two flame graphs into one. A span's place is its name and its number among the
 * siblings of that name, its parents' likewise. Pure; any thread that may read trees and profiles. */
#include "api/formats/compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/formats/flame_select.h"
#include "base/cleanup.h"

#define NONE UINT32_MAX

/* ---- places in a tree ---- */

struct place {
	uint32_t parent;     /* index of a place; NONE for a root */
	uint32_t ordinal;
	const char *name;    /* of whichever tree has it first */
	uint32_t spans[2];   /* of base and to; NONE where it is not there */
	uint32_t next;       /* in its bucket */
};

struct places {
	struct place *all;
	size_t n;
	uint32_t *buckets;
	size_t n_buckets;    /* a power of two */
};

static size_t hash(const struct places *p, uint32_t parent, const char *name, uint32_t ordinal)
{
	uint64_t h = ((uint64_t)parent << 32 | ordinal) * 0x9e3779b97f4a7c15ull;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	return (h ^ h >> 29) & (p->n_buckets - 1);
}

static uint32_t find(const struct places *p, uint32_t parent, const char *name, uint32_t ordinal)
{
	uint32_t i = p->buckets[hash(p, parent, name, ordinal)];

	while (i != NONE && (p->all[i].parent != parent || p->all[i].ordinal != ordinal || strcmp(p->all[i].name, name) != 0))
		i = p->all[i].next;
	return i;
}

static uint32_t add(struct places *p, uint32_t parent, const char *name, uint32_t ordinal)
{
	uint32_t *bucket = &p->buckets[hash(p, parent, name, ordinal)];

	p->all[p->n] = (struct place){.parent = parent, .ordinal = ordinal, .name = name, .spans = {NONE, NONE}, .next = *bucket};
	*bucket = (uint32_t)p->n;
	return (uint32_t)p->n++;
}

/* The next place of that name below parent that this side has not yet taken. How far it is was noted with the first one
 * of the name, so that a thousand siblings take a thousand steps. */
static uint32_t take(struct places *p, uint32_t parent, const char *name, uint32_t *counts, int side, uint32_t span)
{
	uint32_t first = find(p, parent, name, 0), ordinal = first == NONE ? 0 : counts[first], at;

	at = ordinal ? find(p, parent, name, ordinal) : first;
	if (at == NONE)
		at = add(p, parent, name, ordinal);
	counts[first == NONE ? at : first] = ordinal + 1;
	p->all[at].spans[side] = span;
	return at;
}

static bool add_tree(struct places *p, const struct trace_tree *t, int side, size_t n_most)
{
	_cleanup_free_ uint32_t *of_span = calloc(t->n_spans + 1, sizeof(*of_span)), *counts = calloc(n_most + 1, sizeof(*counts));

	if (!of_span || !counts)
		return false;
	for (uint32_t i = 0; i < t->n_spans; i++) {
		uint32_t parent = t->spans[i].parent_idx;

		of_span[i] = take(p, parent == TRACE_NO_SPAN ? NONE : of_span[parent], t->spans[i].name, counts, side, i);
	}
	return true;
}

static void places_done(struct places *p)
{
	free(p->all);
	free(p->buckets);
}

static bool align(const struct compare_side *sides[2], struct places *ret)
{
	size_t n_most = 1;

	for (int side = 0; side < 2; side++)
		n_most += sides[side]->tree ? sides[side]->tree->n_spans : 0;
	for (ret->n_buckets = 16; ret->n_buckets < n_most; ret->n_buckets *= 2)
		;
	ret->all = calloc(n_most, sizeof(*ret->all));
	ret->buckets = malloc(ret->n_buckets * sizeof(*ret->buckets));
	if (!ret->all || !ret->buckets)
		return false;
	memset(ret->buckets, 0xff, ret->n_buckets * sizeof(*ret->buckets));
	for (int side = 0; side < 2; side++)
		if (sides[side]->tree && !add_tree(ret, sides[side]->tree, side, n_most))
			return false;
	return true;
}

/* ---- writing ---- */

static const char *const side_names[2] = {"base", "to"};

static void put_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_printf(out, ", \"%s\": ", key);
	if (text)
		strbuf_json_string(out, text, strlen(text));
	else
		strbuf_puts(out, "null");
}

static void put_side(const struct compare_side *s, struct strbuf *out)
{
	const struct trace_info *i = s->info;

	strbuf_printf(out, "{\"id\": \"%s\", \"compilation_id\": \"%s\"", i->trace_id, i->compilation_id);
	put_text(out, "name", i->name);
	put_text(out, "language", i->language);
	put_text(out, "stage", i->stage);
	put_text(out, "status", i->status);
	strbuf_printf(out, ", \"started_unix_ns\": %" PRIu64 ", \"duration_ns\": %" PRIu64 "}", i->started_unix_ns, s->duration_ns);
}

static void put_span(const struct compare_side *s, uint32_t idx, struct strbuf *out)
{
	const struct trace_span *span;

	if (idx == NONE) {
		strbuf_puts(out, "null");
		return;
	}
	span = &s->tree->spans[idx];
	strbuf_printf(out, "{\"id\": %" PRIu32 ", \"start_ns\": %" PRIu64 ", \"duration_ns\": %" PRIu64, idx + 1,
		span->start_ns > s->origin_ns ? span->start_ns - s->origin_ns : 0, span->duration_ns);
	if (span->measured)
		strbuf_printf(out, ", \"cpu_ns\": %" PRIu64 ", \"minor_faults\": %" PRIu64 ", \"alloc_bytes\": %" PRIu64
			", \"alloc_calls\": %" PRIu64, (uint64_t)span->used.cpu_ns, (uint64_t)span->used.minor_faults,
			(uint64_t)span->used.alloc_bytes, (uint64_t)span->used.alloc_calls);
	else
		strbuf_puts(out, ", \"cpu_ns\": null, \"minor_faults\": null, \"alloc_bytes\": null, \"alloc_calls\": null");
	if (span->clean.n_runs)
		strbuf_printf(out, ", \"median_ns\": %" PRIu64 "}", span->clean.median_ns);
	else
		strbuf_puts(out, ", \"median_ns\": null}");
}

/* Medians of repeated runs where both have them: they are steadier. */
static void put_ratio(double base, double to, struct strbuf *out)
{
	if (base > 0)
		strbuf_printf(out, ", \"ratio\": %.4f", to / base);
	else
		strbuf_puts(out, ", \"ratio\": null");
}

static void put_spans(const struct compare_side *sides[2], const struct places *p, struct strbuf *out)
{
	strbuf_puts(out, ",\n\"spans\": [");
	for (size_t i = 0; i < p->n; i++) {
		const struct place *at = &p->all[i];
		uint64_t ns[2] = {0, 0};
		bool both = at->spans[0] != NONE && at->spans[1] != NONE, medians = both;

		for (int side = 0; both && side < 2; side++)
			medians &= sides[side]->tree->spans[at->spans[side]].clean.n_runs > 0;
		for (int side = 0; both && side < 2; side++) {
			const struct trace_span *span = &sides[side]->tree->spans[at->spans[side]];

			ns[side] = medians ? span->clean.median_ns : span->duration_ns;
		}
		strbuf_printf(out, "%s{\"id\": %zu, \"parent\": ", i ? ",\n" : "", i);
		if (at->parent == NONE)
			strbuf_puts(out, "null");
		else
			strbuf_printf(out, "%" PRIu32, at->parent);
		put_text(out, "name", at->name);
		for (int side = 0; side < 2; side++) {
			strbuf_printf(out, ", \"%s\": ", side_names[side]);
			put_span(sides[side], at->spans[side], out);
		}
		put_ratio((double)ns[0], (double)ns[1], out);
		strbuf_putc(out, '}');
	}
	strbuf_putc(out, ']');
}

/* ---- flames ---- */

struct flames {
	struct profile *profile;          /* of the stacks of both */
	uint64_t *self[2], *total[2];     /* by its stacks */
	uint64_t weight[2];
};

static void flames_done(struct flames *f)
{
	profile_free(f->profile);
	for (int side = 0; side < 2; side++) {
		free(f->self[side]);
		free(f->total[side]);
	}
}

static bool add_flame(struct flames *f, int side, const struct flame_merge *m, size_t n_most)
{
	_cleanup_free_ uint32_t *map = calloc(m->profile->n_stacks + 1, sizeof(*map));

	f->self[side] = calloc(n_most, sizeof(uint64_t));
	f->total[side] = calloc(n_most, sizeof(uint64_t));
	if (!map || !f->self[side] || !f->total[side])
		return false;
	for (size_t i = 0; i < m->profile->n_stacks; i++) {
		const struct profile_stack *stack = &m->profile->stacks[i];
		const char *name = m->profile->strings[m->profile->frames[stack->frame].name];
		int64_t frame = profile_add_frame(f->profile, name, NULL, NULL, 0);
		int64_t node = frame < 0 ? frame : profile_add_stack(f->profile,
			stack->parent == PROFILE_NO_STACK ? PROFILE_NO_STACK : map[stack->parent], (uint32_t)frame);

		if (node < 0)
			return false;
		map[i] = (uint32_t)node;
		f->self[side][node] += m->self[i];
		f->total[side][node] += m->total[i];
	}
	return true;
}

static bool join_flames(const struct compare_side *sides[2], enum profile_kind kind, struct flames *ret)
{
	struct flame_merge merges[2] = {{0}, {0}};
	size_t n_most = 1;
	bool ok = (ret->profile = profile_new());

	for (int side = 0; side < 2 && ok; side++) {
		_cleanup_selection_ struct flame_selection s = {0};

		if (!sides[side]->profile)
			continue;
		ok = flame_select(sides[side]->profile, sides[side]->tree, TRACE_NO_SPAN, kind, &s) == 0 &&
		     flame_merge(sides[side]->profile, &s, false, &merges[side]) == 0;
		ret->weight[side] = s.weight;
		n_most += ok ? merges[side].profile->n_stacks : 0;
	}
	for (int side = 0; side < 2 && ok; side++) {
		if (merges[side].profile) {
			ok = add_flame(ret, side, &merges[side], n_most);
		} else {
			ret->self[side] = calloc(n_most, sizeof(uint64_t));
			ret->total[side] = calloc(n_most, sizeof(uint64_t));
			ok = ret->self[side] && ret->total[side];
		}
	}
	for (int side = 0; side < 2; side++)
		flame_merge_done(&merges[side]);
	return ok;
}

static void put_flame(const struct flames *f, enum profile_kind kind, struct strbuf *out)
{
	const struct profile *p = f->profile;

	strbuf_printf(out, ",\n\"flame\": {\"kind\": \"%s\", \"unit\": \"%s\", \"base_weight\": %" PRIu64 ", \"to_weight\": %" PRIu64
		", \"nodes\": [", profile_kind_name(kind), flame_unit(kind), f->weight[0], f->weight[1]);
	for (size_t i = 0; i < p->n_stacks; i++) {
		strbuf_printf(out, "%s{\"id\": %zu, \"parent\": ", i ? ",\n" : "", i);
		if (p->stacks[i].parent == PROFILE_NO_STACK)
			strbuf_puts(out, "null");
		else
			strbuf_printf(out, "%" PRIu32, p->stacks[i].parent);
		put_text(out, "name", p->strings[p->frames[p->stacks[i].frame].name]);
		for (int side = 0; side < 2; side++)
			strbuf_printf(out, ", \"%s\": {\"self\": %" PRIu64 ", \"total\": %" PRIu64 "}", side_names[side], f->self[side][i],
				f->total[side][i]);
		strbuf_putc(out, '}');
	}
	strbuf_puts(out, "]}");
}

/* ---- counters ---- */

struct counter {
	const char *name;
	uint64_t values[2];
	bool is_known[2];
};

static void count(struct counter *c, int side, uint64_t value)
{
	c->values[side] = value;
	c->is_known[side] = true;
}

static void put_counters(const struct compare_side *sides[2], const struct flames *f, struct strbuf *out)
{
	enum { DURATION, SPANS, SOURCE, SPIRV, CPU, FAULTS, ALLOC_BYTES, ALLOC_CALLS, WEIGHT, N };
	struct counter counters[N] = {
		[DURATION] = {.name = "duration_ns"}, [SPANS] = {.name = "spans"}, [SOURCE] = {.name = "source_bytes"},
		[SPIRV] = {.name = "spirv_bytes"}, [CPU] = {.name = "compile_cpu_ns"}, [FAULTS] = {.name = "compile_minor_faults"},
		[ALLOC_BYTES] = {.name = "compile_alloc_bytes"}, [ALLOC_CALLS] = {.name = "compile_alloc_calls"},
		[WEIGHT] = {.name = "flame_weight"},
	};

	for (int side = 0; side < 2; side++) {
		const struct compare_side *s = sides[side];

		count(&counters[DURATION], side, s->duration_ns);
		count(&counters[SPANS], side, s->tree ? s->tree->n_spans : 0);
		count(&counters[SOURCE], side, s->source_bytes);
		count(&counters[SPIRV], side, s->spirv_bytes);
		count(&counters[WEIGHT], side, f->weight[side]);
		for (size_t i = 0; s->tree && i < s->tree->n_spans; i++) {
			const struct trace_span *span = &s->tree->spans[i];

			if (!span->measured || strcmp(span->name, "codegen::compile") != 0)
				continue;
			count(&counters[CPU], side, span->used.cpu_ns);
			count(&counters[FAULTS], side, span->used.minor_faults);
			count(&counters[ALLOC_BYTES], side, span->used.alloc_bytes);
			count(&counters[ALLOC_CALLS], side, span->used.alloc_calls);
			break;
		}
	}
	strbuf_puts(out, ",\n\"counters\": {");
	for (int i = 0; i < N; i++) {
		const struct counter *c = &counters[i];

		strbuf_printf(out, "%s\"%s\": {", i ? ", " : "", c->name);
		for (int side = 0; side < 2; side++) {
			strbuf_printf(out, "%s\"%s\": ", side ? ", " : "", side_names[side]);
			if (c->is_known[side])
				strbuf_printf(out, "%" PRIu64, c->values[side]);
			else
				strbuf_puts(out, "null");
		}
		put_ratio(c->is_known[1] ? (double)c->values[0] : 0, (double)c->values[1], out);
		strbuf_putc(out, '}');
	}
	strbuf_putc(out, '}');
}

void format_compare(const struct compare_side *base, const struct compare_side *to, enum profile_kind kind,
	struct strbuf *out)
{
	const struct compare_side *sides[2] = {base, to};
	_cleanup_(places_done) struct places places = {0};
	_cleanup_(flames_done) struct flames flames = {0};

	if (!align(sides, &places) || !join_flames(sides, kind, &flames)) {
		out->failed = true;
		return;
	}
	strbuf_puts(out, "{\"base\": ");
	put_side(base, out);
	strbuf_puts(out, ", \"to\": ");
	put_side(to, out);
	put_counters(sides, &flames, out);
	put_spans(sides, &places, out);
	put_flame(&flames, kind, out);
	strbuf_puts(out, "}\n");
}
