/* SPDX-License-Identifier: Apache-2.0 */
/* The back end for OpenCL C and C++ for OpenCL: clang with its own SPIR-V target, as an external tool. find runs in the
 * template, compile in a worker that has a host for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "codegen/environment.h"
#include "codegen/run.h"
#include "codegen/tools/arguments.h"
#include "codegen/tools/clang_messages.h"
#include "codegen/tools/job_files.h"
#include "codegen/tools/time_trace.h"
#include "codegen/tools/tool.h"


/* The first release whose SPIR-V target compiles what the tests have is named alone: others are had by a command back end. */
static const char *const programs[] = {"clang-22", "/usr/lib/llvm-22/bin/clang", NULL};

static struct tool clang = {.name = "clang", .install = "apt-get install clang-22"};

/* clang's own headers: the builtin functions of OpenCL among them. */
static int find(const struct codegen_backend *self)
{
	struct tool *t = self->tool;
	int r = tool_find_program(t, programs);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	_cleanup_free_ char *headers = tool_first_line(t, (const char *const[]){"clang", "-print-resource-dir", NULL});
	if (headers)
		r = tool_may_read(t, headers);
	if (!headers || r < 0)
		t->missing = strdup("its headers were not found (clang-22 -print-resource-dir)");
	t->version = tool_first_line(t, (const char *const[]){"clang", "--version", NULL});
	return 0;
}

/* ---- the command line ---- */

static const char *standard_of(const struct codegen_run *run)
{
	bool cpp = run->result->language == SPVSCOPE_LANGUAGE_OPENCL_CPP;

	switch (run->job->env) {
	case SPVSCOPE_ENV_OPENCL_1_2:
		return cpp ? NULL : "CL1.2";
	case SPVSCOPE_ENV_OPENCL_2_0:
	case SPVSCOPE_ENV_OPENCL_2_1:
		return cpp ? "clc++1.0" : "CL2.0";
	default:
		return cpp ? "clc++2021" : "CL3.0";
	}
}

static const char *const optimize_flags[] = {
	[SPVSCOPE_OPTIMIZE_NONE] = "-O0",
	[SPVSCOPE_OPTIMIZE_SIZE] = "-Os",
	[SPVSCOPE_OPTIMIZE_PERFORMANCE] = "-O2",
	[SPVSCOPE_OPTIMIZE_PASSES] = "-O0", /* passes are spirv-opt's */
};

static void put_language(struct arguments *c, const struct codegen_run *run, const struct environment *env)
{
	arguments_put(c, "clang");
	arguments_printf(c, "--target=spirv64v1.%u", env->spirv_version >> 8 & 0xff);
	arguments_put(c, "-x");
	arguments_put(c, run->result->language == SPVSCOPE_LANGUAGE_OPENCL_CPP ? "clcpp" : "cl");
	arguments_printf(c, "-cl-std=%s", standard_of(run));
	arguments_put(c, "-I.");
	for (size_t i = 0; i < run->job->n_defines; i++) {
		const struct spvscope_define *d = &run->job->defines[i];
		arguments_printf(c, "-D%s=%s", d->name, d->value ? d->value : "");
	}
	/* Messages for a reader that is no person. */
	arguments_put(c, "-fno-color-diagnostics");
	arguments_put(c, "-fno-caret-diagnostics");
	arguments_put(c, "-fdiagnostics-print-source-range-info");
	arguments_put(c, "-ferror-limit=100");
}

/* ---- one run of clang ---- */

/* A make rule's prerequisites: names of the job that were read. */
static int take_dependencies(struct codegen_run *run, const struct job_files *files, char *rule)
{
	char *at = rule ? strchr(rule, ':') : NULL;

	if (!at)
		return 0;
	at++;
	for (char *word; (word = strsep(&at, " \n\\"));) {
		const struct spvscope_file *file = *word ? job_files_find(run, files, word) : NULL;
		if (file && file != &run->job->source) {
			int r = run_depend(run, file->name);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Runs it and tells what it said. CODEGEN_GOOD with the answer, which the caller gives back in any case. */
static int run_clang(struct codegen_run *run, const struct job_files *files, struct arguments *c,
	struct tool_request *request, struct tool_answer *a)
{
	arguments_put(c, files->source_name);
	if (c->failed)
		return -ENOMEM;
	request->argv = c->argv;
	request->files = files->files;
	request->n_files = files->n_files;
	int r = tool_run(run, request, a);
	if (r < 0)
		return r;
	/* First what happened first. */
	if (request->n_outputs > 2)
		r = time_trace_tell(run, a, "codegen::tool::clang", a->outputs[2], a->output_sizes[2]);
	if (r >= 0)
		r = tool_judge(run, a);
	if (r < 0)
		return r;
	r = clang_messages_tell(run, files, "clang", a->err);
	if (r == CODEGEN_GOOD && a->status != 0)
		return run_refuse(run, "clang", "exit", "clang exited with status %d and without an error message", a->status);
	return r;
}

static int generate(struct codegen_run *run, const struct job_files *files, const struct environment *env)
{
	_cleanup_(arguments_done) struct arguments c = {.n = 0};
	struct tool_request request = {.outputs = {"spvscope-out.d", "spvscope-out.spv"}, .n_outputs = 2};
	struct tool_answer a = {0};

	put_language(&c, run, env);
	arguments_put(&c, optimize_flags[run->job->optimize]);
	arguments_put(&c, "-MMD");
	arguments_put(&c, "-MF");
	arguments_put(&c, request.outputs[0]);
	arguments_put(&c, "-MT");
	arguments_put(&c, "x");
	if (run->job->check_only) {
		arguments_put(&c, "-fsyntax-only");
	} else {
		arguments_put(&c, "-c");
		arguments_put(&c, "-fno-temp-file"); /* it can write into the file that is there, and make none */
		arguments_put(&c, "-o");
		arguments_put(&c, request.outputs[1]);
	}
	if (span_enabled(run, SPVSCOPE_LEVEL_DEBUG, "codegen::tool::clang::ExecuteCompiler")) {
		request.outputs[request.n_outputs++] = "spvscope-out.json";
		arguments_printf(&c, "-ftime-trace=%s", request.outputs[2]);
		arguments_put(&c, "-ftime-trace-granularity=20");
	}
	int r = run_clang(run, files, &c, &request, &a);
	if (r == CODEGEN_GOOD)
		r = take_dependencies(run, files, a.outputs[0]) < 0 ? -ENOMEM : CODEGEN_GOOD;
	if (r == CODEGEN_GOOD && !run->job->check_only)
		r = tool_keep_spirv(run, "clang", a.outputs[1], a.output_sizes[1]);
	tool_answer_done(run, &a);
	return r;
}

/* What comes of the job's own files, with their line markers: the thousands of lines of clang's headers are of no interest.
 * NULL: no memory. */
static char *own_lines(struct codegen_run *run, const struct job_files *files, char *text)
{
	_cleanup_strbuf_ struct strbuf out = {0};
	bool own = false;

	for (char *line; (line = strsep(&text, "\n"));) {
		char *name = strncmp(line, "# ", 2) == 0 ? strchr(line, '"') : NULL, *end = name ? strrchr(line, '"') : NULL;

		if (end > name) {
			*end = '\0';
			own = job_files_find(run, files, name + 1) != NULL;
			*end = '"';
		}
		if (own) {
			strbuf_puts(&out, line);
			strbuf_putc(&out, '\n');
		}
	}
	return strbuf_take(&out, NULL);
}

static int preprocess(struct codegen_run *run, const struct job_files *files, const struct environment *env)
{
	_cleanup_(arguments_done) struct arguments c = {.n = 0};
	struct tool_request request = {.outputs = {"spvscope-out.i"}, .n_outputs = 1};
	struct tool_answer a = {0};
	const char *outer;
	uint32_t span = stage_begin(run, "codegen::preprocess", &outer);

	put_language(&c, run, env);
	arguments_put(&c, "-E");
	arguments_put(&c, "-o");
	arguments_put(&c, request.outputs[0]);
	int r = run_clang(run, files, &c, &request, &a);
	if (r == CODEGEN_GOOD) {
		run->result->preprocessed = own_lines(run, files, a.outputs[0]);
		if (!run->result->preprocessed)
			r = -ENOMEM;
	}
	tool_answer_done(run, &a);
	stage_end(run, span, outer);
	return r;
}

static int check(struct codegen_run *run, struct environment *env)
{
	int r = environment_of(run, env);

	if (r != CODEGEN_GOOD)
		return r;
	if (!env->opencl && !env->universal)
		return run_refuse(run, "spvscope", "target-env",
			"OpenCL runs on opencl1.2, opencl2.0, opencl2.1 or opencl2.2 (or universal), not on %s",
			spvscope_env_name(run->job->env));
	if (!standard_of(run))
		return run_refuse(run, "spvscope", "target-env", "C++ for OpenCL needs opencl2.0 or later, not %s",
			spvscope_env_name(run->job->env));
	/* -g makes none; what -spv-emit-nonsemantic-debug-info makes in clang 22 has no lines, and spirv-val refuses it. */
	if (run->job->debug_info == SPVSCOPE_DEBUG_INFO_NONE)
		return CODEGEN_GOOD;
	return run_diagnose(run, &(struct spvscope_diagnostic){
		.severity = SPVSCOPE_SEVERITY_INFORMATION,
		.source = (char *)"spvscope",
		.code = (char *)"debug-info",
		.message = (char *)"clang's SPIR-V target writes no debug information; the module has none",
	});
}

static int compile(struct codegen_run *run)
{
	_cleanup_(job_files_done) struct job_files files = {0};
	struct environment env;
	const char *outer;
	int r = check(run, &env);

	if (r != CODEGEN_GOOD)
		return r;
	r = job_files_init(run, run->result->language == SPVSCOPE_LANGUAGE_OPENCL_CPP ? "source.clcpp" : "source.cl", &files);
	if (r == CODEGEN_GOOD && run->job->emit & SPVSCOPE_EMIT_PREPROCESSED)
		r = preprocess(run, &files, &env);
	if (r != CODEGEN_GOOD)
		return r;
	uint32_t span = stage_begin(run, "codegen::generate", &outer);
	span_str(run, span, "backend", "clang");
	span_u64(run, span, "source.bytes", run->job->source.size);
	r = generate(run, &files, &env);
	span_u64(run, span, "spirv.bytes", run->result->n_spirv_words * sizeof(uint32_t));
	stage_end(run, span, outer);
	return r;
}

const struct codegen_backend codegen_opencl = {
	.name = "clang",
	.languages = 1u << SPVSCOPE_LANGUAGE_OPENCL_C | 1u << SPVSCOPE_LANGUAGE_OPENCL_CPP,
	.tool = &clang,
	.find = find,
	.compile = compile,
};
