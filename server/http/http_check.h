/* SPDX-License-Identifier: Apache-2.0 */
/* What the head of a request must be like before a handler sees it: framing that no two readers understand differently,
 * and a caller who may call. Pure functions. */
#ifndef SPVSCOPE_HTTP_CHECK_H
#define SPVSCOPE_HTTP_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/errors.h"
#include "server/http/http_listen.h"

#define HTTP_MAX_HEADERS 100

/* The headers that decide; borrowed, NULL: not there. */
struct http_head {
	unsigned n_headers;
	size_t bytes;      /* of all that was seen, each header written as "Name: value" and a line's end */
	size_t sent_bytes; /* that the head had on the wire; 0: not known */
	const char *host, *origin, *authorization, *content_length, *transfer_encoding, *content_encoding, *expect;
	const char *fetch_site, *fetch_mode;
	const char *wrong_where, *wrong; /* the first thing that is wrong (static sentence) */
	uint64_t body_bytes;             /* of Content-Length; UINT64_MAX for a chunked body, 0 for none */
};

struct http_caller_rules {
	const char *token;                /* NULL: none */
	const char *const *allowed_hosts; /* NULL-terminated; NULL: none */
	const struct listener *listeners; /* all of them: their addresses are names of ours */
	size_t n_listeners;
};

/* Feeds one header, in order; lengths beside the strings show NULs in them. */
void http_head_see(struct http_head *head, const char *key, size_t key_len, const char *value, size_t value_len);
/* After the last one. 0, or -EINVAL with d filled: the connection must be closed then. */
int http_head_check_framing(struct http_head *head, const char *version, struct diag *d);
/* Host, Origin and token of a request that came over this listener. 0 or -EINVAL with d filled. */
int http_head_check_caller(const struct http_head *head, const char *method, const struct listener *via,
	bool is_public, const struct http_caller_rules *rules, bool *ret_came_with_token, struct diag *d);

#endif
