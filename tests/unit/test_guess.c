/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/guess.c. */
#include "tests/unit/cmocka_head.h"

#include <stdlib.h>
#include <string.h>

#include "spvscope/codegen.h"

struct guess {
	int missing;
	enum spvscope_language language;
	enum spvscope_stage stage;
};

static struct guess guess_bytes(const char *name, const void *data, size_t size)
{
	struct spvscope_job job = {
		.source = { .name = (char *)name, .data = (uint8_t *)data, .size = size },
	};
	int missing = spvscope_job_guess(&job);

	return (struct guess){ missing, job.language, job.stage };
}

static struct guess guess(const char *name, const char *text)
{
	return guess_bytes(name, text, strlen(text));
}

static void check(struct guess g, int missing, enum spvscope_language language, enum spvscope_stage stage)
{
	assert_int_equal(g.missing, missing);
	assert_int_equal(g.language, language);
	assert_int_equal(g.stage, stage);
}

static void names_tell_language_and_stage(void **state)
{
	(void)state;
	check(guess("a.frag", ""), 0, SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_FRAGMENT);
	check(guess("x/y.z/a.frag.glsl", ""), 0, SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_FRAGMENT);
	check(guess("A.VERT.HLSL", ""), 0, SPVSCOPE_LANGUAGE_HLSL, SPVSCOPE_STAGE_VERTEX);
	check(guess("b.hlsl", ""), 2, SPVSCOPE_LANGUAGE_HLSL, SPVSCOPE_STAGE_NONE);
	check(guess("c.spvasm", ""), 0, SPVSCOPE_LANGUAGE_SPIRV_ASM, SPVSCOPE_STAGE_NONE);
	check(guess("d.spv", ""), 0, SPVSCOPE_LANGUAGE_SPIRV, SPVSCOPE_STAGE_NONE);
	check(guess("e.rchit", ""), 0, SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_CLOSESTHIT);
}

static void names_that_say_nothing_leave_it_open(void **state)
{
	static const char *const names[] = { "", "frag", "a.txt", "a.", ".", "a.frag/b", "a.none", "a.fragmentfragmentfrag" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		check(guess(names[i], "void main(){}"), 1, SPVSCOPE_LANGUAGE_NONE, SPVSCOPE_STAGE_NONE);
	check(guess(NULL, ""), 1, SPVSCOPE_LANGUAGE_NONE, SPVSCOPE_STAGE_NONE);
}

static void the_magic_number_tells_spirv_in_either_order(void **state)
{
	static const uint8_t little[] = { 0x03, 0x02, 0x23, 0x07 }, big[] = { 0x07, 0x23, 0x02, 0x03 };

	(void)state;
	check(guess_bytes(NULL, little, 4), 0, SPVSCOPE_LANGUAGE_SPIRV, SPVSCOPE_STAGE_NONE);
	check(guess_bytes("a", big, 4), 0, SPVSCOPE_LANGUAGE_SPIRV, SPVSCOPE_STAGE_NONE);
	check(guess_bytes("a", little, 3), 1, SPVSCOPE_LANGUAGE_NONE, SPVSCOPE_STAGE_NONE);
	check(guess(NULL, "\n; SPIR-V\n"), 0, SPVSCOPE_LANGUAGE_SPIRV_ASM, SPVSCOPE_STAGE_NONE);
	check(guess(NULL, "OpCapability Shader"), 0, SPVSCOPE_LANGUAGE_SPIRV_ASM, SPVSCOPE_STAGE_NONE);
}

static void the_pragma_tells_the_stage(void **state)
{
	(void)state;
	check(guess("a.glsl", "#version 450\n #  pragma\tshader_stage( compute )\n"), 0, SPVSCOPE_LANGUAGE_GLSL,
		SPVSCOPE_STAGE_COMPUTE);
	check(guess("a.hlsl", "#pragma shader_stage(tesscontrol)"), 0, SPVSCOPE_LANGUAGE_HLSL,
		SPVSCOPE_STAGE_TESS_CONTROL);
	check(guess(NULL, "#pragma shader_stage(fragment)"), 0, SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_FRAGMENT);
	check(guess(NULL, "#version 450\n"), 2, SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_NONE);
	check(guess("a.glsl", "#pragma shader_stage(nonsense)\n#pragma shader_stage(vertex)"), 0,
		SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_VERTEX);
}

static void comments_say_nothing(void **state)
{
	(void)state;
	check(guess("a.glsl", "// #pragma shader_stage(vertex)\n/* \n#pragma shader_stage(vertex)\n*/"), 2,
		SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_NONE);
	check(guess("a.glsl", "/* x */ #pragma /* y */ shader_stage(vertex) // z"), 0, SPVSCOPE_LANGUAGE_GLSL,
		SPVSCOPE_STAGE_VERTEX);
	check(guess("a.glsl", "/*"), 2, SPVSCOPE_LANGUAGE_GLSL, SPVSCOPE_STAGE_NONE);
}

static void what_is_said_beats_what_is_guessed(void **state)
{
	struct spvscope_job job = {
		.language = SPVSCOPE_LANGUAGE_HLSL,
		.stage = SPVSCOPE_STAGE_COMPUTE,
		.source = { .name = (char *)"a.frag", .data = (uint8_t *)"", .size = 0 },
	};

	(void)state;
	assert_int_equal(spvscope_job_guess(&job), 0);
	assert_int_equal(job.language, SPVSCOPE_LANGUAGE_HLSL);
	assert_int_equal(job.stage, SPVSCOPE_STAGE_COMPUTE);
}

/* The bytes stand in memory of exactly their size, so that a reader of one more is caught by the sanitizer. */
static void any_bytes_are_read_within_their_bounds(void **state)
{
	static const char text[] = "/**/#pragma shader_stage(fragment)\n#version 1\n\0//*\xff";

	(void)state;
	for (size_t size = 0; size <= sizeof(text); size++) {
		char *copy = malloc(size ? size : 1);
		assert_non_null(copy);
		memcpy(copy, text, size);
		(void)guess_bytes("a", copy, size);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_tell_language_and_stage),
		cmocka_unit_test(names_that_say_nothing_leave_it_open),
		cmocka_unit_test(the_magic_number_tells_spirv_in_either_order),
		cmocka_unit_test(the_pragma_tells_the_stage),
		cmocka_unit_test(comments_say_nothing),
		cmocka_unit_test(what_is_said_beats_what_is_guessed),
		cmocka_unit_test(any_bytes_are_read_within_their_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
