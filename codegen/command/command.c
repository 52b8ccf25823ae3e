/* SPDX-License-Identifier: Apache-2.0 */
/* The back end behind a command of the configuration. add and find run in the template, compile in a worker that has a host
 * for its program. */
#include "codegen/command/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "codegen/backends.h"
#include "codegen/command/command_private.h"
#include "codegen/environment.h"
#include "codegen/tools/arguments.h"
#include "codegen/tools/clang_messages.h"
#include "codegen/tools/job_files.h"

#define OUTPUT_NAME "spvscope-out.spv"

const char *const command_words[] = {"input", "output", "stage", "env", "spirv", "entry", "defines", NULL};

static int find(const struct codegen_backend *self)
{
	const struct command *c = self->data;
	struct tool *t = self->tool;
	int r = tool_find_program(t, (const char *const[]){c->argv[0], NULL});

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < c->n_reads && !t->missing; i++)
		if (tool_may_run(t, c->reads[i]) < 0 && asprintf(&t->missing, "there is no %s, which it is to read", c->reads[i]) < 0)
			return -ENOMEM;
	/* Most compilers tell; what those print that don't is no version. */
	t->version = tool_first_line(t, (const char *const[]){c->argv[0], "--version", NULL});
	return 0;
}

/* ---- arguments ---- */

static void put_defines(struct arguments *a, const struct spvscope_job *job)
{
	for (size_t i = 0; i < job->n_defines; i++) {
		const struct spvscope_define *d = &job->defines[i];

		arguments_printf(a, "-D%s%s%s", d->name, d->value ? "=" : "", d->value ? d->value : "");
	}
}

/* What a word in braces stands for in this run. */
struct meaning {
	const char *word, *value; /* NULL: it is not known, and must not be used */
};

static void put_argument(struct arguments *a, const char *arg, const struct meaning *meanings, size_t n,
	const char **ret_unknown)
{
	_cleanup_strbuf_ struct strbuf out = {0};

	while (*arg) {
		size_t i = 0, len = 0;

		for (; i < n; i++) {
			len = strlen(meanings[i].word);
			if (arg[0] == '{' && strncmp(arg + 1, meanings[i].word, len) == 0 && arg[1 + len] == '}')
				break;
		}
		if (i == n) {
			strbuf_putc(&out, *arg++);
			continue;
		}
		if (!meanings[i].value)
			*ret_unknown = meanings[i].word;
		else
			strbuf_puts(&out, meanings[i].value);
		arg += len + 2;
	}
	arguments_put_owned(a, strbuf_take(&out, NULL));
}

/* The ending that tells a stage: those of glslang's file names are the short words. */
static const char *const stage_endings[SPVSCOPE_N_STAGES] = {
	[SPVSCOPE_STAGE_VERTEX] = "vert", [SPVSCOPE_STAGE_TESS_CONTROL] = "tesc", [SPVSCOPE_STAGE_TESS_EVAL] = "tese",
	[SPVSCOPE_STAGE_GEOMETRY] = "geom", [SPVSCOPE_STAGE_FRAGMENT] = "frag", [SPVSCOPE_STAGE_COMPUTE] = "comp",
	[SPVSCOPE_STAGE_TASK] = "task", [SPVSCOPE_STAGE_MESH] = "mesh", [SPVSCOPE_STAGE_RAYGEN] = "rgen",
	[SPVSCOPE_STAGE_INTERSECT] = "rint", [SPVSCOPE_STAGE_ANYHIT] = "rahit", [SPVSCOPE_STAGE_CLOSESTHIT] = "rchit",
	[SPVSCOPE_STAGE_MISS] = "rmiss", [SPVSCOPE_STAGE_CALLABLE] = "rcall",
};

static const char *const language_endings[SPVSCOPE_N_LANGUAGES] = {
	[SPVSCOPE_LANGUAGE_GLSL] = "glsl", [SPVSCOPE_LANGUAGE_HLSL] = "hlsl", [SPVSCOPE_LANGUAGE_SPIRV_ASM] = "spvasm",
	[SPVSCOPE_LANGUAGE_SPIRV] = "spv", [SPVSCOPE_LANGUAGE_OPENCL_C] = "cl", [SPVSCOPE_LANGUAGE_OPENCL_CPP] = "clcpp",
	[SPVSCOPE_LANGUAGE_WGSL] = "wgsl",
};

/* CODEGEN_GOOD, CODEGEN_WRONG when an argument wants what the job does not say, -ENOMEM. */
static int make_arguments(struct codegen_run *run, const struct job_files *files, const struct environment *env,
	struct arguments *a)
{
	const struct command *c = run->backend->data;
	const char *unknown = NULL;
	char version[16];

	snprintf(version, sizeof(version), "%u.%u", env->spirv_version >> 16, env->spirv_version >> 8 & 0xff);
	const struct meaning meanings[] = {
		{"input", files->source_name},
		{"output", OUTPUT_NAME},
		{"stage", stage_endings[run->result->stage]},
		{"env", spvscope_env_name(run->job->env)},
		{"spirv", version},
		{"entry", run->job->entry_point ? run->job->entry_point : "main"},
	};
	for (size_t i = 0; i < c->n_argv; i++) {
		if (strcmp(c->argv[i], "{defines}") == 0)
			put_defines(a, run->job);
		else
			put_argument(a, c->argv[i], meanings, ARRAY_SIZE(meanings), &unknown);
	}
	if (unknown)
		return run_refuse(run, "spvscope", unknown, "%s needs the %s, which can be told neither from the request nor from the "
							    "source's name", run->backend->name, unknown);
	return a->failed ? -ENOMEM : CODEGEN_GOOD;
}

/* ---- a run ---- */

static bool has_output(const struct command *c)
{
	for (size_t i = 0; i < c->n_argv; i++)
		if (strstr(c->argv[i], "{output}"))
			return true;
	return false;
}

/* Compilers print their messages on either stream. One that failed without a message that can be read is quoted. */
static int tell_messages(struct codegen_run *run, const struct job_files *files, const struct tool_answer *a, bool out_too)
{
	const char *name = run->backend->name;
	int r = clang_messages_tell(run, files, name, a->err);

	if (r >= 0 && out_too) {
		int other = clang_messages_tell(run, files, name, a->out);
		r = other < 0 || other == CODEGEN_WRONG ? other : r;
	}
	if (r == CODEGEN_GOOD && a->status != 0) {
		const char *said = a->err_size ? a->err : out_too ? a->out : "";

		said += strspn(said, "\r\n");
		return run_refuse(run, name, "exit", "%s exited with status %d%s%.*s", name, a->status, *said ? ": " : "",
			(int)strcspn(said, "\r\n"), said);
	}
	return r;
}

static int run_tool(struct codegen_run *run, const struct job_files *files, const struct environment *env)
{
	const struct command *c = run->backend->data;
	_cleanup_(arguments_done) struct arguments args = {.n = 0};
	struct tool_answer a = {0};
	bool to_file = has_output(c);
	int r = make_arguments(run, files, env, &args);

	if (r != CODEGEN_GOOD)
		return r;
	r = tool_run(run, &(struct tool_request){
		.argv = args.argv,
		.files = files->files,
		.n_files = files->n_files,
		.outputs = {OUTPUT_NAME},
		.n_outputs = to_file ? 1 : 0,
	}, &a);
	if (r < 0)
		return r;
	r = tool_judge(run, &a);
	if (r >= 0)
		r = tell_messages(run, files, &a, to_file);
	if (r == CODEGEN_GOOD && !run->job->check_only)
		r = tool_keep_spirv(run, run->backend->name, to_file ? a.outputs[0] : a.out,
			to_file ? a.output_sizes[0] : a.out_size);
	tool_answer_done(run, &a);
	return r;
}

static int compile(struct codegen_run *run)
{
	_cleanup_(job_files_done) struct job_files files = {0};
	const char *outer, *ending = stage_endings[run->result->stage];
	struct environment env;
	char name[32];
	int r = environment_of(run, &env);

	if (r != CODEGEN_GOOD)
		return r;
	if (run->result->language != SPVSCOPE_LANGUAGE_GLSL || !ending)
		ending = language_endings[run->result->language];
	snprintf(name, sizeof(name), "source%s%s", ending ? "." : "", ending ? ending : "");
	r = job_files_init(run, name, &files);
	if (r != CODEGEN_GOOD)
		return r;
	uint32_t span = stage_begin(run, "codegen::generate", &outer);
	span_str(run, span, "backend", run->backend->name);
	span_u64(run, span, "source.bytes", run->job->source.size);
	r = run_tool(run, &files, &env);
	span_u64(run, span, "spirv.bytes", run->result->n_spirv_words * sizeof(uint32_t));
	stage_end(run, span, outer);
	return r;
}

int command_add(const char *line, char *error, size_t error_size)
{
	struct command *c = calloc(1, sizeof(*c));
	int r = c ? command_parse(line, c, error, error_size) : -ENOMEM;

	if (r < 0) {
		free(c);
		return r;
	}
	c->tool.name = c->name;
	c->tool.may_fork = c->may_fork;
	c->backend = (struct codegen_backend){
		.name = c->name,
		.languages = c->languages,
		.other_language = c->other_language,
		.tool = &c->tool,
		.find = find,
		.data = c,
		.compile = compile,
	};
	r = backend_add(&c->backend);
	if (r < 0) {
		snprintf(error, error_size, r == -EEXIST ? "there is a back end '%s' already" : "'%s' is one back end too many",
			c->name);
		command_done(c);
		free(c);
	}
	return r;
}
