/* SPDX-License-Identifier: Apache-2.0 */
/* What is made from a module beside its bytes, and places that are found through its debug lines. */
#include "tests/unit/cmocka_head.h"

#include <jansson.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_check.h"
#include "base/cleanup.h"
#include "codegen/kernel_reflect.h"
#include "codegen/spirv_lines.h"
#include "spvscope/codegen.h"

static struct spvscope_job job_of(enum spvscope_language language, enum spvscope_stage stage, const char *text)
{
	return (struct spvscope_job){
		.language = language,
		.stage = stage,
		.source = { .name = (char *)"a.x", .data = (uint8_t *)text, .size = strlen(text) },
		.env = SPVSCOPE_ENV_VULKAN_1_3,
		.validate = true,
		.emit = SPVSCOPE_EMIT_SPIRV,
	};
}

static json_t *product(const struct spvscope_result *r, enum spvscope_product p)
{
	const char *text = r->products[p];

	if (!text)
		fail_msg("there is no %s: %s", spvscope_product_name(p),
			r->n_diagnostics ? r->diagnostics[0].message : "and no reason");
	assert_true(json_is_whole(text, strlen(text)));
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	return root;
}

static void an_entry_point_is_reflected(void **state)
{
	struct spvscope_job job = job_of(SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_COMPUTE,
		"#version 450\n"
		"layout(local_size_x = 8, local_size_y_id = 2) in;\n"
		"layout(constant_id = 1) const float gain = 0.25;\n"
		"layout(set = 3, binding = 4) buffer B { vec3 a; layout(offset = 64) float rest[]; } b;\n"
		"layout(push_constant) uniform P { layout(offset = 16) mat2 m; } p;\n"
		"void main() { b.rest[gl_GlobalInvocationID.x] = gain * p.m[0].x; }\n");
	struct spvscope_result result = { 0 };
	const char *name, *stage, *kind, *member;
	int x, y, constant, set, binding, offset, push_offset, push_size, id;
	double gain;

	(void)state;
	job.emit |= spvscope_product_bit(SPVSCOPE_PRODUCT_REFLECTION);
	assert_int_equal(spvscope_compile(&job, NULL, &result), 0);
	_cleanup_(json_decrefp) json_t *root = product(&result, SPVSCOPE_PRODUCT_REFLECTION);
	assert_int_equal(json_unpack(root,
		"{s:[{s:s, s:s, s:{s:[i,i,i], s:[n,i,n]}, s:[{s:s, s:i, s:i, s:[{}, {s:s, s:i}]}], s:[{s:i, s:[{s:i}]}]}],"
		" s:[{}, {s:i, s:f}]}",
		"entry_points", "name", &name, "stage", &stage, "workgroup_size", "size", &x, &y, &(int){ 0 }, "constant_ids",
		&constant, "bindings", "kind", &kind, "set", &set, "binding", &binding, "members", "name", &member, "offset",
		&offset, "push_constants", "size_bytes", &push_size, "members", "offset", &push_offset,
		"specialization_constants", "id", &id, "default", &gain), 0);
	assert_string_equal(name, "main");
	assert_string_equal(stage, "compute");
	assert_int_equal(x, 8);
	assert_int_equal(y, 1);
	assert_int_equal(constant, 2);
	assert_string_equal(kind, "storage_buffer");
	assert_int_equal(set, 3);
	assert_int_equal(binding, 4);
	assert_string_equal(member, "rest");
	assert_int_equal(offset, 64);
	assert_int_equal(push_offset, 16);
	assert_int_equal(push_size, 32);
	assert_int_equal(id, 1);
	assert_true(gain == 0.25);
	spvscope_result_done(&result);
}

static void kernels_are_reflected_too(void **state)
{
	struct spvscope_job job = job_of(SPVSCOPE_LANGUAGE_SPIRV_ASM, SPVSCOPE_STAGE_NONE,
		"OpCapability Addresses\nOpCapability Kernel\nOpMemoryModel Physical64 OpenCL\nOpEntryPoint Kernel %k \"scale\"\n"
		"OpExecutionMode %k LocalSize 8 2 1\nOpName %o \"out\"\nOpName %x \"factor\"\n%v = OpTypeVoid\n%f = OpTypeFloat 32\n"
		"%f4 = OpTypeVector %f 4\n%p = OpTypePointer CrossWorkgroup %f4\n%t = OpTypeFunction %v %p %f\n"
		"%k = OpFunction %v None %t\n%o = OpFunctionParameter %p\n%x = OpFunctionParameter %f\n%l = OpLabel\nOpReturn\n"
		"OpFunctionEnd\n");
	struct spvscope_result result = { 0 };
	const char *name, *stage, *first, *type, *space, *second, *second_type;
	int x, y, z;

	(void)state;
	job.env = SPVSCOPE_ENV_UNIVERSAL;
	job.emit |= spvscope_product_bit(SPVSCOPE_PRODUCT_REFLECTION);
	assert_int_equal(spvscope_compile(&job, NULL, &result), 0);
	_cleanup_(json_decrefp) json_t *root = product(&result, SPVSCOPE_PRODUCT_REFLECTION);
	assert_int_equal(json_unpack(root, "{s:[{s:s, s:s, s:{s:[i,i,i]}, s:[{s:s, s:s, s:s}, {s:s, s:s}]}]}", "entry_points", "name",
		&name, "stage", &stage, "workgroup_size", "size", &x, &y, &z, "arguments", "name", &first, "type", &type,
		"address_space", &space, "name", &second, "type", &second_type), 0);
	assert_string_equal(name, "scale");
	assert_string_equal(stage, "kernel");
	assert_int_equal(x * 100 + y * 10 + z, 821);
	assert_string_equal(first, "out");
	assert_string_equal(type, "float4*");
	assert_string_equal(space, "global");
	assert_string_equal(second, "factor");
	assert_string_equal(second_type, "float");
	spvscope_result_done(&result);
}

static void a_module_is_written_in_other_languages(void **state)
{
	static const struct {
		enum spvscope_product product;
		const char *holds;
	} rows[] = {
		{ SPVSCOPE_PRODUCT_GLSL, "#version 450" },
		{ SPVSCOPE_PRODUCT_HLSL, "SV_Target0" },
		{ SPVSCOPE_PRODUCT_MSL, "#include <metal_stdlib>" },
	};
	struct spvscope_job job = job_of(SPVSCOPE_LANGUAGE_HLSL, SPVSCOPE_STAGE_FRAGMENT,
		"float4 main(float2 uv : TEXCOORD0) : SV_Target { return uv.xyxy; }\n");
	struct spvscope_result result = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		job.emit |= spvscope_product_bit(rows[i].product);
	assert_int_equal(spvscope_compile(&job, NULL, &result), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_non_null(result.products[rows[i].product]);
		assert_non_null(strstr(result.products[rows[i].product], rows[i].holds));
	}
	spvscope_result_done(&result);
}

static void what_cannot_be_written_is_the_requests_failure(void **state)
{
	struct spvscope_job job = job_of(SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_GEOMETRY,
		"#version 450\nlayout(points) in;\nlayout(points, max_vertices = 1) out;\nvoid main() { EmitVertex(); }\n");
	struct spvscope_result result = { 0 };

	(void)state;
	job.emit |= spvscope_product_bit(SPVSCOPE_PRODUCT_HLSL);
	assert_int_equal(spvscope_compile(&job, NULL, &result), 0);
	assert_int_equal(result.status, SPVSCOPE_STATUS_FAILED);
	assert_string_equal(result.diagnostics[0].source, "spirv-cross");
	assert_null(result.products[SPVSCOPE_PRODUCT_HLSL]);
	assert_null(result.spirv);
	spvscope_result_done(&result);
}

/* SPIRV-Cross itself writes "unknown main0()" for these and calls it Metal. */
static void stages_that_a_language_has_not_are_refused_by_name(void **state)
{
	static const struct {
		enum spvscope_stage stage;
		const char *source, *message;
	} rows[] = {
		{ SPVSCOPE_STAGE_GEOMETRY,
			"#version 450\nlayout(points) in;\nlayout(points, max_vertices = 1) out;\nvoid main() { EmitVertex(); }\n",
			"it cannot be written as MSL: SPIRV-Cross writes no geometry shaders as MSL" },
		{ SPVSCOPE_STAGE_MESH,
			"#version 450\n#extension GL_EXT_mesh_shader : require\nlayout(local_size_x = 1) in;\n"
			"layout(triangles, max_vertices = 3, max_primitives = 1) out;\nvoid main() { SetMeshOutputsEXT(0, 0); }\n",
			"it cannot be written as MSL: SPIRV-Cross writes no mesh shaders as MSL" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct spvscope_job job = job_of(SPVSCOPE_LANGUAGE_GLSL, rows[i].stage, rows[i].source);
		struct spvscope_result result = { 0 };

		job.emit |= spvscope_product_bit(SPVSCOPE_PRODUCT_MSL);
		assert_int_equal(spvscope_compile(&job, NULL, &result), 0);
		assert_int_equal(result.status, SPVSCOPE_STATUS_FAILED);
		assert_string_equal(result.diagnostics[0].message, rows[i].message);
		spvscope_result_done(&result);
	}
}

static void what_needs_newer_versions_is_written_for_them(void **state)
{
	static const struct {
		enum spvscope_stage stage;
		enum spvscope_product product;
		const char *source, *holds;
	} rows[] = {
		{ SPVSCOPE_STAGE_MISS, SPVSCOPE_PRODUCT_GLSL,
			"#version 460\n#extension GL_EXT_ray_tracing : require\n"
			"layout(location = 0) rayPayloadInEXT vec3 v;\nvoid main() { v = vec3(1); }\n",
			"#version 460" },
		{ SPVSCOPE_STAGE_COMPUTE, SPVSCOPE_PRODUCT_HLSL,
			"#version 450\n#extension GL_EXT_shader_explicit_arithmetic_types : require\nlayout(local_size_x = 1) in;\n"
			"layout(binding = 0) buffer B { f16vec2 h; double d; };\nvoid main() { h *= 2.0hf; d *= 2.0lf; }\n",
			"Load<double>" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct spvscope_job job = job_of(SPVSCOPE_LANGUAGE_GLSL, rows[i].stage, rows[i].source);
		struct spvscope_result result = { 0 };

		job.emit |= spvscope_product_bit(rows[i].product);
		assert_int_equal(spvscope_compile(&job, NULL, &result), 0);
		if (result.n_diagnostics > 0)
			fail_msg("%s", result.diagnostics[0].message);
		assert_non_null(strstr(result.products[rows[i].product], rows[i].holds));
		spvscope_result_done(&result);
	}
}

static const char with_include[] = "#version 450\n#include \"inc\"\nlayout(location = 0) out float o;\nvoid main() {\n"
				   "\to = twice(gl_FragCoord.x);\n}\n";

static void check_map(enum spvscope_debug_info debug)
{
	struct spvscope_file file = { .name = (char *)"inc", .data = (uint8_t *)"\n\nfloat twice(float x) {\n\treturn x * 2.0;\n}\n" };
	struct spvscope_job job = job_of(SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_FRAGMENT, with_include);
	struct spvscope_result result = { 0 };
	const char *files[2];
	size_t i, k, lines_found = 0;
	json_t *line, *ranges;

	file.size = strlen((char *)file.data);
	job.files = &file;
	job.n_files = 1;
	job.debug_info = debug;
	job.emit |= SPVSCOPE_EMIT_DISASSEMBLY | spvscope_product_bit(SPVSCOPE_PRODUCT_LINE_MAP);
	assert_int_equal(spvscope_compile(&job, NULL, &result), 0);
	_cleanup_(json_decrefp) json_t *root = product(&result, SPVSCOPE_PRODUCT_LINE_MAP);
	assert_int_equal(json_unpack(root, "{s:[s,s]}", "files", &files[0], &files[1]), 0);
	json_array_foreach (json_object_get(root, "lines"), i, line) {
		int file_idx, number, n, first, last;

		assert_int_equal(json_unpack(line, "{s:i, s:i, s:i, s:o}", "file", &file_idx, "line", &number,
			"n_instructions", &n, "disassembly", &ranges), 0);
		lines_found += strcmp(files[file_idx], "inc") == 0 && number == 4;
		lines_found += strcmp(files[file_idx], "a.x") == 0 && number == 5;
		assert_true(n > 0);
		for (k = 0; k < json_array_size(ranges); k++) {
			assert_int_equal(json_unpack(json_array_get(ranges, k), "[i,i]", &first, &last), 0);
			assert_true(first > 0 && last >= first);
			/* The multiplication is on the header's fourth line, wherever the disassembly has it. */
			const char *text = result.disassembly;
			for (int skip = 1; skip < last; skip++)
				text = strchr(text, '\n') + 1;
			_cleanup_free_ char *one = strndup(text, strcspn(text, "\n"));
			if (strstr(one, "OpReturnValue"))
				assert_int_equal(number, 4);
		}
	}
	assert_int_equal(lines_found, 2);
	spvscope_result_done(&result);
}

static void lines_lead_to_instructions_in_headers_too(void **state)
{
	(void)state;
	check_map(SPVSCOPE_DEBUG_INFO_LINE);
	check_map(SPVSCOPE_DEBUG_INFO_FULL);
}

/* An addition of float and int, with a line or without. */
static void validate_badly(bool with_line, struct spvscope_result *ret)
{
	struct spvscope_result module = { 0 };
	char text[2048];

	snprintf(text, sizeof(text),
		"OpCapability Shader\nOpMemoryModel Logical GLSL450\nOpEntryPoint GLCompute %%m \"m\"\n"
		"OpExecutionMode %%m LocalSize 1 1 1\n%%s = OpString \"far/b.glsl\"\n%%v = OpTypeVoid\n%%t = OpTypeFunction %%v\n"
		"%%f = OpTypeFloat 32\n%%i = OpTypeInt 32 1\n%%a = OpConstant %%f 1\n%%b = OpConstant %%i 1\n"
		"%%m = OpFunction %%v None %%t\n%%l = OpLabel\n%s%%x = OpFAdd %%f %%a %%b\nOpReturn\nOpFunctionEnd\n",
		with_line ? "OpLine %s 33 0\n" : "");
	struct spvscope_job job = job_of(SPVSCOPE_LANGUAGE_SPIRV_ASM, SPVSCOPE_STAGE_NONE, text);
	job.validate = false;
	assert_int_equal(spvscope_compile(&job, NULL, &module), 0);
	assert_int_equal(module.status, SPVSCOPE_STATUS_OK);
	job.language = SPVSCOPE_LANGUAGE_SPIRV;
	job.validate = true;
	job.emit = SPVSCOPE_EMIT_DISASSEMBLY;
	job.source.data = (uint8_t *)module.spirv;
	job.source.size = module.n_spirv_words * sizeof(uint32_t);
	assert_int_equal(spvscope_compile(&job, NULL, ret), 0);
	assert_int_equal(ret->status, SPVSCOPE_STATUS_FAILED);
	spvscope_result_done(&module);
}

static void the_validators_words_are_placed_in_the_source(void **state)
{
	struct spvscope_result result = { 0 };

	(void)state;
	validate_badly(true, &result);
	assert_string_equal(result.diagnostics[0].source, "spirv-val");
	assert_string_equal(result.diagnostics[0].file, "far/b.glsl");
	assert_int_equal(result.diagnostics[0].line, 33);
	spvscope_result_done(&result);
}

static void without_lines_they_are_placed_in_the_disassembly(void **state)
{
	struct spvscope_result result = { 0 };
	const struct spvscope_related *r;

	(void)state;
	validate_badly(false, &result);
	assert_int_equal(result.diagnostics[0].line, 0);
	assert_int_equal(result.diagnostics[0].n_related, 1);
	r = &result.diagnostics[0].related[0];
	assert_string_equal(r->file, "<disassembly>");
	assert_non_null(strstr(r->message, "OpFAdd"));
	assert_non_null(result.disassembly); /* which is what that is about */
	const char *line = result.disassembly;
	for (uint32_t i = 1; i < r->line; i++)
		line = strchr(line, '\n') + 1;
	assert_memory_equal(line + r->column_begin, r->message, strlen(r->message));
	spvscope_result_done(&result);
}

static bool count(void *ctx, const struct spirv_instruction *i)
{
	(void)i;
	++*(size_t *)ctx;
	return true;
}

static void a_walk_survives_any_words(void **state)
{
	uint32_t words[64] = { 0x07230203, 0x10600, 0, 50, 0 }, seed = 1;
	size_t n = 0;

	(void)state;
	assert_int_equal(spirv_walk(words, 4, count, &n), -EBADMSG);
	assert_int_equal(spirv_walk(words, 6, count, &n), -EBADMSG); /* an instruction of no words */
	for (unsigned round = 0; round < 20000; round++) {
		static const uint32_t codes[] = { 5, 7, 8, 11, 12, 15, 16, 21, 23, 32, 43, 54, 55, 56, 317, 248, 253 };

		for (size_t i = 5; i < ARRAY_SIZE(words); i++) {
			seed = seed * 1664525u + 1013904223u;
			words[i] = seed >> 28 < 6 ? (seed >> 8 & 0xff) % 52 :
						    (1 + (seed >> 20 & 7)) << 16 | codes[(seed >> 8) % ARRAY_SIZE(codes)];
		}
		struct strbuf out = { 0 };
		(void)spirv_line_map(words, ARRAY_SIZE(words), NULL, NULL, &out);
		strbuf_reset(&out);
		(void)kernel_reflect(words, ARRAY_SIZE(words), &out);
		strbuf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_point_is_reflected),
		cmocka_unit_test(kernels_are_reflected_too),
		cmocka_unit_test(a_module_is_written_in_other_languages),
		cmocka_unit_test(what_cannot_be_written_is_the_requests_failure),
		cmocka_unit_test(stages_that_a_language_has_not_are_refused_by_name),
		cmocka_unit_test(what_needs_newer_versions_is_written_for_them),
		cmocka_unit_test(lines_lead_to_instructions_in_headers_too),
		cmocka_unit_test(the_validators_words_are_placed_in_the_source),
		cmocka_unit_test(without_lines_they_are_placed_in_the_disassembly),
		cmocka_unit_test(a_walk_survives_any_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
