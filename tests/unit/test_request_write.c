/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of api/request_write.c: what is written decodes to the same request. */
#include "tests/unit/cmocka_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/request.h"
#include "api/request_fields.h"
#include "base/cleanup.h"

static void decode(const char *json, struct compile_request *r)
{
	struct diag d = { 0 };

	memset(r, 0, sizeof *r);
	compile_request_init(r);
	if (compile_request_from_json(json, strlen(json), r, &d) != 0)
		fail_msg("%s: %s: %s", json, d.where, d.message);
}

static void assert_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void assert_file(const struct spvscope_file *a, const struct spvscope_file *b)
{
	assert_text(a->name, b->name);
	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->data, b->data, a->size);
}

static void assert_job(const struct spvscope_job *a, const struct spvscope_job *b)
{
	assert_int_equal(a->language, b->language);
	assert_int_equal(a->stage, b->stage);
	assert_file(&a->source, &b->source);
	assert_int_equal(a->n_files, b->n_files);
	for (size_t i = 0; i < a->n_files; i++)
		assert_file(&a->files[i], &b->files[i]);
	assert_text(a->entry_point, b->entry_point);
	assert_int_equal(a->env, b->env);
	assert_int_equal(a->spirv_version, b->spirv_version);
	assert_int_equal(a->n_defines, b->n_defines);
	for (size_t i = 0; i < a->n_defines; i++) {
		assert_text(a->defines[i].name, b->defines[i].name);
		assert_text(a->defines[i].value, b->defines[i].value);
	}
	assert_int_equal(a->optimize, b->optimize);
	assert_int_equal(a->n_passes, b->n_passes);
	for (size_t i = 0; i < a->n_passes; i++)
		assert_text(a->passes[i], b->passes[i]);
	assert_int_equal(a->debug_info, b->debug_info);
	assert_int_equal(a->validate, b->validate);
	assert_int_equal(a->auto_map_bindings, b->auto_map_bindings);
	assert_int_equal(a->auto_map_locations, b->auto_map_locations);
	assert_int_equal(a->check_only, b->check_only);
	assert_int_equal(a->emit, b->emit);
	assert_text(a->source_entry_point, b->source_entry_point);
	assert_text(a->focus, b->focus);
	assert_memory_equal(&a->options, &b->options, sizeof a->options);
	assert_int_equal(a->n_settings, b->n_settings);
	for (size_t i = 0; i < a->n_settings; i++) {
		assert_int_equal(a->settings[i].kind, b->settings[i].kind);
		assert_int_equal(a->settings[i].stage, b->settings[i].stage);
		assert_text(a->settings[i].name, b->settings[i].name);
		assert_memory_equal(a->settings[i].numbers, b->settings[i].numbers, sizeof a->settings[i].numbers);
	}
}

static void assert_same(const struct compile_request *a, const struct compile_request *b)
{
	assert_job(&a->job, &b->job);
	assert_int_equal(a->has_trace_level, b->has_trace_level);
	assert_int_equal(a->trace_level, b->trace_level);
	assert_text(a->trace_filter, b->trace_filter);
	assert_int_equal(a->analyzer.kind, b->analyzer.kind);
	assert_int_equal(a->analyzer.frequency_hz, b->analyzer.frequency_hz);
	assert_int_equal(a->analyzer.min_samples, b->analyzer.min_samples);
	assert_int_equal(a->analyzer.budget_ms, b->analyzer.budget_ms);
	assert_int_equal(a->wall_ms, b->wall_ms);
	assert_int_equal(a->memory_bytes, b->memory_bytes);
	assert_text(a->document.session, b->document.session);
	assert_text(a->document.uri, b->document.uri);
	assert_int_equal(a->document.version, b->document.version);
	assert_int_equal(a->isolation, b->isolation);
	assert_int_equal(a->keep, b->keep);
	assert_int_equal(a->position_encoding, b->position_encoding);
}

static void round_trip(const char *json)
{
	_cleanup_(compile_request_done) struct compile_request r, again;
	_cleanup_strbuf_ struct strbuf written = { 0 }, twice = { 0 };

	decode(json, &r);
	request_json(&r, REQUEST_WHOLE, &written);
	assert_false(written.failed);
	decode(written.data, &again);
	assert_same(&r, &again);
	request_json(&again, REQUEST_WHOLE, &twice);
	assert_string_equal(written.data, twice.data);
}

#define GLSL (1u << SPVSCOPE_LANGUAGE_GLSL)
#define HLSL (1u << SPVSCOPE_LANGUAGE_HLSL)

/* Values that members may have; each request takes one of each row, the first being none. Rows for some languages alone are
 * taken with their sources. */
static const struct {
	uint32_t languages; /* 0: all */
	const char *texts[8];
} values[] = {
	{ 0, { "", "\"name\": \"\"", "\"name\": \"dir/\\u00e4\\\"\\\\.frag\"" } },
	{ 0, { "", "\"files\": {}", "\"files\": {\"a.h\": \"x\\n\\t\\u0001\", \"b\\\"\": {\"base64\": \"AP8=\"}, \"c\": \"\"}" } },
	{ 0, { "", "\"entry_point\": \"main\"", "\"entry_point\": \"start\"" } },
	{ 0, { "", "\"target\": {}", "\"target\": {\"env\": \"vulkan1.3\"}", "\"target\": {\"spirv\": \"1.0\"}",
		"\"target\": {\"spirv\": \"1.5\", \"env\": \"universal\"}", "\"target\": {\"env\": \"opengl4.5\"}" } },
	{ 0, { "", "\"defines\": {}", "\"defines\": {\"A\": null, \"B\": \"\", \"C\": \"\\\"q\\\" \\\\ \\u20ac\"}" } },
	{ 0, { "", "\"optimize\": \"none\"", "\"optimize\": \"size\"", "\"optimize\": \"performance\"",
		"\"optimize\": {\"passes\": []}", "\"optimize\": {\"passes\": [\"--merge-return\", \"--loop-unroll-partial=3\"]}" } },
	{ 0, { "", "\"backend\": \"mine\"" } },
	{ 0, { "", "\"debug_info\": \"line\"", "\"debug_info\": \"full\"" } },
	{ 0, { "", "\"validate\": false", "\"validate\": true" } },
	{ GLSL | HLSL, { "", "\"auto_map_bindings\": true" } },
	{ GLSL | HLSL, { "", "\"auto_map_locations\": true" } },
	{ 0, { "", "\"emit\": []", "\"emit\": [\"spirv\"]", "\"emit\": [\"preprocessed\", \"spirv\"]",
		"\"emit\": [\"disassembly\", \"dependencies\"]", "\"emit\": [\"reflection\", \"line_map\", \"glsl\", \"hlsl\", \"msl\", \"wgsl\"]" } },
	{ 0, { "", "\"trace\": {}", "\"trace\": {\"level\": \"off\"}", "\"trace\": {\"level\": \"info\"}",
		"\"trace\": {\"filter\": \"info,codegen::opt=debug\"}", "\"trace\": {\"level\": \"debug\", \"filter\": \"\"}" } },
	{ 0, { "", "\"analyzer\": {\"kind\": \"off\"}", "\"analyzer\": {\"kind\": \"release\"}",
		"\"analyzer\": {\"kind\": \"debug\", \"frequency_hz\": 1, \"min_samples\": 0, \"budget_ms\": 0}",
		"\"analyzer\": {\"min_samples\": 1000000}" } },
	{ 0, { "", "\"limits\": {\"wall_ms\": 1}", "\"limits\": {\"memory_bytes\": 17179869184, \"wall_ms\": 600000}" } },
	{ 0, { "", "\"document\": {\"session\": \"s\", \"uri\": \"file:///a\", \"version\": 9007199254740991}",
		"\"document\": {\"session\": \"\", \"uri\": \"\"}" } },
	{ 0, { "", "\"isolation\": \"worker\"", "\"isolation\": \"request\"" } },
	{ 0, { "", "\"keep\": true", "\"keep\": false" } },
	{ 0, { "", "\"position_encoding\": \"utf-8\"", "\"position_encoding\": \"utf-32\"" } },
	{ 0, { "", "\"check_only\": true" } },
	{ GLSL | HLSL, { "", "\"source_entry_point\": \"start\"" } },
	{ 0, { "", "\"name\": \"n\", \"focus\": \"n\"" } },
	{ GLSL | HLSL, { "", "\"undefines\": []", "\"undefines\": [\"A\", \"_b1\"]" } },
	{ GLSL, { "", "\"glsl_version\": \"450core\"", "\"glsl_version\": \"310es\"", "\"glsl_version\": \"460\"" } },
	{ GLSL | HLSL, { "", "\"client_version\": 100", "\"client_version\": 120" } },
	{ 0, { "", "\"warnings\": \"keep\"", "\"warnings\": \"off\"", "\"warnings\": \"error\"" } },
	{ GLSL | HLSL, { "", "\"uniform_base\": 7" } },
	{ GLSL, { "", "\"enhanced_messages\": true", "\"relaxed_errors\": true, \"relaxed_rules\": true" } },
	{ GLSL | HLSL, { "", "\"stop_at_first_error\": true", "\"stop_at_first_error\": false", "\"preprocess_only\": true" } },
	{ GLSL | HLSL, { "", "\"auto_combined_image_sampler\": true, \"invert_y\": true", "\"nan_clamp\": true, \"no_storage_format\": true, \"keep_uncalled\": true" } },
	{ HLSL, { "", "\"flatten_uniform_arrays\": true", "\"hlsl\": {\"dx9_compatible\": true, \"dx_position_w\": true, \"types_16bit\": true, \"skip_legalization\": true}" } },
	{ GLSL, { "", "\"hlsl\": {\"iomap\": true}", "\"hlsl\": {\"offsets\": true, \"functionality1\": true}" } },
	{ 0, { "", "\"validator\": {}", "\"validator\": {\"relax_logical_pointer\": true, \"relax_block_layout\": true, \"uniform_buffer_standard_layout\": true}",
		"\"validator\": {\"scalar_block_layout\": true, \"workgroup_scalar_block_layout\": true, \"skip_block_layout\": true}",
		"\"validator\": {\"relax_struct_store\": true, \"allow_localsizeid\": true, \"before_hlsl_legalization\": true}",
		"\"validator\": {\"max_struct_members\": 1, \"max_struct_depth\": 2, \"max_local_variables\": 3, \"max_global_variables\": 4}",
		"\"validator\": {\"max_switch_branches\": 5, \"max_function_args\": 6, \"max_control_flow_nesting_depth\": 4294967295,"
		" \"max_access_chain_indexes\": 8, \"max_id_bound\": 9}" } },
	{ 0, { "", "\"disassembler\": {\"numbers\": true, \"no_header\": true}",
		"\"disassembler\": {\"no_indent\": true, \"offsets\": true, \"comments\": true}" } },
	{ GLSL | HLSL, { "", "\"binding_bases\": []", "\"binding_bases\": [{\"resource\": \"ubo\", \"base\": 3}, "
		"{\"resource\": \"uav\", \"base\": 0, \"set\": 2, \"stage\": \"frag\"}]" } },
	{ GLSL | HLSL, { "", "\"resource_bindings\": [{\"set\": 4}]", "\"resource_bindings\": [{\"name\": \"t0\", \"set\": 1, \"binding\": 2}, "
		"{\"name\": \"u\\u00e4\", \"set\": 0, \"binding\": 0, \"stage\": \"compute\"}]" } },
	{ GLSL | HLSL, { "", "\"resource_limits\": {\"MaxDrawBuffers\": 4, \"MinProgramTexelOffset\": -1}" } },
	{ GLSL, { "", "\"uniform_locations\": {\"a\": 0, \"b\": 2147483647}" } },
	{ GLSL, { "", "\"block_backing\": {\"B\": \"uniform\", \"C\": \"buffer\", \"D\": \"push_constant\"}" } },
	{ GLSL, { "", "\"default_uniform_block\": {\"name\": \"d\", \"set\": 1, \"binding\": 2}",
		"\"atomic_counter_block\": {\"name\": \"c\", \"set\": 3}" } },
};

static const char *const sources[] = {
	"\"language\": \"glsl\", \"stage\": \"frag\", \"source\": \"void main() {}\\n\"",
	"\"language\": \"hlsl\", \"stage\": \"callable\", \"source_base64\": \"w6Q=\"",
	"\"language\": \"glsl\", \"stage\": \"vertex\", \"source_base64\": \"/w==\"", /* no UTF-8 */
	"\"language\": \"spirv-asm\", \"source\": \"; \\u2028\"",
	"\"language\": \"spirv\", \"source_base64\": \"AwIjBw==\"",
	"\"source\": \"#pragma shader_stage(compute)\\nvoid main(){}\", \"language\": \"glsl\"",
};

/* Sources are in the order of this table's languages; the last is GLSL by its text. */
static bool fits(size_t row, size_t source)
{
	static const uint32_t languages[] = { GLSL, HLSL, GLSL, 1u << SPVSCOPE_LANGUAGE_SPIRV_ASM, 1u << SPVSCOPE_LANGUAGE_SPIRV, GLSL };

	return !values[row].languages || values[row].languages & languages[source];
}

static size_t n_values(size_t row)
{
	size_t n = 0;

	while (n < ARRAY_SIZE(values[row].texts) && values[row].texts[n])
		n++;
	return n;
}

static void each_value_of_each_field_comes_back(void **state)
{
	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(sources); s++)
		for (size_t row = 0; row < ARRAY_SIZE(values); row++)
			for (size_t i = 0; fits(row, s) && i < n_values(row); i++) {
				char json[1024];

				snprintf(json, sizeof json, "{%s%s%s}", sources[s], values[row].texts[i][0] ? ", " : "", values[row].texts[i]);
				round_trip(json);
			}
}

static bool repeats(const char *json, const char *value)
{
	char member[64];
	const char *end = strstr(value, "\": ");

	if (strstr(value, "\"name\": ") && strstr(json, "\"name\": "))
		return true;
	snprintf(member, sizeof member, "%.*s\": ", end ? (int)(end - value) : 0, value);
	return end && strstr(json, member);
}

static void thousands_of_mixtures_come_back(void **state)
{
	(void)state;
	unsigned seed = 1;

	for (unsigned i = 0; i < 5000; i++) {
		_cleanup_strbuf_ struct strbuf json = { 0 };

		size_t source = (unsigned)rand_r(&seed) % ARRAY_SIZE(sources);
		strbuf_printf(&json, "{%s", sources[source]);
		for (size_t row = 0; row < ARRAY_SIZE(values); row++) {
			const char *value = values[row].texts[(unsigned)rand_r(&seed) % n_values(row)];

			/* Two rows may have the same member, of which a request has one. */
			if (!fits(row, source) || repeats(json.data, value))
				continue;
			strbuf_printf(&json, "%s%s", value[0] ? ", " : "", value);
		}
		strbuf_putc(&json, '}');
		round_trip(json.data);
	}
}

static void every_plain_field_of_the_table_is_in_a_mixture(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_request_fields; i++) {
		const char *path = request_fields[i].path, *last;
		char member[64];
		bool found = false;

		if (!path)
			continue;
		last = strrchr(path, '.');
		snprintf(member, sizeof member, "\"%s\":", last ? last + 1 : path);
		for (size_t row = 0; row < ARRAY_SIZE(values); row++)
			for (size_t k = 0; k < n_values(row); k++)
				found |= strstr(values[row].texts[k], member) != NULL;
		for (size_t s = 0; s < ARRAY_SIZE(sources); s++)
			found |= strstr(sources[s], member) != NULL;
		if (!found)
			fail_msg("no request of this test has %s", path);
	}
}

static void defaults_are_left_out_and_the_source_may_be(void **state)
{
	(void)state;
	_cleanup_(compile_request_done) struct compile_request r;
	_cleanup_strbuf_ struct strbuf out = { 0 };

	decode("{\"source\": \"void main() {}\", \"name\": \"a.frag\", \"optimize\": \"none\", \"validate\": true,"
	       "\"limits\": {\"wall_ms\": 10000}, \"target\": {\"env\": \"vulkan1.2\"}, \"keep\": true}", &r);
	request_json(&r, REQUEST_WITHOUT_SOURCE, &out);
	assert_string_equal(out.data, "{\"language\": \"glsl\", \"stage\": \"fragment\", \"name\": \"a.frag\", "
		"\"target\": {\"env\": \"vulkan1.2\"}, \"keep\": true}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_value_of_each_field_comes_back),
		cmocka_unit_test(thousands_of_mixtures_come_back),
		cmocka_unit_test(every_plain_field_of_the_table_is_in_a_mixture),
		cmocka_unit_test(defaults_are_left_out_and_the_source_may_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
