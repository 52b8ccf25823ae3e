/* SPDX-License-Identifier: Apache-2.0 */
/* A back end as someone else would write it: built by tools.test.mjs against the public headers alone, into a library that
 * the service loads. Its language has one word, "error"; whatever else is in a source compiles to an empty module. */
#include <spvscope/backend.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const struct spvscope_backend_host *host)
{
	const struct spvscope_diagnostic d = {
		.severity = SPVSCOPE_SEVERITY_ERROR,
		.line = 1,
		.column_end = 5,
		.message = (char *)"there is an error in it",
	};

	return host->diagnose(host->ctx, &d) < 0 ? -ENOMEM : SPVSCOPE_BACKEND_WRONG;
}

static int compile(const struct spvscope_job *job, const struct spvscope_tracer *tracer,
	const struct spvscope_backend_host *host)
{
	/* Header; OpCapability Shader; OpMemoryModel Logical GLSL450. */
	static const uint32_t module[] = {
		0x07230203, 0x10000, 0, 1, 0, 2u << 16 | 17, 1, 3u << 16 | 14, 0, 1,
	};
	const char *text = (const char *)job->source.data;
	uint32_t span = tracer->begin(tracer->ctx, SPVSCOPE_LEVEL_INFO, "codegen::toy::count");
	uint64_t lines = 0;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	tracer->attr_u64(tracer->ctx, span, "lines", lines);
	tracer->end(tracer->ctx, span);
	if (strncmp(text, "crash", 5) == 0)
		abort();
	if (strncmp(text, "error", 5) == 0)
		return refuse(host);
	for (size_t i = 0; i < job->n_files; i++)
		if (host->depend(host->ctx, job->files[i].name) < 0)
			return -ENOMEM;
	if (host->spirv(host->ctx, module, sizeof(module) / sizeof(module[0])) < 0)
		return -ENOMEM;
	return SPVSCOPE_BACKEND_GOOD;
}

const struct spvscope_backend *spvscope_backend(uint32_t abi)
{
	static const struct spvscope_backend toy = {
		.abi = SPVSCOPE_BACKEND_ABI,
		.name = "toy",
		.version = "1",
		.languages = "toy",
		.compile = compile,
	};

	return abi == SPVSCOPE_BACKEND_ABI ? &toy : NULL;
}
