/* SPDX-License-Identifier: Apache-2.0 */
/* The back end for GLSL and HLSL: glslang, step by step, each step a stage. Runs in the worker, on the compiling
 * thread; glslang keeps its built-in symbol tables for the life of the process. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "codegen/environment.h"
#include "codegen/glslang/glslang.h"

static void glslang_shim_freep(struct glslang_shim **s)
{
	glslang_shim_free(*s);
}

/* What a step said, and whether it was good. A step that fails without a word gets one. */
static int conclude(struct codegen_run *run, const struct glslang_shim *s, int outcome)
{
	if (outcome < 0)
		return outcome;
	int said = glslang_diagnose(run, glslang_shim_context(s), glslang_shim_log(s));
	if (said < 0)
		return said;
	if (outcome == CODEGEN_WRONG && said == CODEGEN_GOOD)
		return run_refuse(run, "glslang", "no-reason", "glslang refused the source and gave no reason");
	return outcome == CODEGEN_GOOD ? said : CODEGEN_WRONG;
}

static int preprocess(struct codegen_run *run, struct glslang_shim *s)
{
	const char *outer;
	uint32_t span;
	int r;

	if (!(run->job->emit & SPVSCOPE_EMIT_PREPROCESSED) &&
		!(run->job->options.flags & SPVSCOPE_OPTION_PREPROCESS_ONLY))
		return CODEGEN_GOOD;
	span = stage_begin(run, "codegen::preprocess", &outer);
	r = glslang_shim_preprocess(s, &run->result->preprocessed);
	/* What it warns about, parsing warns about again. */
	if (r != CODEGEN_GOOD)
		r = conclude(run, s, r);
	stage_end(run, span, outer);
	return r;
}

static int parse(struct codegen_run *run, struct glslang_shim *s)
{
	const struct spvscope_job *job = run->job;
	const char *outer;
	uint32_t span = stage_begin(run, "codegen::parse", &outer);

	span_str(run, span, "backend", "glslang");
	span_u64(run, span, "source.bytes", job->source.size);
	int r = conclude(run, s, glslang_shim_parse(s));
	span_u64(run, span, "includes", run->result->n_dependencies);
	stage_end(run, span, outer);
	return r;
}

static int link_program(struct codegen_run *run, struct glslang_shim *s)
{
	const char *outer;
	uint32_t span = stage_begin(run, "codegen::link", &outer);
	int r = conclude(run, s, glslang_shim_link(s));

	stage_end(run, span, outer);
	return r;
}

static int generate(struct codegen_run *run, struct glslang_shim *s)
{
	struct spvscope_result *result = run->result;
	const char *outer;
	uint32_t span = stage_begin(run, "codegen::generate", &outer);
	struct glslang_shim_layouts layouts = {};
	int r = conclude(run, s,
		glslang_shim_generate(s, &result->spirv, &result->n_spirv_words, &layouts));

	run->scalar_layout = layouts.scalar;
	run->relaxed_layout = layouts.hlsl_offsets;
	span_u64(run, span, "spirv.bytes", result->n_spirv_words * sizeof(uint32_t));
	stage_end(run, span, outer);
	return r;
}

/* One after another, until one is not good. */
static int run_steps(struct codegen_run *run, struct glslang_shim *s)
{
	static int (*const steps[])(struct codegen_run *, struct glslang_shim *) = {
		preprocess,
		parse,
		link_program,
		generate,
	};
	bool preprocess_only = run->job->options.flags & SPVSCOPE_OPTION_PREPROCESS_ONLY;
	size_t n_steps = preprocess_only ? 1 : ARRAY_SIZE(steps) - (run->job->check_only ? 1 : 0);
	int r = CODEGEN_GOOD;

	for (size_t i = 0; i < n_steps && r == CODEGEN_GOOD; i++)
		r = steps[i](run, s);
	return r;
}

static int compile(struct codegen_run *run)
{
	const struct spvscope_job *job = run->job;
	_cleanup_strbuf_ struct strbuf preamble = {};
	_cleanup_(glslang_includes_done) struct glslang_includes includes;
	_cleanup_(glslang_shim_freep) struct glslang_shim *s = NULL;
	struct environment env;
	int r;

	glslang_includes_init(&includes, run);
	r = environment_of(run, &env);
	if (r != CODEGEN_GOOD)
		return r;
	if (env.universal || env.opencl)
		return run_refuse(run, "spvscope", "target-env",
			"target environment \"%s\" has no shading language of glslang's", spvscope_env_name(job->env));
	r = glslang_preamble(run, &preamble);
	if (r != CODEGEN_GOOD)
		return r;
	r = glslang_shim_new(&(struct glslang_shim_options){
		.source = (const char *)job->source.data,
		.size = job->source.size,
		.name = job->source.name ? job->source.name : CODEGEN_UNNAMED,
		.stage = run->result->stage,
		.hlsl = run->result->language == SPVSCOPE_LANGUAGE_HLSL,
		.opengl = env.opengl,
		.vulkan_version = env.vulkan_version,
		.spirv_version = env.spirv_version,
		.preamble = preamble.data ? preamble.data : "",
		.job = job,
		.ctx = &includes,
		.include_open = glslang_include_open,
		.include_close = glslang_include_close,
	}, &s);
	if (r == -EFBIG)
		return run_refuse(run, "spvscope", "too-big", "the source is too big: glslang counts bytes to 2^31");
	if (r < 0)
		return r;
	r = run_steps(run, s);
	return includes.no_memory ? -ENOMEM : r;
}

const struct codegen_backend codegen_glslang = {
	.name = "glslang",
	.languages = 1u << SPVSCOPE_LANGUAGE_GLSL | 1u << SPVSCOPE_LANGUAGE_HLSL,
	.compile = compile,
};
