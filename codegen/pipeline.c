/* SPDX-License-Identifier: Apache-2.0 */
/* One compile from job to result: the back end of the language first, then the stages that work on SPIR-V. Runs in the
 * worker, on the thread that calls; the compilers keep tables for the life of the process, and nothing else is kept. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "codegen/backends.h"
#include "codegen/glslang/glslang_shim.h"
#include "codegen/guard.h"
#include "codegen/naga/naga.h"
#include "codegen/run.h"
#include "codegen/spirv_cross/spirv_cross.h"
#include "codegen/spirv_lines.h"
#include "codegen/spirv_tools/spirv_tools.h"

static int guess(struct codegen_run *run)
{
	/* A shallow copy: guessing writes the two enums only. */
	struct spvscope_job job = *run->job;
	int missing = spvscope_job_guess(&job);

	run->result->language = job.language;
	run->result->stage = job.stage;
	if (missing == 1)
		return run_refuse(run, "spvscope", "language",
			"the language can be told neither from the name nor from the source; say one of %s",
			spvscope_language_words());
	if (missing == 2)
		return run_refuse(run, "spvscope", "stage",
			"the stage can be told neither from the name nor from a #pragma shader_stage(…); say one of %s",
			spvscope_stage_words());
	return CODEGEN_GOOD;
}

static bool takes_spirv(const struct codegen_run *run)
{
	return run->result->language == SPVSCOPE_LANGUAGE_SPIRV ||
		run->result->language == SPVSCOPE_LANGUAGE_SPIRV_ASM;
}

/* HLSL becomes SPIR-V that its environments refuse until the legalizing passes have run. */
static bool optimizes(const struct codegen_run *run)
{
	return run->job->optimize != SPVSCOPE_OPTIMIZE_NONE || spirv_legalizes(run);
}

static int map_lines(struct codegen_run *run)
{
	struct spvscope_result *result = run->result;
	_cleanup_strbuf_ struct strbuf out = {};
	const char *outer;
	uint32_t span = stage_begin(run, "codegen::map-lines", &outer);
	int r = spirv_line_map(result->spirv, result->n_spirv_words, result->disassembly,
		run->job->source.name ? NULL : CODEGEN_UNNAMED, &out);

	if (r == 0)
		result->products[SPVSCOPE_PRODUCT_LINE_MAP] = strbuf_take(&out, NULL);
	if (r == -EBADMSG)
		r = run_refuse(run, "spvscope", "line-map", "the module is no row of whole instructions");
	else if (r == 0)
		r = result->products[SPVSCOPE_PRODUCT_LINE_MAP] ? CODEGEN_GOOD : -ENOMEM;
	stage_end(run, span, outer);
	return r;
}

static int finish_spirv(struct codegen_run *run)
{
	const struct spvscope_job *job = run->job;
	int r = CODEGEN_GOOD;

	if (job->options.flags & SPVSCOPE_OPTION_PREPROCESS_ONLY)
		return r; /* there is no module */
	/* The optimizer expects a valid module; our own compilers make one, a stranger may not have. */
	if (job->validate && optimizes(run) && takes_spirv(run))
		r = spirv_validate(run, "input");
	if (r == CODEGEN_GOOD && optimizes(run))
		r = spirv_optimize(run);
	if (r == CODEGEN_GOOD && job->validate)
		r = spirv_validate(run, "output");
	if (r == CODEGEN_GOOD && job->emit & SPVSCOPE_EMIT_DISASSEMBLY)
		r = spirv_disassemble(run);
	if (r == CODEGEN_GOOD && job->emit & spvscope_product_bit(SPVSCOPE_PRODUCT_LINE_MAP))
		r = map_lines(run);
	if (r == CODEGEN_GOOD && job->emit >> SPVSCOPE_EMIT_FIRST_PRODUCT)
		r = spirv_cross_products(run);
	if (r == CODEGEN_GOOD && job->emit & spvscope_product_bit(SPVSCOPE_PRODUCT_WGSL))
		r = naga_translate(run);
	return r;
}

static int run_stages(void *ctx)
{
	struct codegen_run *run = ctx;
	int r = guess(run);

	if (r != CODEGEN_GOOD)
		return r;
	r = backend_choose(run);
	if (r != CODEGEN_GOOD)
		return r;
	r = run->backend->compile(run);
	if (r != CODEGEN_GOOD || run->job->check_only)
		return r;
	return finish_spirv(run);
}

static void describe(const struct codegen_run *run, uint32_t span)
{
	const struct spvscope_job *job = run->job;

	if (!span)
		return;
	span_str(run, span, "language", spvscope_language_name(run->result->language));
	if (run->result->stage != SPVSCOPE_STAGE_NONE)
		span_str(run, span, "stage", spvscope_stage_name(run->result->stage));
	span_str(run, span, "target.env", spvscope_env_name(job->env));
	span_str(run, span, "backend", run->backend ? run->backend->name : NULL);
	span_str(run, span, "compilers", spvscope_compiler_versions());
	span_str(run, span, "source.name", job->source.name);
	span_u64(run, span, "source.bytes", job->source.size);
	span_u64(run, span, "files", job->n_files);
	span_u64(run, span, "diagnostics", run->result->n_diagnostics);
	span_u64(run, span, "spirv.bytes", run->result->n_spirv_words * sizeof(uint32_t));
	span_str(run, span, "status", spvscope_status_name(run->result->status));
}

/* The status that a stage's outcome leads to, and what is left of the result then. */
static int conclude(struct codegen_run *run, int outcome)
{
	struct spvscope_result *result = run->result;

	switch (outcome) {
	case CODEGEN_GOOD:
		result->status = SPVSCOPE_STATUS_OK;
		return 0;
	case CODEGEN_WRONG:
		result->status = SPVSCOPE_STATUS_FAILED;
		break;
	case -EPROTO:
		result->status = SPVSCOPE_STATUS_CRASHED;
		(void)run_refuse(run, "spvscope", "exception", "%s threw an exception", run->stage);
		outcome = 0;
		break;
	case -ECHILD:
	case -ETIME:
		result->status = outcome == -ETIME ? SPVSCOPE_STATUS_TIMED_OUT : SPVSCOPE_STATUS_CRASHED;
		outcome = 0;
		break;
	default:
		result->status = SPVSCOPE_STATUS_OUT_OF_MEMORY;
		break;
	}
	/* What a failed compile leaves behind is of no use to anybody and may be invalid. */
	free(TAKE_PTR(result->spirv));
	result->n_spirv_words = 0;
	if (result->status != SPVSCOPE_STATUS_FAILED) /* of an invalid module it shows what is wrong */
		free(TAKE_PTR(result->disassembly));
	for (size_t i = 0; i < SPVSCOPE_N_PRODUCTS; i++)
		free(TAKE_PTR(result->products[i]));
	return outcome;
}

int spvscope_compile(const struct spvscope_job *job, const struct spvscope_tracer *tracer,
	struct spvscope_result *result)
{
	struct codegen_run run = { .job = job, .tracer = tracer, .result = result, .stage = "codegen::compile" };
	uint32_t span = span_begin(&run, SPVSCOPE_LEVEL_INFO, "codegen::compile");
	int r = conclude(&run, codegen_guarded(run_stages, &run));

	if (job->focus && run_focus(&run) < 0)
		r = -ENOMEM;
	describe(&run, span);
	span_end(&run, span);
	/* Behind the compile, so that its time is its own. */
	(void)codegen_guarded(spirv_measure_sizes, &run);
	return r;
}

static char versions[128];

static void write_versions(void)
{
	snprintf(versions, sizeof(versions), "glslang %s SPIRV-Tools %s", glslang_shim_version(), spirv_tools_version());
}

const char *spvscope_compiler_versions(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, write_versions);
	return versions;
}
