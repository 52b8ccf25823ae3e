/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of api/batch.c: what is taken as a batch, what of it fails alone, and why the rest is refused. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/batch.h"
#include "api/errors.h"
#include "base/cleanup.h"

/* The same, however it is spaced. */
static const char *const ways[] = {"", "\r\n\t "};

static struct batch_request *batch_of(const char *text, const char *way)
{
	struct batch_request *b = NULL;
	struct diag d = {0};
	char body[4096];

	snprintf(body, sizeof(body), "{%s%s", way, text + 1);
	if (batch_request_from_json(body, strlen(body), &b, &d) < 0)
		fail_msg("%s: %s", body, d.message);
	return b;
}

static void assert_refused(const char *text, int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct batch_request *b = NULL;
		struct diag d = {0};
		char body[4096];

		snprintf(body, sizeof(body), "%s%s", ways[i], text);
		assert_int_equal(batch_request_from_json(body, strlen(body), &b, &d), -EINVAL);
		assert_int_equal(d.code, code);
	}
}

static void variants_have_their_ids_and_what_is_shared(void **state)
{
	static const char text[] = "{\"shared\": {\"name\": \"a\\\"]}.frag\", \"defines\": {\"A\": \"1\"}, \"source\": \"x\"},"
		" \"compiles\" : [ {\"id\": \"\\u00e9\\\\\", \"defines\": {\"B\": \"[{\\\"\"}} ,{},{\"source\": \"y\\\\\", \"id\":\"three\"} ] }\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct batch_request *b = batch_of(text, ways[i]);
		struct diag d = {0};

		assert_int_equal(batch_request_count(b), 3);
		assert_string_equal(batch_request_id(b, 0), "\xc3\xa9\\");
		assert_string_equal(batch_request_id(b, 1), "1");
		assert_string_equal(batch_request_id(b, 2), "three");
		for (size_t k = 0; k < 3; k++) {
			_cleanup_(compile_request_done) struct compile_request q = {0};

			compile_request_init(&q);
			if (batch_request_decode(b, k, &q, &d) < 0)
				fail_msg("%zu: %s", k, d.message);
			assert_string_equal(q.job.source.name, "a\"]}.frag");
			assert_int_equal(q.job.n_defines, k == 0 ? 2 : 1);
			assert_memory_equal(q.job.source.data, k == 2 ? "y\\" : "x", q.job.source.size);
		}
		batch_request_free(b);
	}
}

static void what_is_no_batch_is_refused_however_it_is_written(void **state)
{
	(void)state;
	assert_refused("{", API_ERROR_BAD_JSON);
	assert_refused("{\"compiles\": [}", API_ERROR_BAD_JSON);
	assert_refused("{\"compiles\": [{\"a\" 1}]}", API_ERROR_BAD_JSON);
	assert_refused("{\"compiles\": []} x", API_ERROR_BAD_JSON);
	assert_refused("[]", API_ERROR_WRONG_TYPE);
	assert_refused("{}", API_ERROR_MISSING_FIELD);
	assert_refused("{\"compiles\": {}}", API_ERROR_WRONG_TYPE);
	assert_refused("{\"compiles\": [1]}", API_ERROR_WRONG_TYPE);
	assert_refused("{\"compiles\": [{\"id\": 7}]}", API_ERROR_WRONG_TYPE);
	assert_refused("{\"compiles\": [{\"\\u0069d\": 7}]}", API_ERROR_WRONG_TYPE);
	assert_refused("{\"compiles\": [{\"id\": \"a\", \"id\": \"b\"}]}", API_ERROR_DUPLICATE_FIELD);
	assert_refused("{\"compiles\": [], \"compiles\": []}", API_ERROR_DUPLICATE_FIELD);
	assert_refused("{\"compiles\": [], \"comp\\u0069les\": []}", API_ERROR_DUPLICATE_FIELD);
	assert_refused("{\"shared\": {}, \"compiles\": [], \"shared\": {}}", API_ERROR_DUPLICATE_FIELD);
	assert_refused("{\"shared\": {\"name\": \"\\u0000\"}, \"compiles\": []}", API_ERROR_BAD_JSON);
	assert_refused("{\"\\u0000\": 1, \"compiles\": []}", API_ERROR_BAD_JSON);
	assert_refused("{\"compiles\": [\"\xff\"]}", API_ERROR_BAD_JSON);
	assert_refused("{\"compiles\": [], \"more\": 1}", API_ERROR_UNKNOWN_FIELD);
	assert_refused("{\"shared\": 1, \"compiles\": []}", API_ERROR_WRONG_TYPE);
}

static void ids_are_as_long_as_they_may_be_and_no_longer(void **state)
{
	char text[512];

	(void)state;
	for (int len = BATCH_MAX_ID_BYTES - 3; len <= BATCH_MAX_ID_BYTES + 1; len++) {
		snprintf(text, sizeof(text), "{\"compiles\": [{\"id\": \"%0*d\"}]}", len, 7);
		if (len > BATCH_MAX_ID_BYTES) {
			assert_refused(text, API_ERROR_OUT_OF_RANGE);
			continue;
		}
		struct batch_request *b = batch_of(text, "");

		assert_int_equal(strlen(batch_request_id(b, 0)), len);
		batch_request_free(b);
	}
}

static void what_nests_too_deep_is_refused_in_its_variant_or_as_a_whole(void **state)
{
	struct compile_request q = {0};
	struct batch_request *b;
	struct diag d = {0};
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), "{\"compiles\": [{\"defines\": %.20s%.20s}]}", "[[[[[[[[[[[[[[[[[[[[", "]]]]]]]]]]]]]]]]]]]]");
	b = batch_of(text, "");
	compile_request_init(&q);
	assert_int_equal(batch_request_decode(b, 0, &q, &d), -EINVAL);
	assert_int_equal(d.code, API_ERROR_TOO_DEEP);
	compile_request_done(&q);
	batch_request_free(b);
	snprintf(text, sizeof(text), "{\"compiles\": [%0*d", 100, 0);
	memset(strchr(text, '0'), '[', 100);
	assert_refused(text, API_ERROR_TOO_DEEP);
}

/* It is found when its turn has come. */
static void a_variant_that_is_wrong_fails_alone(void **state)
{
	static const struct {
		const char *variant;
		int code;
	} rows[] = {
		{"{\"name\": \"a\", \"name\": \"b\"}", API_ERROR_DUPLICATE_FIELD},
		{"{\"name\": \"a\", \"n\\u0061me\": \"b\"}", API_ERROR_DUPLICATE_FIELD},
		{"{\"id\": \"\\u0000\"}", API_ERROR_BAD_JSON},
		{"{\"id\": \"\\ud800\"}", API_ERROR_BAD_JSON},
		{"{\"\\u0000\": 1}", API_ERROR_BAD_JSON},
		{"{\"trace\": 1e999}", API_ERROR_BAD_JSON},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		_cleanup_(compile_request_done) struct compile_request first = {0}, second = {0};
		struct batch_request *b;
		struct diag d = {0};
		char text[512];

		snprintf(text, sizeof(text), "{\"compiles\": [%s, {\"name\": \"a.frag\", \"source\": \"x\"}]}", rows[i / 2].variant);
		b = batch_of(text, ways[i % 2]);
		compile_request_init(&first);
		compile_request_init(&second);
		assert_string_equal(batch_request_id(b, 0), "0");
		assert_int_equal(batch_request_decode(b, 0, &first, &d), -EINVAL);
		assert_int_equal(d.code, rows[i / 2].code);
		assert_int_equal(batch_request_decode(b, 1, &second, &d), 0);
		batch_request_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variants_have_their_ids_and_what_is_shared),
		cmocka_unit_test(what_is_no_batch_is_refused_however_it_is_written),
		cmocka_unit_test(ids_are_as_long_as_they_may_be_and_no_longer),
		cmocka_unit_test(what_nests_too_deep_is_refused_in_its_variant_or_as_a_whole),
		cmocka_unit_test(a_variant_that_is_wrong_fails_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
