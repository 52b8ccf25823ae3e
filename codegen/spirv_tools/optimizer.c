/* SPDX-License-Identifier: Apache-2.0 */
/* The optimizing stage: one debug span for each pass below `codegen::opt`, and the size of the module before and after
 * each. Sizes come from a second run of the same passes after the whole compile, because the only way to learn them is
 * to have every intermediate module printed. Runs in the worker, on the compiling thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/spirv_tools/optimizer_shim.h"
#include "codegen/spirv_tools/spirv_tools.h"

#define OPT_SPAN   "codegen::opt"
#define SIZES_SPAN "codegen::opt-sizes"

/* Printing costs about as much as optimizing for small modules; beyond these bounds it could cost many times that. */
#define SIZES_MAX_WORDS       16384u
#define SIZES_MAX_NAMING_COST 1000000u /* times passes */

struct optimizer_run {
	struct codegen_run *run;
	struct optimizer_shim_options options;
	uint32_t *before;     /* the module as it came, owned; options.words */
	uint32_t span;        /* of the stage */
	int verdict;
	bool planned;         /* all passes are registered */
	char flag_words[256]; /* what the library said about the flag that it was given last */
	uint32_t *spans; /* one for each pass, 0 where none was recorded */
	size_t n_spans;
	/* of the second run */
	struct ir_size *sizes; /* before each pass, and after the last */
	size_t n_sizes;        /* that were told */
};

static void optimizer_run_free(struct optimizer_run *o)
{
	if (!o)
		return;
	free(o->before);
	free(o->spans);
	free(o->sizes);
	free(o);
}

static void optimizer_run_freep(struct optimizer_run **o)
{
	optimizer_run_free(*o);
}

static void say(struct optimizer_run *o, enum spvscope_severity severity, size_t instruction, const char *code,
	const char *text)
{
	struct spvscope_diagnostic d = {
		.severity = severity,
		.source = (char *)"spirv-opt",
		.code = (char *)code,
		.message = (char *)text,
	};
	int r;

	spirv_place_in_source(o->run, o->options.words, o->options.n_words, instruction, &d);
	r = run_diagnose(o->run, &d);
	if (o->verdict >= 0 && r != CODEGEN_GOOD)
		o->verdict = r;
}

static void on_message(void *ctx, enum spvscope_severity severity, size_t instruction, const char *text)
{
	struct optimizer_run *o = ctx;

	if (o->planned)
		say(o, severity, instruction, "optimizer", text);
	else
		snprintf(o->flag_words, sizeof(o->flag_words), ": %s", text);
}

static void on_bad_flag(void *ctx, const char *flag)
{
	struct optimizer_run *o = ctx;
	char text[640];

	snprintf(text, sizeof(text), "the optimizer does not take the pass \"%.256s\"%s", flag, o->flag_words);
	say(o, SPVSCOPE_SEVERITY_ERROR, 0, "pass-flag", text);
}

/* "scalar-replacement=100" is the pass scalar-replacement with an argument. */
static void span_name_of(const char *pass, char *out, size_t size)
{
	snprintf(out, size, OPT_SPAN "::%.*s", (int)strcspn(pass, "="), pass);
}

static bool on_plan(void *ctx, const char *const *names, size_t n_names)
{
	struct optimizer_run *o = ctx;
	char name[SPVSCOPE_SPAN_NAME_MAX + 1];
	bool wanted = false;

	o->planned = true;
	for (size_t i = 0; i < n_names && !wanted; i++) {
		span_name_of(names[i], name, sizeof(name));
		wanted = span_enabled(o->run, SPVSCOPE_LEVEL_DEBUG, name);
	}
	if (!wanted)
		return false;
	o->spans = calloc(n_names, sizeof(*o->spans));
	o->n_spans = o->spans ? n_names : 0;
	return o->spans;
}

static void on_pass_begin(void *ctx, size_t idx, const char *pass)
{
	struct optimizer_run *o = ctx;
	const char *argument = strchr(pass, '=');
	char name[SPVSCOPE_SPAN_NAME_MAX + 1];

	span_name_of(pass, name, sizeof(name));
	o->spans[idx] = span_begin(o->run, SPVSCOPE_LEVEL_DEBUG, name);
	if (argument)
		span_str(o->run, o->spans[idx], "argument", argument + 1);
}

static void on_pass_end(void *ctx, size_t idx)
{
	struct optimizer_run *o = ctx;

	span_end(o->run, o->spans[idx]);
}

static void on_size(void *ctx, size_t idx, const struct ir_size *size)
{
	struct optimizer_run *o = ctx;

	if (idx > o->n_spans)
		return;
	o->sizes[idx] = *size;
	o->n_sizes = idx + 1;
}

static void on_text(void *ctx, const char *data, size_t len)
{
	ir_counter_text(ctx, data, len);
}

/* Words are counted from text, so they are believed only when both ends agree with the modules themselves. */
static void tell_sizes(struct optimizer_run *o, size_t words_before)
{
	const struct codegen_run *run = o->run;
	bool words_agree;

	if (o->n_sizes != o->n_spans + 1)
		return;
	words_agree = o->sizes[0].words == words_before && o->sizes[o->n_spans].words == run->result->n_spirv_words;
	for (size_t i = 0; i < o->n_spans; i++) {
		span_u64(run, o->spans[i], "ir.instructions_before", o->sizes[i].instructions);
		span_u64(run, o->spans[i], "ir.instructions_after", o->sizes[i + 1].instructions);
		if (!words_agree)
			continue;
		span_u64(run, o->spans[i], "ir.bytes_before", o->sizes[i].words * sizeof(uint32_t));
		span_u64(run, o->spans[i], "ir.bytes_after", o->sizes[i + 1].words * sizeof(uint32_t));
	}
}

static void measure_sizes(struct optimizer_run *o)
{
	const struct codegen_run *run = o->run;
	struct ir_counter counter = { .module = on_size, .ctx = o };

	o->sizes = calloc(o->n_spans + 1, sizeof(*o->sizes));
	if (!o->sizes)
		return;
	uint32_t span = span_begin(run, SPVSCOPE_LEVEL_INFO, SIZES_SPAN); /* shown whenever it cost something */
	span_str(run, span, "reason", "the passes run once more, to print the module between them");
	o->options.ctx = &counter;
	o->options.text = on_text;
	if (optimizer_shim_print(&o->options) == CODEGEN_GOOD) {
		ir_counter_finish(&counter);
		tell_sizes(o, o->options.n_words);
	}
	span_end(run, span);
}

/* `codegen::opt-sizes=off` leaves them out: who times a compile over and over needs them once. */
static bool wants_sizes(const struct optimizer_run *o)
{
	uint64_t naming_cost;

	if (o->n_spans == 0 || !span_enabled(o->run, SPVSCOPE_LEVEL_INFO, SIZES_SPAN))
		return false;
	naming_cost = spirv_naming_cost(o->options.words, o->options.n_words);
	if (o->options.n_words <= SIZES_MAX_WORDS && naming_cost <= SIZES_MAX_NAMING_COST / o->n_spans)
		return true;
	span_str(o->run, o->span, "ir.sizes", "not measured after each pass: the module is too big for that");
	return false;
}

int spirv_measure_sizes(void *ctx)
{
	struct codegen_run *run = ctx;
	_cleanup_(optimizer_run_freep) struct optimizer_run *o = TAKE_PTR(run->optimized);

	if (o && run->result->status == SPVSCOPE_STATUS_OK)
		measure_sizes(o);
	return CODEGEN_GOOD;
}

static const char *preset_name(const struct optimizer_shim_options *o)
{
	switch (o->preset) {
	case SPVSCOPE_OPTIMIZE_SIZE:
		return "size";
	case SPVSCOPE_OPTIMIZE_PERFORMANCE:
		return "performance";
	case SPVSCOPE_OPTIMIZE_PASSES:
		return "passes";
	default:
		return "none";
	}
}

/* Replaces the result's module by the optimized one; the old one stays the caller's to free. */
static int optimize(struct optimizer_run *o, const struct optimizer_shim_options *options)
{
	struct spvscope_result *result = o->run->result;
	uint32_t *words;
	size_t n_words;
	int r = optimizer_shim_run(options, &words, &n_words);

	if (o->verdict < 0)
		return o->verdict;
	if (r != CODEGEN_GOOD) {
		if (o->verdict == CODEGEN_GOOD)
			say(o, SPVSCOPE_SEVERITY_ERROR, 0, "no-reason", "the optimizer refused the module and gave no reason");
		return o->verdict < 0 ? o->verdict : CODEGEN_WRONG;
	}
	result->spirv = words;
	result->n_spirv_words = n_words;
	return CODEGEN_GOOD;
}

bool spirv_legalizes(const struct codegen_run *run)
{
	/* Compilers other than our own do it themselves. */
	return run->result->language == SPVSCOPE_LANGUAGE_HLSL && !run->job->backend &&
		!(run->job->options.flags & SPVSCOPE_OPTION_HLSL_NO_LEGALIZATION);
}

int spirv_optimize(struct codegen_run *run)
{
	const struct spvscope_job *job = run->job;
	_cleanup_(optimizer_run_freep) struct optimizer_run *o = calloc(1, sizeof(*o));
	const char *outer;
	int r;

	if (!o)
		return -ENOMEM;
	o->run = run;
	o->verdict = CODEGEN_GOOD;
	o->before = TAKE_PTR(run->result->spirv);
	o->options = (struct optimizer_shim_options){
		.words = o->before,
		.n_words = run->result->n_spirv_words,
		.target_env = spirv_target_env(job),
		.legalize_hlsl = spirv_legalizes(run),
		.preset = job->optimize,
		.passes = job->passes,
		.n_passes = job->n_passes,
		.ctx = o,
		.message = on_message,
		.bad_flag = on_bad_flag,
		.plan = on_plan,
		.pass_begin = on_pass_begin,
		.pass_end = on_pass_end,
	};
	run->result->n_spirv_words = 0;
	o->span = stage_begin(run, OPT_SPAN, &outer);
	span_str(run, o->span, "preset", preset_name(&o->options));
	if (o->options.legalize_hlsl)
		span_str(run, o->span, "legalize", "hlsl");
	span_u64(run, o->span, "ir.bytes_before", o->options.n_words * sizeof(uint32_t));
	r = optimize(o, &o->options);
	if (r == CODEGEN_GOOD)
		span_u64(run, o->span, "ir.bytes_after", run->result->n_spirv_words * sizeof(uint32_t));
	stage_end(run, o->span, outer);
	if (r == CODEGEN_GOOD && wants_sizes(o))
		run->optimized = TAKE_PTR(o);
	return r;
}
