/* SPDX-License-Identifier: Apache-2.0 */
/* The words for languages, stages, environments and statuses, as they stand on the wire. Pure tables, used by the
 * front and by workers, from any thread. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "spvscope/codegen.h"

static const char *const language_names[SPVSCOPE_N_LANGUAGES] = {
	[SPVSCOPE_LANGUAGE_NONE] = "none",
	[SPVSCOPE_LANGUAGE_GLSL] = "glsl",
	[SPVSCOPE_LANGUAGE_HLSL] = "hlsl",
	[SPVSCOPE_LANGUAGE_SPIRV_ASM] = "spirv-asm",
	[SPVSCOPE_LANGUAGE_SPIRV] = "spirv",
	[SPVSCOPE_LANGUAGE_OPENCL_C] = "opencl-c",
	[SPVSCOPE_LANGUAGE_OPENCL_CPP] = "opencl-cpp",
	[SPVSCOPE_LANGUAGE_WGSL] = "wgsl",
	[SPVSCOPE_LANGUAGE_OTHER] = "other",
};

/* The long word, the file ending that the command-line compilers share, and the word of `#pragma shader_stage` where
 * it is a third one. */
static const struct {
	const char *name, *brief, *pragma;
} stage_names[SPVSCOPE_N_STAGES] = {
	[SPVSCOPE_STAGE_NONE] = { "none", "none", NULL },
	[SPVSCOPE_STAGE_VERTEX] = { "vertex", "vert", NULL },
	[SPVSCOPE_STAGE_TESS_CONTROL] = { "tess-control", "tesc", "tesscontrol" },
	[SPVSCOPE_STAGE_TESS_EVAL] = { "tess-eval", "tese", "tesseval" },
	[SPVSCOPE_STAGE_GEOMETRY] = { "geometry", "geom", NULL },
	[SPVSCOPE_STAGE_FRAGMENT] = { "fragment", "frag", NULL },
	[SPVSCOPE_STAGE_COMPUTE] = { "compute", "comp", NULL },
	[SPVSCOPE_STAGE_TASK] = { "task", "task", NULL },
	[SPVSCOPE_STAGE_MESH] = { "mesh", "mesh", NULL },
	[SPVSCOPE_STAGE_RAYGEN] = { "raygen", "rgen", NULL },
	[SPVSCOPE_STAGE_INTERSECT] = { "intersect", "rint", "intersection" },
	[SPVSCOPE_STAGE_ANYHIT] = { "anyhit", "rahit", NULL },
	[SPVSCOPE_STAGE_CLOSESTHIT] = { "closesthit", "rchit", NULL },
	[SPVSCOPE_STAGE_MISS] = { "miss", "rmiss", NULL },
	[SPVSCOPE_STAGE_CALLABLE] = { "callable", "rcall", NULL },
};

static const char *const env_names[SPVSCOPE_N_ENVS] = {
	[SPVSCOPE_ENV_VULKAN_1_0] = "vulkan1.0",
	[SPVSCOPE_ENV_VULKAN_1_1] = "vulkan1.1",
	[SPVSCOPE_ENV_VULKAN_1_2] = "vulkan1.2",
	[SPVSCOPE_ENV_VULKAN_1_3] = "vulkan1.3",
	[SPVSCOPE_ENV_OPENGL_4_5] = "opengl4.5",
	[SPVSCOPE_ENV_UNIVERSAL] = "universal",
	[SPVSCOPE_ENV_OPENCL_1_2] = "opencl1.2",
	[SPVSCOPE_ENV_OPENCL_2_0] = "opencl2.0",
	[SPVSCOPE_ENV_OPENCL_2_1] = "opencl2.1",
	[SPVSCOPE_ENV_OPENCL_2_2] = "opencl2.2",
};

static const char *const status_names[SPVSCOPE_N_STATUSES] = {
	[SPVSCOPE_STATUS_OK] = "ok",
	[SPVSCOPE_STATUS_FAILED] = "failed",
	[SPVSCOPE_STATUS_CRASHED] = "crashed",
	[SPVSCOPE_STATUS_TIMED_OUT] = "timed_out",
	[SPVSCOPE_STATUS_OUT_OF_MEMORY] = "out_of_memory",
	[SPVSCOPE_STATUS_CANCELLED] = "cancelled",
};

static const struct {
	const char *name;
	bool is_json;
} products[SPVSCOPE_N_PRODUCTS] = {
	[SPVSCOPE_PRODUCT_REFLECTION] = { "reflection", true },
	[SPVSCOPE_PRODUCT_LINE_MAP] = { "line_map", true },
	[SPVSCOPE_PRODUCT_GLSL] = { "glsl", false },
	[SPVSCOPE_PRODUCT_HLSL] = { "hlsl", false },
	[SPVSCOPE_PRODUCT_MSL] = { "msl", false },
	[SPVSCOPE_PRODUCT_WGSL] = { "wgsl", false },
};

const char *spvscope_product_name(enum spvscope_product p)
{
	return (unsigned)p < SPVSCOPE_N_PRODUCTS ? products[p].name : "unknown";
}

bool spvscope_product_is_json(enum spvscope_product p)
{
	return (unsigned)p < SPVSCOPE_N_PRODUCTS && products[p].is_json;
}

const char *spvscope_language_name(enum spvscope_language l)
{
	return (unsigned)l < SPVSCOPE_N_LANGUAGES ? language_names[l] : "unknown";
}

const char *spvscope_stage_name(enum spvscope_stage s)
{
	return (unsigned)s < SPVSCOPE_N_STAGES ? stage_names[s].name : "unknown";
}

const char *spvscope_env_name(enum spvscope_env e)
{
	return (unsigned)e < SPVSCOPE_N_ENVS ? env_names[e] : "unknown";
}

const char *spvscope_status_name(enum spvscope_status s)
{
	return (unsigned)s < SPVSCOPE_N_STATUSES ? status_names[s] : "unknown";
}

int spvscope_language_parse(const char *text, enum spvscope_language *ret)
{
	for (unsigned i = SPVSCOPE_LANGUAGE_NONE + 1; i < SPVSCOPE_N_LANGUAGES; i++)
		if (strcmp(text, language_names[i]) == 0) {
			*ret = (enum spvscope_language)i;
			return 0;
		}
	return -EINVAL;
}

int spvscope_stage_parse(const char *text, enum spvscope_stage *ret)
{
	for (unsigned i = SPVSCOPE_STAGE_NONE + 1; i < SPVSCOPE_N_STAGES; i++) {
		const char *pragma = stage_names[i].pragma;

		if (strcmp(text, stage_names[i].name) == 0 || strcmp(text, stage_names[i].brief) == 0 ||
			(pragma && strcmp(text, pragma) == 0)) {
			*ret = (enum spvscope_stage)i;
			return 0;
		}
	}
	return -EINVAL;
}

int spvscope_env_parse(const char *text, enum spvscope_env *ret)
{
	for (unsigned i = 0; i < SPVSCOPE_N_ENVS; i++)
		if (strcmp(text, env_names[i]) == 0) {
			*ret = (enum spvscope_env)i;
			return 0;
		}
	return -EINVAL;
}

/* The three lists stand here as text because they are wanted before any lock could be; a test ties them to the
 * tables above. */
const char *spvscope_language_words(void)
{
	return "glsl, hlsl, spirv-asm, spirv, opencl-c, opencl-cpp, wgsl, other";
}

const char *spvscope_stage_words(void)
{
	return "vertex, tess-control, tess-eval, geometry, fragment, compute, task, mesh, raygen, intersect, "
	       "anyhit, closesthit, miss, callable";
}

const char *spvscope_env_words(void)
{
	return "vulkan1.0, vulkan1.1, vulkan1.2, vulkan1.3, opengl4.5, universal, opencl1.2, opencl2.0, opencl2.1, opencl2.2";
}

#define PASS_FLAG_MAX_BYTES 256

bool spvscope_pass_flag_is_well_formed(const char *flag)
{
	size_t len = strnlen(flag, PASS_FLAG_MAX_BYTES + 1);

	if (strcmp(flag, "-O") == 0 || strcmp(flag, "-Os") == 0)
		return true;
	if (len > PASS_FLAG_MAX_BYTES || strncmp(flag, "--", 2) != 0)
		return false;
	const char *p = flag + 2;
	if (!islower((unsigned char)*p))
		return false;
	while (islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '-' || *p == '_')
		p++;
	if (*p == '\0')
		return true;
	if (*p++ != '=')
		return false;
	for (; *p; p++)
		if (!isprint((unsigned char)*p))
			return false;
	return true;
}
