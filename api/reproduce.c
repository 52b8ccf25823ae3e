/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the archive: README, request.json, failure.json, reproduce.sh and the input. Names of files come from strangers,
 * so each is made one that stays below the archive's directory. */
#include "api/reproduce.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define BLOCK     512u
#define PATH_ROOM 100u /* of an ustar header's name */

/* ---- tar ---- */

static void put_entry(struct strbuf *out, const char *path, unsigned mode, const void *data, size_t size)
{
	static const char zeros[BLOCK];
	char h[BLOCK] = {0};
	unsigned sum = 0;

	snprintf(h, PATH_ROOM, "%s", path);
	snprintf(h + 100, 8, "%07o", mode);
	snprintf(h + 108, 8, "%07o", 0u);
	snprintf(h + 116, 8, "%07o", 0u);
	snprintf(h + 124, 12, "%011llo", (unsigned long long)size);
	snprintf(h + 136, 12, "%011o", 0u);
	memset(h + 148, ' ', 8);
	h[156] = '0';
	memcpy(h + 257, "ustar\0" "00", 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 7, "%06o", sum);
	strbuf_append(out, h, BLOCK);
	strbuf_append(out, data, size);
	strbuf_append(out, zeros, (BLOCK - size % BLOCK) % BLOCK);
}

/* "input/" and the name, with neither a way up nor a control character; too long ones get a number. */
static void input_path(const char *name, size_t number, char ret[PATH_ROOM])
{
	size_t len;

	if (strlen(name) > 40) {
		snprintf(ret, PATH_ROOM, "input/file-%zu", number);
		return;
	}
	snprintf(ret, PATH_ROOM, "input/%s", name[0] ? name : "source");
	len = strlen(ret);
	for (size_t i = 6; i < len; i++)
		if ((unsigned char)ret[i] < 0x20 || (ret[i] == '/' && (i == 6 || ret[i + 1] == '/' || ret[i + 1] == '\0')))
			ret[i] = '_';
	for (char *up = ret; (up = strstr(up, "..")); )
		up[0] = up[1] = '_';
}

/* ---- the script ---- */

static void quote(struct strbuf *out, const char *text)
{
	strbuf_puts(out, " '");
	for (; *text; text++) {
		if (*text == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, *text);
	}
	strbuf_putc(out, '\'');
}

static const char *short_stage(enum spvscope_stage stage)
{
	static const char *const words[SPVSCOPE_N_STAGES] = {
		[SPVSCOPE_STAGE_VERTEX] = "vert", [SPVSCOPE_STAGE_TESS_CONTROL] = "tesc", [SPVSCOPE_STAGE_TESS_EVAL] = "tese",
		[SPVSCOPE_STAGE_GEOMETRY] = "geom", [SPVSCOPE_STAGE_FRAGMENT] = "frag", [SPVSCOPE_STAGE_COMPUTE] = "comp",
		[SPVSCOPE_STAGE_TASK] = "task", [SPVSCOPE_STAGE_MESH] = "mesh", [SPVSCOPE_STAGE_RAYGEN] = "rgen",
		[SPVSCOPE_STAGE_INTERSECT] = "rint", [SPVSCOPE_STAGE_ANYHIT] = "rahit", [SPVSCOPE_STAGE_CLOSESTHIT] = "rchit",
		[SPVSCOPE_STAGE_MISS] = "rmiss", [SPVSCOPE_STAGE_CALLABLE] = "rcall",
	};

	return (unsigned)stage < SPVSCOPE_N_STAGES ? words[stage] : NULL;
}

static void put_glslang(const struct spvscope_job *job, const char *source, struct strbuf *out)
{
	const char *stage = short_stage(job->stage);

	strbuf_puts(out, "run glslangValidator");
	if (job->language == SPVSCOPE_LANGUAGE_HLSL)
		strbuf_puts(out, " -D");
	if (job->env == SPVSCOPE_ENV_OPENGL_4_5)
		strbuf_puts(out, " -G");
	else
		strbuf_printf(out, " -V --target-env %s", spvscope_env_name(job->env));
	if (stage)
		strbuf_printf(out, " -S %s", stage);
	if (job->language == SPVSCOPE_LANGUAGE_HLSL || job->entry_point) {
		strbuf_puts(out, " -e");
		quote(out, job->entry_point ? job->entry_point : "main");
	}
	if (job->source_entry_point) {
		strbuf_puts(out, " --source-entrypoint");
		quote(out, job->source_entry_point);
	}
	strbuf_puts(out, job->debug_info == SPVSCOPE_DEBUG_INFO_NONE ? "" : job->debug_info == SPVSCOPE_DEBUG_INFO_LINE ? " -g" : " -gVS");
	strbuf_puts(out, job->auto_map_bindings ? " --amb" : "");
	strbuf_puts(out, job->auto_map_locations ? " --aml" : "");
	strbuf_puts(out, " -Iinput");
	for (size_t i = 0; i < job->n_defines; i++) {
		_cleanup_strbuf_ struct strbuf define = {0};

		strbuf_printf(&define, "-D%s%s%s", job->defines[i].name, job->defines[i].value ? "=" : "",
			job->defines[i].value ? job->defines[i].value : "");
		quote(out, define.data ? define.data : "");
	}
	strbuf_puts(out, " -o out.spv");
	quote(out, source);
	strbuf_putc(out, '\n');
}

static void put_optimizer(const struct spvscope_job *job, struct strbuf *out)
{
	if (job->optimize == SPVSCOPE_OPTIMIZE_NONE && job->language != SPVSCOPE_LANGUAGE_HLSL)
		return;
	strbuf_puts(out, "run spirv-opt");
	if (job->language == SPVSCOPE_LANGUAGE_HLSL)
		strbuf_puts(out, " --legalize-hlsl");
	if (job->optimize == SPVSCOPE_OPTIMIZE_SIZE)
		strbuf_puts(out, " -Os");
	else if (job->optimize == SPVSCOPE_OPTIMIZE_PERFORMANCE)
		strbuf_puts(out, " -O");
	for (size_t i = 0; i < job->n_passes; i++)
		quote(out, job->passes[i]);
	strbuf_puts(out, " out.spv -o optimized.spv && mv optimized.spv out.spv\n");
}

static void put_script(const struct compile_request *q, const char *source, struct strbuf *out)
{
	const struct spvscope_job *job = &q->job;

	strbuf_printf(out, "#!/bin/sh\n# Ends with the status of the first tool that fails: 139 is SIGSEGV, 134 SIGABRT, 124 a time-out.\n"
		"cd \"$(dirname \"$0\")\" || exit\n"
		"run() {\n\techo \"$*\" >&2\n\ttimeout %" PRIu64 " \"$@\" || exit\n}\nulimit -c 0\n", (q->wall_ms + 999) / 1000);
	switch (job->language) {
	case SPVSCOPE_LANGUAGE_GLSL:
	case SPVSCOPE_LANGUAGE_HLSL:
		put_glslang(job, source, out);
		break;
	case SPVSCOPE_LANGUAGE_SPIRV_ASM:
		strbuf_printf(out, "run spirv-as --preserve-numeric-ids --target-env %s -o out.spv", spvscope_env_name(job->env));
		quote(out, source);
		strbuf_putc(out, '\n');
		break;
	case SPVSCOPE_LANGUAGE_SPIRV:
		strbuf_puts(out, "cp");
		quote(out, source);
		strbuf_puts(out, " out.spv\n");
		break;
	default:
		strbuf_puts(out, "echo 'no command line is known for this language; see request.json' >&2\nexit 2\n");
		return;
	}
	if (job->check_only)
		return;
	put_optimizer(job, out);
	if (job->validate)
		strbuf_printf(out, "run spirv-val --target-env %s out.spv\n", spvscope_env_name(job->env));
	if (job->emit & SPVSCOPE_EMIT_DISASSEMBLY)
		strbuf_puts(out, "run spirv-dis out.spv -o out.spvasm\n");
}

static void put_text(struct strbuf *out, const char *id, const char *name, unsigned mode, const struct strbuf *text)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "spvscope-%s/%s", id, name);
	put_entry(out, path, mode, text->data ? text->data : "", text->len);
	out->failed |= text->failed;
}

static void put_input(struct strbuf *out, const char *id, const char *path, const struct spvscope_file *file)
{
	char whole[PATH_ROOM];

	snprintf(whole, sizeof(whole), "spvscope-%.32s/%.57s", id, path);
	put_entry(out, whole, 0644, file->data, file->size);
}

void reproduce_tar(const struct compile_request *q, const char *id, const char *report, struct strbuf *out)
{
	static const char end[2 * BLOCK];
	static const char readme[] =
		"A compile that failed in the compiler itself.\n\n"
		"reproduce.sh   runs the compiler's own tools on the input\n"
		"input/         the source, and the files that came with it\n"
		"failure.json   what spvscope told of it: stage, span, signal, stack\n"
		"request.json   the request, for POST /v1/compile\n\n"
		"The script carries language, stage, target, entry point, defines, debug information, automatic bindings and\n"
		"locations, optimization and validation. Options beyond these stand in request.json alone.\n";
	_cleanup_strbuf_ struct strbuf script = {0}, request = {0};
	struct strbuf text;
	char path[PATH_ROOM];

	text = (struct strbuf){.data = (char *)(uintptr_t)readme, .len = sizeof(readme) - 1};
	put_text(out, id, "README", 0644, &text);
	text = (struct strbuf){.data = (char *)(uintptr_t)report, .len = strlen(report)};
	put_text(out, id, "failure.json", 0644, &text);
	request_json(q, REQUEST_WHOLE, &request);
	put_text(out, id, "request.json", 0644, &request);
	input_path(q->job.source.name ? q->job.source.name : "source", 0, path);
	put_input(out, id, path, &q->job.source);
	put_script(q, path, &script);
	put_text(out, id, "reproduce.sh", 0755, &script);
	for (size_t i = 0; i < q->job.n_files; i++) {
		input_path(q->job.files[i].name, i + 1, path);
		put_input(out, id, path, &q->job.files[i]);
	}
	strbuf_append(out, end, sizeof(end));
}
