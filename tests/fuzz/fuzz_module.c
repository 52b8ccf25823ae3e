/* SPDX-License-Identifier: Apache-2.0 */
/* Any words as a SPIR-V module, for those who read modules by themselves: the map of lines and the reflection of kernels are
 * whole JSON if there are any, and the plain form is no longer than the module. */
#include <stdlib.h>
#include <string.h>

#include "api/json_check.h"
#include "base/strbuf.h"
#include "codegen/kernel_reflect.h"
#include "codegen/naga/plain_spirv.h"
#include "codegen/spirv_lines.h"
#include "spvscope/codegen.h"
#include "tests/fuzz/fuzz.h"

static void check_texts(const uint32_t *words, size_t n)
{
	struct strbuf out = {0};

	if (spirv_line_map(words, n, NULL, NULL, &out) == 0)
		FUZZ_CHECK(json_is_whole(out.data, out.len));
	strbuf_reset(&out);
	if (kernel_reflect(words, n, &out) == 0)
		FUZZ_CHECK(json_is_whole(out.data, out.len));
	strbuf_done(&out);
}

static void check_plain(const uint32_t *words, size_t n)
{
	const char *name = NULL;
	uint32_t *plain = NULL;
	size_t n_plain = 0;

	if (plain_spirv(words, n, &plain, &n_plain) == 0)
		FUZZ_CHECK(n_plain <= n);
	if (plain_spirv_find_combined(words, n, &name) > 0)
		FUZZ_CHECK(strlen(name) <= n * sizeof(*words));
	free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = size / sizeof(uint32_t);
	uint32_t *words = malloc(n ? n * sizeof(uint32_t) : 1); /* aligned, and ending where it ends */

	if (!words)
		abort();
	memcpy(words, data, n * sizeof(uint32_t));
	check_texts(words, n);
	check_plain(words, n);
	free(words);
	return 0;
}

/* A fragment shader with lines, names, a header and a texture with its sampler. */
size_t fuzz_seed(uint8_t *buf, size_t size)
{
	static const char text[] = "#version 450\nlayout(binding = 3) uniform sampler2D picture;\nlayout(location = 0) out vec4 c;\n"
				   "float twice(float x) { return 2.0 * x; }\n"
				   "void main() {\n\tfor (int i = 0; i < 3; i++)\n\t\tc += texture(picture, vec2(twice(0.1)));\n}\n";
	struct spvscope_result result = {0};
	const struct spvscope_job job = {
		.language = SPVSCOPE_LANGUAGE_GLSL,
		.stage = SPVSCOPE_STAGE_FRAGMENT,
		.source = {.name = (char *)"a.frag", .data = (uint8_t *)(uintptr_t)text, .size = sizeof(text) - 1},
		.env = SPVSCOPE_ENV_VULKAN_1_3,
		.debug_info = SPVSCOPE_DEBUG_INFO_FULL,
		.emit = SPVSCOPE_EMIT_SPIRV,
	};

	FUZZ_CHECK(spvscope_compile(&job, NULL, &result) == 0 && result.status == SPVSCOPE_STATUS_OK);
	size_t len = result.n_spirv_words * sizeof(uint32_t);
	FUZZ_CHECK(len <= size);
	memcpy(buf, result.spirv, len);
	spvscope_result_done(&result);
	return len;
}
