/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of api/response.c. */
#include "tests/unit/cmocka_head.h"

#include <jansson.h>
#include <string.h>

#include "api/openapi_json.h"
#include "api/response.h"
#include "base/cleanup.h"

static void fill(struct compile_request *request, struct compile_outcome *o)
{
	static const uint32_t words[] = { 0x07230203, 0x00010600 };

	memset(request, 0, sizeof *request);
	memset(o, 0, sizeof *o);
	compile_request_init(request);
	request->job.language = SPVSCOPE_LANGUAGE_GLSL;
	request->job.stage = SPVSCOPE_STAGE_FRAGMENT;
	request->job.source.name = strdup("a \"b\".frag");
	request->job.source.data = (uint8_t *)strdup("first\n\xf0\x9f\x98\x80 wrong\n");
	request->job.source.size = strlen((char *)request->job.source.data);
	memset(o->id, 'a', COMPILE_ID_CHARS);
	memset(o->trace_id, 'b', COMPILE_ID_CHARS);
	o->request = request;
	o->traced = true;
	o->result.spirv = malloc(sizeof words);
	memcpy(o->result.spirv, words, sizeof words);
	o->result.n_spirv_words = 2;
	spvscope_result_diagnose(&o->result, SPVSCOPE_SEVERITY_ERROR, "glslang", NULL, NULL, 2, 5, 10, "no \xff such");
	spvscope_result_diagnose(&o->result, SPVSCOPE_SEVERITY_WARNING, "glslang", "w1", NULL, 2, 0, 0, "line");
}

static json_t *parse(const struct strbuf *text)
{
	json_error_t error;
	json_t *root = json_loadb(text->data, text->len, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		fail_msg("%s in %s", error.text, text->data);
	return root;
}

static void the_answer_is_json_whatever_the_texts_hold(void **state)
{
	(void)state;
	_cleanup_(compile_request_done) struct compile_request request;
	_cleanup_(compile_outcome_done) struct compile_outcome o;
	_cleanup_strbuf_ struct strbuf text = { 0 };

	fill(&request, &o);
	response_json(&o, &text);
	_cleanup_(json_decrefp) json_t *root = parse(&text);
	assert_string_equal(json_string_value(json_object_get(root, "status")), "ok");
	json_t *spirv = json_object_get(root, "spirv");
	assert_string_equal(json_string_value(json_object_get(spirv, "base64")), "AwIjBwAGAQA=");
	assert_int_equal(json_integer_value(json_object_get(spirv, "size_bytes")), 8);
	assert_string_equal(json_string_value(json_object_get(spirv, "sha256")),
		"e5f542417391f756139b6b2017b83a2bad0e4283b92d4325ce2fb9301029cb66");
	json_t *d = json_array_get(json_object_get(root, "diagnostics"), 0);
	assert_string_equal(json_string_value(json_object_get(d, "message")), "no \xef\xbf\xbd such");
	assert_string_equal(json_string_value(json_object_get(d, "file")), "a \"b\".frag");
}

static void ranges_are_in_the_encoding_asked_for(void **state)
{
	(void)state;
	static const struct {
		enum position_encoding encoding;
		int from, to, end;
	} rows[] = { { POSITION_UTF16, 3, 8, 8 }, { POSITION_UTF8, 5, 10, 10 }, { POSITION_UTF32, 2, 7, 7 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(compile_request_done) struct compile_request request;
		_cleanup_(compile_outcome_done) struct compile_outcome o;
		_cleanup_strbuf_ struct strbuf text = { 0 };
		int line, from, to, to_line;

		fill(&request, &o);
		request.position_encoding = rows[i].encoding;
		response_json(&o, &text);
		_cleanup_(json_decrefp) json_t *root = parse(&text);
		json_t *list = json_object_get(root, "diagnostics");
		assert_int_equal(json_unpack(json_array_get(list, 0), "{s:{s:{s:i,s:i},s:{s:i,s:i}}}", "range", "start",
					 "line", &line, "character", &from, "end", "line", &to_line, "character", &to), 0);
		assert_int_equal(line, 1);
		assert_int_equal(from, rows[i].from);
		assert_int_equal(to, rows[i].to);
		assert_int_equal(json_unpack(json_array_get(list, 1), "{s:{s:{s:i},s:{s:i}}}", "range", "start",
					 "character", &from, "end", "character", &to), 0);
		assert_int_equal(from, 0);
		assert_int_equal(to, rows[i].end);
	}
}

static void the_analyzer_has_the_same_fields_every_time(void **state)
{
	(void)state;
	static const enum analyzer_state states[] = { ANALYZER_STATE_OFF, ANALYZER_STATE_UNAVAILABLE, ANALYZER_STATE_ATTACHED };
	_cleanup_(json_decrefp) json_t *contract = json_loadb((const char *)openapi_json, openapi_json_size, 0, NULL);
	json_t *schema = json_object_get(json_object_get(json_object_get(contract, "components"), "schemas"), "AnalyzerResult");
	json_t *properties = json_object_get(schema, "properties"), *value;
	const char *name;

	assert_int_equal(json_object_size(properties), json_array_size(json_object_get(schema, "required")));
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		_cleanup_(compile_request_done) struct compile_request request;
		_cleanup_(compile_outcome_done) struct compile_outcome o;
		_cleanup_strbuf_ struct strbuf out = { 0 };

		fill(&request, &o);
		o.analyzer.state = states[i];
		response_json(&o, &out);
		_cleanup_(json_decrefp) json_t *root = parse(&out);
		json_t *analyzer = json_object_get(root, "analyzer");
		assert_int_equal(json_object_size(analyzer), json_object_size(properties));
		json_object_foreach (properties, name, value)
			if (!json_object_get(analyzer, name))
				fail_msg("%s lacks %s", out.data, name);
		assert_int_equal(json_is_null(json_object_get(analyzer, "attach_ns")), states[i] != ANALYZER_STATE_ATTACHED);
	}
}

static void the_stored_answer_has_no_bytes(void **state)
{
	(void)state;
	_cleanup_(compile_request_done) struct compile_request request;
	_cleanup_(compile_outcome_done) struct compile_outcome o;
	_cleanup_strbuf_ struct strbuf text = { 0 };

	fill(&request, &o);
	request.job.emit |= SPVSCOPE_EMIT_DISASSEMBLY;
	o.result.disassembly = strdup("OpNop");
	response_json_without_bytes(&o, &text);
	_cleanup_(json_decrefp) json_t *root = parse(&text);
	assert_null(json_object_get(root, "disassembly"));
	assert_null(json_object_get(json_object_get(root, "spirv"), "base64"));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "spirv"), "size_bytes")), 8);
}

static void text_has_a_line_for_each_diagnostic_and_the_failure(void **state)
{
	(void)state;
	_cleanup_(compile_request_done) struct compile_request request;
	_cleanup_(compile_outcome_done) struct compile_outcome o;
	_cleanup_strbuf_ struct strbuf text = { 0 };

	fill(&request, &o);
	o.result.status = SPVSCOPE_STATUS_CRASHED;
	o.failure.is_set = true;
	strcpy(o.failure.stage, "codegen::parse");
	strcpy(o.failure.signal, "SIGSEGV");
	response_text_diagnostics(&o, &text);
	assert_string_equal(text.data, "a \"b\".frag:2:6: error: no \xff such\na \"b\".frag:2: warning: line\n"
				       "a \"b\".frag: error: crashed: the compiler crashed in codegen::parse (SIGSEGV)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_is_json_whatever_the_texts_hold),
		cmocka_unit_test(ranges_are_in_the_encoding_asked_for),
		cmocka_unit_test(the_analyzer_has_the_same_fields_every_time),
		cmocka_unit_test(the_stored_answer_has_no_bytes),
		cmocka_unit_test(text_has_a_line_for_each_diagnostic_and_the_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
