/* SPDX-License-Identifier: Apache-2.0 */
/* The table of back ends, and which of them a job is for. Filled in the template, read in workers. */
#include "codegen/backends.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/tools/tool.h"

extern const struct codegen_backend codegen_glslang, codegen_spirv_tools, codegen_opencl, codegen_naga;

static const struct codegen_backend *backends[BACKENDS_MAX] = {
	&codegen_glslang,
	&codegen_spirv_tools,
	&codegen_opencl,
	&codegen_naga,
};

const struct codegen_backend *backend_at(size_t i)
{
	return i < BACKENDS_MAX ? backends[i] : NULL;
}

const struct codegen_backend *backend_named(const char *name)
{
	for (size_t i = 0; backend_at(i); i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}

const struct codegen_backend *backend_for(enum spvscope_language language)
{
	for (size_t i = 0; backend_at(i); i++)
		if (backends[i]->languages & 1u << language)
			return backends[i];
	return NULL;
}

int backend_add(const struct codegen_backend *backend)
{
	size_t n = 0;

	if (backend_named(backend->name))
		return -EEXIST;
	while (backend_at(n))
		n++;
	if (n == BACKENDS_MAX - 1) /* the last stays NULL */
		return -ENOSPC;
	backends[n] = backend;
	return 0;
}

static bool is_word(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+");

	return n > 0 && n <= 64 && text[n] == '\0';
}

int backend_languages(char *list, uint32_t *ret_bits, const char **ret_other)
{
	*ret_bits = 0;
	*ret_other = NULL;
	for (char *word; (word = strsep(&list, ","));) {
		enum spvscope_language l;

		if (spvscope_language_parse(word, &l) < 0) {
			bool one_too_many = *ret_other != NULL;

			*ret_other = word;
			if (one_too_many || !is_word(word))
				return -EINVAL;
			l = SPVSCOPE_LANGUAGE_OTHER;
		}
		*ret_bits |= 1u << l;
	}
	return 0;
}

int backend_find(size_t i)
{
	return backends[i]->find ? backends[i]->find(backends[i]) : 0;
}

int backend_choose(struct codegen_run *run)
{
	enum spvscope_language language = run->result->language;
	const char *name = run->job->backend;

	run->backend = name ? backend_named(name) : backend_for(language);
	if (!run->backend && name)
		return run_refuse(run, "spvscope", "backend", "there is no back end '%.80s'; /v1/languages lists them", name);
	if (!run->backend)
		return run_refuse(run, "spvscope", "language", "no back end takes %s", spvscope_language_name(language));
	/* Who names a back end may leave the language to it. */
	if (language != SPVSCOPE_LANGUAGE_OTHER && !(run->backend->languages & 1u << language))
		return run_refuse(run, "spvscope", "backend", "%s does not take %s", run->backend->name,
			spvscope_language_name(language));
	return run->backend->tool ? tool_require(run, run->backend->tool, run->backend->name) : CODEGEN_GOOD;
}
