/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cmocka_head.h"

#include <jansson.h>
#include <string.h>

#include "api/json_check.h"
#include "base/cleanup.h"

static bool whole(const char *text)
{
	return json_is_whole(text, strlen(text));
}

static void whole_documents_are_taken(void **state)
{
	static const char *const good[] = { "{}", "[]", "1", "-0.5e+3", "\"\"", "true", "null", "[[], {}, [1, 2]]",
		"{\"a\": [1, {\"b\": \"\\u00e9\\n\"}], \"c\": null}", " [1 , 2 ]", "{\"a\":{\"b\":{}}}", "[0, 10, 1.0]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!whole(good[i]))
			fail_msg("%s is refused", good[i]);
}

static void what_is_no_document_is_refused(void **state)
{
	static const char *const bad[] = { "", " ", "{", "}", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "01",
		"1.", "1e", "-", "+1", "nul", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\n\"", "[1]x", "1 2", "[1}", "{]", "{\"a\":1]",
		"\"\xff\"", "[\n1]", "{1:2}", "[1 2]", "\"\\" };
	char deep[2 * JSON_CHECK_MAX_DEPTH + 3];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (whole(bad[i]))
			fail_msg("'%s' is taken", bad[i]);
	memset(deep, '[', JSON_CHECK_MAX_DEPTH);
	memset(deep + JSON_CHECK_MAX_DEPTH, ']', JSON_CHECK_MAX_DEPTH);
	assert_true(json_is_whole(deep, 2 * JSON_CHECK_MAX_DEPTH));
	memset(deep, '[', JSON_CHECK_MAX_DEPTH + 1);
	memset(deep + JSON_CHECK_MAX_DEPTH + 1, ']', JSON_CHECK_MAX_DEPTH + 1);
	assert_false(json_is_whole(deep, 2 * JSON_CHECK_MAX_DEPTH + 2));
	assert_false(json_is_whole("[\0]", 3));
}

/* Pieces put together at random: a parser takes the same, of which only what has no line breaks is whole. */
static void what_is_taken_is_what_a_parser_takes(void **state)
{
	static const char *const pieces[] = { "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "1", "-2.5", "true", "null", " ",
		"\n", "0", "\"\\\"\"" };
	uint32_t seed = 7, n_taken = 0;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		char text[128] = "";

		for (unsigned n = 1 + i % 9; n > 0; n--) {
			seed = seed * 1664525u + 1013904223u;
			strcat(text, pieces[(seed >> 16) % ARRAY_SIZE(pieces)]);
		}
		json_t *root = json_loads(text, JSON_DECODE_ANY, NULL);

		if (json_is_good(text, strlen(text)) != (root != NULL))
			fail_msg("'%s' is %s", text, root ? "refused" : "taken");
		if (whole(text) && (!root || strchr(text, '\n')))
			fail_msg("'%s' is whole", text);
		n_taken += root != NULL;
		json_decref(root);
	}
	assert_true(n_taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_documents_are_taken),
		cmocka_unit_test(what_is_no_document_is_refused),
		cmocka_unit_test(what_is_taken_is_what_a_parser_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
