/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the glslang back end's own parts: info_log.c, include.c, preamble.c. */
#include "tests/unit/cmocka_head.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/glslang/glslang.h"

#define SOURCE                                                                                     \
	"#version 450\n"                                                                           \
	"void main() { foobar(); foo(); }\r\n"                                                     \
	"int a; b; c\n"                                                                            \
	"last"

struct fixture {
	struct spvscope_file files[3];
	struct spvscope_job job;
	struct spvscope_result result;
	struct codegen_run run;
};

static struct spvscope_file file(const char *name, const char *text)
{
	return (struct spvscope_file){ .name = (char *)name, .data = (uint8_t *)text, .size = strlen(text) };
}

static void start(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->files[0] = file("lib/noise.glsl", "float noise;\n");
	f->files[1] = file("./lib/../common.glsl", "int common;\n");
	f->files[2] = file("a:7: b", "one two\n");
	f->job.source = file("dir:1: /a.frag", SOURCE);
	f->job.files = f->files;
	f->job.n_files = 3;
	f->run = (struct codegen_run){ .job = &f->job, .result = &f->result, .stage = "codegen::parse" };
	f->result.language = SPVSCOPE_LANGUAGE_GLSL;
}

static const struct spvscope_diagnostic *only(struct fixture *f, const char *log, int verdict)
{
	spvscope_result_done(&f->result);
	assert_int_equal(glslang_diagnose(&f->run, NULL, log), verdict);
	assert_int_equal(f->result.n_diagnostics, 1);
	return &f->result.diagnostics[0];
}

static void a_quoted_token_gives_the_columns(void **state)
{
	struct fixture f;
	const struct spvscope_diagnostic *d;

	(void)state;
	start(&f);
	d = only(&f, "ERROR: dir:1: /a.frag:2: 'foo' : undeclared identifier \n", CODEGEN_WRONG);
	assert_int_equal(d->severity, SPVSCOPE_SEVERITY_ERROR);
	assert_null(d->file);
	assert_int_equal(d->line, 2);
	assert_int_equal(d->column_begin, 24);
	assert_int_equal(d->column_end, 27);
	assert_string_equal(d->message, "'foo' : undeclared identifier");
	assert_string_equal(d->source, "glslang");
	d = only(&f, "WARNING: dir:1: /a.frag:4: 'last' : unused", CODEGEN_GOOD);
	assert_int_equal(d->severity, SPVSCOPE_SEVERITY_WARNING);
	assert_int_equal(d->column_end, 4);
	spvscope_result_done(&f.result);
}

static void punctuation_gives_columns_only_when_it_stands_once(void **state)
{
	struct fixture f;
	const struct spvscope_diagnostic *d;

	(void)state;
	start(&f);
	d = only(&f, "ERROR: dir:1: /a.frag:2: '' :  syntax error, unexpected RIGHT_BRACE, expecting X\n", CODEGEN_WRONG);
	assert_int_equal(d->column_begin, 31);
	assert_int_equal(d->column_end, 32);
	d = only(&f, "ERROR: dir:1: /a.frag:3: '' :  syntax error, unexpected SEMICOLON\n", CODEGEN_WRONG);
	assert_int_equal(d->line, 3);
	assert_int_equal(d->column_end, 0);
	d = only(&f, "ERROR: dir:1: /a.frag:99: 'foo' : beyond the end\n", CODEGEN_WRONG);
	assert_int_equal(d->line, 99);
	assert_int_equal(d->column_end, 0);
	spvscope_result_done(&f.result);
}

static void newer_logs_bring_their_own_columns(void **state)
{
	struct fixture f;
	const struct spvscope_diagnostic *d;

	(void)state;
	start(&f);
	d = only(&f, "ERROR: dir:1: /a.frag:2:15: 'foobar' : undeclared identifier\n", CODEGEN_WRONG);
	assert_int_equal(d->line, 2);
	assert_int_equal(d->column_begin, 14);
	assert_int_equal(d->column_end, 20);
	assert_string_equal(d->code, "undeclared-identifier");
	d = only(&f, "ERROR: dir:1: /a.frag:2:15: 'foo' : no such\n", CODEGEN_WRONG); /* the nearest one */
	assert_int_equal(d->column_begin, 24);
	assert_int_equal(d->column_end, 27);
	d = only(&f, "ERROR: dir:1: /a.frag:2:900: 'fo' : undeclared identifier\n", CODEGEN_WRONG);
	assert_int_equal(d->column_begin, 0);
	assert_int_equal(d->column_end, 0);
	d = only(&f, "dir:1: /a.frag(3): error at column 8, HLSL parsing failed.\n", CODEGEN_WRONG);
	assert_null(d->file);
	assert_int_equal(d->line, 3);
	assert_int_equal(d->column_begin, 7);
	assert_int_equal(d->column_end, 8);
	assert_string_equal(d->message, "HLSL parsing failed.");
	spvscope_result_done(&f.result);
}

static void an_included_file_is_named_and_searched(void **state)
{
	struct fixture f;
	const struct spvscope_diagnostic *d;

	(void)state;
	start(&f);
	d = only(&f, "ERROR: lib/noise.glsl:1: 'noise' : redefinition\n", CODEGEN_WRONG);
	assert_string_equal(d->file, "lib/noise.glsl");
	assert_int_equal(d->column_begin, 6);
	d = only(&f, "ERROR: from a #line:12: 'x' : y\n", CODEGEN_WRONG);
	assert_string_equal(d->file, "from a #line");
	assert_int_equal(d->line, 12);
	spvscope_result_done(&f.result);
}

static void lines_without_a_place_and_sums_are_told_apart(void **state)
{
	struct fixture f;
	const struct spvscope_diagnostic *d;

	(void)state;
	start(&f);
	d = only(&f,
		"\nERROR: Linking fragment stage: two types differ:\n    a: \"float\" versus\n    b: \"int\"\n\n"
		"ERROR: 2 compilation errors.  No code generated.\n\n\n",
		CODEGEN_WRONG);
	assert_int_equal(d->line, 0);
	assert_string_equal(d->message,
		"Linking fragment stage: two types differ:\n    a: \"float\" versus\n    b: \"int\"");
	d = only(&f, "ERROR: dir:1: /a.frag:1: '' : compilation terminated \nTBD functionality: x\n", CODEGEN_GOOD);
	assert_int_equal(d->severity, SPVSCOPE_SEVERITY_WARNING);
	spvscope_result_done(&f.result);
	assert_int_equal(glslang_diagnose(&f.run, NULL, ""), CODEGEN_GOOD);
	assert_int_equal(glslang_diagnose(&f.run, NULL, "ERROR: \n'\n:\nERROR: :::\n(: error at column "), CODEGEN_WRONG);
	spvscope_result_done(&f.result);
}

static void what_is_spoken_of_without_a_line_is_found(void **state)
{
	static const struct {
		const char *log, *file;
		unsigned line, begin, end;
	} rows[] = {
		{ "ERROR: version not supported\n", NULL, 2, 3, 10 },
		{ "ERROR: Linking fragment stage: No function definition (body) found: \n    far(vf4;\n", NULL, 4, 6, 9 },
		{ "ERROR: Linking fragment stage: Recursion detected:\n    near( calling far(\n", "lib/noise.glsl", 2, 5, 9 },
		{ "ERROR: Linking fragment stage: Missing entry point\n", NULL, 0, 0, 0 },
	};
	struct fixture f;
	char *read[] = { (char *)"lib/noise.glsl" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(&f);
		f.job.source = file("a.frag", "// version\n # version 999\nfloat farther(vec4 far);\nfloat far (vec4 v);\n");
		f.files[0] = file("lib/noise.glsl", "float nearly();\nvoid near() {}\n");
		f.result.dependencies = read;
		f.result.n_dependencies = 1;
		assert_int_equal(glslang_diagnose(&f.run, NULL, rows[i].log), CODEGEN_WRONG);
		f.result.dependencies = NULL;
		f.result.n_dependencies = 0;
		assert_int_equal(f.result.n_diagnostics, 1);
		const struct spvscope_diagnostic *d = &f.result.diagnostics[0];
		assert_int_equal(!d->file, !rows[i].file);
		if (d->file)
			assert_string_equal(d->file, rows[i].file);
		assert_int_equal(d->line, rows[i].line);
		assert_int_equal(d->column_begin, rows[i].begin);
		assert_int_equal(d->column_end, rows[i].end);
		spvscope_result_done(&f.result);
	}
}

static void a_word_beyond_ascii_is_told_once_and_whole(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	f.job.source = file("a.frag", "#version 450\nvoid main() { float gr\xc3\xb6\xc3\x9f" "e; \xc3\xa9; }\n");
	assert_int_equal(glslang_diagnose(&f.run, NULL,
				 "ERROR: a.frag:2:23: '\xc3' : unexpected token\nERROR: a.frag:2:24: '\xb6' : unexpected token\n"
				 "ERROR: a.frag:2:25: '\xc3' : unexpected token\nERROR: a.frag:2:30: '\xc3' : unexpected token\n"
				 "ERROR: a.frag:2:29: '}' : unexpected token\n"),
		CODEGEN_WRONG);
	assert_int_equal(f.result.n_diagnostics, 3);
	assert_string_equal(f.result.diagnostics[0].message, "'gr\xc3\xb6\xc3\x9f" "e' : unexpected token");
	assert_int_equal(f.result.diagnostics[0].column_begin, 20);
	assert_string_equal(f.result.diagnostics[1].message, "'\xc3\xa9' : unexpected token");
	assert_string_equal(f.result.diagnostics[2].message, "'}' : unexpected token");
	spvscope_result_done(&f.result);
}

static void a_token_is_a_whole_word(void **state)
{
	uint32_t begin, end;

	(void)state;
	assert_true(glslang_find_token("xfoo foo_ foo", 13, "foo", 3, &begin, &end));
	assert_int_equal(begin, 10);
	assert_int_equal(end, 13);
	assert_true(glslang_find_token("a#include", 9, "#include", 8, &begin, &end));
	assert_int_equal(begin, 1);
	assert_false(glslang_find_token("foos", 4, "foo", 3, &begin, &end));
	assert_false(glslang_find_token("fo", 2, "foo", 3, &begin, &end));
	assert_false(glslang_find_token("foo", 3, "", 0, &begin, &end));
}

static void check_path(const char *dir, const char *path, const char *expected)
{
	char *got = glslang_include_path(dir, strlen(dir), path);

	assert_string_equal(got, expected);
	free(got);
}

static void paths_are_normalized(void **state)
{
	(void)state;
	check_path("", "a", "a");
	check_path("", "./a//b/./c", "a/b/c");
	check_path("x/y", "../a", "x/a");
	check_path("x/y", "../../a", "a");
	check_path("x", "../../a", "../a");
	check_path("x", "../../../a/../b", "../../b");
	check_path("/", "a", "/a");
	check_path("/x", "../../a", "/../a");
	check_path("", "/a", "/a");
	check_path("", "..", "..");
	check_path("", "a/..", "");
	check_path("", "", "");
}

static int open_include(struct glslang_includes *inc, const char *header, const char *includer, bool angled,
	struct glslang_shim_include *ret)
{
	char error[256];

	return glslang_include_open(inc, header, includer, inc->depth + 1, angled, ret, error, sizeof(error));
}

static void includes_are_looked_for_beside_the_includer_first(void **state)
{
	struct fixture f;
	struct glslang_includes inc;
	struct glslang_shim_include found;

	(void)state;
	start(&f);
	f.files[2] = file("noise.glsl", "top");
	glslang_includes_init(&inc, &f.run);
	assert_int_equal(open_include(&inc, "noise.glsl", "lib/other.glsl", false, &found), 0);
	assert_string_equal(found.name, "lib/noise.glsl");
	assert_int_equal(open_include(&inc, "../common.glsl", "lib/noise.glsl", false, &found), 0);
	assert_string_equal(found.name, "./lib/../common.glsl");
	assert_int_equal(open_include(&inc, "noise.glsl", "lib/other.glsl", true, &found), 0);
	assert_string_equal(found.name, "noise.glsl");
	assert_int_equal(open_include(&inc, "lib/noise.glsl", "far/away.glsl", false, &found), 0);
	assert_string_equal(found.name, "lib/noise.glsl");
	assert_true(open_include(&inc, "../../etc/passwd", "lib/noise.glsl", false, &found) < 0);
	assert_true(open_include(&inc, "", NULL, false, &found) < 0);
	assert_int_equal(f.result.n_dependencies, 3);
	glslang_includes_done(&inc);
	spvscope_result_done(&f.result);
}

static void includes_end_at_their_depth(void **state)
{
	struct fixture f;
	struct glslang_includes inc;
	struct glslang_shim_include found;

	(void)state;
	start(&f);
	glslang_includes_init(&inc, &f.run);
	for (int i = 0; i < GLSLANG_INCLUDE_MAX_DEPTH; i++)
		assert_int_equal(open_include(&inc, "common.glsl", "", false, &found), 0);
	assert_true(open_include(&inc, "common.glsl", "", false, &found) < 0);
	glslang_includes_done(&inc);
	glslang_include_close(&inc, NULL);
	spvscope_result_done(&f.result);
}

static void check_preamble(struct fixture *f, const char *name, const char *value, const char *expected)
{
	struct spvscope_define defines[] = {
		{ (char *)"A", (char *)"1" },
		{ (char *)name, (char *)value },
	};
	struct strbuf out = {};

	f->job.defines = defines;
	f->job.n_defines = 2;
	int r = glslang_preamble(&f->run, &out);
	assert_int_equal(r, expected ? CODEGEN_GOOD : CODEGEN_WRONG);
	if (expected)
		assert_string_equal(out.data, expected);
	strbuf_done(&out);
	spvscope_result_done(&f->result);
	f->result.language = SPVSCOPE_LANGUAGE_HLSL;
}

static void defines_stand_in_order_and_cannot_break_out(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	f.result.language = SPVSCOPE_LANGUAGE_HLSL;
	check_preamble(&f, "B", NULL, "#define A 1\n#define B \n");
	check_preamble(&f, "A", "2", "#define A 1\n#undef A\n#define A 2\n");
	check_preamble(&f, "A(x, y)", "x+y", "#define A 1\n#undef A\n#define A(x, y) x+y\n");
	check_preamble(&f, "B", "1\n#error", NULL);
	check_preamble(&f, "B", "1\r", NULL);
	check_preamble(&f, "B 1\nvoid", "1", NULL);
	check_preamble(&f, "1B", "1", NULL);
	check_preamble(&f, "", "1", NULL);
	check_preamble(&f, "B(", "1", NULL);
	check_preamble(&f, "B(x) ", "1", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quoted_token_gives_the_columns),
		cmocka_unit_test(punctuation_gives_columns_only_when_it_stands_once),
		cmocka_unit_test(newer_logs_bring_their_own_columns),
		cmocka_unit_test(an_included_file_is_named_and_searched),
		cmocka_unit_test(lines_without_a_place_and_sums_are_told_apart),
		cmocka_unit_test(what_is_spoken_of_without_a_line_is_found),
		cmocka_unit_test(a_word_beyond_ascii_is_told_once_and_whole),
		cmocka_unit_test(a_token_is_a_whole_word),
		cmocka_unit_test(paths_are_normalized),
		cmocka_unit_test(includes_are_looked_for_beside_the_includer_first),
		cmocka_unit_test(includes_end_at_their_depth),
		cmocka_unit_test(defines_stand_in_order_and_cannot_break_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
