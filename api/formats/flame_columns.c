/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer's own format: parallel arrays. Pure; any thread that may read profile and tree. */
#include "api/formats/flame_select.h"
#include "api/formats/json.h"
#include "api/formats/writers.h"
#include "bpf/protocol.h"

struct writing {
	const struct profile *profile;
	const struct flame_selection *selection;
	struct strbuf *out;
};

/* A value of row i; -1 is written for UINT64_MAX. */
typedef uint64_t (*cell_fn)(const struct writing *w, size_t i);

struct column {
	const char *name;
	cell_fn cell;
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

static const struct column frame_columns[] = {
	{"name", frame_name},
	{"module", frame_module},
	{"file", frame_file},
	{"line", frame_line},
	{NULL, NULL},
};

static const struct column stack_columns[] = {
	{"parent", stack_parent},
	{"frame", stack_frame},
	{NULL, NULL},
};

static const struct column sample_columns[] = {
	{"stack", sample_stack},
	{"span", sample_span},
	{"span_by_time", sample_span_by_time},
	{"run", sample_run},
	{"time_ns", sample_time},
	{"result", sample_result},
	{"in_kernel", sample_in_kernel},
	{"pid", sample_pid},
	{"tid", sample_tid},
	{NULL, NULL},
};

static const struct column weighed_columns[] = {
	{"stack", sample_stack},
	{"span", sample_span},
	{"span_by_time", sample_span_by_time},
	{"run", sample_run},
	{"time_ns", sample_time},
	{"result", sample_result},
	{"pid", sample_pid},
	{"tid", sample_tid},
	{"runnable", sample_runnable},
	{"weight", sample_weight},
	{NULL, NULL},
};

static void put_columns(const struct writing *w, const char *name, const struct column *columns, size_t n_rows)
{
	strbuf_printf(w->out, ",\n\"%s\":{", name);
	for (const struct column *c = columns; c->name; c++) {
		strbuf_printf(w->out, "%s\"%s\":[", c == columns ? "" : ",\n", c->name);
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
	strbuf_putc(w->out, '}');
}

static void put_strings(const struct writing *w)
{
	strbuf_puts(w->out, ",\n\"strings\":[");
	for (size_t i = 0; i < w->profile->n_strings; i++) {
		if (i)
			strbuf_putc(w->out, ',');
		json_text(w->out, w->profile->strings[i]);
	}
	strbuf_putc(w->out, ']');
}

void format_columns(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	const struct trace_info *info, struct strbuf *out)
{
	_cleanup_selection_ struct flame_selection selection = {0};
	if (flame_select(profile, tree, span, kind, &selection) < 0) {
		out->failed = true;
		return;
	}
	struct writing w = {profile, &selection, out};
	strbuf_printf(out, "{\"format\":\"spvscope-columns\",\"version\":1,\"kind\":\"%s\",\"unit\":\"%s\"",
		profile_kind_name(kind), flame_unit(kind));
	json_member_u64(out, ",", "frequency_hz", profile->frequency_hz);
	json_member_text(out, ",", "trace_id", info->trace_id);
	put_strings(&w);
	put_columns(&w, "frames", frame_columns, profile->n_frames);
	put_columns(&w, "stacks", stack_columns, profile->n_stacks);
	put_columns(&w, "samples", kind == PROFILE_OFF_CPU ? weighed_columns : sample_columns, selection.n_samples);
	json_member_u64(out, ",\n", "total", selection.n_samples);
	json_member_u64(out, ",", "complete", selection.n_complete);
	json_member_u64(out, ",", "truncated", selection.n_samples - selection.n_complete);
	json_member_u64(out, ",", "lost", profile->lost[kind]);
	strbuf_puts(out, "}\n");
}
