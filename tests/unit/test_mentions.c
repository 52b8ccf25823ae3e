/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/glslang/mentions_shim.cc with the real glslang: whatever way a source has of naming a limit or a macro of
 * glslang's, it is there. */
#include "tests/unit/cmocka_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "spvscope/codegen.h"

#define HEAD "#version 450\nlayout(location = 0) out int o;\n"

static bool never(void *ctx, enum spvscope_level level, const char *name)
{
	(void)ctx;
	(void)level;
	(void)name;
	return false;
}

static uint32_t begin(void *ctx, enum spvscope_level level, const char *name)
{
	(void)ctx;
	(void)level;
	(void)name;
	return 0;
}

static void event(void *ctx, enum spvscope_level level, const char *name, const char *message, size_t len)
{
	(void)ctx;
	(void)level;
	(void)name;
	(void)message;
	(void)len;
}

static const struct spvscope_tracer no_tracer = {
	.size = sizeof(no_tracer),
	.enabled = never,
	.begin = begin,
	.event = event,
};

struct texts {
	const char *source, *file, *define_name, *define_value;
	const char *name;
};

/* The first diagnostic's words in told, empty when there is none. */
static enum spvscope_status compile(const struct texts *t, char *told, size_t told_size)
{
	struct spvscope_file file = { .name = (char *)"f.glsl", .data = (uint8_t *)t->file, .size = t->file ? strlen(t->file) : 0 };
	struct spvscope_define define = { .name = (char *)t->define_name, .value = (char *)t->define_value };
	struct spvscope_job job = {
		.source = { .name = (char *)(t->name ? t->name : "a.frag"), .data = (uint8_t *)t->source, .size = strlen(t->source) },
		.files = &file,
		.n_files = t->file ? 1 : 0,
		.defines = &define,
		.n_defines = t->define_name ? 1 : 0,
		.env = SPVSCOPE_ENV_VULKAN_1_2,
		.auto_map_locations = true,
	};
	struct spvscope_result result = {};

	assert_int_equal(spvscope_compile(&job, &no_tracer, &result), 0);
	snprintf(told, told_size, "%s", result.n_diagnostics ? result.diagnostics[0].message : "");
	enum spvscope_status status = result.status;
	spvscope_result_done(&result);
	return status;
}

static void compiles(const struct texts *t)
{
	char told[256];

	if (compile(t, told, sizeof(told)) != SPVSCOPE_STATUS_OK)
		fail_msg("%s\n%s", told, t->source);
}

static void every_limit_is_there_for_who_names_it(void **state)
{
	static const char *const limits[] = {
		"MaxVertexAttribs", "MaxVertexTextureImageUnits", "MaxCombinedTextureImageUnits", "MaxTextureImageUnits",
		"MaxDrawBuffers", "MaxClipDistances", "MaxCullDistances", "MaxCombinedClipAndCullDistances", "MaxSamples",
		"MaxPatchVertices", "MaxTessGenLevel", "MaxViewports", "MinProgramTexelOffset", "MaxProgramTexelOffset",
		"MaxGeometryOutputVertices", "MaxTessPatchComponents", "MaxImageUnits", "MaxImageSamples",
		"MaxComputeWorkGroupCount.x", "MaxComputeWorkGroupSize.z", "MaxComputeUniformComponents",
		"MaxAtomicCounterBindings", "MaxAtomicCounterBufferSize", "MaxTransformFeedbackBuffers",
		"MaxFragmentInputComponents", "MaxVaryingVectors", "MaxCombinedShaderOutputResources",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		char source[256];

		snprintf(source, sizeof(source), HEAD "void main() { o = gl_%s; }\n", limits[i]);
		compiles(&(struct texts){ .source = source });
	}
}

static void a_limit_may_be_named_anywhere(void **state)
{
	(void)state;
	compiles(&(struct texts){ .source = HEAD "#define JOIN(a, b) a##b\nvoid main() { o = JOIN(gl_Max, DrawBuffers); }\n" });
	compiles(&(struct texts){ .source = HEAD "#define JOIN(a, b) a#\\\n#b\nvoid main() { o = JOIN(gl_Max, DrawBuffers); }\n" });
	compiles(&(struct texts){ .source = HEAD "void main() { o = gl_Max\\\nDrawBuffers; }\n" });
	compiles(&(struct texts){ .source = HEAD "void main() { o = g\\\r\nl_MaxDrawBuffers; }\n" });
	compiles(&(struct texts){ .source = HEAD "#include \"f.glsl\"\n", .file = "void main() { o = gl_MaxDrawBuffers; }\n" });
	compiles(&(struct texts){ .source = HEAD "void main() { o = N; }\n", .define_name = "N", .define_value = "gl_MaxDrawBuffers" });
}

static void a_macro_may_be_asked_for_anywhere(void **state)
{
	(void)state;
	compiles(&(struct texts){ .source = HEAD "#ifndef GL_EXT_ray_query\n#error\n#endif\nvoid main() { o = GL_EXT_ray_query; }\n" });
	compiles(&(struct texts){ .source = HEAD "#if !defined(GL_EXT_ray_query) || !defined GL_core_profile\n#error\n#endif\nvoid main() { o = VULKAN; }\n" });
	compiles(&(struct texts){ .source = HEAD "#define JOIN(a, b) a##b\nvoid main() { o = JOIN(GL_EXT_, ray_query); }\n" });
	compiles(&(struct texts){ .source = HEAD "void main() { o = GL_EXT_ray\\\n_query; }\n" });
	compiles(&(struct texts){ .source = HEAD "#include \"f.glsl\"\n", .file = "#ifdef GL_EXT_ray_query\nvoid main() { o = 1; }\n#endif\n" });
	compiles(&(struct texts){ .source = HEAD "void main() { o = N; }\n", .define_name = "N", .define_value = "GL_EXT_ray_query" });
	compiles(&(struct texts){ .source = "#version 310 es\nprecision highp int;\nlayout(location = 0) out int o;\n"
		"#ifndef GL_ES\n#error\n#endif\nvoid main() { o = GL_ES; }\n" });
}

static void a_source_full_of_names_is_a_source_like_others(void **state)
{
	static char source[32 << 10];
	int n = snprintf(source, sizeof(source), HEAD);

	(void)state;
	for (int i = 0; i < 2000; i++)
		n += snprintf(source + n, sizeof(source) - (size_t)n, "// gl_%d\n", i);
	snprintf(source + n, sizeof(source) - (size_t)n, "void main() { o = gl_MaxDrawBuffers; }\n");
	compiles(&(struct texts){ .source = source });
}

/* It holds sizes of arrays against limits that the source does not name. */
static void what_glslang_itself_asks_for_is_there(void **state)
{
	static const struct {
		struct texts texts;
		const char *told; /* NULL: it compiles */
	} rows[] = {
		{ { .name = "a.vert", .source = "#version 450\nout float gl_ClipDistance[9];\nvoid main() { gl_Position = vec4(0); }\n" },
			"gl_MaxClipDistances" },
		{ { .name = "a.vert", .source = "#version 450\nout float gl_CullDistance[9];\nvoid main() { gl_Position = vec4(0); }\n" },
			"gl_MaxCullDistances" },
		{ { .name = "a.vert", .source = "#version 450\nout float gl_ClipDistance[4];\nvoid main() { gl_ClipDistance[3] = 0; gl_Position = vec4(0); }\n" } },
		{ { .name = "a.geom", .source = "#version 450\nlayout(triangles) in;\nlayout(points, max_vertices = 1) out;\n"
			"void main() { gl_Position = gl_in[2].gl_Position; EmitVertex(); }\n" } },
		{ { .name = "a.tesc", .source = "#version 450\nlayout(vertices = 3) out;\nlayout(location = 0) in vec3 p[];\n"
			"void main() { gl_TessLevelOuter[0] = p[gl_InvocationID].x + gl_in.length(); }\n" } },
		{ { .name = "a.tese", .source = "#version 450\nlayout(triangles) in;\nlayout(location = 0) in vec3 p[];\n"
			"void main() { gl_Position = gl_in[0].gl_Position + vec4(p[1], gl_TessCoord.x); }\n" } },
		{ { .name = "a.comp", .source = "#version 450\nlayout(local_size_x = 4096) in;\nvoid main() {}\n" }, "gl_MaxComputeWorkGroupSize" },
		{ { .name = "a.mesh", .source = "#version 460\n#extension GL_EXT_mesh_shader : require\nlayout(local_size_x = 1) in;\n"
			"layout(triangles, max_vertices = 99999, max_primitives = 1) out;\nvoid main() {}\n" },
			"gl_MaxMeshOutputVerticesEXT" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char told[256];

		if (!rows[i].told) {
			compiles(&rows[i].texts);
			continue;
		}
		assert_int_equal(compile(&rows[i].texts, told, sizeof(told)), SPVSCOPE_STATUS_FAILED);
		if (!strstr(told, rows[i].told))
			fail_msg("%s: \"%s\" does not tell of %s", rows[i].texts.name, told, rows[i].told);
	}
}

static void what_nobody_declares_is_still_an_error(void **state)
{
	char told[256];

	(void)state;
	assert_int_equal(compile(&(struct texts){ .source = HEAD "void main() { o = gl_MaxSpoons; }\n" }, told, sizeof(told)),
		SPVSCOPE_STATUS_FAILED);
	assert_non_null(strstr(told, "gl_MaxSpoons"));
	assert_int_equal(compile(&(struct texts){ .source = HEAD "int gl_MaxDrawBuffers;\nvoid main() { o = 1; }\n" }, told, sizeof(told)),
		SPVSCOPE_STATUS_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_limit_is_there_for_who_names_it),
		cmocka_unit_test(a_limit_may_be_named_anywhere),
		cmocka_unit_test(a_macro_may_be_asked_for_anywhere),
		cmocka_unit_test(a_source_full_of_names_is_a_source_like_others),
		cmocka_unit_test(what_glslang_itself_asks_for_is_there),
		cmocka_unit_test(what_nobody_declares_is_still_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
