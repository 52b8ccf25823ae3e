/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/tools and codegen/command that need no process: messages between worker and host, lines of the
 * configuration, time traces, naga's reports. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "codegen/command/command.h"
#include "codegen/naga/report.h"
#include "codegen/tools/exchange.h"
#include "codegen/tools/time_trace.h"
#include "codegen/trace/tree.h"
#include "codegen/trace/writer.h"

static void a_request_and_an_answer_come_through_whole_and_never_in_part(void **state)
{
	(void)state;
	const struct tool_file files[] = {{"a/b.cl", "source", 6}, {"empty", NULL, 0}};
	const struct tool_request q = {
		.argv = (const char *const[]){"clang", "-c", "", NULL},
		.files = files,
		.n_files = 2,
		.outputs = {"o.spv", "t.json"},
		.n_outputs = 2,
		.input = "in",
		.input_size = 2,
	};
	struct strbuf bytes = {0};
	struct host_request got;

	exchange_put_request(&bytes, &q, 7, 8);
	assert_int_equal(exchange_get_request(bytes.data, bytes.len, &got), 0);
	assert_int_equal(got.memory_bytes, 7);
	assert_int_equal(got.n_argv, 3);
	assert_null(got.argv[3]);
	assert_string_equal(got.files[0].name, "a/b.cl");
	assert_memory_equal(got.files[0].data, "source", 6);
	assert_string_equal(got.outputs[1], "t.json");
	assert_int_equal(got.input_size, 2);
	host_request_done(&got);
	for (size_t cut = 0; cut < bytes.len; cut++)
		assert_int_equal(exchange_get_request(bytes.data, cut, &got), -EBADMSG);
	strbuf_reset(&bytes);

	const struct tool_answer a = {.end = TOOL_SIGNALED, .status = 11, .pid = 5, .exit_ns = 9, .out = (char *)"o", .out_size = 1,
		.outputs = {(char *)"spv", NULL}, .output_sizes = {3, 0}};
	struct tool_answer back;
	exchange_put_answer(&bytes, &a, 2);
	assert_int_equal(exchange_get_answer(bytes.data, bytes.len, &back), 0);
	assert_int_equal(back.end, TOOL_SIGNALED);
	assert_int_equal(back.status, 11);
	assert_int_equal(back.exit_ns, 9);
	assert_string_equal(back.out, "o");
	assert_string_equal(back.outputs[0], "spv");
	assert_string_equal(back.outputs[1], "");
	answer_free(&back);
	for (size_t cut = 0; cut < bytes.len; cut++)
		assert_int_equal(exchange_get_answer(bytes.data, cut, &back), -EBADMSG);
	strbuf_done(&bytes);
}

static void a_line_of_the_configuration_is_looked_at_word_by_word(void **state)
{
	(void)state;
	static const struct {
		const char *line, *complaint; /* NULL: none */
	} cases[] = {
		{"mine glsl : /bin/x {input} {output}", NULL},
		{"mine-1.2+b glsl,hlsl,slang fork read=/opt/a read=/opt/b : x \"two words\" -D{entry} {defines} {}", NULL},
		{"mine glsl", "NAME LANGUAGES : PROGRAM"},
		{"mine glsl :", "NAME LANGUAGES : PROGRAM"},
		{"mine glsl :  ", "behind the colon"},
		{" : x", "begins with its name"},
		{"mine : x", "stand the languages"},
		{"a/b glsl : x", "begins with its name"},
		{"mine slang,other-word : x", "no language here"},
		{"mine glsl spork : x", "neither fork nor read"},
		{"mine glsl read=opt : x", "neither fork nor read"},
		{"mine glsl : x {inptu}", "{inptu} is none of"},
	};
	char error[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error[0] = '\0';
		int r = command_check(cases[i].line, error, sizeof(error));
		if (r != (cases[i].complaint ? -EINVAL : 0) || (cases[i].complaint && !strstr(error, cases[i].complaint)))
			fail_msg("%s: %d, %s", cases[i].line, r, error);
	}
}

#define LOG_BYTES (1u << 20)

static void a_time_trace_is_nested_and_stays_inside_its_tool(void **state)
{
	(void)state;
	void *log = mmap(NULL, LOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct trace_writer *writer = trace_writer_new(log, LOG_BYTES, NULL);
	struct trace_filter filter;
	struct trace_tree *tree = NULL;
	uint64_t now_ns = clock_now_ns(), offset_ns = 1000000;
	char json[2048];

	trace_filter_init(&filter, SPVSCOPE_LEVEL_DEBUG);
	trace_writer_start(writer, 1, &filter);
	const struct spvscope_tracer *t = trace_writer_tracer(writer);
	struct codegen_run run = {.tracer = t};
	struct tool_answer a = {.start_ns = now_ns - 90000, .exec_ns = now_ns - 80000, .exit_ns = now_ns, .realtime_offset_ns = offset_ns};
	snprintf(json, sizeof(json),
		"{\"traceEvents\":["
		"{\"ph\":\"X\",\"ts\":10,\"dur\":5,\"name\":\"In ner\",\"args\":{\"detail\":\"f\"}},"
		"{\"ph\":\"X\",\"ts\":0,\"dur\":20,\"name\":\"Outer\"},"
		"{\"ph\":\"X\",\"ts\":15,\"dur\":9,\"name\":\"Longer\"},"   /* by rounding */
		"{\"ph\":\"X\",\"ts\":30,\"dur\":99999,\"name\":\"Late\"}," /* beyond the tool */
		"{\"ph\":\"X\",\"ts\":0,\"dur\":20,\"name\":\"Total Outer\"},"
		"{\"ph\":\"M\",\"ts\":0,\"name\":\"thread_name\"},"
		"{\"ph\":\"X\",\"ts\":-4,\"dur\":9,\"name\":\"Wrong\"},7,null],"
		"\"beginningOfTime\":%llu}", (unsigned long long)((a.exec_ns + offset_ns) / 1000 + 1));
	uint32_t span = t->begin_at(t->ctx, SPVSCOPE_LEVEL_INFO, "codegen::tool::x", &(struct spvscope_usage){.now_ns = a.start_ns});
	assert_int_equal(time_trace_tell(&run, &a, "codegen::tool::x", json, strlen(json)), 0);
	for (size_t cut = 0; cut < strlen(json); cut += 7)
		assert_int_equal(time_trace_tell(&run, &a, "codegen::tool::x", json, cut), 0); /* no JSON: nothing */
	t->end(t->ctx, span);
	assert_int_equal(trace_tree_read(log, LOG_BYTES, 1, clock_now_ns(), &tree), 0);
	assert_int_equal(tree->malformed, 0);
	assert_int_equal(tree->n_spans, 6);
	assert_string_equal(tree->spans[1].name, "codegen::tool::x::load");
	assert_int_equal(tree->spans[1].start_ns, a.exec_ns);
	assert_string_equal(tree->spans[2].name, "codegen::tool::x::Outer");
	assert_int_equal(tree->spans[2].start_ns, tree->spans[1].start_ns + tree->spans[1].duration_ns);
	assert_int_equal(tree->spans[2].duration_ns, 20000);
	assert_string_equal(tree->spans[3].name, "codegen::tool::x::In-ner");
	assert_int_equal(tree->spans[3].parent_idx, 2);
	assert_int_equal(tree->spans[4].parent_idx, 2);
	assert_int_equal(tree->spans[4].duration_ns, 5000);
	assert_int_equal(tree->spans[5].parent_idx, 0);
	assert_true(tree->spans[5].start_ns + tree->spans[5].duration_ns <= a.exit_ns);
	trace_tree_free(tree);
	trace_writer_free(writer);
	munmap(log, LOG_BYTES);
}

static void nagas_reports_have_places_in_characters(void **state)
{
	(void)state;
	static const char source[] = "fn f() -> i32 {\n  let é = 1; return xyz;\n}\n";
	struct spvscope_job job = {.source = {.data = (uint8_t *)(uintptr_t)source, .size = sizeof(source) - 1}};
	struct spvscope_result result = {0};
	struct codegen_run run = {.job = &job, .result = &result, .stage = ""};
	const char *report = "error: no definition in scope for identifier: `xyz`\n"
			     "  ┌─ wgsl:2:21\n  │\n2 │   let é = 1; return xyz;\n  │                     ^^^ unknown identifier\n  │\n"
			     "  = a note\n\n";

	assert_int_equal(naga_report_tell(&run, "parse", report), CODEGEN_WRONG);
	assert_int_equal(result.diagnostics[0].line, 2);
	assert_int_equal(result.diagnostics[0].column_begin, 21);
	assert_int_equal(result.diagnostics[0].column_end, 24);
	assert_string_equal(result.diagnostics[0].message,
		"no definition in scope for identifier: `xyz`: unknown identifier\na note");
	/* Places that are not there, and none at all. */
	assert_int_equal(naga_report_tell(&run, "parse", "error: a\n ┌─ wgsl:99:1\n"), CODEGEN_WRONG);
	assert_int_equal(naga_report_tell(&run, "parse", "error: a\n ┌─ wgsl:2:9999\n"), CODEGEN_WRONG);
	assert_int_equal(naga_report_tell(&run, "parse", ""), CODEGEN_WRONG);
	assert_int_equal(result.diagnostics[1].line, 0);
	assert_int_equal(result.diagnostics[2].line, 2);
	spvscope_result_done(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_an_answer_come_through_whole_and_never_in_part),
		cmocka_unit_test(a_line_of_the_configuration_is_looked_at_word_by_word),
		cmocka_unit_test(a_time_trace_is_nested_and_stays_inside_its_tool),
		cmocka_unit_test(nagas_reports_have_places_in_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
