/* SPDX-License-Identifier: Apache-2.0 */
/* What a process must have done once before its compiles are fast. Runs in the worker template, before it forks. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "spvscope/codegen.h"

/* glslang builds its built-in symbols once for each #version, profile, language and client (Vulkan of any version, or
 * OpenGL), for all stages together. Ordered by how often they are asked for. */
static const struct {
	enum spvscope_language language;
	enum spvscope_env env;
	enum spvscope_optimize optimize;
	const char *source;
} steps[] = {
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_3, SPVSCOPE_OPTIMIZE_PERFORMANCE, "#version 450\nvoid main(){}" },
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_0, SPVSCOPE_OPTIMIZE_NONE, "#version 460\nvoid main(){}" },
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_0, SPVSCOPE_OPTIMIZE_NONE, "#version 310 es\nvoid main(){}" },
};

unsigned spvscope_warm_steps(void)
{
	return ARRAY_SIZE(steps);
}

int spvscope_warm(unsigned step)
{
	_cleanup_(spvscope_result_done) struct spvscope_result result = {};

	if (step >= ARRAY_SIZE(steps))
		return -EINVAL;
	const struct spvscope_job job = {
		.language = steps[step].language,
		.stage = SPVSCOPE_STAGE_FRAGMENT,
		.source = { .data = (uint8_t *)steps[step].source, .size = strlen(steps[step].source) },
		.env = steps[step].env,
		.optimize = steps[step].optimize,
		.validate = true,
		.emit = SPVSCOPE_EMIT_DISASSEMBLY,
	};
	int r = spvscope_compile(&job, NULL, &result);
	return r < 0 ? r : result.status == SPVSCOPE_STATUS_OK ? 0 : -EPROTO;
}
