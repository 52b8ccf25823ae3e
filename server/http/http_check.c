/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a request's head. Runs in the front, on the loop's thread. */
#include "server/http/http_check.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "server/http/http_guard.h"

/* Headers that a request may have once, and where their value is kept. */
#define ONCE(name, member) { name, sizeof(name) - 1, offsetof(struct http_head, member) }
static const struct {
	const char *name;
	size_t len;
	size_t offset;
} once[] = {
	ONCE("Host", host),
	ONCE("Origin", origin),
	ONCE("Authorization", authorization),
	ONCE("Content-Length", content_length),
	ONCE("Transfer-Encoding", transfer_encoding),
	ONCE("Content-Encoding", content_encoding),
	ONCE("Expect", expect),
	ONCE("Sec-Fetch-Site", fetch_site),
	ONCE("Sec-Fetch-Mode", fetch_mode),
};

/* RFC 9110, section 5.6.2. */
static const bool is_token_char[256] = {
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true, ['#'] = true, ['$'] = true,
	['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true,
	['_'] = true, ['`'] = true, ['|'] = true, ['~'] = true,
};

static void wrong(struct http_head *head, const char *where, const char *what)
{
	if (head->wrong)
		return;
	head->wrong_where = where;
	head->wrong = what;
}

static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_token_char[(unsigned char)s[i]])
			return false;
	return len > 0;
}

void http_head_see(struct http_head *head, const char *key, size_t key_len, const char *value, size_t value_len)
{
	head->bytes += key_len + 2 + value_len + 2;
	if (++head->n_headers > HTTP_MAX_HEADERS)
		wrong(head, "", "there are more than 100 headers");
	if (!is_token(key, key_len)) {
		wrong(head, "", "a header's name has a character that is not allowed");
		return;
	}
	for (size_t i = 0; i < value_len; i++)
		if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7f) {
			wrong(head, "", "a header's value has a control character");
			return;
		}
	for (size_t i = 0; i < ARRAY_SIZE(once); i++) {
		const char **slot = (const char **)((char *)head + once[i].offset);

		if (once[i].len != key_len || strcasecmp(key, once[i].name) != 0)
			continue;
		if (*slot)
			wrong(head, once[i].name, "is there more than once");
		*slot = value ? value : "";
	}
}

int http_head_check_framing(struct http_head *head, const char *version, struct diag *d)
{
	const char *length = head->content_length;

	if (head->wrong)
		return diag_set(d, API_ERROR_BAD_HTTP, head->wrong_where, "%s", head->wrong);
	/* Values arrive cut at a NUL, and folded lines joined: what is missing shows in the count. */
	if (head->sent_bytes > head->bytes)
		return diag_set(d, API_ERROR_BAD_HTTP, "",
			"the head has bytes that are in no header: a NUL, a folded line, or white space beyond one space");
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return diag_set(d, API_ERROR_BAD_HTTP, "", "only HTTP/1.1 and HTTP/1.0 are spoken");
	if (length && head->transfer_encoding)
		return diag_set(d, API_ERROR_BAD_HTTP, "Content-Length", "stands beside Transfer-Encoding");
	if (length) {
		/* 18 digits fit in 64 bits. */
		if (!*length || strspn(length, "0123456789") != strlen(length) || strlen(length) > 18)
			return diag_set(d, API_ERROR_BAD_HTTP, "Content-Length", "is not a number of bytes");
		head->body_bytes = 0;
		for (; *length; length++)
			head->body_bytes = head->body_bytes * 10 + (uint64_t)(*length - '0');
	}
	if (head->transfer_encoding) {
		if (strcasecmp(head->transfer_encoding, "chunked") != 0 || strcmp(version, "HTTP/1.1") != 0)
			return diag_set(d, API_ERROR_BAD_HTTP, "Transfer-Encoding", "can only be chunked, in HTTP/1.1");
		head->body_bytes = UINT64_MAX;
	}
	if (head->expect && strcasecmp(head->expect, "100-continue") != 0)
		return diag_set(d, API_ERROR_BAD_HTTP, "Expect", "can only be 100-continue");
	if (!head->host)
		return diag_set(d, API_ERROR_BAD_HTTP, "Host", "is missing");
	return 0;
}

static bool is_own_host(const char *name, const struct http_caller_rules *rules)
{
	if (guard_is_loopback_name(name))
		return true;
	for (size_t i = 0; i < rules->n_listeners; i++) {
		const struct listener *l = &rules->listeners[i];

		/* Rebinding needs a name: an address that reached us is one of the machine's own. */
		if (strcasecmp(l->host, name) == 0 || (l->is_wildcard && guard_is_address(name)))
			return true;
	}
	for (const char *const *host = rules->allowed_hosts; host && *host; host++)
		if (strcasecmp(*host, name) == 0)
			return true;
	return false;
}

int http_head_check_caller(const struct http_head *head, const char *method, const struct listener *via,
	bool is_public, const struct http_caller_rules *rules, bool *ret_came_with_token, struct diag *d)
{
	char name[256];
	bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

	*ret_came_with_token = false;
	/* No page reaches a unix socket, so any name will do there. */
	if (!guard_host_name(head->host, name, sizeof name))
		return diag_set(d, API_ERROR_BAD_HTTP, "Host", "'%.80s' is not a host", head->host);
	if (!via->is_unix && !is_own_host(name, rules))
		return diag_set(d, API_ERROR_FOREIGN_HOST, "Host",
			"'%.80s' is no name of this service; use a loopback address, or start it with --allowed-host", name);
	if (head->origin && !guard_origin_is_own(head->origin, head->host))
		return diag_set(d, API_ERROR_FOREIGN_ORIGIN, "Origin", "requests of pages of '%.80s' are refused",
			head->origin);
	/* A link from elsewhere to the viewer is fine, anything else that another site's page does is not. */
	if (head->fetch_site && strcmp(head->fetch_site, "same-origin") != 0 && strcmp(head->fetch_site, "none") != 0 &&
		!(is_read && head->fetch_mode && strcmp(head->fetch_mode, "navigate") == 0))
		return diag_set(d, API_ERROR_FOREIGN_ORIGIN, "Sec-Fetch-Site", "requests of other sites' pages are refused");

	if (head->authorization) {
		if (!rules->token || !guard_token_is_right(head->authorization, rules->token))
			return diag_set(d, API_ERROR_TOKEN_WRONG, "Authorization", "must be 'Bearer ' and the service's token");
		*ret_came_with_token = true;
	} else if (!via->is_loopback && !is_public) {
		return diag_set(d, API_ERROR_TOKEN_REQUIRED, "Authorization",
			"this address takes requests with 'Authorization: Bearer TOKEN' only");
	}
	return 0;
}
