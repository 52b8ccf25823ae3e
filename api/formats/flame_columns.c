/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer's own formats: parallel arrays, as JSON and packed. Pure; any thread that may read profile and tree.
 *
 * Packed is a line of JSON, in which each column stands as the word for its type, then at the next multiple of 8 bytes the
 * columns themselves in the order of the line, little-endian, each followed by zeros up to a multiple of 8. So a reader
 * takes them as they lie, where reading millions of numbers out of JSON is what takes the longest. Of a large profile it also
 * holds an outline, from which a reader paints before it has gone through the rest. */
#include <endian.h>
#include <string.h>

#include "api/formats/flame_outline.h"
#include "api/formats/json.h"
#include "api/formats/writers.h"
#include "bpf/protocol.h"

struct writing {
	const struct profile *profile;
	const struct flame_selection *selection;
	const struct flame_outline *outline;
	struct strbuf *out;
};

/* A value of row i; -1 is written for UINT64_MAX. */
typedef uint64_t (*cell_fn)(const struct writing *w, size_t i);

/* How a column is packed. JavaScript has no whole numbers of 64 bits outside of BigInt: times and weights are doubles, which
 * are exact up to 104 days of nanoseconds. */
enum cell_type { I32, U8, F64 };

static const char *const type_words[] = {[I32] = "i32", [U8] = "u8", [F64] = "f64"};

struct column {
	const char *name;
	cell_fn cell;
	enum cell_type type;
};

#define NONE UINT64_MAX

static uint64_t frame_name(const struct writing *w, size_t i)
{
	return w->profile->frames[i].name;
}

static uint64_t frame_module(const struct writing *w, size_t i)
{
	return w->profile->frames[i].module;
}

static uint64_t frame_file(const struct writing *w, size_t i)
{
	return w->profile->frames[i].file;
}

static uint64_t frame_line(const struct writing *w, size_t i)
{
	return w->profile->frames[i].line;
}

static uint64_t stack_parent(const struct writing *w, size_t i)
{
	uint32_t parent = w->profile->stacks[i].parent;
	return parent == PROFILE_NO_STACK ? NONE : parent;
}

static uint64_t stack_frame(const struct writing *w, size_t i)
{
	return w->profile->stacks[i].frame;
}

static const struct profile_sample *sample_at(const struct writing *w, size_t i)
{
	return &w->profile->samples[w->selection->samples[i]];
}

static uint64_t sample_stack(const struct writing *w, size_t i)
{
	uint32_t stack = sample_at(w, i)->stack;
	return stack == PROFILE_NO_STACK ? NONE : stack;
}

static uint64_t sample_span(const struct writing *w, size_t i)
{
	uint32_t span = sample_at(w, i)->span;
	return span == PROFILE_NO_SPAN ? 0 : (uint64_t)span + 1;
}

static uint64_t sample_run(const struct writing *w, size_t i)
{
	return sample_at(w, i)->run;
}

static uint64_t sample_time(const struct writing *w, size_t i)
{
	return sample_at(w, i)->time_ns;
}

static uint64_t sample_result(const struct writing *w, size_t i)
{
	return sample_at(w, i)->result;
}

static uint64_t sample_in_kernel(const struct writing *w, size_t i)
{
	return sample_at(w, i)->flags & ANALYZER_SAMPLE_IN_KERNEL ? 1 : 0;
}

static uint64_t sample_span_by_time(const struct writing *w, size_t i)
{
	return sample_at(w, i)->flags & PROFILE_SAMPLE_SPAN_BY_TIME ? 1 : 0;
}

static uint64_t sample_pid(const struct writing *w, size_t i)
{
	return sample_at(w, i)->pid;
}

static uint64_t sample_tid(const struct writing *w, size_t i)
{
	return sample_at(w, i)->tid;
}

static uint64_t sample_runnable(const struct writing *w, size_t i)
{
	return sample_at(w, i)->flags & PROFILE_SAMPLE_RUNNABLE ? 1 : 0;
}

static uint64_t sample_weight(const struct writing *w, size_t i)
{
	return flame_weight(sample_at(w, i));
}

static uint64_t outline_parent(const struct writing *w, size_t i)
{
	uint32_t parent = w->outline->stacks[i].parent;
	return parent == PROFILE_NO_STACK ? NONE : parent;
}

static uint64_t outline_frame(const struct writing *w, size_t i)
{
	return w->outline->stacks[i].frame;
}

static uint64_t row_stack(const struct writing *w, size_t i)
{
	uint32_t stack = w->outline->rows[i].stack;
	return stack == PROFILE_NO_STACK ? NONE : stack;
}

static uint64_t row_result(const struct writing *w, size_t i)
{
	return w->outline->rows[i].truncated;
}

static uint64_t row_in_kernel(const struct writing *w, size_t i)
{
	return w->outline->rows[i].in_kernel;
}

static uint64_t row_samples(const struct writing *w, size_t i)
{
	return w->outline->rows[i].n_samples;
}

static uint64_t row_weight(const struct writing *w, size_t i)
{
	return w->outline->rows[i].weight;
}

static uint64_t own_weight(const struct writing *w, size_t i)
{
	return w->outline->own[i];
}

static const struct column frame_columns[] = {
	{"name", frame_name, I32},
	{"module", frame_module, I32},
	{"file", frame_file, I32},
	{"line", frame_line, I32},
	{NULL, NULL, I32},
};

static const struct column stack_columns[] = {
	{"parent", stack_parent, I32},
	{"frame", stack_frame, I32},
	{NULL, NULL, I32},
};

static const struct column sample_columns[] = {
	{"stack", sample_stack, I32},
	{"span", sample_span, I32},
	{"span_by_time", sample_span_by_time, U8},
	{"run", sample_run, I32},
	{"time_ns", sample_time, F64},
	{"result", sample_result, U8},
	{"in_kernel", sample_in_kernel, U8},
	{"pid", sample_pid, I32},
	{"tid", sample_tid, I32},
	{NULL, NULL, I32},
};

static const struct column weighed_columns[] = {
	{"stack", sample_stack, I32},
	{"span", sample_span, I32},
	{"span_by_time", sample_span_by_time, U8},
	{"run", sample_run, I32},
	{"time_ns", sample_time, F64},
	{"result", sample_result, U8},
	{"pid", sample_pid, I32},
	{"tid", sample_tid, I32},
	{"runnable", sample_runnable, U8},
	{"weight", sample_weight, F64},
	{NULL, NULL, I32},
};

static const struct column outline_stack_columns[] = {
	{"parent", outline_parent, I32},
	{"frame", outline_frame, I32},
	{NULL, NULL, I32},
};

static const struct column outline_sample_columns[] = {
	{"stack", row_stack, I32},
	{"result", row_result, U8},
	{"in_kernel", row_in_kernel, U8},
	{"count", row_samples, I32},
	{"weight", row_weight, F64},
	{NULL, NULL, I32},
};

static const struct column outline_own_columns[] = {
	{"weight", own_weight, F64},
	{NULL, NULL, I32},
};

static void put_cells(const struct writing *w, const struct column *c, size_t n_rows)
{
	strbuf_putc(w->out, '[');
	for (size_t i = 0; i < n_rows; i++) {
		uint64_t v = c->cell(w, i);
		if (i)
			strbuf_putc(w->out, ',');
		if (v == NONE)
			strbuf_puts(w->out, "-1");
		else
			json_u64(w->out, v);
	}
	strbuf_putc(w->out, ']');
}

static void pad(struct strbuf *out, char with)
{
	while (out->len % 8 && !out->failed)
		strbuf_putc(out, with);
}

static void put_packed_cells(const struct writing *w, const struct column *c, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		uint64_t v = c->cell(w, i);
		uint8_t byte = (uint8_t)v;
		uint32_t word = htole32((uint32_t)v); /* NONE becomes -1 */
		double number = (double)v;
		if (c->type == U8)
			strbuf_append(w->out, &byte, sizeof(byte));
		else if (c->type == I32)
			strbuf_append(w->out, &word, sizeof(word));
		else {
			memcpy(&v, &number, sizeof(v));
			v = htole64(v);
			strbuf_append(w->out, &v, sizeof(v));
		}
	}
	pad(w->out, '\0');
}

struct group {
	const char *name;
	const struct column *columns;
	size_t n_rows;
};

#define MAX_GROUPS 7

static void put_groups(const struct writing *w, const struct group *groups, bool packed)
{
	for (const struct group *g = groups; g->name; g++) {
		strbuf_printf(w->out, ",%s\"%s\":{", packed ? "" : "\n", g->name);
		for (const struct column *c = g->columns; c->name; c++) {
			strbuf_printf(w->out, "%s%s\"%s\":", c == g->columns ? "" : ",", packed || c == g->columns ? "" : "\n", c->name);
			if (packed)
				strbuf_printf(w->out, "\"%s\"", type_words[c->type]);
			else
				put_cells(w, c, g->n_rows);
		}
		if (packed)
			json_member_u64(w->out, ",", "rows", g->n_rows);
		strbuf_putc(w->out, '}');
	}
}

static void put_strings(const struct writing *w)
{
	strbuf_puts(w->out, ",\"strings\":[");
	for (size_t i = 0; i < w->profile->n_strings; i++) {
		if (i)
			strbuf_putc(w->out, ',');
		json_text(w->out, w->profile->strings[i]);
	}
	strbuf_putc(w->out, ']');
}

static void put_profile(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	const struct trace_info *info, bool packed, struct strbuf *out)
{
	_cleanup_selection_ struct flame_selection selection = {0};
	if (flame_select(profile, tree, span, kind, &selection) < 0) {
		out->failed = true;
		return;
	}
	_cleanup_outline_ struct flame_outline outline = {0};
	if (packed && flame_outline(profile, &selection, kind, &outline) < 0) {
		out->failed = true;
		return;
	}
	struct writing w = {profile, &selection, &outline, out};
	struct group groups[MAX_GROUPS] = {
		{"frames", frame_columns, profile->n_frames},
		{"stacks", stack_columns, profile->n_stacks},
		{"samples", kind == PROFILE_OFF_CPU ? weighed_columns : sample_columns, selection.n_samples},
	};
	if (outline.n_stacks) {
		groups[3] = (struct group){"outline_stacks", outline_stack_columns, outline.n_stacks};
		groups[4] = (struct group){"outline_samples", outline_sample_columns, outline.n_rows};
		groups[5] = (struct group){"outline_own", outline_own_columns, profile->n_frames + 1};
	}
	strbuf_printf(out, "{\"format\":\"spvscope-%s\",\"version\":1,\"kind\":\"%s\",\"unit\":\"%s\"",
		packed ? "packed" : "columns", profile_kind_name(kind), flame_unit(kind));
	json_member_u64(out, ",", "frequency_hz", profile->frequency_hz);
	json_member_text(out, ",", "trace_id", info->trace_id);
	put_strings(&w);
	put_groups(&w, groups, packed);
	json_member_u64(out, ",", "total", selection.n_samples);
	json_member_u64(out, ",", "complete", selection.n_complete);
	json_member_u64(out, ",", "truncated", selection.n_samples - selection.n_complete);
	json_member_u64(out, ",", "lost", profile->lost[kind]);
	strbuf_puts(out, "}\n");
	if (!packed)
		return;
	pad(out, '\0');
	for (const struct group *g = groups; g->name; g++)
		for (const struct column *c = g->columns; c->name; c++)
			put_packed_cells(&w, c, g->n_rows);
}

void format_columns(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	const struct trace_info *info, struct strbuf *out)
{
	put_profile(profile, tree, span, kind, info, false, out);
}

void format_packed(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	const struct trace_info *info, struct strbuf *out)
{
	put_profile(profile, tree, span, kind, info, true, out);
}
