/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of api/request.c and its table, which is held against the contract. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/errors.h"
#include "api/openapi_json.h"
#include "api/request.h"
#include "api/request_fields.h"
#include "base/cleanup.h"

static int decode(const char *json, struct compile_request *r, struct diag *d)
{
	memset(r, 0, sizeof *r);
	memset(d, 0, sizeof *d);
	compile_request_init(r);
	return compile_request_from_json(json, strlen(json), r, d);
}

static void a_full_request_is_decoded(void **state)
{
	(void)state;
	_cleanup_(compile_request_done) struct compile_request r;
	struct diag d;
	int result = decode("{\"language\":\"glsl\",\"stage\":\"frag\",\"source\":\"void main(){}\",\"name\":\"a.frag\","
			    "\"files\":{\"x\":\"1\",\"y\":{\"base64\":\"AAE=\"}},\"entry_point\":\"start\","
			    "\"target\":{\"env\":\"vulkan1.1\",\"spirv\":\"1.3\"},\"defines\":{\"A\":\"1\",\"B\":null},"
			    "\"optimize\":{\"passes\":[\"--merge-return\"]},\"debug_info\":\"line\",\"validate\":false,"
			    "\"emit\":[\"spirv\",\"disassembly\"],\"trace\":{\"level\":\"debug\",\"filter\":\"info,a=debug\"},"
			    "\"analyzer\":{\"kind\":\"release\",\"frequency_hz\":99,\"min_samples\":0,\"budget_ms\":7},"
			    "\"limits\":{\"wall_ms\":5,\"memory_bytes\":16777216},"
			    "\"document\":{\"session\":\"s\",\"uri\":\"u\",\"version\":7},\"isolation\":\"request\","
			    "\"keep\":true,\"position_encoding\":\"utf-8\",\"check_only\":true}", &r, &d);

	if (result != 0)
		fail_msg("%s: %s", d.where, d.message);
	assert_int_equal(r.job.stage, SPVSCOPE_STAGE_FRAGMENT);
	assert_int_equal(r.job.n_files, 2);
	assert_int_equal(r.job.files[1].size, 2);
	assert_string_equal(r.job.entry_point, "start");
	assert_int_equal(r.job.env, SPVSCOPE_ENV_VULKAN_1_1);
	assert_int_equal(r.job.spirv_version, 0x10300);
	assert_int_equal(r.job.n_defines, 2);
	assert_null(r.job.defines[1].value);
	assert_int_equal(r.job.optimize, SPVSCOPE_OPTIMIZE_PASSES);
	assert_int_equal(r.job.debug_info, SPVSCOPE_DEBUG_INFO_LINE);
	assert_false(r.job.validate);
	assert_int_equal(r.job.emit, SPVSCOPE_EMIT_SPIRV | SPVSCOPE_EMIT_DISASSEMBLY);
	assert_true(r.has_trace_level);
	assert_int_equal(r.trace_level, SPVSCOPE_LEVEL_DEBUG);
	assert_string_equal(r.trace_filter, "info,a=debug");
	assert_int_equal(r.analyzer.kind, ANALYZER_RELEASE);
	assert_int_equal(r.analyzer.frequency_hz, 99);
	assert_int_equal(r.analyzer.min_samples, 0);
	assert_int_equal(r.wall_ms, 5);
	assert_int_equal(r.memory_bytes, 16 << 20);
	assert_int_equal(r.document.version, 7);
	assert_int_equal(r.isolation, ISOLATION_REQUEST);
	assert_true(r.keep && r.job.check_only);
	assert_int_equal(r.position_encoding, POSITION_UTF8);
}

#define SRC "\"language\":\"glsl\",\"stage\":\"frag\",\"source\":\"x\""

static void a_wrong_request_is_told_what_would_be_right(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		enum api_error code;
		const char *where, *says;
	} rows[] = {
		{ "{", API_ERROR_BAD_JSON, "", "line 1" },
		{ "", API_ERROR_BAD_JSON, "", "the body is empty" },
		{ "\"x\"", API_ERROR_WRONG_TYPE, "", "an object, not a string" },
		{ "\xef\xbb\xbf{}", API_ERROR_BAD_JSON, "", "byte order mark" },
		{ "{\"source\":\"\\u0000\"}", API_ERROR_BAD_JSON, "", "\\u0000; bytes come as base64" },
		{ "{\"source\":\"\xff\"}", API_ERROR_BAD_JSON, "", "not UTF-8" },
		{ "[]", API_ERROR_WRONG_TYPE, "", "an object" },
		{ "{\"source\":\"a\",\"source\":\"b\"}", API_ERROR_DUPLICATE_FIELD, "", "duplicate" },
		{ "{\"a\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}", API_ERROR_TOO_DEEP, "", "16" },
		{ "{" SRC ",\"lanuage\":1}", API_ERROR_UNKNOWN_FIELD, "lanuage", "'language'" },
		{ "{" SRC ",\"target\":{\"evn\":1}}", API_ERROR_UNKNOWN_FIELD, "target.evn", "'target.env'" },
		{ "{" SRC ",\"limits\":{\"wall\":1}}", API_ERROR_UNKNOWN_FIELD, "limits.wall", "" },
		{ "{" SRC ",\"target\":3}", API_ERROR_WRONG_TYPE, "target", "an object" },
		{ "{" SRC ",\"keep\":\"yes\"}", API_ERROR_WRONG_TYPE, "keep", "true or false" },
		{ "{" SRC ",\"keep\":null}", API_ERROR_WRONG_TYPE, "keep", "null" },
		{ "{" SRC ",\"limits\":{\"wall_ms\":1.5}}", API_ERROR_WRONG_TYPE, "limits.wall_ms", "fraction" },
		{ "{" SRC ",\"limits\":{\"wall_ms\":1e4}}", API_ERROR_WRONG_TYPE, "limits.wall_ms", "or an exponent" },
		{ "{" SRC ",\"limits\":{\"wall_ms\":0}}", API_ERROR_OUT_OF_RANGE, "limits.wall_ms", "between 1 and 600000" },
		{ "{" SRC ",\"limits\":{\"wall_ms\":-1}}", API_ERROR_OUT_OF_RANGE, "limits.wall_ms", "-1" },
		{ "{" SRC ",\"emit\":[\"bitcode\"]}", API_ERROR_UNKNOWN_VALUE, "emit", "spirv, disassembly" },
		{ "{" SRC ",\"isolation\":\"vm\"}", API_ERROR_UNKNOWN_VALUE, "isolation", "worker, request" },
		{ "{" SRC ",\"optimize\":\"fast\"}", API_ERROR_UNKNOWN_VALUE, "optimize", "none, size, performance" },
		{ "{" SRC ",\"optimize\":{\"passes\":[\"O3\"]}}", API_ERROR_UNKNOWN_VALUE, "optimize.passes", "--name" },
		{ "{" SRC ",\"defines\":{\"a b\":\"1\"}}", API_ERROR_UNKNOWN_VALUE, "defines[\"a b\"]", "letter" },
		{ "{" SRC ",\"defines\":{\"A\":\"1\\n#error\"}}", API_ERROR_UNKNOWN_VALUE, "defines[\"A\"]", "one line" },
		{ "{" SRC ",\"files\":{\"\":\"1\"}}", API_ERROR_OUT_OF_RANGE, "files[\"\"]", "name" },
		{ "{" SRC ",\"files\":{\"a\":{\"base64\":\"=\"}}}", API_ERROR_BAD_BASE64, "files[\"a\"]", "" },
		{ "{" SRC ",\"source_base64\":\"AAAA\"}", API_ERROR_CONFLICTING_FIELDS, "source_base64", "one of" },
		{ "{" SRC ",\"trace\":{\"filter\":\"a=loud\"}}", API_ERROR_BAD_FILTER, "trace.filter", "loud" },
		{ "{" SRC ",\"trace\":{\"level\":\"error\"}}", API_ERROR_UNKNOWN_VALUE, "trace.level", "off, info, debug" },
		{ "{" SRC ",\"target\":{\"env\":\"vulkan1.0\",\"spirv\":\"1.6\"}}", API_ERROR_CONFLICTING_FIELDS,
			"target.spirv", "up to 1.0" },
		{ "{" SRC ",\"hlsl\":{\"dx_position_w\":true}}", API_ERROR_CONFLICTING_FIELDS, "hlsl.dx_position_w", "is for hlsl" },
		{ "{\"language\":\"spirv-asm\",\"source\":\"x\",\"nan_clamp\":true}", API_ERROR_CONFLICTING_FIELDS, "nan_clamp",
			"is for glsl, hlsl, and this is spirv-asm" },
		{ "{\"language\":\"spirv-asm\",\"source\":\"x\",\"undefines\":[\"A\"]}", API_ERROR_CONFLICTING_FIELDS, "undefines",
			"is for glsl, hlsl" },
		{ "{" SRC ",\"undefines\":[\"1\"]}", API_ERROR_UNKNOWN_VALUE, "undefines", "macro" },
		{ "{" SRC ",\"glsl_version\":\"451\"}", API_ERROR_UNKNOWN_VALUE, "glsl_version", "460" },
		{ "{" SRC ",\"client_version\":0}", API_ERROR_OUT_OF_RANGE, "client_version", "between 1 and 999" },
		{ "{" SRC ",\"binding_bases\":[{\"base\":1}]}", API_ERROR_MISSING_FIELD, "binding_bases[0]", "resource" },
		{ "{" SRC ",\"binding_bases\":[{\"resource\":\"cbuffer\",\"base\":1}]}", API_ERROR_UNKNOWN_VALUE,
			"binding_bases[0].resource", "sampler, texture, image, ubo, ssbo, uav" },
		{ "{" SRC ",\"binding_bases\":[{\"resource\":\"ubo\",\"base\":-1}]}", API_ERROR_OUT_OF_RANGE,
			"binding_bases[0].base", "between 0" },
		{ "{" SRC ",\"binding_bases\":[{\"resource\":\"ubo\",\"offset\":1}]}", API_ERROR_UNKNOWN_FIELD,
			"binding_bases[0]", "resource, base, set, stage" },
		{ "{" SRC ",\"resource_bindings\":[{\"name\":\"t0\",\"set\":1}]}", API_ERROR_MISSING_FIELD,
			"resource_bindings[0]", "binding" },
		{ "{" SRC ",\"resource_limits\":{\"MaxDrawBuffer\":1}}", API_ERROR_UNKNOWN_VALUE,
			"resource_limits[\"MaxDrawBuffer\"]", "MaxDrawBuffers" },
		{ "{" SRC ",\"block_backing\":{\"B\":\"push\"}}", API_ERROR_UNKNOWN_VALUE, "block_backing[\"B\"]", "push_constant" },
		{ "{" SRC ",\"focus\":\"a.h\"}", API_ERROR_CONFLICTING_FIELDS, "focus", "files" },
		{ "{" SRC ",\"validator\":{\"max_id_bound\":0}}", API_ERROR_OUT_OF_RANGE, "validator.max_id_bound", "between 1" },
		{ "{" SRC ",\"document\":{\"uri\":\"a\"}}", API_ERROR_MISSING_FIELD, "document.session", "" },
		{ "{\"language\":\"glsl\",\"stage\":\"frag\"}", API_ERROR_MISSING_FIELD, "source", "" },
		{ "{\"source\":\"\"}", API_ERROR_MISSING_FIELD, "source", "empty" },
		{ "{\"source\":\"\xef\xbb\xbf\"}", API_ERROR_MISSING_FIELD, "source", "empty" },
		{ "{\"source\":\"x\",\"stage\":\"frag\"}", API_ERROR_LANGUAGE_UNKNOWN, "language", "glsl" },
		{ "{\"source\":\"x\",\"language\":\"glsl\"}", API_ERROR_STAGE_UNKNOWN, "stage", "fragment" },
		{ "{\"source\":\"x\",\"language\":\"spirv\"}", API_ERROR_BAD_SOURCE, "source", "source_base64" },
		{ "{\"source_base64\":\"AAAA\",\"language\":\"glsl\",\"stage\":\"frag\"}", API_ERROR_BAD_SOURCE, "source", "NUL" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(compile_request_done) struct compile_request r;
		struct diag d;

		if (decode(rows[i].json, &r, &d) != -EINVAL)
			fail_msg("%s was taken", rows[i].json);
		if (d.code != (int)rows[i].code || strcmp(d.where, rows[i].where) != 0 || !strstr(d.message, rows[i].says))
			fail_msg("%s: %s at '%s': %s", rows[i].json, api_error_word(d.code), d.where, d.message);
	}
}

static void a_byte_order_mark_is_no_part_of_a_text(void **state)
{
	(void)state;
	_cleanup_(compile_request_done) struct compile_request r;
	struct diag d;

	/* The language is told from what stands behind it. */
	assert_int_equal(decode("{\"name\":\"a.frag\",\"source\":\"\xef\xbb\xbf#version 450\","
				"\"files\":{\"a\":\"\xef\xbb\xbfx\",\"b\":\"\xef\xbb\"}}", &r, &d), -EINVAL);
	compile_request_done(&r);
	assert_int_equal(decode("{\"name\":\"a.frag\",\"source\":\"\\ufeff#version 450\","
				"\"files\":{\"a\":\"\xef\xbb\xbfx\",\"b\":{\"base64\":\"77u/\"}}}", &r, &d), 0);
	assert_int_equal(r.job.language, SPVSCOPE_LANGUAGE_GLSL);
	assert_int_equal(r.job.source.size, strlen("#version 450"));
	assert_memory_equal(r.job.source.data, "#version 450", r.job.source.size);
	assert_int_equal(r.job.files[0].size, 1);
	assert_int_equal(r.job.files[1].size, 0);
}

static void query_parameters_set_the_same_fields(void **state)
{
	(void)state;
	_cleanup_(compile_request_done) struct compile_request r = { 0 };
	struct diag d = { 0 };
	static const char *const rows[][2] = { { "stage", "comp" }, { "language", "hlsl" }, { "define", "A" },
		{ "define", "B=2=3" }, { "emit", "spirv,dependencies" }, { "validate", "0" }, { "keep", "" },
		{ "analyzer", "debug" }, { "wall_ms", "9" }, { "pass", "--eliminate-dead-branches" } };

	compile_request_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(compile_request_set_query(&r, rows[i][0], rows[i][1], &d), 0);
	assert_int_equal(compile_request_set_source(&r, "void main(){}", 13, &d), 0);
	assert_int_equal(compile_request_finish(&r, &d), 0);
	assert_int_equal(r.job.stage, SPVSCOPE_STAGE_COMPUTE);
	assert_null(r.job.defines[0].value);
	assert_string_equal(r.job.defines[1].value, "2=3");
	assert_true(r.keep && !r.job.validate);
	assert_int_equal(r.wall_ms, 9);
	assert_int_equal(compile_request_set_query(&r, "optimize", "size", &d), -EINVAL);
	assert_int_equal(d.code, API_ERROR_CONFLICTING_FIELDS);
	assert_int_equal(compile_request_set_query(&r, "wall_m", "9", &d), -EINVAL);
	assert_int_equal(d.code, API_ERROR_BAD_QUERY);
	assert_non_null(strstr(d.message, "'wall_ms'"));
	assert_int_equal(compile_request_set_query(&r, "wall_ms", "9x", &d), -EINVAL);
	assert_int_equal(compile_request_set_query(&r, "define", "A=2", &d), -EINVAL);
	assert_int_equal(d.code, API_ERROR_DUPLICATE_FIELD);
}

/* ---- the contract ---- */

static json_t *dig(json_t *at, const char *path)
{
	char part[64];

	while (at && *path) {
		size_t len = strcspn(path, "|");

		snprintf(part, sizeof part, "%.*s", (int)len, path);
		at = json_object_get(at, part);
		path += len + (path[len] == '|');
	}
	return at;
}

/* The schema of "target.env" in CompileRequest, or NULL. */
static json_t *schema_of(json_t *contract, const char *field)
{
	json_t *at = dig(contract, "components|schemas|CompileRequest");
	char part[64];

	while (at && *field) {
		size_t len = strcspn(field, ".");

		snprintf(part, sizeof part, "%.*s", (int)len, field);
		at = json_object_get(json_object_get(at, "properties"), part);
		field += len + (field[len] == '.');
	}
	return at;
}

/* That the contract names the same languages as the table. */
static void check_languages(const struct request_field *f, json_t *names)
{
	uint32_t languages = 0;

	for (size_t i = 0; i < json_array_size(names); i++) {
		enum spvscope_language l;

		assert_int_equal(spvscope_language_parse(json_string_value(json_array_get(names, i)), &l), 0);
		languages |= 1u << l;
	}
	if (languages != f->languages)
		fail_msg("%s is for other languages in openapi.yaml", f->path);
}

static void the_contract_has_every_field_with_its_range_and_default(void **state)
{
	(void)state;
	_cleanup_(json_decrefp) json_t *contract = json_loadb((const char *)openapi_json, openapi_json_size, 0, NULL);

	assert_non_null(contract);
	for (size_t i = 0; i < n_request_fields; i++) {
		const struct request_field *f = &request_fields[i];
		json_t *schema = f->path ? schema_of(contract, f->path) : NULL;

		if (!f->path)
			continue;
		if (!schema)
			fail_msg("openapi.yaml lacks %s", f->path);
		if (f->default_json) {
			_cleanup_(json_decrefp) json_t *expected = json_loads(f->default_json, JSON_DECODE_ANY, NULL);

			if (!json_equal(expected, json_object_get(schema, "default")))
				fail_msg("%s has another default than %s", f->path, f->default_json);
		} else if (json_object_get(schema, "default")) {
			fail_msg("%s has a default that the table has not", f->path);
		}
		if (f->type == FIELD_NUMBER32 || f->type == FIELD_NUMBER64) {
			assert_int_equal(json_integer_value(json_object_get(schema, "minimum")), f->min);
			assert_int_equal(json_integer_value(json_object_get(schema, "maximum")), f->max);
		}
		if (f->type == FIELD_TEXT)
			assert_int_equal(json_integer_value(json_object_get(schema, "maxLength")), f->max);
		if (!json_string_length(json_object_get(schema, "description")))
			fail_msg("%s has no description", f->path);
		check_languages(f, json_object_get(schema, "x-languages"));
	}
}

static bool table_has(const char *path)
{
	for (size_t i = 0; i < n_request_fields; i++)
		if (request_fields[i].path && strcmp(request_fields[i].path, path) == 0)
			return true;
	return false;
}

static void the_contract_has_no_field_or_parameter_that_is_not_decoded(void **state)
{
	(void)state;
	_cleanup_(json_decrefp) json_t *contract = json_loadb((const char *)openapi_json, openapi_json_size, 0, NULL);
	json_t *schema, *inner, *parameter;
	const char *name, *inner_name;
	size_t i, n_known = 0;

	json_object_foreach (dig(contract, "components|schemas|CompileRequest|properties"), name, schema) {
		json_t *group = table_has(name) ? NULL : json_object_get(schema, "properties");

		if (!group && !table_has(name))
			fail_msg("%s is in the contract alone", name);
		json_object_foreach (group, inner_name, inner) {
			char path[128];

			snprintf(path, sizeof path, "%s.%s", name, inner_name);
			if (!table_has(path))
				fail_msg("%s is in the contract alone", path);
		}
	}
	json_array_foreach (dig(contract, "paths|/v1/compile|post|parameters"), i, parameter) {
		const char *query = json_string_value(json_object_get(parameter, "name"));

		for (size_t f = 0; query && f < n_request_fields; f++)
			n_known += request_fields[f].query && strcmp(request_fields[f].query, query) == 0;
	}
	n_known += 2; /* language and stage stand there by reference */
	for (size_t f = 0; f < n_request_fields; f++)
		n_known -= request_fields[f].query != NULL;
	assert_int_equal(n_known, 0);
}

static void the_contract_has_the_words_of_every_error(void **state)
{
	(void)state;
	_cleanup_(json_decrefp) json_t *contract = json_loadb((const char *)openapi_json, openapi_json_size, 0, NULL);
	json_t *words = dig(contract, "components|schemas|Error|properties|error|properties|code|enum");

	assert_int_equal(json_array_size(words), API_N_ERRORS - 1);
	for (unsigned e = 1; e < API_N_ERRORS; e++) {
		bool found = false;

		for (size_t i = 0; i < json_array_size(words); i++)
			found |= strcmp(json_string_value(json_array_get(words, i)), api_error_word((enum api_error)e)) == 0;
		if (!found)
			fail_msg("openapi.yaml lacks the error %s", api_error_word((enum api_error)e));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_request_is_decoded),
		cmocka_unit_test(a_wrong_request_is_told_what_would_be_right),
		cmocka_unit_test(a_byte_order_mark_is_no_part_of_a_text),
		cmocka_unit_test(query_parameters_set_the_same_fields),
		cmocka_unit_test(the_contract_has_every_field_with_its_range_and_default),
		cmocka_unit_test(the_contract_has_no_field_or_parameter_that_is_not_decoded),
		cmocka_unit_test(the_contract_has_the_words_of_every_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
