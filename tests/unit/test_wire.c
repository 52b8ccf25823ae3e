/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/wire.c. */
#include "tests/unit/cmocka_head.h"

#include <stdlib.h>
#include <string.h>

#include "base/wire.h"

static void what_was_packed_is_read_back(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf sb = {0};
	wire_put_u32(&sb, 0xfffffffe);
	wire_put_u64(&sb, 0x0123456789abcdefull);
	wire_put_bytes(&sb, "a\0b", 3);
	wire_put_bytes(&sb, NULL, 0);
	wire_put_string(&sb, "text");
	wire_put_string(&sb, "");
	wire_put_string(&sb, NULL);

	struct wire_reader r;
	size_t len;
	wire_reader_init(&r, sb.data, sb.len);
	assert_int_equal(wire_get_u32(&r), 0xfffffffe);
	assert_int_equal(wire_get_u64(&r), 0x0123456789abcdefull);
	const void *bytes = wire_get_bytes(&r, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "a\0b", 3);
	wire_get_bytes(&r, &len);
	assert_int_equal(len, 0);
	char *s = wire_get_string(&r), *empty = wire_get_string(&r), *none = wire_get_string(&r);
	assert_string_equal(s, "text");
	assert_string_equal(empty, "");
	assert_null(none);
	assert_false(r.bad);
	assert_ptr_equal(r.at, r.end);
	free(s);
	free(empty);
}

static void numbers_are_little_endian(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf sb = {0};
	wire_put_u32(&sb, 0x01020304);
	assert_memory_equal(sb.data, "\x04\x03\x02\x01", 4);
}

static void a_length_beyond_the_end_makes_the_reader_bad_for_good(void **state)
{
	(void)state;
	static const uint8_t bytes[] = {5, 0, 0, 0, 'a', 'b', 'c', 'd'};
	struct wire_reader r;
	size_t len = 99;
	wire_reader_init(&r, bytes, sizeof(bytes));
	assert_null(wire_get_bytes(&r, &len));
	assert_int_equal(len, 0);
	assert_true(r.bad);
	assert_int_equal(wire_get_u32(&r), 0);
	assert_int_equal(wire_get_u64(&r), 0);
	assert_null(wire_get_string(&r));
	wire_reader_init(&r, NULL, 0);
	assert_int_equal(wire_get_u32(&r), 0);
	assert_true(r.bad);
}

static void a_string_with_a_nul_is_refused(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf sb = {0};
	struct wire_reader r;
	wire_put_bytes(&sb, "a\0b", 3);
	wire_reader_init(&r, sb.data, sb.len);
	assert_null(wire_get_string(&r));
	assert_true(r.bad);
}

static void every_cut_of_a_message_is_told(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf sb = {0};
	wire_put_string(&sb, "abc");
	wire_put_u64(&sb, 7);
	for (size_t cut = 0; cut < sb.len; cut++) {
		struct wire_reader r;
		wire_reader_init(&r, sb.data, cut);
		free(wire_get_string(&r));
		wire_get_u64(&r);
		assert_true(r.bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_is_read_back),
		cmocka_unit_test(numbers_are_little_endian),
		cmocka_unit_test(a_length_beyond_the_end_makes_the_reader_bad_for_good),
		cmocka_unit_test(a_string_with_a_nul_is_refused),
		cmocka_unit_test(every_cut_of_a_message_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
