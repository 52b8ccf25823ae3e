/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of server/http/http_target.c and server/http/accept.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "server/http/accept.h"
#include "server/http/http_target.h"

static void a_target_is_decoded_once(void **state)
{
	(void)state;
	struct http_target t;
	const char *why;

	assert_int_equal(http_target_parse("/v1/%61b?a=1+2&b=%2526&c&=x&a=%0A", &t, &why), 0);
	assert_string_equal(t.path, "/v1/ab");
	assert_int_equal(t.n_queries, 5);
	assert_string_equal(t.queries[0].value, "1 2");
	assert_string_equal(t.queries[1].value, "%26");
	assert_string_equal(t.queries[2].key, "c");
	assert_string_equal(t.queries[2].value, "");
	assert_string_equal(t.queries[3].value, "x");
	assert_string_equal(t.queries[4].value, "\n");
	http_target_done(&t);
}

static void a_malformed_target_is_refused(void **state)
{
	(void)state;
	static const char *const rows[] = { "", "*", "http://x/", "v1", "/%", "/%4", "/%zz", "/a%00b", "/a%2fb", "/..",
		"/a/../b", "/./a", "/a?b=%00", "/a b", "/a#b", "/a?x=%g1", "/\x7f", "/%0a" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_target t;
		const char *why;

		if (http_target_parse(rows[i], &t, &why) != -EINVAL || !why)
			fail_msg("'%s' was taken", rows[i]);
	}
}

static void templates_match_whole_paths(void **state)
{
	(void)state;
	static const struct {
		const char *path_template, *path, *part;
	} rows[] = {
		{ "/v1/traces", "/v1/traces", "" }, { "/v1/traces", "/v1/traces/", NULL }, { "/v1/traces/{}", "/v1/traces", NULL },
		{ "/v1/traces/{}", "/v1/traces/", NULL }, { "/v1/traces/{}", "/v1/traces/ab", "ab" },
		{ "/v1/traces/{}", "/v1/traces/ab/log", NULL }, { "/v1/traces/{}/log", "/v1/traces/ab/log", "ab" },
		{ "/{*}", "/a/b", "a/b" }, { "/{*}", "/", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *part;
		size_t len;
		bool matches = http_template_matches(rows[i].path_template, rows[i].path, &part, &len);

		assert_int_equal(matches, rows[i].part != NULL);
		if (matches) {
			assert_int_equal(len, strlen(rows[i].part));
			assert_memory_equal(part ? part : "", rows[i].part, len);
		}
	}
}

static void accept_takes_the_form_that_is_wanted_most(void **state)
{
	(void)state;
	static const char *const offered[] = { "application/json", "application/vnd.khronos.spirv", "text/plain" };
	static const struct {
		const char *accept;
		int choice;
	} rows[] = { { NULL, 0 }, { "*/*", 0 }, { "text/plain", 2 }, { "text/*", 2 }, { "text/html", -1 },
		{ "text/html, text/plain;q=0.5", 2 }, { "text/plain;q=0.5, application/json;q=0.4", 2 },
		{ "*/*;q=0.1, application/vnd.khronos.spirv", 1 }, { "application/json;q=0, */*", 1 },
		{ "TEXT/PLAIN", 2 }, { "application/json;q=0", -1 }, { ",,;,/", -1 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (accept_choose(rows[i].accept, offered, ARRAY_SIZE(offered)) != rows[i].choice)
			fail_msg("%s", rows[i].accept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_is_decoded_once),
		cmocka_unit_test(a_malformed_target_is_refused),
		cmocka_unit_test(templates_match_whole_paths),
		cmocka_unit_test(accept_takes_the_form_that_is_wanted_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
