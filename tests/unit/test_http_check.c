/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of server/http/http_check.c and server/http/http_guard.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "server/http/http_check.h"
#include "server/http/http_guard.h"

static void see(struct http_head *head, const char *key, const char *value)
{
	http_head_see(head, key, strlen(key), value, strlen(value));
}

static void framing_that_two_readers_understand_differently_is_refused(void **state)
{
	(void)state;
	static const char *const rows[][4] = {
		{ "Host", "a", "Host", "a" }, { "Content-Length", "1", "content-length", "1" },
		{ "Content-Length", "1", "Transfer-Encoding", "chunked" }, { "Content-Length", "+1", "X", "" },
		{ "Content-Length", "", "X", "" }, { "Content-Length", "1,1", "X", "" },
		{ "Content-Length", "99999999999999999999", "X", "" }, { "Transfer-Encoding", "gzip, chunked", "X", "" },
		{ "Bad Name", "x", "X", "" }, { "X", "a\x01", "Y", "" }, { "Expect", "magic", "X", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_head head = { 0 };
		struct diag d = { 0 };

		see(&head, "Host", "localhost");
		see(&head, rows[i][0], rows[i][1]);
		see(&head, rows[i][2], rows[i][3]);
		if (http_head_check_framing(&head, "HTTP/1.1", &d) != -EINVAL || d.code != API_ERROR_BAD_HTTP)
			fail_msg("%s: %s was taken", rows[i][0], rows[i][1]);
	}
}

static void a_nul_in_a_header_is_seen(void **state)
{
	(void)state;
	struct http_head head = { 0 };
	struct diag d;

	http_head_see(&head, "Host", 4, "localhost\0.evil", 15);
	assert_int_equal(http_head_check_framing(&head, "HTTP/1.1", &d), -EINVAL);
}

static void a_plain_head_passes(void **state)
{
	(void)state;
	struct http_head head = { 0 };
	struct diag d;

	see(&head, "Host", "localhost:1");
	see(&head, "Content-Length", "16777216");
	assert_int_equal(http_head_check_framing(&head, "HTTP/1.1", &d), 0);
	assert_int_equal(head.body_bytes, 16777216);
}

struct caller {
	const char *host, *origin, *site, *mode, *authorization, *method;
	bool is_loopback, is_wildcard, is_unix, is_public;
	int code;
};

static void callers_are_told_apart(void **state)
{
	(void)state;
	static const struct caller rows[] = {
		{ "localhost:7230", .is_loopback = true },
		{ "127.0.0.1", .is_loopback = true },
		{ "[::1]:1", .is_loopback = true },
		{ "friend.example", .is_loopback = true },
		{ "evil.example", .is_loopback = true, .code = API_ERROR_FOREIGN_HOST },
		{ "127.0.0.1.evil.example", .is_loopback = true, .code = API_ERROR_FOREIGN_HOST },
		{ "10.0.0.1", .is_loopback = true, .code = API_ERROR_FOREIGN_HOST },
		{ "localhost:70000x", .is_loopback = true, .code = API_ERROR_BAD_HTTP },
		{ "evil.example", .is_unix = true, .is_loopback = true },
		{ "10.0.0.1", .is_wildcard = true, .authorization = "Bearer 0123456789abcdef" },
		{ "10.0.0.1", .is_wildcard = true, .code = API_ERROR_TOKEN_REQUIRED },
		{ "10.0.0.1", .is_wildcard = true, .is_public = true },
		{ "localhost", .is_loopback = true, .authorization = "Bearer wrong", .code = API_ERROR_TOKEN_WRONG },
		{ "localhost", .is_loopback = true, .authorization = "Bearer ", .code = API_ERROR_TOKEN_WRONG },
		{ "localhost", .is_loopback = true, .authorization = "Bearer 0123456789abcdef0", .code = API_ERROR_TOKEN_WRONG },
		{ "localhost:1", .origin = "http://localhost:1", .is_loopback = true },
		{ "localhost:1", .origin = "http://localhost:2", .is_loopback = true, .code = API_ERROR_FOREIGN_ORIGIN },
		{ "localhost:1", .origin = "null", .is_loopback = true, .code = API_ERROR_FOREIGN_ORIGIN },
		{ "localhost:1", .origin = "", .is_loopback = true, .code = API_ERROR_FOREIGN_ORIGIN },
		{ "localhost", .site = "cross-site", .is_loopback = true, .code = API_ERROR_FOREIGN_ORIGIN },
		{ "localhost", .site = "same-site", .is_loopback = true, .code = API_ERROR_FOREIGN_ORIGIN },
		{ "localhost", .site = "cross-site", .mode = "navigate", .is_loopback = true },
		{ "localhost", .site = "cross-site", .mode = "navigate", .method = "POST", .is_loopback = true,
			.code = API_ERROR_FOREIGN_ORIGIN },
		{ "localhost", .site = "same-origin", .is_loopback = true },
	};
	static const char *const allowed[] = { "friend.example", NULL };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct caller *c = &rows[i];
		struct listener via = { .is_unix = c->is_unix, .is_loopback = c->is_loopback, .is_wildcard = c->is_wildcard };
		struct http_head head = { .host = c->host, .origin = c->origin, .fetch_site = c->site,
			.fetch_mode = c->mode, .authorization = c->authorization };
		struct http_caller_rules rules = { "0123456789abcdef", allowed, &via, 1 };
		struct diag d = { 0 };
		bool with_token;
		int r = http_head_check_caller(&head, c->method ? c->method : "GET", &via, c->is_public, &rules, &with_token, &d);

		if (r != (c->code ? -EINVAL : 0) || d.code != c->code)
			fail_msg("row %zu (%s): %s", i, c->host, d.message);
		assert_int_equal(with_token, r == 0 && c->authorization != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(framing_that_two_readers_understand_differently_is_refused),
		cmocka_unit_test(a_nul_in_a_header_is_seen),
		cmocka_unit_test(a_plain_head_passes),
		cmocka_unit_test(callers_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
