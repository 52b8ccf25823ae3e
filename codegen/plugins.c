/* SPDX-License-Identifier: Apache-2.0 */
/* Loading of shared libraries as back ends, and the tables of functions that they get. Loading runs in the template,
 * compiles in workers on their only thread. */
#include "codegen/plugins.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "codegen/backends.h"
#include "spvscope/backend.h"

#define TARGET "codegen::plugins"

struct plugin {
	struct codegen_backend backend; /* what the table borrows */
	const struct spvscope_backend *library;
	char *languages;                /* owned; cut at its commas */
};

/* ---- what a library is given ---- */

static int host_diagnose(void *ctx, const struct spvscope_diagnostic *d)
{
	struct codegen_run *run = ctx;
	struct spvscope_diagnostic copy = *d;

	if (!copy.message || copy.severity < SPVSCOPE_SEVERITY_ERROR || copy.severity > SPVSCOPE_SEVERITY_HINT ||
		copy.column_begin > copy.column_end)
		return -EINVAL;
	if (!copy.source)
		copy.source = (char *)(uintptr_t)run->backend->name;
	int r = run_diagnose(run, &copy);
	return r < 0 ? r : 0;
}

static int host_depend(void *ctx, const char *name)
{
	return run_depend(ctx, name);
}

static int host_spirv(void *ctx, const uint32_t *words, size_t n_words)
{
	struct codegen_run *run = ctx;
	uint32_t *copy = reallocarray(NULL, n_words ? n_words : 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, words, n_words * sizeof(*copy));
	free(run->result->spirv);
	run->result->spirv = copy;
	run->result->n_spirv_words = n_words;
	return 0;
}

/* A tracer for who traces nothing, so that no library has to ask. */
static bool no_enabled(void *ctx, enum spvscope_level level, const char *name)
{
	(void)ctx, (void)level, (void)name;
	return false;
}
static uint32_t no_begin(void *ctx, enum spvscope_level level, const char *name)
{
	(void)ctx, (void)level, (void)name;
	return 0;
}
static void no_end(void *ctx, uint32_t span)
{
	(void)ctx, (void)span;
}
static void no_usage(void *ctx, struct spvscope_usage *ret)
{
	(void)ctx;
	*ret = (struct spvscope_usage){0};
}
static uint32_t no_add(void *ctx, enum spvscope_level level, const char *name, const struct spvscope_usage *from,
	const struct spvscope_usage *to)
{
	(void)ctx, (void)level, (void)name, (void)from, (void)to;
	return 0;
}
static void no_attr_u64(void *ctx, uint32_t span, const char *key, uint64_t value)
{
	(void)ctx, (void)span, (void)key, (void)value;
}
static void no_attr_str(void *ctx, uint32_t span, const char *key, const char *value, size_t len)
{
	(void)ctx, (void)span, (void)key, (void)value, (void)len;
}
static void no_event(void *ctx, enum spvscope_level level, const char *name, const char *message, size_t len)
{
	(void)ctx, (void)level, (void)name, (void)message, (void)len;
}
static uint32_t no_begin_at(void *ctx, enum spvscope_level level, const char *name, const struct spvscope_usage *at)
{
	(void)ctx, (void)level, (void)name, (void)at;
	return 0;
}
static void no_end_at(void *ctx, uint32_t span, const struct spvscope_usage *at)
{
	(void)ctx, (void)span, (void)at;
}

static const struct spvscope_tracer no_tracer = {
	sizeof(no_tracer), NULL, no_enabled, no_begin, no_end, no_usage, no_add, no_attr_u64, no_attr_str, no_event,
	no_begin_at, no_end_at,
};

/* ---- a compile ---- */

static bool has_error(const struct spvscope_result *result)
{
	for (size_t i = 0; i < result->n_diagnostics; i++)
		if (result->diagnostics[i].severity == SPVSCOPE_SEVERITY_ERROR)
			return true;
	return false;
}

/* What it returned, held against what it gave. */
static int check(struct codegen_run *run, int outcome)
{
	const char *name = run->backend->name;

	if (outcome == SPVSCOPE_BACKEND_GOOD && !run->job->check_only && !run->result->spirv)
		return run_refuse(run, name, "no-spirv", "%s says that it compiled, and gave no SPIR-V", name);
	if (outcome == SPVSCOPE_BACKEND_GOOD)
		return CODEGEN_GOOD;
	if (outcome == SPVSCOPE_BACKEND_WRONG)
		return has_error(run->result) ? CODEGEN_WRONG
					      : run_refuse(run, name, "no-reason", "%s refused the source and gave no reason", name);
	if (outcome == -ENOMEM)
		return -ENOMEM;
	run_refuse(run, name, "failed", "%s failed: %s", name, outcome < 0 ? strerror(-outcome) : "it returned nonsense");
	return -ECHILD;
}

static int compile(struct codegen_run *run)
{
	const struct plugin *p = run->backend->data;
	struct spvscope_job job = *run->job; /* shallow: with what was guessed */
	const struct spvscope_backend_host host = {
		.size = sizeof(host),
		.ctx = run,
		.diagnose = host_diagnose,
		.depend = host_depend,
		.spirv = host_spirv,
	};
	const char *outer;
	uint32_t span = stage_begin(run, "codegen::generate", &outer);

	job.language = run->result->language;
	job.stage = run->result->stage;
	span_str(run, span, "backend", run->backend->name);
	span_str(run, span, "backend.version", p->library->version);
	span_u64(run, span, "source.bytes", job.source.size);
	int r = check(run, p->library->compile(&job, run->tracer ? run->tracer : &no_tracer, &host));
	span_u64(run, span, "spirv.bytes", run->result->n_spirv_words * sizeof(uint32_t));
	stage_end(run, span, outer);
	return r;
}

/* ---- loading ---- */

static int find(const struct codegen_backend *self)
{
	const struct plugin *p = self->data;

	return p->library->prepare ? p->library->prepare() : 0;
}

/* The name is what the trace and messages show, and is borrowed from the library, which stays. */
static int add(const struct spvscope_backend *library)
{
	struct plugin *p = calloc(1, sizeof(*p));
	int r = -ENOMEM;

	if (p)
		p->languages = strdup(library->languages);
	if (p && p->languages) {
		p->library = library;
		p->backend = (struct codegen_backend){.name = library->name, .find = find, .data = p, .compile = compile};
		r = backend_languages(p->languages, &p->backend.languages, &p->backend.other_language);
	}
	if (r >= 0)
		r = backend_add(&p->backend);
	if (r < 0 && p) {
		free(p->languages);
		free(p);
	}
	return r;
}

static bool may_be_loaded(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if ((st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return true;
	log_warn(TARGET, "%s is not loaded: others than root and this user could have written it", path);
	return false;
}

static void load(const char *path)
{
	if (!may_be_loaded(path))
		return;
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		log_warn(TARGET, "%s", dlerror());
		return;
	}
	const struct spvscope_backend *(*entry)(uint32_t abi);
	*(void **)&entry = dlsym(handle, "spvscope_backend");
	const struct spvscope_backend *library = entry ? entry(SPVSCOPE_BACKEND_ABI) : NULL;
	bool known = library && library->abi == SPVSCOPE_BACKEND_ABI && library->name && library->languages && library->compile;
	int r = known ? add(library) : -EINVAL;
	if (r == 0) {
		log_info(TARGET, "back end %s from %s", library->name, path);
		return; /* it stays loaded */
	}
	log_warn(TARGET, "%s: %s", path,
		!entry ? "it has no function spvscope_backend"
		: !known ? "it is no back end for this version of the service"
			 : strerror(-r));
	dlclose(handle);
}

static int is_library(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 3 && strcmp(e->d_name + len - 3, ".so") == 0;
}

void plugins_load(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_library, alphasort);

	if (n < 0)
		log_warn(TARGET, "cannot read %s: %s", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) >= 0)
			load(path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}
