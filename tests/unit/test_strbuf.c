/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/strbuf.c. */
#include "tests/unit/cmocka_head.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

static void an_empty_one_is_valid_and_can_be_taken(void **state)
{
	(void)state;
	struct strbuf sb = {0};
	size_t len = 99;
	char *s = strbuf_take(&sb, &len);
	assert_non_null(s);
	assert_string_equal(s, "");
	assert_int_equal(len, 0);
	free(s);
	strbuf_done(&sb);
}

static void appends_of_every_kind_follow_each_other(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf sb = {0};
	strbuf_append(&sb, "a\0b", 3);
	strbuf_puts(&sb, "cd");
	strbuf_putc(&sb, 'e');
	strbuf_printf(&sb, "%d-%s", 42, "x");
	assert_false(sb.failed);
	assert_int_equal(sb.len, 10);
	assert_memory_equal(sb.data, "a\0bcde42-x", 11);
}

static void it_grows_far_beyond_its_first_size(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf sb = {0};
	for (int i = 0; i < 20000; i++)
		strbuf_printf(&sb, "%08d", i);
	assert_int_equal(sb.len, 160000);
	assert_memory_equal(sb.data + 159992, "00019999", 9);
	char big[5000];
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	strbuf_printf(&sb, "<%s>", big);
	assert_int_equal(sb.len, 160000 + 5001);
	assert_int_equal(strlen(sb.data + 160000), 5001);
}

static void beyond_its_limit_it_fails_and_stays_failed(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf sb = {.limit = 8};
	strbuf_puts(&sb, "12345678");
	assert_false(sb.failed);
	strbuf_printf(&sb, "%s", "9");
	assert_true(sb.failed);
	assert_string_equal(sb.data, "12345678");
	strbuf_reset(&sb);
	strbuf_printf(&sb, "%s", "12345678");
	assert_false(sb.failed);
	strbuf_putc(&sb, '9');
	assert_true(sb.failed);
	strbuf_puts(&sb, "");
	assert_true(sb.failed);
	size_t len;
	assert_null(strbuf_take(&sb, &len));
}

static void json_strings_are_escaped(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf sb = {0};
	const char in[] = "a\"b\\c\n\t\x01\x7f/\0é";
	strbuf_json_string(&sb, in, sizeof(in) - 1);
	assert_string_equal(sb.data, "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f/\\u0000é\"");
}

static void json_strings_replace_what_is_not_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"\xff", "\"\xEF\xBF\xBD\""},
		{"a\xC3", "\"a\xEF\xBF\xBD\""},                               /* cut */
		{"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                 /* overlong */
		{"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* surrogate */
		{"\xF0\x9F\x98\x80", "\"\xF0\x9F\x98\x80\""},
		{"\xF5\x80\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_strbuf_ struct strbuf sb = {0};
		strbuf_json_string(&sb, rows[i].in, strlen(rows[i].in));
		assert_string_equal(sb.data, rows[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_one_is_valid_and_can_be_taken),
		cmocka_unit_test(appends_of_every_kind_follow_each_other),
		cmocka_unit_test(it_grows_far_beyond_its_first_size),
		cmocka_unit_test(beyond_its_limit_it_fails_and_stays_failed),
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(json_strings_replace_what_is_not_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
