/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what reads SPIR-V as text or as names: asm_lines.c, ir_size.c, spirv_names.c. */
#include "tests/unit/cmocka_head.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/spirv_tools/asm_lines.h"
#include "codegen/spirv_tools/spirv_tools.h"

static uint32_t line_of(const char *text, size_t number)
{
	return asm_instruction_line(text, strlen(text), number);
}

static void instructions_are_found_where_they_begin(void **state)
{
	static const char text[] = "; a comment with OpNop\n"
				   "OpCapability Shader OpCapability Linkage\n"
				   "OpName %1 \"OpNop \\\" \n OpNop\"\n"
				   "%1\n"
				   "  = OpTypeVoid ; %2 = OpNop\n"
				   "OpStore %1\n   %2\n";

	(void)state;
	assert_int_equal(line_of(text, 0), 0);
	assert_int_equal(line_of(text, 1), 2);
	assert_int_equal(line_of(text, 2), 2);
	assert_int_equal(line_of(text, 3), 3);
	assert_int_equal(line_of(text, 4), 5);
	assert_int_equal(line_of(text, 5), 7);
	assert_int_equal(line_of(text, 6), 0);
	assert_int_equal(line_of("", 1), 0);
	assert_int_equal(line_of("OpName %1 \"", 1), 1);
}

static void lines_are_found_by_number(void **state)
{
	const char *line;
	size_t len;

	(void)state;
	assert_true(asm_line("a\nbc\n", 5, 1, &line, &len));
	assert_int_equal(len, 2);
	assert_memory_equal(line, "bc", 2);
	assert_true(asm_line("a\nbc\n", 5, 2, &line, &len));
	assert_int_equal(len, 0);
	assert_false(asm_line("a\nbc\n", 5, 3, &line, &len));
}

static struct ir_size sizes[8];
static size_t n_sizes;

static void keep_size(void *ctx, size_t idx, const struct ir_size *size)
{
	(void)ctx;
	assert_true(idx < 8);
	sizes[idx] = *size;
	n_sizes = idx + 1;
}

static void count(const char *text, size_t piece)
{
	struct ir_counter c = { .module = keep_size };

	n_sizes = 0;
	for (size_t at = 0, len = strlen(text); at < len; at += piece)
		ir_counter_text(&c, text + at, len - at < piece ? len - at : piece);
	ir_counter_finish(&c);
}

static void instructions_and_words_are_counted_for_each_module(void **state)
{
	static const char text[] = "; IR before pass a\n"
				   "OpCapability Shader\n"		 /* 2 */
				   "%1 = OpExtInstImport \"GLSL.std.450\"\n" /* 2 + 4 */
				   "OpName %m \"a\\\"\\\\; IR\n; IR before pass x\"\n" /* 2 + 28 bytes and a NUL: 7 */
				   "%l = OpTypeInt 64 0\n"		 /* 4 */
				   "%i = OpTypeInt 32 0\n"		 /* 4 */
				   "%c = OpConstant %l 5\n"		 /* 3 + 2 */
				   "%d = OpConstant %i 5\n"		 /* 4 */
				   "OpMemoryModel Logical GLSL450\n\n"	 /* 3 */
				   "; IR after last pass\n"
				   "OpNop\n";

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece += 7) {
		count(text, piece);
		assert_int_equal(n_sizes, 2);
		assert_int_equal(sizes[0].instructions, 8);
		assert_int_equal(sizes[0].words, 5 + 2 + 6 + 9 + 4 + 4 + 5 + 4 + 3);
		assert_int_equal(sizes[1].instructions, 1);
		assert_int_equal(sizes[1].words, 6);
	}
	count("", 1);
	assert_int_equal(n_sizes, 0);
}

/* A module of n OpNames, all "ab_" and a digit. */
static uint64_t cost_of(size_t n, bool distinct)
{
	uint32_t *words = calloc(5 + 4 * n, sizeof(*words));
	uint64_t cost;

	assert_non_null(words);
	for (size_t i = 0; i < n; i++) {
		uint32_t *w = words + 5 + 4 * i;
		w[0] = 4u << 16 | 5u;
		w[1] = (uint32_t)i + 1;
		memcpy(w + 2, "ab_7", 4);
		if (distinct) {
			((char *)(w + 2))[2] = (char)('a' + i % 26);
			((char *)(w + 2))[3] = (char)('a' + i / 26);
		}
	}
	cost = spirv_naming_cost(words, 5 + 4 * n);
	free(words);
	return cost;
}

static void equal_names_cost_their_square(void **state)
{
	static const uint32_t crooked[] = { 0, 0, 0, 0, 0, 0xffff0005, 1 }, endless[] = { 0, 0, 0, 0, 0, 5 };

	(void)state;
	assert_int_equal(cost_of(0, false), 0);
	assert_int_equal(cost_of(100, false), 5000);
	assert_int_equal(cost_of(100, true), 0);
	assert_int_equal(spirv_naming_cost(crooked, 7), 0);
	assert_int_equal(spirv_naming_cost(endless, 6), 0);
	assert_int_equal(spirv_naming_cost(NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_are_found_where_they_begin),
		cmocka_unit_test(lines_are_found_by_number),
		cmocka_unit_test(instructions_and_words_are_counted_for_each_module),
		cmocka_unit_test(equal_names_cost_their_square),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
