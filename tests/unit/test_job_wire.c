/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/job_wire.c: there and back, and every kind of damage. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "codegen/job_wire.h"

static struct spvscope_file file(const char *name, const char *data, size_t size)
{
	struct spvscope_file f = { .name = name ? strdup(name) : NULL, .data = malloc(size + 1), .size = size };

	assert_non_null(f.data);
	memcpy(f.data, data, size);
	f.data[size] = '\0';
	return f;
}

static struct spvscope_job full_job(void)
{
	struct spvscope_job job = {
		.language = SPVSCOPE_LANGUAGE_HLSL,
		.stage = SPVSCOPE_STAGE_COMPUTE,
		.source = file("a/b.comp", "x\0y", 3),
		.files = calloc(2, sizeof(*job.files)),
		.n_files = 2,
		.entry_point = strdup("start"),
		.env = SPVSCOPE_ENV_VULKAN_1_2,
		.spirv_version = 0x10500,
		.defines = calloc(2, sizeof(*job.defines)),
		.n_defines = 2,
		.optimize = SPVSCOPE_OPTIMIZE_PASSES,
		.passes = calloc(1, sizeof(*job.passes)),
		.n_passes = 1,
		.debug_info = SPVSCOPE_DEBUG_INFO_FULL,
		.validate = true,
		.auto_map_locations = true,
		.emit = SPVSCOPE_EMIT_DISASSEMBLY | SPVSCOPE_EMIT_SPIRV,
	};
	job.options = (struct spvscope_options){
		.flags = SPVSCOPE_OPTION_DIS_COMMENTS | SPVSCOPE_OPTION_INVERT_Y,
		.warnings = SPVSCOPE_WARNINGS_ERROR,
		.glsl_version = 450,
		.glsl_profile = SPVSCOPE_PROFILE_CORE,
		.client_version = 100,
		.uniform_base = 3,
		.validator_limits = { [8] = 77 },
	};
	job.source_entry_point = strdup("f");
	job.focus = strdup("d.glsl");
	job.settings = calloc(2, sizeof(*job.settings));
	job.n_settings = 2;
	job.settings[0] = (struct spvscope_setting){ SPVSCOPE_SETTING_RESOURCE_LIMIT, SPVSCOPE_STAGE_NONE,
		strdup("MaxLights"), { 5, SPVSCOPE_ANY_NUMBER, 0 } };
	job.settings[1] = (struct spvscope_setting){ SPVSCOPE_SETTING_BINDING_BASE, SPVSCOPE_STAGE_MESH, NULL, { 1, 2, 3 } };
	job.files[0] = file("c.glsl", "", 0);
	job.files[1] = file("d.glsl", "#line", 5);
	job.defines[0].name = strdup("FAST");
	job.defines[1].name = strdup("FOG");
	job.defines[1].value = strdup("1");
	job.passes[0] = strdup("--ccp");
	return job;
}

static void a_job_comes_back_as_it_was(void **state)
{
	struct spvscope_job job = full_job(), back = {};
	struct strbuf sb = {};

	(void)state;
	job_encode(&job, &sb);
	assert_false(sb.failed);
	assert_int_equal(job_decode(sb.data, sb.len, &back), 0);
	assert_int_equal(back.language, job.language);
	assert_int_equal(back.stage, job.stage);
	assert_int_equal(back.env, job.env);
	assert_int_equal(back.spirv_version, job.spirv_version);
	assert_int_equal(back.optimize, job.optimize);
	assert_int_equal(back.debug_info, job.debug_info);
	assert_int_equal(back.emit, job.emit);
	assert_true(back.validate);
	assert_false(back.auto_map_bindings);
	assert_true(back.auto_map_locations);
	assert_false(back.check_only);
	assert_string_equal(back.entry_point, "start");
	assert_string_equal(back.source.name, "a/b.comp");
	assert_int_equal(back.source.size, 3);
	assert_memory_equal(back.source.data, "x\0y\0", 4);
	assert_int_equal(back.n_files, 2);
	assert_string_equal(back.files[0].name, "c.glsl");
	assert_int_equal(back.files[0].size, 0);
	assert_string_equal((char *)back.files[1].data, "#line");
	assert_int_equal(back.n_defines, 2);
	assert_null(back.defines[0].value);
	assert_string_equal(back.defines[1].value, "1");
	assert_int_equal(back.n_passes, 1);
	assert_string_equal(back.passes[0], "--ccp");
	assert_memory_equal(&back.options, &job.options, sizeof(job.options));
	assert_string_equal(back.source_entry_point, "f");
	assert_string_equal(back.focus, "d.glsl");
	assert_int_equal(back.n_settings, 2);
	assert_string_equal(back.settings[0].name, "MaxLights");
	assert_null(back.settings[1].name);
	assert_int_equal(back.settings[1].stage, SPVSCOPE_STAGE_MESH);
	assert_memory_equal(back.settings[1].numbers, job.settings[1].numbers, sizeof(job.settings[1].numbers));
	spvscope_job_done(&job);
	spvscope_job_done(&back);
	strbuf_done(&sb);
}

static void an_empty_job_comes_back_empty(void **state)
{
	struct spvscope_job job = {}, back = {};
	struct strbuf sb = {};

	(void)state;
	job_encode(&job, &sb);
	assert_int_equal(job_decode(sb.data, sb.len, &back), 0);
	assert_null(back.source.name);
	assert_null(back.entry_point);
	assert_null(back.files);
	assert_int_equal(back.source.size, 0);
	spvscope_job_done(&back);
	strbuf_done(&sb);
}

static struct spvscope_result full_result(void)
{
	struct spvscope_result r = {
		.status = SPVSCOPE_STATUS_FAILED,
		.language = SPVSCOPE_LANGUAGE_GLSL,
		.stage = SPVSCOPE_STAGE_VERTEX,
		.spirv = malloc(2 * sizeof(uint32_t)),
		.n_spirv_words = 2,
		.disassembly = strdup("OpNop"),
		.dependencies = calloc(1, sizeof(char *)),
		.n_dependencies = 1,
		.absent = calloc(1, sizeof(char *)),
		.n_absent = 1,
		.absent_cut = true,
	};
	r.spirv[0] = 0x07230203;
	r.spirv[1] = 0xffffffff;
	r.dependencies[0] = strdup("c.glsl");
	r.absent[0] = strdup("a/c.glsl");
	assert_int_equal(spvscope_result_diagnose(&r, SPVSCOPE_SEVERITY_ERROR, "glslang", NULL, NULL, 3, 4, 7, "bad"), 0);
	assert_int_equal(
		spvscope_result_diagnose(&r, SPVSCOPE_SEVERITY_HINT, "spirv-val", "VUID-1", "c.glsl", 0, 0, 0, ""), 0);
	return r;
}

static void a_result_comes_back_as_it_was(void **state)
{
	struct spvscope_result r = full_result(), back = {};
	struct strbuf sb = {};

	(void)state;
	result_encode(&r, &sb);
	assert_false(sb.failed);
	assert_int_equal(result_decode(sb.data, sb.len, &back), 0);
	assert_int_equal(back.status, r.status);
	assert_int_equal(back.language, r.language);
	assert_int_equal(back.stage, r.stage);
	assert_int_equal(back.n_spirv_words, 2);
	assert_memory_equal(back.spirv, r.spirv, 8);
	assert_string_equal(back.disassembly, "OpNop");
	assert_null(back.preprocessed);
	assert_int_equal(back.n_dependencies, 1);
	assert_string_equal(back.dependencies[0], "c.glsl");
	assert_int_equal(back.n_absent, 1);
	assert_string_equal(back.absent[0], "a/c.glsl");
	assert_true(back.absent_cut);
	assert_int_equal(back.n_diagnostics, 2);
	assert_string_equal(back.diagnostics[0].message, "bad");
	assert_null(back.diagnostics[0].code);
	assert_int_equal(back.diagnostics[0].line, 3);
	assert_int_equal(back.diagnostics[0].column_end, 7);
	assert_string_equal(back.diagnostics[1].code, "VUID-1");
	assert_string_equal(back.diagnostics[1].file, "c.glsl");
	spvscope_result_done(&r);
	spvscope_result_done(&back);
	strbuf_done(&sb);
}

static void whatever_is_cut_off_is_refused(void **state)
{
	struct spvscope_result r = full_result();
	struct spvscope_job job = full_job();
	struct strbuf a = {}, b = {};

	(void)state;
	job_encode(&job, &a);
	result_encode(&r, &b);
	for (size_t size = 0; size < a.len; size++) {
		struct spvscope_job back = {};
		assert_int_equal(job_decode(a.data, size, &back), -EBADMSG);
		assert_null(back.source.data);
	}
	for (size_t size = 0; size < b.len; size++) {
		struct spvscope_result back = {};
		assert_int_equal(result_decode(b.data, size, &back), -EBADMSG);
		assert_null(back.diagnostics);
	}
	strbuf_putc(&b, 'x');
	assert_int_equal(result_decode(b.data, b.len, &(struct spvscope_result){}), -EBADMSG);
	assert_int_equal(result_decode(a.data, a.len, &(struct spvscope_result){}), -EBADMSG);
	spvscope_job_done(&job);
	spvscope_result_done(&r);
	strbuf_done(&a);
	strbuf_done(&b);
}

/* Any byte turned to any of four values: either it is refused, or what comes out is whole. */
static void whatever_is_damaged_is_refused_or_harmless(void **state)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0xff };
	struct spvscope_result r = full_result();
	struct spvscope_job job = full_job();
	struct strbuf a = {}, b = {};

	(void)state;
	job_encode(&job, &a);
	result_encode(&r, &b);
	for (size_t i = 0; i < a.len * sizeof(values); i++) {
		struct spvscope_job back = {};
		char was = a.data[i / sizeof(values)];
		a.data[i / sizeof(values)] = (char)values[i % sizeof(values)];
		(void)job_decode(a.data, a.len, &back);
		assert_true((unsigned)back.env < SPVSCOPE_N_ENVS && (unsigned)back.stage < SPVSCOPE_N_STAGES);
		spvscope_job_done(&back);
		a.data[i / sizeof(values)] = was;
	}
	for (size_t i = 0; i < b.len * sizeof(values); i++) {
		struct spvscope_result back = {};
		char was = b.data[i / sizeof(values)];
		b.data[i / sizeof(values)] = (char)values[i % sizeof(values)];
		if (result_decode(b.data, b.len, &back) == 0)
			for (size_t k = 0; k < back.n_diagnostics; k++)
				assert_non_null(back.diagnostics[k].message);
		assert_true((unsigned)back.status < SPVSCOPE_N_STATUSES);
		spvscope_result_done(&back);
		b.data[i / sizeof(values)] = was;
	}
	spvscope_job_done(&job);
	spvscope_result_done(&r);
	strbuf_done(&a);
	strbuf_done(&b);
}

static void diagnostics_end_at_their_limit(void **state)
{
	struct spvscope_result r = {};

	(void)state;
	for (int i = 0; i < SPVSCOPE_MAX_DIAGNOSTICS + 5; i++)
		assert_int_equal(spvscope_result_diagnose(&r, SPVSCOPE_SEVERITY_ERROR, "x", NULL, NULL, 0, 0, 0, "y"), 0);
	assert_int_equal(r.n_diagnostics, SPVSCOPE_MAX_DIAGNOSTICS);
	assert_true(r.diagnostics_cut);
	spvscope_result_done(&r);
}

/* A worker that is not ours any more must not make the service hold, or compare, any number of them. */
static void more_names_than_a_result_may_have_are_refused(void **state)
{
	static char *names[SPVSCOPE_MAX_DEPENDENCIES + 1];
	struct spvscope_result back;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		names[i] = (char *)"name";
	for (size_t too_many = 0; too_many < 2; too_many++) {
		struct spvscope_result r = {.dependencies = names, .n_dependencies = SPVSCOPE_MAX_DEPENDENCIES + too_many};
		struct strbuf bytes = {0};

		result_encode(&r, &bytes);
		back = (struct spvscope_result){};
		assert_int_equal(result_decode(bytes.data, bytes.len, &back), too_many ? -EBADMSG : 0);
		spvscope_result_done(&back);
		r = (struct spvscope_result){.absent = names, .n_absent = SPVSCOPE_MAX_ABSENT + too_many};
		strbuf_done(&bytes);
		bytes = (struct strbuf){0};
		result_encode(&r, &bytes);
		back = (struct spvscope_result){};
		assert_int_equal(result_decode(bytes.data, bytes.len, &back), too_many ? -EBADMSG : 0);
		spvscope_result_done(&back);
		strbuf_done(&bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_comes_back_as_it_was),
		cmocka_unit_test(an_empty_job_comes_back_empty),
		cmocka_unit_test(a_result_comes_back_as_it_was),
		cmocka_unit_test(whatever_is_cut_off_is_refused),
		cmocka_unit_test(whatever_is_damaged_is_refused_or_harmless),
		cmocka_unit_test(diagnostics_end_at_their_limit),
		cmocka_unit_test(more_names_than_a_result_may_have_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
