/* SPDX-License-Identifier: Apache-2.0 */
/* 200 sources with one seeded error each, made the same way every time, through compile and response: does the range of a
 * diagnostic cover the offending token, and nothing else, in all three encodings? */
#include "tests/unit/cmocka_head.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/response.h"
#include "base/cleanup.h"

#define N_ERRORS 200

/* \1 and \2 stand around the token that is to be found; %d gets numbers of the moment. */
static const char *const glsl_errors[] = {
	/* unknown identifier */
	"\tfloat a%d = x + \1missing\2 * y;\n",
	"\tfloat missing_too = x; y = missing_too * \1missing\2; // missing\n",
	"\tx = y * y + sin(x) - \1unknown_function\2(x, y); float b%d;\n",
	"\tv.xy = vec2(x, y); v.\1q\2 = x;\n",
	"\tfor (int i = 0; i < 4; i++) { x += float(\1j\2); }\n",
	/* types that do not match */
	"\tint n%d \1=\2 1.5;\n",
	"\tint a = 1; int n%d \1=\2 2.5; int b = 2;\n",
	"\tx = x + y; v = vec3(x) \1+\2 vec2(y) + vec3(1.0);\n",
	"\tv \1=\2 vec2(x, y); x = y;\n",
	"\tif (x > 1.0) { \1return\2 v; }\n",
	"\tx = y; bool flag = true; flag \1=\2 x;\n",
	"\tx = y * (x \1&&\2 y) * x;\n",
	/* a missing semicolon: what stands where it should be is what cannot be */
	"\tfloat a%d = 1.0\n\t\1float\2 b = 2.0;\n",
	"\tx = y\n\t\1y\2 = x;\n",
	"\tx = 1.0 \1y\2 = 2.0; x = 3.0;\n",
	"\tx = sin(y)\n\t\1v\2 = vec3(x);\n",
	/* in a macro */
	"\tx = SCALE(\1missing\2) + y;\n",
	"\tx = SCALE(x) + \1BROKEN\2(y) + SCALE(y);\n",
	"\tx = \1NAMED\2;\n",
	"\tx = \1BROKEN\2(SCALE(y));\n",
	"\tx = SCALE(SCALE(\1missing\2));\n",
};

static const char *const hlsl_errors[] = {
	"\tfloat a%d = x + \1missing\2 * y;\n",
	"\tfloat missing_too = x; y = missing_too * \1missing\2; // missing\n",
	"\tfloat3 w%d \1=\2 float2(x, y);\n",
	"\tx = y\n\t\1y\2 = x;\n",
	"\tx = SCALE(\1missing\2) + y;\n",
	"\tx = \1NAMED\2;\n",
};

static const char *const comments[] = { "/* é */ ", "/* 漢字 */ ", "/* 😀😀 */ ", "/* \xcc\x81x */\t", "/*naïve — ünïcode*/ " };

static uint32_t state_of_random;

static uint32_t random_below(uint32_t n)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 17;
	state_of_random ^= state_of_random << 5;
	return state_of_random % n;
}

struct expected {
	const char *file; /* NULL: the source */
	uint32_t line;    /* from 0 */
	char before[1024]; /* that line up to the token */
	char token[64];
};

/* Appends a line with its marks taken out, and notes what they stand around. */
static void put(struct strbuf *out, const char *template, struct expected *e, const char *file)
{
	const char *line;

	for (const char *p = template; *p; p++) {
		if (*p == '\1') {
			line = out->data + out->len;
			while (line > out->data && line[-1] != '\n')
				line--;
			*e = (struct expected){ .file = file };
			for (const char *c = out->data; c < line; c++)
				e->line += *c == '\n';
			snprintf(e->before, sizeof e->before, "%s", line);
			snprintf(e->token, sizeof e->token, "%.*s", (int)strcspn(p + 1, "\2"), p + 1);
		} else if (*p == '%' && p[1] == 'd') {
			strbuf_printf(out, "%u", random_below(1000));
			p++;
		} else if (*p != '\2') {
			strbuf_putc(out, *p);
		}
	}
}

static void put_filler(struct strbuf *out)
{
	static const char *const lines[] = { "\tx = y + 1.0;\n", "\ty = x * 2.0; // missing\n", "\n", "\tv.x = x; v.y = y;\r\n",
		"\t/* missing = 漢 */\n" };

	for (uint32_t n = random_below(6); n > 0; n--)
		strbuf_puts(out, lines[random_below(ARRAY_SIZE(lines))]);
}

static void add_file(struct compile_request *request, const char *name, struct strbuf *text)
{
	struct spvscope_job *job = &request->job;

	job->files = reallocarray(job->files, job->n_files + 1, sizeof *job->files);
	job->files[job->n_files].size = text->len;
	job->files[job->n_files].data = (uint8_t *)strbuf_take(text, NULL);
	job->files[job->n_files++].name = strdup(name);
}

static const char macros[] = "#define SCALE(a) ((a) * 2.0)\n#define BROKEN(a) ((a) + not_there)\n#define NAMED nowhere\n";

static void put_error(struct strbuf *out, const char *template, bool after_comment, struct expected *e, const char *file)
{
	put_filler(out);
	if (after_comment) {
		strbuf_putc(out, '\t');
		strbuf_puts(out, comments[random_below(ARRAY_SIZE(comments))]);
	}
	put(out, template, e, file);
	put_filler(out);
}

static void make_glsl(unsigned i, struct compile_request *request, struct expected *e)
{
	struct strbuf source = { 0 }, header = { 0 };
	const char *template = glsl_errors[i % ARRAY_SIZE(glsl_errors)];
	bool after_comment = i % 3 == 0, in_include = i % 4 == 1, deep = i % 8 == 1;

	strbuf_puts(&source, "#version 450\nlayout(location = 0) out vec4 colour;\n");
	strbuf_puts(&source, macros);
	if (in_include) {
		strbuf_puts(&header, "// a header\nvoid f(float x, float y, vec3 v) {\n");
		put_error(&header, template, after_comment, e, deep ? "lib/deep.glsl" : "lib/error.glsl");
		strbuf_puts(&header, "}\n");
		strbuf_puts(&source, "#include \"lib/error.glsl\"\n");
		add_file(request, deep ? "lib/deep.glsl" : "lib/error.glsl", &header);
		if (deep) {
			strbuf_puts(&header, "\n  #  include \"deep.glsl\"\n");
			add_file(request, "lib/error.glsl", &header);
		}
	}
	strbuf_puts(&source, "void main() {\n\tfloat x = 1.0, y = 2.0; vec3 v = vec3(0.0);\n");
	if (!in_include)
		put_error(&source, template, after_comment, e, NULL);
	strbuf_puts(&source, "\tcolour = vec4(v, x);\n}\n");
	request->job.language = SPVSCOPE_LANGUAGE_GLSL;
	request->job.source.size = source.len;
	request->job.source.data = (uint8_t *)strbuf_take(&source, NULL);
}

static void make_hlsl(unsigned i, struct compile_request *request, struct expected *e)
{
	struct strbuf source = { 0 };

	strbuf_puts(&source, macros);
	strbuf_puts(&source, "float4 main() : SV_Target {\n\tfloat x = 1.0, y = 2.0; float3 v = 0.0;\n");
	put_error(&source, hlsl_errors[i % ARRAY_SIZE(hlsl_errors)], i % 3 == 0, e, NULL);
	strbuf_puts(&source, "\treturn float4(v, x);\n}\n");
	request->job.language = SPVSCOPE_LANGUAGE_HLSL;
	request->job.source.size = source.len;
	request->job.source.data = (uint8_t *)strbuf_take(&source, NULL);
}

/* Units of UTF-8 text in an encoding, counted from lead bytes. */
static json_int_t units(const char *text, enum position_encoding encoding)
{
	json_int_t n = 0;

	for (const uint8_t *p = (const uint8_t *)text; *p; p++) {
		if (encoding == POSITION_UTF8)
			n++;
		else if ((*p & 0xc0) != 0x80)
			n += encoding == POSITION_UTF16 && *p >= 0xf0 ? 2 : 1;
	}
	return n;
}

static json_int_t at(const json_t *range, const char *end, const char *what)
{
	return json_integer_value(json_object_get(json_object_get(range, end), what));
}

static bool is_there(const json_t *diagnostic, const struct expected *e, enum position_encoding encoding)
{
	const json_t *range = json_object_get(diagnostic, "range");
	const char *file = json_string_value(json_object_get(diagnostic, "file"));
	json_int_t begin = units(e->before, encoding);

	return strcmp(file ? file : "", e->file ? e->file : "root") == 0 && at(range, "start", "line") == e->line &&
		at(range, "end", "line") == e->line && at(range, "start", "character") == begin &&
		at(range, "end", "character") == begin + units(e->token, encoding);
}

/* How many of the three encodings have the first diagnostic where it belongs. */
static unsigned count(unsigned i)
{
	static const enum position_encoding encodings[] = { POSITION_UTF8, POSITION_UTF16, POSITION_UTF32 };
	_cleanup_(compile_request_done) struct compile_request request = { 0 };
	_cleanup_(compile_outcome_done) struct compile_outcome o = { .request = &request, .id = "0123456789abcdef0123456789abcdef" };
	struct expected e = { 0 };
	unsigned n = 0;

	compile_request_init(&request);
	request.job.source.name = strdup("root");
	request.job.stage = SPVSCOPE_STAGE_FRAGMENT;
	state_of_random = 2463534242u + i;
	if (i % 5 == 4)
		make_hlsl(i / 5, &request, &e);
	else
		make_glsl(i, &request, &e);
	assert_int_equal(spvscope_compile(&request.job, NULL, &o.result), 0);
	assert_int_equal(o.result.status, SPVSCOPE_STATUS_FAILED);
	for (size_t k = 0; k < ARRAY_SIZE(encodings); k++) {
		_cleanup_strbuf_ struct strbuf text = { 0 };

		request.position_encoding = encodings[k];
		response_json(&o, &text);
		_cleanup_(json_decrefp) json_t *root = json_loadb(text.data, text.len, 0, NULL);
		assert_non_null(root);
		const json_t *first = json_array_get(json_object_get(root, "diagnostics"), 0);
		if (is_there(first, &e, encodings[k])) {
			n++;
		} else if (k == 0) {
			char *told = json_dumps(first, JSON_COMPACT);

			printf("# %u: wanted '%s' at %s:%u behind '%s', got %s\n", i, e.token, e.file ? e.file : "root", e.line,
				e.before, told);
			free(told);
		}
		if (e.file && json_array_size(json_object_get(first, "relatedInformation")) == 0)
			fail_msg("error %u is in an include, and nothing tells the way to it", i);
	}
	return n;
}

static void ranges_cover_the_offending_token(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < N_ERRORS; i++)
		n += count(i);
	printf("# %u of %u ranges are exact\n", n, 3 * N_ERRORS);
	assert_in_range(n, 3 * N_ERRORS * 95 / 100, 3 * N_ERRORS);
}

/* An editor counts the lines of its own text, whatever `#line` says. */
static void lines_are_those_of_the_text(void **state)
{
	static const char text[] = "#version 450\n#line 1\nvoid f() {}\n#line 1\nvoid main() {\n\tfloat x = nothing;\n"
				   "#line 100 \"other.frag\"\n\tx = more;\n}\n";
	struct compile_request request = { .job = {
		.language = SPVSCOPE_LANGUAGE_GLSL, .stage = SPVSCOPE_STAGE_FRAGMENT,
		.source = { .name = (char *)"a.frag", .data = (uint8_t *)text, .size = sizeof text - 1 } } };
	_cleanup_(compile_outcome_done) struct compile_outcome o = { .request = &request };

	(void)state;
	assert_int_equal(spvscope_compile(&request.job, NULL, &o.result), 0);
	assert_int_equal(o.result.n_diagnostics, 2);
	assert_null(o.result.diagnostics[0].file);
	assert_int_equal(o.result.diagnostics[0].line, 6);
	assert_int_equal(o.result.diagnostics[0].column_begin, 11);
	assert_int_equal(o.result.diagnostics[0].column_end, 18);
	assert_string_equal(o.result.diagnostics[1].file, "other.frag"); /* whose text is not here */
	assert_int_equal(o.result.diagnostics[1].line, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_cover_the_offending_token),
		cmocka_unit_test(lines_are_those_of_the_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
