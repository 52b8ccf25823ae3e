/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/tools/clang_messages.c and job_files.c: what external compilers print, as diagnostics. */
#include "tests/unit/cmocka_head.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/run.h"
#include "codegen/tools/clang_messages.h"

static struct spvscope_file the_files[] = {
	{.name = (char *)"./lib/../lib/a.h", .data = (uint8_t *)"int é = x;\n", .size = 12},
	{.name = (char *)"/abs.h", .data = (uint8_t *)"", .size = 0},
	{.name = (char *)"up/../../out.h", .data = (uint8_t *)"", .size = 0},
};

struct fixture {
	struct spvscope_job job;
	struct spvscope_result result;
	struct codegen_run run;
	struct job_files files;
};

static void start(struct fixture *f)
{
	static const char source[] = "kernel void k() {\n\tfoo(bar + 1);\n}\n";

	*f = (struct fixture){
		.job = {
			.source = {.name = (char *)"k/a.cl", .data = (uint8_t *)(uintptr_t)source, .size = sizeof(source) - 1},
			.files = the_files,
			.n_files = sizeof(the_files) / sizeof(the_files[0]),
		},
	};
	f->run = (struct codegen_run){.job = &f->job, .result = &f->result, .stage = "codegen::generate"};
	assert_int_equal(job_files_init(&f->run, "source.cl", &f->files), CODEGEN_GOOD);
}

static void finish(struct fixture *f)
{
	job_files_done(&f->files);
	spvscope_result_done(&f->result);
}

static void names_stay_inside_the_folder_or_are_left_out(void **state)
{
	(void)state;
	struct fixture f;

	start(&f);
	assert_int_equal(f.files.n_files, 2);
	assert_string_equal(f.files.files[0].name, "k/a.cl");
	assert_string_equal(f.files.files[1].name, "lib/a.h");
	assert_int_equal(f.result.n_diagnostics, 2); /* the two that lead out */
	assert_ptr_equal(job_files_find(&f.run, &f.files, "./k/../k/a.cl"), &f.job.source);
	assert_ptr_equal(job_files_find(&f.run, &f.files, "k/../lib/a.h"), &the_files[0]);
	assert_null(job_files_find(&f.run, &f.files, "/etc/passwd"));
	assert_null(job_files_find(&f.run, &f.files, "../k/a.cl"));
	finish(&f);

	f = (struct fixture){.job = {.source = {.name = (char *)"/home/x/a.cl", .data = (uint8_t *)"", .size = 0}}};
	f.run = (struct codegen_run){.job = &f.job, .result = &f.result, .stage = ""};
	assert_int_equal(job_files_init(&f.run, "source.cl", &f.files), CODEGEN_GOOD);
	assert_string_equal(f.files.source_name, "source.cl");
	finish(&f);
}

static void lines_in_each_form_become_diagnostics(void **state)
{
	(void)state;
	static const struct {
		const char *printed;
		enum spvscope_severity severity;
		const char *file; /* NULL: the source */
		uint32_t line, begin, end;
		const char *code, *message;
	} cases[] = {
		{"k/a.cl:2:6:{2:6-2:9}: error: use of undeclared identifier 'bar' [-Wx]", SPVSCOPE_SEVERITY_ERROR, NULL, 2, 5, 8, "-Wx",
			"use of undeclared identifier 'bar'"},
		{"k/a.cl:2:6: warning: no range [-Werror,-Wy]", SPVSCOPE_SEVERITY_WARNING, NULL, 2, 5, 8, "-Werror", "no range"},
		{"./lib/a.h:1:10:{9:1-9:2}{1:9-1:11}: note: b", SPVSCOPE_SEVERITY_INFORMATION, "./lib/../lib/a.h", 1, 8, 10, NULL, "b"},
		{"fatal error: no place", SPVSCOPE_SEVERITY_ERROR, NULL, 0, 0, 0, NULL, "no place"},
		{"k/a.cl:99:1: error: beyond the end", SPVSCOPE_SEVERITY_ERROR, NULL, 99, 0, 0, NULL, "beyond the end"},
		{"k/a.cl:2:4000: error: beyond the line", SPVSCOPE_SEVERITY_ERROR, NULL, 2, 0, 0, NULL, "beyond the line"},
		{"/usr/include/x.h:3:1: error: theirs", SPVSCOPE_SEVERITY_ERROR, "/usr/include/x.h", 3, 0, 0, NULL, "theirs"},
		{"ERROR: k/a.cl:2: 'bar' : undeclared identifier", SPVSCOPE_SEVERITY_ERROR, NULL, 2, 0, 0, NULL,
			"'bar' : undeclared identifier"},
		{"WARNING: k/a.cl:1: old", SPVSCOPE_SEVERITY_WARNING, NULL, 1, 0, 0, NULL, "old"},
		{"k/a.cl(2): error 30015: undefined identifier 'bar'.", SPVSCOPE_SEVERITY_ERROR, NULL, 2, 0, 0, NULL,
			"undefined identifier 'bar'."},
		{"k/a.cl(2,6): warning 5: w", SPVSCOPE_SEVERITY_WARNING, NULL, 2, 5, 8, NULL, "w"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		start(&f);
		size_t before = f.result.n_diagnostics;
		int r = clang_messages_tell(&f.run, &f.files, "tool", cases[i].printed);
		assert_int_equal(r, cases[i].severity == SPVSCOPE_SEVERITY_ERROR ? CODEGEN_WRONG : CODEGEN_GOOD);
		assert_int_equal(f.result.n_diagnostics, before + 1);
		const struct spvscope_diagnostic *d = &f.result.diagnostics[before];
		if (d->severity != cases[i].severity || d->line != cases[i].line || d->column_begin != cases[i].begin ||
			d->column_end != cases[i].end)
			fail_msg("%s: severity %d, %u:%u-%u", cases[i].printed, (int)d->severity, d->line, d->column_begin,
				d->column_end);
		assert_string_equal(d->message, cases[i].message);
		assert_string_equal(d->source, "tool");
		if (cases[i].code)
			assert_string_equal(d->code, cases[i].code);
		if (cases[i].file)
			assert_string_equal(d->file, cases[i].file);
		finish(&f);
	}
}

static void notes_and_the_way_of_includes_go_with_their_message(void **state)
{
	(void)state;
	static const char text[] = "In file included from k/a.cl:1:\nIn file included from ./lib/a.h:1:\n"
				   "/x/y.h:7:1: error: deep\nk/a.cl:2:2: note: seen from here\n"
				   "k/a.cl:2:6: warning: alone\n";
	struct fixture f;

	start(&f);
	size_t before = f.result.n_diagnostics;
	assert_int_equal(clang_messages_tell(&f.run, &f.files, "tool", text), CODEGEN_WRONG);
	assert_int_equal(f.result.n_diagnostics, before + 2);
	const struct spvscope_diagnostic *d = &f.result.diagnostics[before];
	assert_int_equal(d->n_related, 3);
	assert_string_equal(d->related[0].file, "./lib/../lib/a.h");
	assert_string_equal(d->related[0].message, "included from here");
	assert_null(d->related[1].file);
	assert_int_equal(d->related[1].line, 1);
	assert_string_equal(d->related[2].message, "seen from here");
	assert_int_equal(d->related[2].column_begin, 1);
	assert_int_equal(d[1].n_related, 0);
	finish(&f);
}

static void what_is_no_message_is_passed_over(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"", "1 error generated.", "In file included from k/a.cl:1:", "ERROR: 2 compilation errors.  No code generated.", "ERROR: ",
		"ERROR: :", "ERROR: a:1", "(1)", "k/a.cl(", "k/a.cl(1", ":::", "{1:2-3:4}", "::{}:", "k/a.cl", "error", "a(1): b",
		"99999999999999999999(99999999999999999999): c",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct fixture f;

		start(&f);
		size_t before = f.result.n_diagnostics;
		assert_int_equal(clang_messages_tell(&f.run, &f.files, "tool", lines[i]), CODEGEN_GOOD);
		if (f.result.n_diagnostics != before)
			fail_msg("%s: %s", lines[i], f.result.diagnostics[before].message);
		finish(&f);
	}
}

/* No bytes lead anywhere but to diagnostics with ordered columns. */
static void any_bytes_are_survived(void **state)
{
	(void)state;
	static const char pieces[][32] = {"k/a.cl", ":", "2", "6", ": error: ", "{2:6-2:9}", "{", "}", "(", ")", "ERROR: ", "\n", "In file included from ", ": note: ", "[-W", "]",
		"99999999999", " ", "\xff"};
	uint32_t random = 1;

	for (int round = 0; round < 3000; round++) {
		char text[1024] = "";
		struct fixture f;

		for (int n = 0; n < 25; n++) {
			random = random * 1664525 + 1013904223;
			strcat(text, pieces[(random >> 16) % (sizeof(pieces) / sizeof(pieces[0]))]);
		}
		start(&f);
		assert_true(clang_messages_tell(&f.run, &f.files, "tool", text) >= 0);
		for (size_t i = 0; i < f.result.n_diagnostics; i++)
			assert_true(f.result.diagnostics[i].column_begin <= f.result.diagnostics[i].column_end);
		finish(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stay_inside_the_folder_or_are_left_out),
		cmocka_unit_test(lines_in_each_form_become_diagnostics),
		cmocka_unit_test(notes_and_the_way_of_includes_go_with_their_message),
		cmocka_unit_test(what_is_no_message_is_passed_over),
		cmocka_unit_test(any_bytes_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
