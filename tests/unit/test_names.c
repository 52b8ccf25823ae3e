/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/names.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "spvscope/codegen.h"

static void every_name_is_parsed_back_to_itself(void **state)
{
	(void)state;
	for (unsigned i = 1; i < SPVSCOPE_N_LANGUAGES; i++) {
		enum spvscope_language l = SPVSCOPE_LANGUAGE_NONE;
		assert_int_equal(spvscope_language_parse(spvscope_language_name((enum spvscope_language)i), &l), 0);
		assert_int_equal(l, i);
	}
	for (unsigned i = 1; i < SPVSCOPE_N_STAGES; i++) {
		enum spvscope_stage s = SPVSCOPE_STAGE_NONE;
		assert_int_equal(spvscope_stage_parse(spvscope_stage_name((enum spvscope_stage)i), &s), 0);
		assert_int_equal(s, i);
	}
	for (unsigned i = 0; i < SPVSCOPE_N_ENVS; i++) {
		enum spvscope_env e = SPVSCOPE_N_ENVS;
		assert_int_equal(spvscope_env_parse(spvscope_env_name((enum spvscope_env)i), &e), 0);
		assert_int_equal(e, i);
	}
	for (unsigned i = 0; i < SPVSCOPE_N_STATUSES; i++)
		assert_string_not_equal(spvscope_status_name((enum spvscope_status)i), "unknown");
}

static void short_and_pragma_words_are_stages_too(void **state)
{
	static const struct {
		const char *word;
		enum spvscope_stage stage;
	} words[] = {
		{ "vert", SPVSCOPE_STAGE_VERTEX },	 { "tesc", SPVSCOPE_STAGE_TESS_CONTROL },
		{ "tese", SPVSCOPE_STAGE_TESS_EVAL },	 { "geom", SPVSCOPE_STAGE_GEOMETRY },
		{ "frag", SPVSCOPE_STAGE_FRAGMENT },	 { "comp", SPVSCOPE_STAGE_COMPUTE },
		{ "rgen", SPVSCOPE_STAGE_RAYGEN },	 { "rint", SPVSCOPE_STAGE_INTERSECT },
		{ "rahit", SPVSCOPE_STAGE_ANYHIT },	 { "rchit", SPVSCOPE_STAGE_CLOSESTHIT },
		{ "rmiss", SPVSCOPE_STAGE_MISS },	 { "rcall", SPVSCOPE_STAGE_CALLABLE },
		{ "tesscontrol", SPVSCOPE_STAGE_TESS_CONTROL },
		{ "intersection", SPVSCOPE_STAGE_INTERSECT },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		enum spvscope_stage s = SPVSCOPE_STAGE_NONE;
		assert_int_equal(spvscope_stage_parse(words[i].word, &s), 0);
		assert_int_equal(s, words[i].stage);
	}
}

static void unknown_words_are_refused(void **state)
{
	enum spvscope_language l;
	enum spvscope_stage s;
	enum spvscope_env e;

	(void)state;
	assert_int_equal(spvscope_language_parse("none", &l), -EINVAL);
	assert_int_equal(spvscope_language_parse("GLSL", &l), -EINVAL);
	assert_int_equal(spvscope_language_parse("", &l), -EINVAL);
	assert_int_equal(spvscope_stage_parse("none", &s), -EINVAL);
	assert_int_equal(spvscope_stage_parse("fragmen", &s), -EINVAL);
	assert_int_equal(spvscope_env_parse("vulkan1.4", &e), -EINVAL);
}

/* The list says what the table says, in its order. */
static void check_words(const char *words, const char *(*name)(unsigned), unsigned first, unsigned n)
{
	char expected[512] = "";

	for (unsigned i = first; i < n; i++) {
		size_t len = strlen(expected);
		snprintf(expected + len, sizeof(expected) - len, "%s%s", len ? ", " : "", name(i));
	}
	assert_string_equal(words, expected);
}

static const char *language_name(unsigned i)
{
	return spvscope_language_name((enum spvscope_language)i);
}

static const char *stage_name(unsigned i)
{
	return spvscope_stage_name((enum spvscope_stage)i);
}

static const char *env_name(unsigned i)
{
	return spvscope_env_name((enum spvscope_env)i);
}

static void the_lists_of_words_match_the_tables(void **state)
{
	(void)state;
	check_words(spvscope_language_words(), language_name, 1, SPVSCOPE_N_LANGUAGES);
	check_words(spvscope_stage_words(), stage_name, 1, SPVSCOPE_N_STAGES);
	check_words(spvscope_env_words(), env_name, 0, SPVSCOPE_N_ENVS);
}

static void numbers_out_of_range_have_a_name_too(void **state)
{
	(void)state;
	assert_string_equal(spvscope_language_name((enum spvscope_language)99), "unknown");
	assert_string_equal(spvscope_stage_name((enum spvscope_stage)99), "unknown");
	assert_string_equal(spvscope_env_name((enum spvscope_env)99), "unknown");
	assert_string_equal(spvscope_status_name((enum spvscope_status)99), "unknown");
}

static void pass_flags_have_the_optimizers_form(void **state)
{
	static const char *const good[] = { "--merge-blocks", "--scalar-replacement=100", "-O", "-Os",
		"--set-spec-const-default-value=1:2 3:4", "--x=" };
	static const char *const bad[] = { "", "-", "--", "merge-blocks", "-O2", "--Merge", "--a b", "--=1", "--a\n",
		"--a=\x01" };
	char longest[258];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(spvscope_pass_flag_is_well_formed(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(spvscope_pass_flag_is_well_formed(bad[i]));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "--", 2);
	longest[256] = '\0';
	assert_true(spvscope_pass_flag_is_well_formed(longest));
	longest[256] = 'a';
	longest[257] = '\0';
	assert_false(spvscope_pass_flag_is_well_formed(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_is_parsed_back_to_itself),
		cmocka_unit_test(short_and_pragma_words_are_stages_too),
		cmocka_unit_test(unknown_words_are_refused),
		cmocka_unit_test(the_lists_of_words_match_the_tables),
		cmocka_unit_test(numbers_out_of_range_have_a_name_too),
		cmocka_unit_test(pass_flags_have_the_optimizers_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
