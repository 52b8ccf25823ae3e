/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of api/text_position.c. */
#include "tests/unit/cmocka_head.h"

#include <string.h>

#include "api/text_position.h"
#include "base/cleanup.h"

static void lines_end_as_editors_end_them(void **state)
{
	(void)state;
	static const char text[] = "one\ntwo\r\nthree\rfour";
	static const char *const lines[] = { "one", "two", "three", "four" };
	size_t len;

	for (uint32_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *line = text_line(text, sizeof text - 1, i + 1, &len);

		assert_non_null(line);
		assert_int_equal(len, strlen(lines[i]));
		assert_memory_equal(line, lines[i], len);
	}
	assert_null(text_line(text, sizeof text - 1, 5, &len));
	assert_null(text_line(text, sizeof text - 1, 0, &len));
	assert_null(text_line(NULL, 0, 1, &len));
}

static void columns_count_in_the_units_asked_for(void **state)
{
	(void)state;
	/* a, e with acute (2 bytes), euro (3 bytes), grinning face (4 bytes, 2 units of UTF-16), b */
	static const char line[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" "b";
	static const struct {
		uint32_t bytes, utf16, utf8, utf32;
	} rows[] = { { 0, 0, 0, 0 }, { 1, 1, 1, 1 }, { 3, 2, 3, 2 }, { 6, 3, 6, 3 }, { 10, 5, 10, 4 }, { 11, 6, 11, 5 },
		{ 99, 6, 11, 5 }, { 2, 1, 1, 1 }, { 8, 3, 6, 3 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(text_column(line, sizeof line - 1, rows[i].bytes, POSITION_UTF16), rows[i].utf16);
		assert_int_equal(text_column(line, sizeof line - 1, rows[i].bytes, POSITION_UTF8), rows[i].utf8);
		assert_int_equal(text_column(line, sizeof line - 1, rows[i].bytes, POSITION_UTF32), rows[i].utf32);
	}
}

static void bytes_that_are_not_utf8_count_one_each(void **state)
{
	(void)state;
	assert_int_equal(text_column("\xff\xfe\xe2\x82x", 5, 5, POSITION_UTF16), 5);
	assert_int_equal(text_column("\xf0\x9f", 2, 2, POSITION_UTF16), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_as_editors_end_them),
		cmocka_unit_test(columns_count_in_the_units_asked_for),
		cmocka_unit_test(bytes_that_are_not_utf8_count_one_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
