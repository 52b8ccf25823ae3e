/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what span trees are exported as: spans_json.c, spans_chrome.c, spans_text.c. */
#include "tests/unit/cmocka_head.h"

#include <string.h>

#include <jansson.h>

#include "api/formats/formats.h"

#define ORIGIN 1000000

static const struct trace_info info = {
	.trace_id = "0123456789abcdef0123456789abcdef",
	.name = "shaders/a.frag",
	.language = "glsl",
	.stage = "fragment",
	.status = "ok",
	.started_unix_ns = 1770000000000000000ull,
};

static struct trace_tree *small_tree(void)
{
	struct trace_tree *t = trace_tree_new();
	trace_tree_add(t, TRACE_NO_SPAN, SPVSCOPE_LEVEL_INFO, "server::request", ORIGIN, 2100000);
	trace_tree_add(t, 0, SPVSCOPE_LEVEL_INFO, "codegen::parse", ORIGIN + 500, 1500000);
	trace_tree_add(t, 1, SPVSCOPE_LEVEL_DEBUG, "codegen::include \"\x1b[2J\"", ORIGIN + 1000, 12345);
	trace_tree_add(t, 0, SPVSCOPE_LEVEL_INFO, "codegen::opt", ORIGIN + 1600000, 400000);
	t->spans[1].used = (struct spvscope_usage){
		.cpu_ns = 1400000, .minor_faults = 3, .alloc_bytes = 81234, .alloc_calls = 512};
	t->spans[1].measured = t->spans[3].measured = true;
	t->spans[1].pid = t->spans[1].tid = 812;
	t->spans[2].pid = t->spans[2].tid = 812;
	t->spans[3].open = true;
	t->spans[1].clean = (struct trace_clean){5, 1400000, 1500000, 1600000};
	t->spans[1].profiled = (struct trace_profiled){.n_runs = 2, .n_switches = 3, .wall_ns = 3000, .on_cpu_ns = 1500,
		.runnable_ns = 400, .blocked_ns = 1100, .stolen_ns = 20, .cpu_clock_ns = 1480};
	trace_tree_attr_u64(t, 3, "ir.bytes_before", 2112);
	trace_tree_attr_str(t, 3, "note", "first");
	trace_tree_attr_str(t, 3, "note", "second");
	trace_tree_attr_u64(t, 3, "huge", UINT64_MAX);
	trace_tree_event(t, 1, SPVSCOPE_LEVEL_ERROR, ORIGIN + 12000, "codegen::parse", "line one\nline \xff two");
	trace_tree_event(t, TRACE_NO_SPAN, SPVSCOPE_LEVEL_WARN, ORIGIN + 5, "server", "outside");
	t->dropped = 2;
	return t;
}

static json_t *parse(const struct strbuf *sb)
{
	json_error_t e;
	assert_false(sb->failed);
	json_t *j = json_loadb(sb->data, sb->len, JSON_REJECT_DUPLICATES, &e);
	if (!j)
		fail_msg("%s at %d:%d in %.200s", e.text, e.line, e.column, sb->data);
	return j;
}

static json_int_t integer(const json_t *j, const char *key)
{
	const json_t *v = json_object_get(j, key);
	if (!json_is_integer(v))
		fail_msg("no integer \"%s\"", key);
	return json_integer_value(v);
}

static const char *string(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));
	return s ? s : "(no string)";
}

static void the_nested_tree_has_every_field(void **state)
{
	(void)state;
	struct trace_tree *t = small_tree();
	_cleanup_strbuf_ struct strbuf sb = {0};
	format_span_tree(t, ORIGIN, &sb);
	json_t *spans = parse(&sb);
	assert_int_equal(json_array_size(spans), 1);
	json_t *root = json_array_get(spans, 0), *children = json_object_get(root, "children");
	assert_int_equal(integer(root, "id"), 1);
	assert_int_equal(integer(root, "start_ns"), 0);
	assert_int_equal(integer(root, "duration_ns"), 2100000);
	assert_null(json_object_get(root, "clean"));
	assert_null(json_object_get(root, "profiled"));
	assert_true(json_is_null(json_object_get(root, "cpu_ns"))); /* nobody measured it */
	assert_true(json_is_null(json_object_get(root, "alloc_calls")));
	assert_int_equal(json_array_size(children), 2);
	json_t *p = json_array_get(children, 0), *opt = json_array_get(children, 1);
	assert_string_equal(string(p, "name"), "codegen::parse");
	assert_string_equal(string(p, "level"), "info");
	assert_int_equal(integer(p, "id"), 2);
	assert_int_equal(integer(p, "start_ns"), 500);
	assert_int_equal(integer(p, "cpu_ns"), 1400000);
	assert_int_equal(integer(p, "minor_faults"), 3);
	assert_int_equal(integer(p, "major_faults"), 0);
	assert_int_equal(integer(p, "alloc_bytes"), 81234);
	assert_int_equal(integer(p, "alloc_calls"), 512);
	assert_int_equal(integer(p, "pid"), 812);
	assert_int_equal(integer(p, "tid"), 812);
	assert_true(json_is_false(json_object_get(p, "open")));
	assert_true(json_is_true(json_object_get(opt, "open")));
	assert_int_equal(integer(json_object_get(p, "clean"), "median_ns"), 1500000);
	json_t *profiled = json_object_get(p, "profiled");
	assert_int_equal(integer(profiled, "runs"), 2);
	assert_int_equal(integer(profiled, "switches"), 3);
	assert_int_equal(integer(profiled, "wall_ns"), integer(profiled, "on_cpu_ns") + integer(profiled, "runnable_ns") +
		integer(profiled, "blocked_ns"));
	assert_int_equal(integer(profiled, "stolen_ns"), 20);
	assert_int_equal(integer(profiled, "cpu_clock_ns"), 1480);
	json_t *event = json_array_get(json_object_get(p, "events"), 0);
	assert_int_equal(integer(event, "time_ns"), 12000);
	assert_string_equal(string(event, "level"), "error");
	assert_string_equal(string(event, "message"), "line one\nline \xEF\xBF\xBD two");
	json_t *attributes = json_object_get(opt, "attributes");
	assert_int_equal(json_object_size(attributes), 3);
	assert_int_equal(integer(attributes, "ir.bytes_before"), 2112);
	assert_string_equal(string(attributes, "note"), "second"); /* the last one counts */
	assert_string_equal(string(attributes, "huge"), "18446744073709551615");
	assert_int_equal(integer(opt, "id"), 4);
	assert_int_equal(json_array_size(json_object_get(opt, "children")), 0);
	json_decref(spans);
	trace_tree_free(t);
}

static void hostile_numbers_stay_within_what_json_readers_take(void **state)
{
	(void)state;
	struct trace_tree *t = trace_tree_new();
	_cleanup_strbuf_ struct strbuf sb = {0};
	trace_tree_add(t, TRACE_NO_SPAN, SPVSCOPE_LEVEL_INFO, "x", 0, UINT64_MAX);
	t->spans[0].measured = true;
	t->spans[0].used.alloc_bytes = UINT64_MAX;
	format_span_tree(t, ORIGIN, &sb);
	json_t *spans = parse(&sb), *root = json_array_get(spans, 0);
	assert_int_equal(integer(root, "start_ns"), 0);
	assert_int_equal(integer(root, "duration_ns"), (1ll << 53) - 1);
	assert_int_equal(integer(root, "alloc_bytes"), (1ll << 53) - 1);
	json_decref(spans);
	trace_tree_free(t);
}

static json_t *chrome_event(json_t *document, const char *phase, const char *name)
{
	size_t i;
	json_t *e;
	json_array_foreach(json_object_get(document, "traceEvents"), i, e)
		if (!strcmp(string(e, "ph"), phase) && !strcmp(string(e, "name"), name))
			return e;
	fail_msg("no event %s %s", phase, name);
	return NULL;
}

static void chrome_gets_complete_and_instant_events(void **state)
{
	(void)state;
	struct trace_tree *t = small_tree();
	_cleanup_strbuf_ struct strbuf sb = {0};
	span_format_find("chrome")->write(t, &info, &sb);
	json_t *document = parse(&sb);
	/* 4 spans, 2 events, 2 processes: pid 0 and pid 812 */
	assert_int_equal(json_array_size(json_object_get(document, "traceEvents")), 8);
	json_t *e = chrome_event(document, "X", "codegen::parse");
	assert_true(json_number_value(json_object_get(e, "ts")) == 0.5);
	assert_true(json_number_value(json_object_get(e, "dur")) == 1500.0);
	assert_int_equal(integer(e, "pid"), 812);
	assert_int_equal(integer(json_object_get(e, "args"), "alloc_calls"), 512);
	assert_int_equal(integer(json_object_get(e, "args"), "span"), 2);
	e = chrome_event(document, "X", "codegen::opt");
	assert_string_equal(string(json_object_get(e, "args"), "note"), "second");
	assert_true(json_is_true(json_object_get(json_object_get(e, "args"), "open")));
	e = chrome_event(document, "i", "codegen::parse");
	assert_true(json_number_value(json_object_get(e, "ts")) == 12.0);
	assert_string_equal(string(e, "s"), "t");
	e = chrome_event(document, "i", "server");
	assert_true(json_number_value(json_object_get(e, "ts")) == 0.005);
	assert_string_equal(string(json_object_get(document, "otherData"), "trace_id"), info.trace_id);
	json_decref(document);
	trace_tree_free(t);
}

static void the_text_is_what_it_should_be(void **state)
{
	(void)state;
	struct trace_tree *t = small_tree();
	_cleanup_strbuf_ struct strbuf sb = {0};
	span_format_find("text")->write(t, &info, &sb);
	assert_string_equal(sb.data,
		"shaders/a.frag  glsl fragment  ok  2.10 ms  4 spans  trace 0123456789abcdef0123456789abcdef\n"
		"\n"
		"     time       cpu  allocated    calls   faults  when                  span\n"
		"                                                  •···················    warn at 5 ns  server: outside\n"
		"  2.10 ms         –          –        –        –  ━━━━━━━━━━━━━━━━━━━━  server::request\n"
		"  1.50 ms   1.40 ms    81.2 kB      512        3  ━━━━━━━━━━━━━━━·····  ├─ codegen::parse"
		"  [1.40 ms … 1.50 ms … 1.60 ms in 5 clean runs]\n"
		"                                                  •···················  │  │ error at 12.0 µs"
		"  codegen::parse: line one line � two\n"
		"  12.3 µs         –          –        –        –  ━···················  │  └─ codegen::include \" [2J\"\n"
		"   400 µs      0 ns        0 B        0        0  ···············━━━━━  └─ codegen::opt  (never ended)"
		"  ir.bytes_before=2112  note=second  huge=18446744073709551615\n"
		"\n"
		"2 spans, attributes or events had no room in the log.\n");
	trace_tree_free(t);
}

static void no_spans_are_no_trouble(void **state)
{
	(void)state;
	struct trace_tree *t = trace_tree_new();
	struct trace_info nothing = {0};
	trace_tree_event(t, TRACE_NO_SPAN, SPVSCOPE_LEVEL_WARN, 5, "server", "lonely");
	_cleanup_strbuf_ struct strbuf nested = {0}, chrome = {0}, text = {0};
	format_span_tree(t, 0, &nested);
	assert_string_equal(nested.data, "[]");
	span_format_find("chrome")->write(t, &nothing, &chrome);
	json_decref(parse(&chrome));
	span_format_find("text")->write(t, &nothing, &text);
	assert_non_null(strstr(text.data, "lonely"));
	trace_tree_free(t);
}

static void formats_are_found_by_name(void **state)
{
	(void)state;
	assert_null(span_format_find("columns"));
	assert_null(flame_format_find("chrome"));
	assert_null(span_format_find(""));
	assert_string_equal(flame_format_find("folded")->content_type, "text/plain; charset=utf-8");
}

static void doubled_attributes_by_the_thousand_cost_little(void **state)
{
	(void)state;
	struct trace_tree *t = trace_tree_new();
	_cleanup_strbuf_ struct strbuf sb = {0};
	trace_tree_add(t, TRACE_NO_SPAN, SPVSCOPE_LEVEL_INFO, "x", 0, 1);
	for (uint64_t i = 0; i < 100000; i++)
		trace_tree_attr_u64(t, 0, i % 2 ? "a" : "b", i);
	format_span_tree(t, 0, &sb);
	assert_non_null(strstr(sb.data, "\"attributes\":{\"b\":99998,\"a\":99999}"));
	trace_tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nested_tree_has_every_field),
		cmocka_unit_test(hostile_numbers_stay_within_what_json_readers_take),
		cmocka_unit_test(chrome_gets_complete_and_instant_events),
		cmocka_unit_test(the_text_is_what_it_should_be),
		cmocka_unit_test(no_spans_are_no_trouble),
		cmocka_unit_test(formats_are_found_by_name),
		cmocka_unit_test(doubled_attributes_by_the_thousand_cost_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
