/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as what a compiler printed about any source: glslang's log, messages in clang's form, naga's reports. A range that
 * is told lies in its line. */
#include <string.h>

#include "base/strbuf.h"
#include "codegen/glslang/glslang.h"
#include "codegen/naga/report.h"
#include "codegen/run.h"
#include "codegen/tools/clang_messages.h"
#include "tests/fuzz/fuzz.h"

static const char source[] = "#version 450\n#define TWICE(x) ((x) * 2.0)\n#include \"h\"\nvoid f(vec2 v);\n"
			     "void main() { float gr\xc3\xb6\xc3\x9f" "e = TWICE(missing); f(vec2(1)); }\r\n#line 90\nint a = b;\n";
static const char logs[] = "ERROR: a.x:5: 'missing' : undeclared identifier \nERROR: a.x:5:22: '\xc3' : unexpected token\n"
			   "ERROR: h:1:5: '' :  syntax error, unexpected IDENTIFIER\n  more words\nERROR: version not supported\n"
			   "ERROR: Linking fragment stage: No function definition (body) found: \n    f(vf2;\n"
			   "a.x(5): error at column 7, HLSL parsing failed.\nWARNING: a.x:91: 'b' : what\n"
			   "a.x:5:30:{5:30-5:34}{5:1-5:2}: error: no such thing [-Wnone]\nIn file included from a.x:3:\n"
			   "h:1:5: note: here\na.x(5,7): error 30015: undefined\n"
			   "error: no definition in scope for identifier: `x`\n  \xe2\x94\x8c\xe2\x94\x80 wgsl:5:12\n  \xe2\x94\x82\n"
			   "5 \xe2\x94\x82 void main()\n  \xe2\x94\x82            ^^^ unknown\n  = a note\n";

static const struct spvscope_file *file_of(const struct spvscope_job *job, const char *name)
{
	for (size_t i = 0; name && i < job->n_files; i++)
		if (strcmp(job->files[i].name, name) == 0)
			return &job->files[i];
	return name ? NULL : &job->source;
}

static void check_ranges(const struct spvscope_job *job, const struct spvscope_result *r)
{
	for (size_t i = 0; i < r->n_diagnostics; i++) {
		const struct spvscope_diagnostic *d = &r->diagnostics[i];
		const struct spvscope_file *f = file_of(job, d->file);
		const char *line;
		size_t len;

		FUZZ_CHECK(d->message && d->column_begin <= d->column_end);
		if (!f || !d->line || !d->column_end)
			continue;
		FUZZ_CHECK(job_files_line(f, d->line, &line, &len) && d->column_end <= len + 1);
	}
}

static void try_all(const struct spvscope_job *job, const char *text)
{
	for (unsigned i = 0; i < 3; i++) {
		struct spvscope_result result = {.language = job->language};
		struct codegen_run run = {.job = job, .result = &result, .stage = "codegen::parse"};
		struct job_files files;

		FUZZ_CHECK(job_files_init(&run, "source.x", &files) == CODEGEN_GOOD);
		if (i == 0)
			FUZZ_CHECK(glslang_diagnose(&run, NULL, text) >= 0);
		else if (i == 1)
			FUZZ_CHECK(clang_messages_tell(&run, &files, "clang", text) >= 0);
		else
			FUZZ_CHECK(naga_report_tell(&run, "parse", text) >= 0);
		check_ranges(job, &result);
		job_files_done(&files);
		spvscope_result_done(&result);
	}
}

/* The source, a zero byte, and the log; without one it is all log. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size ? memchr(data, '\0', size) : NULL;
	size_t n = zero ? (size_t)(zero - data) : 0, n_log = zero ? size - n - 1 : size;
	char *log = malloc(n_log + 1);
	uint8_t *text = malloc(n + 1);
	struct spvscope_file header = {.name = (char *)"h", .data = text, .size = n};
	const struct spvscope_job job = {
		.language = SPVSCOPE_LANGUAGE_GLSL,
		.source = {.name = (char *)"a.x", .data = text, .size = n},
		.files = &header,
		.n_files = 1,
	};

	FUZZ_CHECK(log && text);
	memcpy(text, data, n);
	memcpy(log, data + size - n_log, n_log);
	log[n_log] = '\0';
	try_all(&job, log);
	free(log);
	free(text);
	return 0;
}

size_t fuzz_seed(uint8_t *buf, size_t size)
{
	FUZZ_CHECK(sizeof(source) + sizeof(logs) <= size);
	memcpy(buf, source, sizeof(source));
	memcpy(buf + sizeof(source), logs, sizeof(logs) - 1);
	return sizeof(source) + sizeof(logs) - 1;
}
