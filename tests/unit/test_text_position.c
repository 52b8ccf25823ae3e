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

static void a_cursor_finds_what_a_search_from_the_start_finds(void **state)
{
	(void)state;
	static const char text[] = "one\n\nz\xc3\xa9\xf0\x9f\x98\x80 \xc3( \xe2\x82x\r\nthree\n";
	struct text_cursor c = { .budget_bytes = 1 << 20 };
	uint32_t n = 1;

	for (int i = 0; i < 5000; i++) {
		size_t len;

		n = n * 1103515245 + 12345;
		uint32_t line = n >> 16 & 7, column = n >> 20 & 31;
		const char *at = text_line(text, sizeof text - 1, line, &len);

		assert_int_equal(text_cursor_line(&c, text, sizeof text - 1, line), at != NULL);
		if (!at)
			continue;
		assert_ptr_equal(c.at, at);
		assert_int_equal(c.line_len, len);
		assert_int_equal(text_cursor_column(&c, column, POSITION_UTF16),
			text_column(at, len, column, POSITION_UTF16));
	}
}

static void a_cursor_reads_no_more_than_its_budget(void **state)
{
	(void)state;
	static char text[100000];
	struct text_cursor forth = { .budget_bytes = 300000 }, back = forth;
	unsigned n_forth = 0, n_back = 0;

	memset(text, 'x', sizeof text);
	for (size_t i = 99; i < sizeof text; i += 100)
		text[i] = '\n';
	for (uint32_t line = 1; line <= 1000; line++) {
		n_forth += text_cursor_line(&forth, text, sizeof text, line);
		n_back += text_cursor_line(&back, text, sizeof text, 1001 - line);
	}
	assert_int_equal(n_forth, 1000); /* in order: one pass */
	assert_in_range(n_back, 1, 5);   /* the worst order: given up */
	assert_int_equal(text_cursor_column(&back, 7, POSITION_UTF16), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_as_editors_end_them),
		cmocka_unit_test(columns_count_in_the_units_asked_for),
		cmocka_unit_test(bytes_that_are_not_utf8_count_one_each),
		cmocka_unit_test(a_cursor_finds_what_a_search_from_the_start_finds),
		cmocka_unit_test(a_cursor_reads_no_more_than_its_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
