/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/trace/filter.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codegen/trace/filter.h"

static void parse(struct trace_filter *f, const char *text)
{
	char error[256] = "";
	trace_filter_init(f, SPVSCOPE_LEVEL_INFO);
	if (trace_filter_parse(f, text, error, sizeof(error)) != 0)
		fail_msg("\"%s\": %s", text ? text : "", error);
}

static void a_filter_without_directives_goes_by_level(void **state)
{
	(void)state;
	struct trace_filter f;
	parse(&f, NULL);
	assert_true(trace_filter_matches(&f, SPVSCOPE_LEVEL_ERROR, "x"));
	assert_true(trace_filter_matches(&f, SPVSCOPE_LEVEL_INFO, "x"));
	assert_false(trace_filter_matches(&f, SPVSCOPE_LEVEL_DEBUG, "x"));
	trace_filter_init(&f, SPVSCOPE_LEVEL_OFF);
	assert_false(trace_filter_matches(&f, SPVSCOPE_LEVEL_ERROR, "x"));
	assert_false(trace_filter_matches(&f, SPVSCOPE_LEVEL_OFF, "x"));
}

static void directives_decide_as_their_table_says(void **state)
{
	(void)state;
	static const struct {
		const char *directives, *name;
		enum spvscope_level most; /* the highest level that passes */
	} rows[] = {
		{"", "codegen", SPVSCOPE_LEVEL_INFO},
		{"debug", "anything", SPVSCOPE_LEVEL_DEBUG},
		{"off", "anything", SPVSCOPE_LEVEL_OFF},
		{"trace", "anything", SPVSCOPE_LEVEL_DEBUG},
		{"WARN", "anything", SPVSCOPE_LEVEL_WARN},
		{"info,codegen::opt=debug", "codegen::opt", SPVSCOPE_LEVEL_DEBUG},
		{"info,codegen::opt=debug", "codegen::opt::eliminate-dead-branches", SPVSCOPE_LEVEL_DEBUG},
		{"info,codegen::opt=debug", "codegen::optimize", SPVSCOPE_LEVEL_INFO},
		{"info,codegen::opt=debug", "codegen::opt:", SPVSCOPE_LEVEL_INFO},
		{"info,codegen::opt=debug", "codegen", SPVSCOPE_LEVEL_INFO},
		/* a bare path is debug */
		{"codegen::opt", "codegen::opt::x", SPVSCOPE_LEVEL_DEBUG},
		{"error,codegen", "server::pool", SPVSCOPE_LEVEL_ERROR},
		/* the longest path wins, wherever it stands */
		{"codegen::opt=off,codegen=debug", "codegen::opt::x", SPVSCOPE_LEVEL_OFF},
		{"codegen=debug,codegen::opt=off", "codegen::opt::x", SPVSCOPE_LEVEL_OFF},
		{"codegen=debug,codegen::opt=off", "codegen::parse", SPVSCOPE_LEVEL_DEBUG},
		{"codegen::opt=debug,codegen=off,off", "codegen::opt", SPVSCOPE_LEVEL_DEBUG},
		/* among equals the last one wins */
		{"a=debug,a=warn", "a", SPVSCOPE_LEVEL_WARN},
		{"debug,warn", "a", SPVSCOPE_LEVEL_WARN},
		{"a::b=warn,a=info,a::b=debug", "a::b::c", SPVSCOPE_LEVEL_DEBUG},
		/* room around and nothing between commas */
		{" info , a = debug ,, ", "a", SPVSCOPE_LEVEL_DEBUG},
		{"a-b_c.d9=debug", "a-b_c.d9::e", SPVSCOPE_LEVEL_DEBUG},
		/* a path of the name of a level needs its "=" */
		{"info=debug", "info::x", SPVSCOPE_LEVEL_DEBUG},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trace_filter f;
		parse(&f, rows[i].directives);
		for (int level = SPVSCOPE_LEVEL_ERROR; level <= SPVSCOPE_LEVEL_DEBUG; level++)
			if (trace_filter_matches(&f, level, rows[i].name) != (level <= (int)rows[i].most))
				fail_msg("row %zu: \"%s\" on %s at level %d", i, rows[i].directives,
					rows[i].name, level);
	}
}

static void a_wrong_directive_is_named_and_changes_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *directives, *named;
	} rows[] = {
		{"info,codegen=loud", "\"codegen=loud\""},
		{"codegen=", "\"codegen=\""},
		{"=debug", "\"=debug\""},
		{"=", "\"=\""},
		{"codegen:opt=debug", "\"codegen:opt=debug\""},
		{"codegen::=debug", "\"codegen::=debug\""},
		{"::opt=debug", "\"::opt=debug\""},
		{"a::::b", "\"a::::b\""},
		{"a b=debug", "\"a b=debug\""},
		{"debug,\x1b[31mred", "\"?[31mred\""},
		{"a=debug=info", "\"a=debug=info\""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trace_filter f, before;
		char error[256] = "";
		parse(&f, "warn,z=debug");
		before = f;
		assert_int_equal(trace_filter_parse(&f, rows[i].directives, error, sizeof(error)), -EINVAL);
		if (!strstr(error, rows[i].named))
			fail_msg("row %zu: %s", i, error);
		assert_memory_equal(&f, &before, sizeof(f));
	}
}

static void limits_are_kept_and_told(void **state)
{
	(void)state;
	struct trace_filter f;
	char text[2048] = "", error[256], path[200];

	for (int i = 0; i < TRACE_FILTER_MAX_DIRECTIVES; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "p%d=debug,", i);
	parse(&f, text);
	assert_int_equal(f.n_directives, TRACE_FILTER_MAX_DIRECTIVES);
	/* saying the same path again needs no room */
	assert_int_equal(trace_filter_parse(&f, "p3=off", error, sizeof(error)), 0);
	assert_int_equal(trace_filter_parse(&f, "one::more", error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "one too many"));

	memset(path, 'x', sizeof(path));
	path[TRACE_FILTER_MAX_PATH] = '\0';
	parse(&f, path);
	assert_true(trace_filter_matches(&f, SPVSCOPE_LEVEL_DEBUG, path));
	path[TRACE_FILTER_MAX_PATH] = 'x';
	path[TRACE_FILTER_MAX_PATH + 1] = '\0';
	assert_int_equal(trace_filter_parse(&f, path, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "127"));

	memset(text, ',', sizeof(text));
	text[TRACE_FILTER_MAX_BYTES] = '\0';
	assert_int_equal(trace_filter_parse(&f, text, error, sizeof(error)), 0);
	text[TRACE_FILTER_MAX_BYTES] = ',';
	text[TRACE_FILTER_MAX_BYTES + 1] = '\0';
	assert_int_equal(trace_filter_parse(&f, text, error, sizeof(error)), -EINVAL);
	assert_int_equal(trace_filter_parse(&f, "=", NULL, 0), -EINVAL);
}

static void levels_have_names(void **state)
{
	(void)state;
	enum spvscope_level level;
	assert_string_equal(trace_level_name(SPVSCOPE_LEVEL_DEBUG), "debug");
	assert_string_equal(trace_level_name(SPVSCOPE_LEVEL_OFF), "off");
	assert_string_equal(trace_level_name((enum spvscope_level)77), "unknown");
	assert_int_equal(trace_level_parse("info", &level), 0);
	assert_int_equal(level, SPVSCOPE_LEVEL_INFO);
	assert_int_equal(trace_level_parse("inf", &level), -EINVAL);
	assert_int_equal(trace_level_parse("", &level), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_without_directives_goes_by_level),
		cmocka_unit_test(directives_decide_as_their_table_says),
		cmocka_unit_test(a_wrong_directive_is_named_and_changes_nothing),
		cmocka_unit_test(limits_are_kept_and_told),
		cmocka_unit_test(levels_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
