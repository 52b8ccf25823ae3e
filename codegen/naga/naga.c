/* SPDX-License-Identifier: Apache-2.0 */
/* The back end for WGSL, and modules as WGSL: naga as WebAssembly in a resident Node.js, which each worker for it keeps warm
 * beside it (naga.mjs). find runs in the template, the rest in a worker that has a host for it. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/wire.h"
#include "codegen/environment.h"
#include "codegen/naga/naga.h"
#include "codegen/naga/plain_spirv.h"
#include "codegen/naga/report.h"
#include "codegen/run.h"
#include "codegen/tools/tool.h"

/* As naga.mjs knows them. */
#define CHECK_ONLY 1u
#define DEBUG_INFO 2u
#define TO_WGSL    4u /* what comes is SPIR-V */

#define MAX_PHASES 16

static const char *const programs[] = {"node", "nodejs", NULL};

static struct tool naga = {
	.name = "naga",
	.install = "server/run --languages=all (Debian: nodejs and npm, and naga-wasm from the npm registry)",
};

/* ---- finding it ---- */

/* In the build folder, and installed beside the worker. */
static const char *const places[] = {"../naga", "naga", NULL};

/* The folder that has naga.mjs with its module, from the place of this program. */
static int find_folder(char ret[PATH_MAX])
{
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return -errno;
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	for (size_t i = 0; places[i]; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", self, places[i]) >= (int)sizeof(path) || !realpath(path, ret))
			continue;
		snprintf(path, sizeof(path), "%s/node_modules/naga-wasm/package.json", ret);
		if (access(path, R_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

/* "version": "30.1.0" of the module's own description. */
static void read_version(const char *folder, char *ret, size_t size)
{
	char path[PATH_MAX + 64], line[256];

	snprintf(ret, size, "of unknown version");
	snprintf(path, sizeof(path), "%s/node_modules/naga-wasm/package.json", folder);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		char version[32];

		if (sscanf(line, " \"version\" : \"%31[0-9A-Za-z.+-]\"", version) != 1)
			continue;
		snprintf(ret, size, "%s", version);
		break;
	}
	if (f)
		fclose(f);
}

/* What a distribution's Node.js reads beside its libraries: parts of it that are packaged as scripts. */
static const char *const node_folders[] = {"/usr/share/nodejs", NULL};

static int set_arguments(struct tool *t, const char *folder)
{
	char script[PATH_MAX + 16];

	snprintf(script, sizeof(script), "%s/naga.mjs", folder);
	const char *const argv[] = {
		"node",
		"--v8-pool-size=0",          /* no threads: what they would do is done in between */
		"--openssl-config=/dev/null", /* it looks at the system's otherwise, and complains that it may not */
		script,
		NULL,
	};
	for (size_t i = 0; argv[i]; i++) {
		t->resident_argv[i] = strdup(argv[i]);
		if (!t->resident_argv[i])
			return -ENOMEM;
	}
	return 0;
}

static int find(const struct codegen_backend *self)
{
	struct tool *t = self->tool;
	char folder[PATH_MAX], version[32];
	int r = find_folder(folder);

	if (r < 0) {
		t->missing = strdup("it was not built with WGSL");
		return 0;
	}
	r = tool_find_program(t, programs);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = tool_may_read(t, folder);
	for (size_t i = 0; node_folders[i] && r >= 0; i++)
		(void)tool_may_read(t, node_folders[i]);
	if (r >= 0)
		r = set_arguments(t, folder);
	read_version(folder, version, sizeof(version));
	_cleanup_free_ char *node = tool_first_line(t, (const char *const[]){"node", "--version", NULL});
	if (asprintf(&t->version, "naga-wasm %s on Node.js %s", version, node ? node : "") < 0)
		t->version = NULL;
	return r;
}

/* ---- an answer ---- */

struct phase {
	char *name;
	uint64_t begin_ns, end_ns;
};

struct answer {
	struct phase phases[MAX_PHASES];
	size_t n_phases;
	char *kind, *text; /* "" when it compiled */
	const void *made; /* SPIR-V, or WGSL as UTF-8; in the reply */
	size_t made_size;
};

static void answer_done(struct answer *a)
{
	for (size_t i = 0; i < a->n_phases; i++)
		free(a->phases[i].name);
	free(a->kind);
	free(a->text);
}

/* False: it is not what naga.mjs answers. */
static bool read_answer(const char *reply, size_t size, struct answer *ret)
{
	struct wire_reader r;

	wire_reader_init(&r, reply, size);
	uint32_t n = wire_get_u32(&r);
	for (uint32_t i = 0; i < n && i < MAX_PHASES && !r.bad; i++) {
		struct phase *p = &ret->phases[ret->n_phases++];
		p->name = wire_get_string(&r);
		p->begin_ns = wire_get_u64(&r);
		p->end_ns = wire_get_u64(&r);
		if (!p->name)
			r.bad = true;
	}
	ret->kind = wire_get_string(&r);
	ret->text = wire_get_string(&r);
	ret->made = wire_get_bytes(&r, &ret->made_size);
	return n <= MAX_PHASES && !r.bad && ret->kind && ret->text && r.at == r.end;
}

static uint64_t clamp(uint64_t lo, uint64_t hi, uint64_t v)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* They follow each other. */
static void tell_phases(struct codegen_run *run, const struct tool_answer *a, const struct answer *answer)
{
	const struct spvscope_tracer *t = run->tracer;
	uint64_t at_ns = a->start_ns;

	for (size_t i = 0; t && i < answer->n_phases; i++) {
		const struct phase *p = &answer->phases[i];
		struct spvscope_usage at = {.now_ns = clamp(at_ns, a->exit_ns, p->begin_ns)};
		char name[SPVSCOPE_SPAN_NAME_MAX + 1];

		snprintf(name, sizeof(name), "codegen::tool::naga::%s", p->name);
		uint32_t span = t->begin_at(t->ctx, SPVSCOPE_LEVEL_INFO, name, &at);
		at_ns = at.now_ns = clamp(at.now_ns, a->exit_ns, p->end_ns);
		if (span)
			t->end_at(t->ctx, span, &at);
	}
}

static int keep_spirv(struct codegen_run *run, const struct answer *a)
{
	if (a->made_size == 0 || a->made_size % sizeof(uint32_t))
		return run_refuse(run, "naga", "no-spirv", "naga answered with no SPIR-V");
	run->result->spirv = malloc(a->made_size);
	if (!run->result->spirv)
		return -ENOMEM;
	memcpy(run->result->spirv, a->made, a->made_size);
	run->result->n_spirv_words = a->made_size / sizeof(uint32_t);
	return CODEGEN_GOOD;
}

static int keep_wgsl(struct codegen_run *run, const struct answer *a)
{
	char *text = strndup(a->made_size ? a->made : "", a->made_size);

	run->result->products[SPVSCOPE_PRODUCT_WGSL] = text;
	return text ? CODEGEN_GOOD : -ENOMEM;
}

/* What naga says of a module has no place in a source. */
static int refuse_wgsl(struct codegen_run *run, const char *report)
{
	const char *name;

	if (plain_spirv_find_combined(run->result->spirv, run->result->n_spirv_words, &name) > 0)
		return run_refuse(run, "naga", "wgsl",
			"it cannot be written as WGSL: %s%s%s is texture and sampler in one, which naga does not read; declare "
			"a texture and a sampler apart",
			name[0] ? "'" : "a resource", name, name[0] ? "'" : "");
	_cleanup_free_ char *message = naga_report_message(report);
	if (!message)
		return -ENOMEM;
	/* Of what it cannot read it tells the name of its own error: UnsupportedCapability(MeshShadingEXT). */
	bool unread = strncmp(message, "Unsupported", strlen("Unsupported")) == 0;
	return run_refuse(run, "naga", "wgsl", "it cannot be written as WGSL: %s%s",
		unread ? "naga does not read what the module uses: " : "", message);
}

static int conclude(struct codegen_run *run, uint32_t flags, const struct tool_answer *a)
{
	_cleanup_(answer_done) struct answer answer = {0};

	if (!read_answer(a->reply, a->reply_size, &answer)) {
		run_refuse(run, "naga", "crashed", "naga gave an answer that cannot be read");
		return -ECHILD;
	}
	tell_phases(run, a, &answer);
	if (strcmp(answer.kind, "crash") == 0) {
		run_refuse(run, "naga", "crashed", "naga crashed: %s", answer.text);
		return -ECHILD;
	}
	if (answer.kind[0])
		return flags & TO_WGSL ? refuse_wgsl(run, answer.text) : naga_report_tell(run, answer.kind, answer.text);
	if (flags & TO_WGSL)
		return keep_wgsl(run, &answer);
	return flags & CHECK_ONLY ? CODEGEN_GOOD : keep_spirv(run, &answer);
}

/* ---- a compile ---- */

static int ask(struct codegen_run *run, uint32_t flags, const void *data, size_t size)
{
	_cleanup_strbuf_ struct strbuf input = {0};
	struct tool_answer a;

	wire_put_u32(&input, flags);
	strbuf_append(&input, data, size);
	if (input.failed)
		return -ENOMEM;
	int r = tool_run(run, &(struct tool_request){.tool = &naga, .input = input.data, .input_size = input.len}, &a);
	if (r < 0)
		return r;
	if (a.reply_size) {
		r = conclude(run, flags, &a);
	} else {
		r = tool_judge(run, &a);
		if (r >= 0) {
			run_refuse(run, "naga", "crashed", "naga's process ended without an answer, with status %d", a.status);
			r = -ECHILD;
		}
	}
	tool_answer_done(run, &a);
	return r;
}

static int compile(struct codegen_run *run)
{
	struct environment env;
	const char *outer;
	int r = environment_of(run, &env);

	if (r != CODEGEN_GOOD)
		return r;
	if (env.opencl || env.opengl)
		return run_refuse(run, "spvscope", "target-env", "WGSL runs on Vulkan (or universal), not on %s",
			spvscope_env_name(run->job->env));
	uint32_t span = stage_begin(run, "codegen::generate", &outer);
	span_str(run, span, "backend", "naga");
	span_u64(run, span, "source.bytes", run->job->source.size);
	uint32_t flags = (run->job->check_only ? CHECK_ONLY : 0u) |
		(run->job->debug_info != SPVSCOPE_DEBUG_INFO_NONE ? DEBUG_INFO : 0u);
	r = ask(run, flags, run->job->source.data, run->job->source.size);
	span_u64(run, span, "spirv.bytes", run->result->n_spirv_words * sizeof(uint32_t));
	stage_end(run, span, outer);
	return r;
}

/* ---- a module as WGSL ---- */

static int translate(struct codegen_run *run)
{
	_cleanup_free_ uint32_t *words = NULL;
	size_t n;
	int r = tool_require(run, &naga, "\"wgsl\" is written by naga");

	if (r != CODEGEN_GOOD)
		return r;
	if (!tool_is_at_hand(&naga)) /* a worker has one host */
		return run_refuse(run, "spvscope", "wgsl",
			"\"wgsl\" is not made beside %s; send its SPIR-V in a request of its own", run->backend->name);
	r = plain_spirv(run->result->spirv, run->result->n_spirv_words, &words, &n);
	if (r == -EBADMSG)
		return run_refuse(run, "spvscope", "wgsl", "the module is no row of whole instructions");
	return r < 0 ? r : ask(run, TO_WGSL, words, n * sizeof(*words));
}

int naga_translate(struct codegen_run *run)
{
	const char *outer, *text;
	uint32_t span = stage_begin(run, "codegen::translate::wgsl", &outer);
	int r;

	span_str(run, span, "backend", "naga");
	r = translate(run);
	text = run->result->products[SPVSCOPE_PRODUCT_WGSL];
	if (text)
		span_u64(run, span, "text.bytes", strlen(text));
	stage_end(run, span, outer);
	return r;
}

const struct codegen_backend codegen_naga = {
	.name = "naga",
	.languages = 1u << SPVSCOPE_LANGUAGE_WGSL,
	.tool = &naga,
	.find = find,
	.compile = compile,
};
