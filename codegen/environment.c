/* SPDX-License-Identifier: Apache-2.0 */
/* The table of target environments. Runs in the worker, on the compiling thread. */
#include "base/cleanup.h"
#include "codegen/environment.h"

#define VULKAN(major, minor) ((uint32_t)(major) << 22 | (uint32_t)(minor) << 12)
#define SPIRV(major, minor)  ((uint32_t)(major) << 16 | (uint32_t)(minor) << 8)

static const struct {
	uint32_t vulkan_version;
	uint32_t spirv_default; /* the environment's own highest */
	uint32_t spirv_limit;   /* with its extensions: Vulkan 1.1 takes 1.4 with VK_KHR_spirv_1_4 */
} environments[SPVSCOPE_N_ENVS] = {
	[SPVSCOPE_ENV_VULKAN_1_0] = { VULKAN(1, 0), SPIRV(1, 0), SPIRV(1, 0) },
	[SPVSCOPE_ENV_VULKAN_1_1] = { VULKAN(1, 1), SPIRV(1, 3), SPIRV(1, 4) },
	[SPVSCOPE_ENV_VULKAN_1_2] = { VULKAN(1, 2), SPIRV(1, 5), SPIRV(1, 5) },
	[SPVSCOPE_ENV_VULKAN_1_3] = { VULKAN(1, 3), SPIRV(1, 6), SPIRV(1, 6) },
	[SPVSCOPE_ENV_OPENGL_4_5] = { 0, SPIRV(1, 0), SPIRV(1, 0) },
	[SPVSCOPE_ENV_UNIVERSAL] = { 0, SPIRV(1, 6), SPIRV(1, 6) },
	[SPVSCOPE_ENV_OPENCL_1_2] = { 0, SPIRV(1, 0), SPIRV(1, 0) },
	[SPVSCOPE_ENV_OPENCL_2_0] = { 0, SPIRV(1, 0), SPIRV(1, 0) },
	[SPVSCOPE_ENV_OPENCL_2_1] = { 0, SPIRV(1, 0), SPIRV(1, 0) },
	[SPVSCOPE_ENV_OPENCL_2_2] = { 0, SPIRV(1, 2), SPIRV(1, 2) },
};

int environment_of(struct codegen_run *run, struct environment *ret)
{
	const struct spvscope_job *job = run->job;
	uint32_t limit, version;

	if ((unsigned)job->env >= SPVSCOPE_N_ENVS)
		return run_refuse(run, "spvscope", "target-env", "the target environment is none of %s",
			spvscope_env_words());
	limit = environments[job->env].spirv_limit;
	version = job->spirv_version ? job->spirv_version : environments[job->env].spirv_default;
	if (version < SPIRV(1, 0) || version > limit || (version & 0xff))
		return run_refuse(run, "spvscope", "target-spirv",
			"target environment %s takes SPIR-V 1.0 to %u.%u, not %u.%u",
			spvscope_env_name(job->env), limit >> 16, limit >> 8 & 0xff, version >> 16,
			version >> 8 & 0xff);
	*ret = (struct environment){
		.opengl = job->env == SPVSCOPE_ENV_OPENGL_4_5,
		.universal = job->env == SPVSCOPE_ENV_UNIVERSAL,
		.opencl = job->env >= SPVSCOPE_ENV_OPENCL_1_2 && job->env <= SPVSCOPE_ENV_OPENCL_2_2,
		.vulkan_version = environments[job->env].vulkan_version,
		.spirv_version = version,
	};
	return CODEGEN_GOOD;
}
