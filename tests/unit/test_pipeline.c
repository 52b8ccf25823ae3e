/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/pipeline.c with the real compilers, and with a real writer and reader of spans behind them. */
#include "tests/unit/cmocka_head.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "codegen/trace/tree.h"
#include "codegen/trace/writer.h"
#include "spvscope/codegen.h"

#define LOG_BYTES (4u << 20)
#define RUN       1
#define SHADER                                                                                     \
	"#version 450\n"                                                                           \
	"layout(location = 0) in vec2 uv;\n"                                                       \
	"layout(location = 0) out vec4 colour;\n"                                                  \
	"float sum(float x) { float s = 0; for (int i = 0; i < 4; i++) s += x * i; return s; }\n"  \
	"void main() { colour = vec4(sum(uv.x), sum(uv.y), 0, 1); }\n"

struct fixture {
	void *log;
	struct trace_writer *writer;
	struct trace_tree *tree;
	struct spvscope_job job;
	struct spvscope_result result;
};

static struct spvscope_file file(const char *name, const void *data, size_t size)
{
	return (struct spvscope_file){ .name = (char *)name, .data = (uint8_t *)data, .size = size };
}

static void start(struct fixture *f, const char *directives, const char *name, const char *source)
{
	struct trace_filter filter;

	memset(f, 0, sizeof(*f));
	f->log = mmap(NULL, LOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->log, MAP_FAILED);
	f->writer = trace_writer_new(f->log, LOG_BYTES, NULL);
	assert_non_null(f->writer);
	trace_filter_init(&filter, SPVSCOPE_LEVEL_INFO);
	assert_int_equal(trace_filter_parse(&filter, directives, NULL, 0), 0);
	trace_writer_start(f->writer, RUN, &filter);
	f->job.source = file(name, source, strlen(source));
	f->job.env = SPVSCOPE_ENV_VULKAN_1_1;
	f->job.validate = true;
}

static void read_tree(struct fixture *f)
{
	trace_tree_free(f->tree);
	f->tree = NULL;
	assert_int_equal(trace_tree_read(f->log, LOG_BYTES, RUN, clock_now_ns(), &f->tree), 0);
	assert_int_equal(f->tree->malformed, 0);
	assert_int_equal(f->tree->dropped, 0);
}

static enum spvscope_status compile(struct fixture *f)
{
	spvscope_result_done(&f->result);
	assert_int_equal(spvscope_compile(&f->job, trace_writer_tracer(f->writer), &f->result), 0);
	read_tree(f);
	return f->result.status;
}

static void finish(struct fixture *f)
{
	spvscope_result_done(&f->result);
	trace_tree_free(f->tree);
	trace_writer_free(f->writer);
	munmap(f->log, LOG_BYTES);
}

static const struct trace_span *span_named(const struct trace_tree *t, const char *name)
{
	for (size_t i = 0; i < t->n_spans; i++)
		if (strcmp(t->spans[i].name, name) == 0)
			return &t->spans[i];
	return NULL;
}

static const struct trace_attr *attr_of(const struct trace_tree *t, const struct trace_span *span, const char *key)
{
	for (size_t i = 0; i < t->n_attrs; i++)
		if (t->attrs[i].span_idx == (uint32_t)(span - t->spans) && strcmp(t->attrs[i].key, key) == 0)
			return &t->attrs[i];
	return NULL;
}

static void the_stages_are_spans_in_their_order(void **state)
{
	static const char *const stages[] = { "codegen::compile", "codegen::preprocess", "codegen::parse",
		"codegen::link", "codegen::generate", "codegen::opt", "codegen::validate", "codegen::disassemble" };
	struct fixture f;

	(void)state;
	start(&f, "info", "a.frag", SHADER);
	f.job.optimize = SPVSCOPE_OPTIMIZE_SIZE;
	f.job.emit = SPVSCOPE_EMIT_DISASSEMBLY | SPVSCOPE_EMIT_PREPROCESSED;
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_OK);
	assert_int_equal(f.tree->n_spans, sizeof(stages) / sizeof(stages[0]));
	for (size_t i = 0; i < f.tree->n_spans; i++) {
		assert_string_equal(f.tree->spans[i].name, stages[i]);
		assert_int_equal(f.tree->spans[i].parent_idx, i ? 0 : TRACE_NO_SPAN);
		assert_false(f.tree->spans[i].open);
	}
	assert_int_equal(f.result.n_diagnostics, 0);
	assert_int_equal(f.result.spirv[0], 0x07230203);
	assert_int_equal(f.result.spirv[1], 0x10300);
	assert_non_null(strstr(f.result.disassembly, "OpEntryPoint Fragment"));
	assert_non_null(strstr(f.result.preprocessed, "void main()"));
	assert_int_equal(attr_of(f.tree, &f.tree->spans[0], "spirv.bytes")->value, f.result.n_spirv_words * 4);
	finish(&f);
}

static void each_optimizer_pass_is_a_span_inside_its_parent(void **state)
{
	struct fixture f;
	uint64_t sum = 0, at = 0, instructions = 0;
	size_t n = 0;

	(void)state;
	start(&f, "info,codegen::opt=debug", "a.frag", SHADER);
	f.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_OK);
	const struct trace_span *opt = span_named(f.tree, "codegen::opt");
	assert_non_null(opt);
	for (size_t i = 0; i < f.tree->n_spans; i++) {
		const struct trace_span *s = &f.tree->spans[i];

		if (strncmp(s->name, "codegen::opt::", 14) != 0)
			continue;
		assert_int_equal(s->parent_idx, opt - f.tree->spans);
		assert_int_equal(s->level, SPVSCOPE_LEVEL_DEBUG);
		assert_true(s->start_ns >= opt->start_ns && s->start_ns >= at);
		at = s->start_ns + s->duration_ns;
		assert_true(at <= opt->start_ns + opt->duration_ns);
		sum += s->duration_ns;
		/* The filter names codegen::opt, not codegen::opt-sizes, yet sizes are measured: the passes want them. */
		const struct trace_attr *before = attr_of(f.tree, s, "ir.instructions_before");
		assert_non_null(before);
		if (n > 0)
			assert_int_equal(before->value, instructions);
		instructions = attr_of(f.tree, s, "ir.instructions_after")->value;
		if (n == 0)
			assert_int_equal(attr_of(f.tree, s, "ir.bytes_before")->value,
				attr_of(f.tree, opt, "ir.bytes_before")->value);
		n++;
	}
	assert_true(n >= 40);
	assert_true(sum <= opt->duration_ns);
	assert_int_equal(attr_of(f.tree, opt, "ir.bytes_after")->value, f.result.n_spirv_words * 4);
	finish(&f);
}

static void passes_cost_nothing_that_are_not_asked_for(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "debug,codegen::opt=info", "a.frag", SHADER);
	f.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_OK);
	assert_non_null(span_named(f.tree, "codegen::opt"));
	assert_null(span_named(f.tree, "codegen::opt-sizes"));
	for (size_t i = 0; i < f.tree->n_spans; i++)
		assert_int_not_equal(strncmp(f.tree->spans[i].name, "codegen::opt::", 14), 0);
	finish(&f);
}

static void what_is_traced_and_what_is_not_compile_to_the_same(void **state)
{
	struct fixture f, g;

	(void)state;
	start(&f, "debug", "a.frag", SHADER);
	start(&g, "off", "a.frag", SHADER);
	f.job.optimize = g.job.optimize = SPVSCOPE_OPTIMIZE_PERFORMANCE;
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_OK);
	assert_int_equal(compile(&g), SPVSCOPE_STATUS_OK);
	assert_int_equal(g.tree->n_spans, 0);
	assert_int_equal(f.result.n_spirv_words, g.result.n_spirv_words);
	assert_memory_equal(f.result.spirv, g.result.spirv, 4 * g.result.n_spirv_words);
	spvscope_result_done(&g.result);
	assert_int_equal(spvscope_compile(&g.job, NULL, &g.result), 0);
	assert_memory_equal(f.result.spirv, g.result.spirv, 4 * g.result.n_spirv_words);
	finish(&f);
	finish(&g);
}

static void where_an_include_was_looked_for_in_vain_is_told(void **state)
{
	struct fixture f;
	struct spvscope_file files[] = { file("b.glsl", "const float b = 1;\n", 19) };

	(void)state;
	start(&f, "info", "x/main.frag",
		"#version 450\n#include \"b.glsl\"\n#include \"b.glsl\"\n#include \"y/c.glsl\"\nvoid main() {}\n");
	f.job.files = files;
	f.job.n_files = 1;
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_FAILED);
	assert_int_equal(f.result.n_dependencies, 1);
	assert_int_equal(f.result.n_absent, 3);
	assert_string_equal(f.result.absent[0], "x/b.glsl");
	assert_string_equal(f.result.absent[1], "x/y/c.glsl");
	assert_string_equal(f.result.absent[2], "y/c.glsl");
	finish(&f);
}

static void includes_nest_as_spans_and_are_told_as_dependencies(void **state)
{
	struct fixture f;
	struct spvscope_file files[] = {
		file("lib/a.glsl", "#include \"b.glsl\"\n", 18),
		file("lib/b.glsl", "const float b = 1;\n", 19),
		file("unused.glsl", "", 0),
	};

	(void)state;
	start(&f, "debug", "x/main.frag",
		"#version 450\n#include \"../lib/a.glsl\"\nlayout(location=0) out float c;\nvoid main() { c = b; }\n");
	f.job.files = files;
	f.job.n_files = 3;
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_OK);
	assert_int_equal(f.result.n_dependencies, 2);
	assert_string_equal(f.result.dependencies[0], "lib/a.glsl");
	assert_string_equal(f.result.dependencies[1], "lib/b.glsl");
	const struct trace_span *a = span_named(f.tree, "codegen::glslang::include");
	assert_non_null(a);
	assert_string_equal(attr_of(f.tree, a, "name")->text, "lib/a.glsl");
	assert_string_equal(f.tree->spans[a->parent_idx].name, "codegen::parse");
	assert_string_equal(a[1].name, "codegen::glslang::include");
	assert_int_equal(a[1].parent_idx, a - f.tree->spans);
	finish(&f);
}

static void an_error_is_a_diagnostic_and_an_event_of_its_stage(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "info", "a.frag", "#version 450\nvoid main() {\n\tnosuch = 1;\n\talso = 2;\n}\n");
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_FAILED);
	assert_int_equal(f.result.n_diagnostics, 2);
	assert_int_equal(f.result.diagnostics[0].line, 3);
	assert_int_equal(f.result.diagnostics[0].column_begin, 1);
	assert_int_equal(f.result.diagnostics[0].column_end, 7);
	assert_null(f.result.spirv);
	assert_int_equal(f.tree->n_events, 2);
	assert_string_equal(f.tree->events[0].name, "codegen::parse");
	assert_int_equal(f.tree->events[0].level, SPVSCOPE_LEVEL_ERROR);
	assert_string_equal(f.tree->spans[f.tree->events[0].span_idx].name, "codegen::parse");
	assert_string_equal(attr_of(f.tree, &f.tree->spans[0], "status")->text, "failed");
	finish(&f);
}

static void checking_generates_nothing(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "info", "a.frag", SHADER);
	f.job.check_only = true;
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_OK);
	assert_null(f.result.spirv);
	assert_null(span_named(f.tree, "codegen::generate"));
	assert_non_null(span_named(f.tree, "codegen::link"));
	finish(&f);
}

/* Compiles something wrong; the one diagnostic has the code and names what. */
static void refused(struct fixture *f, const char *code, const char *what)
{
	assert_int_equal(compile(f), SPVSCOPE_STATUS_FAILED);
	assert_int_equal(f->result.n_diagnostics, 1);
	assert_string_equal(f->result.diagnostics[0].code, code);
	if (!strstr(f->result.diagnostics[0].message, what))
		fail_msg("\"%s\" does not name %s", f->result.diagnostics[0].message, what);
	finish(f);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
	struct fixture f;
	char *passes[] = { (char *)"--ccp", (char *)"--frobnicate=3" };

	(void)state;
	start(&f, "info", "a.txt", "void main() {}");
	refused(&f, "language", "spirv-asm");
	start(&f, "info", "a.glsl", "void main() {}");
	refused(&f, "stage", "fragment");
	start(&f, "info", "a.frag", SHADER);
	f.job.spirv_version = 0x10600;
	refused(&f, "target-spirv", "vulkan1.1 takes SPIR-V 1.0 to 1.4, not 1.6");
	start(&f, "info", "a.frag", SHADER);
	f.job.env = SPVSCOPE_ENV_UNIVERSAL;
	refused(&f, "target-env", "universal");
	start(&f, "info", "a.frag", SHADER);
	f.job.optimize = SPVSCOPE_OPTIMIZE_PASSES;
	f.job.passes = passes;
	f.job.n_passes = 2;
	refused(&f, "pass-flag", "--frobnicate=3");
}

static void passes_run_in_the_order_they_are_given(void **state)
{
	struct fixture f;
	char *passes[] = { (char *)"--inline-entry-points-exhaustive", (char *)"--scalar-replacement=5",
		(char *)"--eliminate-dead-functions" };

	(void)state;
	start(&f, "debug", "a.frag", SHADER);
	f.job.optimize = SPVSCOPE_OPTIMIZE_PASSES;
	f.job.passes = passes;
	f.job.n_passes = 3;
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_OK);
	const struct trace_span *opt = span_named(f.tree, "codegen::opt");
	assert_string_equal(opt[1].name, "codegen::opt::inline-entry-points-exhaustive");
	assert_string_equal(opt[2].name, "codegen::opt::scalar-replacement");
	assert_string_equal(attr_of(f.tree, &opt[2], "argument")->text, "5");
	assert_string_equal(opt[3].name, "codegen::opt::eliminate-dead-functions");
	finish(&f);
}

static void defines_leave_line_numbers_alone(void **state)
{
	struct fixture f;
	struct spvscope_define defines[] = { { (char *)"A", (char *)"1" }, { (char *)"A", (char *)"nosuch" } };

	(void)state;
	start(&f, "info", "a.frag", "#version 450\nvoid main() { float x = A; }\n");
	f.job.defines = defines;
	f.job.n_defines = 1;
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_OK);
	finish(&f);
	start(&f, "info", "a.frag", "#version 450\nvoid main() { float x = A; }\n");
	f.job.defines = defines;
	f.job.n_defines = 2;
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_FAILED);
	assert_int_equal(f.result.diagnostics[0].line, 2);
	assert_non_null(strstr(f.result.diagnostics[0].message, "nosuch"));
	finish(&f);
}

static void spirv_is_read_in_either_byte_order_and_damage_is_told(void **state)
{
	struct fixture f, g;
	uint32_t words[2048];
	size_t n;

	(void)state;
	start(&f, "info", "a.frag", SHADER);
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_OK);
	n = f.result.n_spirv_words;
	assert_true(n < 2048);
	for (size_t i = 0; i < n; i++)
		words[i] = __builtin_bswap32(f.result.spirv[i]);
	start(&g, "info", "a.spv", "");
	g.job.source = file(NULL, words, 4 * n);
	g.job.emit = SPVSCOPE_EMIT_DISASSEMBLY;
	assert_int_equal(compile(&g), SPVSCOPE_STATUS_OK);
	assert_memory_equal(g.result.spirv, f.result.spirv, 4 * n);
	assert_int_equal(g.result.language, SPVSCOPE_LANGUAGE_SPIRV);
	for (size_t size = 4; size < 4 * n; size += 13) { /* some cuts fall between instructions and are invalid then */
		g.job.source.size = size;
		assert_int_equal(compile(&g), SPVSCOPE_STATUS_FAILED);
		assert_true(g.result.n_diagnostics >= 1);
		trace_writer_start(g.writer, RUN, &(struct trace_filter){});
	}
	finish(&f);
	finish(&g);
}

static void assembly_errors_stand_where_they_are(void **state)
{
	static const char head[] = "OpCapability Shader\nOpMemoryModel Logical GLSL450\n";
	struct fixture f;
	char source[256];

	(void)state;
	snprintf(source, sizeof(source), "%s%%v = OpTypeVoid\n  %%f = OpTypeFoo 3\n", head);
	start(&f, "info", "a.spvasm", source);
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_FAILED);
	assert_string_equal(f.result.diagnostics[0].source, "spirv-as");
	assert_int_equal(f.result.diagnostics[0].line, 4);
	finish(&f);
	/* Well formed, but no function may be without a type: the validator counts instructions, we tell the line. */
	snprintf(source, sizeof(source), "%s\n; more\n%%v = OpTypeVoid\n%%x =\n  OpTypeVector %%v 4\n", head);
	start(&f, "info", "a.spvasm", source);
	assert_int_equal(compile(&f), SPVSCOPE_STATUS_FAILED);
	assert_string_equal(f.result.diagnostics[0].source, "spirv-val");
	assert_int_equal(f.result.diagnostics[0].line, 6);
	finish(&f);
}

static void any_bytes_as_source_give_a_status(void **state)
{
	static const struct {
		const char *data;
		size_t size;
	} sources[] = {
		{ "", 0 },
		{ "\0", 1 },
		{ "#version 450\nvoid main(){}\0garbage", 34 },
		{ "\xff\xfe#\0v\0e\0", 8 },
		{ "#version 450\nvoid main() { \xc3\x28 \x80; }", 32 },
		{ "#version 450\n\"", 14 },
		{ "#version 450\n/*", 15 },
		{ "#version 99999999999999999999\n", 30 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		for (enum spvscope_language l = SPVSCOPE_LANGUAGE_GLSL; l < SPVSCOPE_N_LANGUAGES; l++) {
			struct fixture f;
			start(&f, "debug", "a.frag", "");
			f.job.language = l;
			f.job.stage = SPVSCOPE_STAGE_FRAGMENT;
			f.job.source = file("a", sources[i].data, sources[i].size);
			/* Of an HLSL source without its entry point glslang only warns. */
			bool passes = l == SPVSCOPE_LANGUAGE_HLSL && sources[i].size == 0;
			assert_int_equal(compile(&f), passes ? SPVSCOPE_STATUS_OK : SPVSCOPE_STATUS_FAILED);
			assert_true(f.result.n_diagnostics > 0);
			finish(&f);
		}
}

/* glslang 12 dereferences NULL there; a worker dies of it, and the log tells in which stage. */
static void a_crash_leaves_the_spans_up_to_it(void **state)
{
	struct fixture f;
	int status;

	(void)state;
	start(&f, "info", "a.frag", "#version 450\n#pragma STDGL\nvoid main(){}");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){});
		signal(SIGSEGV, SIG_DFL);
		_exit(spvscope_compile(&f.job, trace_writer_tracer(f.writer), &f.result) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	read_tree(&f);
	const struct trace_span *parse = span_named(f.tree, "codegen::parse");
	assert_non_null(parse);
	if (WIFSIGNALED(status)) {
		assert_true(parse->open);
		assert_true(f.tree->spans[0].open);
	} else {
		assert_int_equal(WEXITSTATUS(status), 0); /* a release in which that is mended */
	}
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stages_are_spans_in_their_order),
		cmocka_unit_test(each_optimizer_pass_is_a_span_inside_its_parent),
		cmocka_unit_test(passes_cost_nothing_that_are_not_asked_for),
		cmocka_unit_test(what_is_traced_and_what_is_not_compile_to_the_same),
		cmocka_unit_test(where_an_include_was_looked_for_in_vain_is_told),
		cmocka_unit_test(includes_nest_as_spans_and_are_told_as_dependencies),
		cmocka_unit_test(an_error_is_a_diagnostic_and_an_event_of_its_stage),
		cmocka_unit_test(checking_generates_nothing),
		cmocka_unit_test(what_cannot_be_is_refused_by_name),
		cmocka_unit_test(passes_run_in_the_order_they_are_given),
		cmocka_unit_test(defines_leave_line_numbers_alone),
		cmocka_unit_test(spirv_is_read_in_either_byte_order_and_damage_is_told),
		cmocka_unit_test(assembly_errors_stand_where_they_are),
		cmocka_unit_test(any_bytes_as_source_give_a_status),
		cmocka_unit_test(a_crash_leaves_the_spans_up_to_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
