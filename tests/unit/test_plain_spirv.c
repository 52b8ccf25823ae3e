/* SPDX-License-Identifier: Apache-2.0 */
/* Modules in the words that naga reads: what is said in older instructions, what is found in them, and that no module makes
 * it read beyond its end. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/naga/plain_spirv.h"
#include "spvscope/codegen.h"

static struct spvscope_result compiled(enum spvscope_language language, enum spvscope_stage stage, const void *data, size_t size)
{
	struct spvscope_result result = {0};
	const struct spvscope_job job = {
		.language = language,
		.stage = stage,
		.source = {.name = (char *)"a.x", .data = (uint8_t *)(uintptr_t)data, .size = size},
		.env = SPVSCOPE_ENV_VULKAN_1_3,
		.validate = true,
		.debug_info = SPVSCOPE_DEBUG_INFO_LINE,
		.emit = SPVSCOPE_EMIT_SPIRV | SPVSCOPE_EMIT_DISASSEMBLY,
	};

	assert_int_equal(spvscope_compile(&job, NULL, &result), 0);
	if (result.status != SPVSCOPE_STATUS_OK)
		fail_msg("%s", result.n_diagnostics ? result.diagnostics[0].message : "it does not compile");
	return result;
}

static struct spvscope_result of_glsl(enum spvscope_stage stage, const char *text)
{
	return compiled(SPVSCOPE_LANGUAGE_GLSL, stage, text, strlen(text));
}

/* The plain form is a valid module too; the caller ends the result. */
static struct spvscope_result plain(struct spvscope_result *of)
{
	_cleanup_free_ uint32_t *words = NULL;
	size_t n = 0;

	assert_int_equal(plain_spirv(of->spirv, of->n_spirv_words, &words, &n), 0);
	assert_true(n <= of->n_spirv_words);
	return compiled(SPVSCOPE_LANGUAGE_SPIRV, SPVSCOPE_STAGE_NONE, words, n * sizeof(*words));
}

static void what_newer_environments_write_is_said_in_older_instructions(void **state)
{
	struct spvscope_result fragment = of_glsl(SPVSCOPE_STAGE_FRAGMENT,
		"#version 450\nlayout(location = 0) in float x;\nvoid main() {\n\tif (x < 0.0)\n\t\tdiscard;\n}\n");
	struct spvscope_result compute = of_glsl(SPVSCOPE_STAGE_COMPUTE,
		"#version 450\nlayout(local_size_x = 8, local_size_y = 4) in;\nvoid main() {}\n");

	(void)state;
	assert_non_null(strstr(fragment.disassembly, "OpTerminateInvocation"));
	assert_non_null(strstr(fragment.disassembly, "OpLine "));
	assert_non_null(strstr(compute.disassembly, "OpExecutionModeId"));
	struct spvscope_result f = plain(&fragment), c = plain(&compute);
	assert_null(strstr(f.disassembly, "OpTerminateInvocation"));
	assert_non_null(strstr(f.disassembly, "OpKill"));
	assert_null(strstr(f.disassembly, "OpLine "));
	assert_null(strstr(c.disassembly, "OpExecutionModeId"));
	assert_non_null(strstr(c.disassembly, "LocalSize 8 4 1"));
	spvscope_result_done(&fragment);
	spvscope_result_done(&compute);
	spvscope_result_done(&f);
	spvscope_result_done(&c);
}

static void instructions_without_a_meaning_are_left_out_with_their_set(void **state)
{
	static const char text[] = "OpCapability Shader\n"
				   "OpExtension \"SPV_KHR_non_semantic_info\"\n"
				   "%info = OpExtInstImport \"NonSemantic.Shader.DebugInfo.100\"\n"
				   "%glsl = OpExtInstImport \"GLSL.std.450\"\n"
				   "OpMemoryModel Logical GLSL450\n"
				   "OpEntryPoint GLCompute %main \"main\"\n"
				   "OpExecutionMode %main LocalSize 1 1 1\n"
				   "%file = OpString \"a.comp\"\n"
				   "%void = OpTypeVoid\n"
				   "%float = OpTypeFloat 32\n"
				   "%one = OpConstant %float 1\n"
				   "%f = OpTypeFunction %void\n"
				   "%source = OpExtInst %void %info DebugSource %file\n"
				   "%main = OpFunction %void None %f\n"
				   "%label = OpLabel\n"
				   "%s = OpExtInst %float %glsl Sin %one\n"
				   "OpReturn\n"
				   "OpFunctionEnd\n";
	struct spvscope_result module = compiled(SPVSCOPE_LANGUAGE_SPIRV_ASM, SPVSCOPE_STAGE_NONE, text, strlen(text));

	(void)state;
	struct spvscope_result p = plain(&module);
	assert_null(strstr(p.disassembly, "NonSemantic"));
	assert_null(strstr(p.disassembly, "DebugSource"));
	assert_non_null(strstr(p.disassembly, " Sin "));
	spvscope_result_done(&module);
	spvscope_result_done(&p);
}

static void a_texture_with_its_sampler_is_found_and_named(void **state)
{
	struct spvscope_result combined = of_glsl(SPVSCOPE_STAGE_FRAGMENT,
		"#version 450\nlayout(binding = 3) uniform sampler2D albedo[4];\nlayout(location = 0) out vec4 c;\n"
		"void main() { c = texture(albedo[1], vec2(0)); }\n");
	struct spvscope_result apart = of_glsl(SPVSCOPE_STAGE_FRAGMENT,
		"#version 450\nlayout(binding = 0) uniform texture2D t;\nlayout(binding = 1) uniform sampler s;\n"
		"layout(location = 0) out vec4 c;\nvoid main() { c = texture(sampler2D(t, s), vec2(0)); }\n");
	const char *name = NULL;

	(void)state;
	assert_int_equal(plain_spirv_find_combined(combined.spirv, combined.n_spirv_words, &name), 1);
	assert_string_equal(name, "albedo");
	assert_int_equal(plain_spirv_find_combined(apart.spirv, apart.n_spirv_words, &name), 0);
	spvscope_result_done(&combined);
	spvscope_result_done(&apart);
}

/* A copy of exactly that size, so that a sanitizer sees a step beyond it. */
static int try(const uint32_t *words, size_t n)
{
	_cleanup_free_ uint32_t *copy = malloc(n * sizeof(*copy) + !n);
	_cleanup_free_ uint32_t *made = NULL;
	const char *name;
	size_t n_made;

	assert_non_null(copy);
	memcpy(copy, words, n * sizeof(*copy));
	(void)plain_spirv_find_combined(copy, n, &name);
	return plain_spirv(copy, n, &made, &n_made);
}

static void broken_modules_are_refused_or_copied(void **state)
{
	struct spvscope_result module = of_glsl(SPVSCOPE_STAGE_COMPUTE,
		"#version 450\nlayout(local_size_x = 8) in;\nlayout(binding = 3) uniform sampler2D t;\n"
		"layout(binding = 4) buffer B { vec4 x; } b;\nvoid main() { b.x = textureLod(t, vec2(0), 0.0); }\n");
	unsigned n_refused = 0;

	(void)state;
	for (size_t n = 0; n < module.n_spirv_words; n++)
		n_refused += try(module.spirv, n) == -EBADMSG;
	assert_true(n_refused > module.n_spirv_words / 2); /* the others end between two instructions */
	srand(1);
	for (unsigned round = 0; round < 2000; round++) {
		size_t at = (size_t)rand() % module.n_spirv_words;
		uint32_t was = module.spirv[at];

		module.spirv[at] = round % 2 ? (uint32_t)rand() : (was ^ 1u << rand() % 32);
		(void)try(module.spirv, module.n_spirv_words);
		module.spirv[at] = was;
	}
	spvscope_result_done(&module);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_newer_environments_write_is_said_in_older_instructions),
		cmocka_unit_test(instructions_without_a_meaning_are_left_out_with_their_set),
		cmocka_unit_test(a_texture_with_its_sampler_is_found_and_named),
		cmocka_unit_test(broken_modules_are_refused_or_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
