/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of api/base64.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <string.h>

#include "api/base64.h"
#include "base/cleanup.h"

static void the_vectors_of_the_standard_go_both_ways(void **state)
{
	(void)state;
	static const char *const rows[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strbuf_ struct strbuf text = { 0 };
		_cleanup_free_ uint8_t *data = NULL;
		size_t len, bad_at;

		base64_encode(rows[i][0], strlen(rows[i][0]), &text);
		assert_int_equal(text.len, strlen(rows[i][1]));
		assert_memory_equal(text.data ? text.data : "", rows[i][1], text.len);
		assert_int_equal(base64_decode(rows[i][1], strlen(rows[i][1]), &data, &len, &bad_at), 0);
		assert_int_equal(len, strlen(rows[i][0]));
		assert_memory_equal(data, rows[i][0], len);
	}
}

static void every_byte_and_length_survives(void **state)
{
	(void)state;
	uint8_t bytes[9000];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t n = 0; n <= sizeof bytes; n += n < 70 ? 1 : 997) {
		_cleanup_strbuf_ struct strbuf text = { 0 };
		_cleanup_free_ uint8_t *data = NULL;
		size_t len, bad_at;

		base64_encode(bytes, n, &text);
		assert_int_equal(base64_decode(text.data ? text.data : "", text.len, &data, &len, &bad_at), 0);
		assert_int_equal(len, n);
		assert_memory_equal(data, bytes, n);
	}
}

static void what_is_not_base64_is_refused_with_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t bad_at;
	} rows[] = { { "Zg=", 3 }, { "Z", 1 }, { "Zm 9", 2 }, { "Zm9v\nZm9", 4 }, { "Zh==", 1 }, { "Zm9=", 2 },
		{ "Zg==Zg==", 2 }, { "====", 0 }, { "Zm_v", 2 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t *data = NULL;
		size_t len, bad_at = 999;

		assert_int_equal(base64_decode(rows[i].text, strlen(rows[i].text), &data, &len, &bad_at), -EINVAL);
		assert_int_equal(bad_at, rows[i].bad_at);
		assert_null(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_standard_go_both_ways),
		cmocka_unit_test(every_byte_and_length_survives),
		cmocka_unit_test(what_is_not_base64_is_refused_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
