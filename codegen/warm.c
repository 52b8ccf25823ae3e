/* SPDX-License-Identifier: Apache-2.0 */
/* What a process must have done once before its compiles are fast. Runs in the worker template, before it forks. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/spirv_tools/spirv_tools.h"
#include "spvscope/codegen.h"

/* glslang builds its built-in symbols once for each #version, profile, language and client (Vulkan of any version, or
 * OpenGL), for all stages together. In the order of need; what is not here is rare, takes 25 to 70 ms once in each
 * worker, and would cost every fork for the 4 to 14 MiB that it keeps. */
static const struct {
	enum spvscope_language language;
	enum spvscope_env env;
	const char *source;
} steps[] = {
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_3, "#version 450\nvoid main(){}" },
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_0, "#version 460\nvoid main(){}" },
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_0, "#version 310 es\nvoid main(){}" },
	{ SPVSCOPE_LANGUAGE_HLSL, SPVSCOPE_ENV_VULKAN_1_0, "void main(){}" },
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_OPENGL_4_5, "#version 450\nvoid main(){}" },
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_0, "#version 440\nvoid main(){}" },
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_0, "#version 320 es\nvoid main(){}" },
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_0, "#version 430\nvoid main(){}" },
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_0, "#version 330\nvoid main(){}" },
	{ SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_ENV_VULKAN_1_0, "#version 420\nvoid main(){}" },
};

/* The first step goes all the way, so that each library has run once and every environment has its grammar. */
static int prepare_environments(void)
{
	/* Those behind it are for OpenCL, which few workers see. */
	for (unsigned env = 0; env <= SPVSCOPE_ENV_UNIVERSAL; env++) {
		int r = spirv_prepare(&(struct spvscope_job){ .env = (enum spvscope_env)env });
		if (r < 0)
			return r;
	}
	return 0;
}

unsigned spvscope_warm_steps(void)
{
	return ARRAY_SIZE(steps);
}

int spvscope_warm(unsigned step)
{
	_cleanup_(spvscope_result_done) struct spvscope_result result = {};
	int r = step == 0 ? prepare_environments() : 0;

	if (step >= ARRAY_SIZE(steps))
		return -EINVAL;
	if (r < 0)
		return r;
	const struct spvscope_job job = {
		.language = steps[step].language,
		.stage = SPVSCOPE_STAGE_FRAGMENT,
		.source = { .data = (uint8_t *)steps[step].source, .size = strlen(steps[step].source) },
		.env = steps[step].env,
		.optimize = step == 0 ? SPVSCOPE_OPTIMIZE_PERFORMANCE : SPVSCOPE_OPTIMIZE_NONE,
		.validate = true,
		.emit = SPVSCOPE_EMIT_DISASSEMBLY,
	};
	r = spvscope_compile(&job, NULL, &result);
	return r < 0 ? r : result.status == SPVSCOPE_STATUS_OK ? 0 : -EPROTO;
}
