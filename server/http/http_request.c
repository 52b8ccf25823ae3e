/* SPDX-License-Identifier: Apache-2.0 */
/* A request from its head to its handler: it is checked, its body collected, and while the handler is not done it is
 * suspended. Loop thread only. */
#include "server/http/http_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "server/http/http_check.h"

#define DISCARD_FACTOR       4 /* a body of up to so many limits is read to its end, so that its error can be read */
#define SPARE_MAX            16u
#define SPARE_BODY_MAX_BYTES (64u << 10)

/* ---- waiting requests ---- */

void http_resume(struct http_request *req)
{
	if (!req->suspended)
		return;
	req->suspended = false;
	loop_source_free(TAKE_PTR(req->watch));
	MHD_resume_connection(req->mhd);
	/* Without threads of its own the library neither wakes its epoll descriptor for that nor tells a time-out of 0. */
	req->http->must_run = true;
}

void http_call_gone(struct http_request *req)
{
	loop_fn gone = TAKE_PTR(req->gone);

	if (gone)
		gone(req->gone_arg);
}

static void on_hangup(void *arg, uint32_t events)
{
	struct http_request *req = arg;

	(void)events;
	req->dead = true;
	http_resume(req);
	http_call_gone(req);
}

void http_suspend(struct http_request *req)
{
	MHD_suspend_connection(req->mhd);
	req->suspended = true;
	/* Without a watch the client's leaving is seen with the next write only. */
	if (loop_watch(req->http->loop, req->connection->fd, EPOLLRDHUP, on_hangup, req, &req->watch) < 0)
		req->watch = NULL;
}

/* ---- one request ---- */

/* A spare one keeps the memory of its body. */
static struct http_request *request_new(struct http *h)
{
	struct http_request *req = h->spare;
	struct strbuf body = { 0 };

	if (req) {
		h->spare = req->next_spare;
		h->n_spare--;
		body = req->body;
	} else {
		req = malloc(sizeof *req);
	}
	if (!req)
		return NULL;
	*req = (struct http_request){ .http = h, .body = body };
	strbuf_reset(&req->body);
	return req;
}

static void request_free(struct http_request *req)
{
	struct http *h = req->http;

	if (h->n_spare == SPARE_MAX || req->body.capacity > SPARE_BODY_MAX_BYTES) {
		strbuf_done(&req->body);
		free(req);
		return;
	}
	req->next_spare = h->spare;
	h->spare = req;
	h->n_spare++;
}

void http_requests_done(struct http *h)
{
	while (h->spare) {
		struct http_request *req = h->spare;

		h->spare = req->next_spare;
		strbuf_done(&req->body);
		free(req);
	}
}

/* One that is longer than any may be is cut. */
static void see_target(struct http_connection *c, const char *uri)
{
	if (c->raw_target && strcmp(c->raw_target, uri) == 0)
		return;
	free(c->raw_target);
	http_target_done(&c->target);
	c->raw_target = strndup(uri, HTTP_TARGET_MAX_BYTES + 1);
}

void *http_on_target(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http *h = cls;
	struct http_connection *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	struct http_request *req = request_new(h);

	if (!req)
		return NULL;
	req->connection = c;
	req->mhd = mhd;
	req->start_ns = clock_now_ns();
	see_target(c, uri);
	c->request = req;
	http_set_phase(c, HTTP_READING);
	h->counters.requests_now++;
	return req;
}

void http_on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode code)
{
	struct http *h = cls;
	struct http_request *req = *con_cls;

	(void)mhd;
	(void)code;
	if (!req)
		return;
	*con_cls = NULL;
	loop_source_free(TAKE_PTR(req->watch));
	http_call_gone(req);
	if (req->stream) {
		strbuf_done(&req->stream->waiting);
		free(req->stream);
		h->counters.streams_now--;
	}
	if (req->answer && !req->ready)
		MHD_destroy_response(req->answer);
	http_ready_release(req);
	req->connection->request = NULL;
	http_set_phase(req->connection, HTTP_READING);
	h->held_bytes -= req->held_bytes;
	free(req->path_part);
	request_free(req);
	h->counters.requests_now--;
}

/* Finds the route; without one, says in d whether the path or the method is at fault. */
static void find_route(struct http_request *req, const char *method, struct diag *d)
{
	const char *wanted = req->is_head ? "GET" : method, *part;
	size_t len;

	for (const struct http_route *r = req->http->options.routes; r->method; r++) {
		if (!http_template_matches(r->path, req->connection->target.path, &part, &len))
			continue;
		if (strcmp(r->method, wanted) == 0) {
			req->route = r;
			req->path_part = part ? strndup(part, len) : NULL;
			req->allow[0] = '\0';
			return;
		}
		size_t at = strlen(req->allow);
		if (strstr(req->allow, r->method)) /* a more general template has the same */
			continue;
		snprintf(req->allow + at, sizeof req->allow - at, "%s%s", at ? ", " : "", r->method);
	}
	if (req->allow[0])
		diag_set(d, API_ERROR_METHOD_NOT_ALLOWED, "", "%.60s takes %s, not %.20s", req->connection->target.path, req->allow, method);
	else
		diag_set(d, API_ERROR_NOT_FOUND, "", "there is no %.120s; /openapi.json lists the routes", req->connection->target.path);
}

static void check_queries(const struct http_request *req, struct diag *d)
{
	for (size_t i = 0; req->route->query && i < req->connection->target.n_queries; i++) {
		const char *key = req->connection->target.queries[i].key;
		const char *const *known = req->route->query;

		while (*known && strcmp(*known, key) != 0)
			known++;
		if (!*known) {
			diag_set(d, API_ERROR_BAD_QUERY, key, "%s has no parameter '%.60s'", req->route->path, key);
			return;
		}
		for (size_t j = 0; j < i; j++)
			if (strcmp(req->connection->target.queries[j].key, key) == 0) {
				diag_set(d, API_ERROR_BAD_QUERY, key, "is there more than once");
				return;
			}
	}
}

static enum MHD_Result see_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_size,
	const char *value, size_t value_size)
{
	(void)kind;
	http_head_see(cls, key, key_size, value, value_size);
	return MHD_YES;
}

/* Checks the head. true: what is wrong must be answered now, without reading on. */
static bool refuse_head(struct http_request *req, const char *method, const char *version)
{
	struct http *h = req->http;
	struct http_connection *c = req->connection;
	struct http_head head = { 0 };
	struct diag *d = &req->refusal;
	const char *why = "";
	struct http_caller_rules rules = { h->options.token, h->options.allowed_hosts, h->listeners, h->n_listeners };

	MHD_get_connection_values_n(req->mhd, MHD_HEADER_KIND, see_header, &head);
	head.bytes += strlen(method) + 1 + strlen(c->raw_target ? c->raw_target : "") + 1 + strlen(version) + 2 + 2;
	head.sent_bytes = MHD_get_connection_info(req->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
	/* What is longer was cut, and would look like a head that has less than was sent. */
	bool is_cut = c->raw_target && strlen(c->raw_target) > HTTP_TARGET_MAX_BYTES;
	if (!is_cut && http_head_check_framing(&head, version, d) < 0) {
		req->must_close = true;
		return true;
	}
	req->must_close |= is_cut;
	int r = !c->raw_target ? -ENOMEM : c->target.path ? 0 : http_target_parse(c->raw_target, &c->target, &why);
	if (r < 0) {
		diag_set(d, r == -ENOMEM ? API_ERROR_OUT_OF_MEMORY : API_ERROR_BAD_TARGET, "", "%s",
			r == -ENOMEM ? "" : why);
		return true;
	}
	req->is_head = strcmp(method, "HEAD") == 0;
	req->announced_bytes = head.body_bytes != UINT64_MAX ? (size_t)head.body_bytes : 0;
	find_route(req, method, d);
	struct diag caller; /* too large to be cleared each time */
	caller.code = API_ERROR_NONE;
	/* Who may not call learns nothing about routes. */
	if (http_head_check_caller(&head, method, req->connection->listener, req->route && req->route->is_public,
		    &rules, &req->came_with_token, &caller) < 0)
		*d = caller;
	if (!d->code)
		check_queries(req, d);
	if (!d->code && head.content_encoding && strcmp(head.content_encoding, "identity") != 0)
		diag_set(d, API_ERROR_UNSUPPORTED_MEDIA_TYPE, "Content-Encoding", "bodies are taken as they are only");
	size_t max = req->route ? req->route->max_body_bytes : 0;
	if (!d->code && max == 0 && head.body_bytes)
		diag_set(d, API_ERROR_BAD_HTTP, "Content-Length", "%s %s takes no body", method, req->route->path);
	if (!d->code && head.body_bytes != UINT64_MAX && head.body_bytes > max)
		diag_set(d, API_ERROR_BODY_TOO_LARGE, "", "the body has %llu bytes; at most %zu are taken",
			(unsigned long long)head.body_bytes, max);
	return d->code && head.body_bytes &&
	       (head.expect || max == 0 || (head.body_bytes != UINT64_MAX && head.body_bytes / DISCARD_FACTOR > max));
}

bool http_hold(struct http_request *req, size_t len, struct diag *d)
{
	struct http *h = req->http;
	size_t max = h->options.max_held_bytes ? h->options.max_held_bytes : HTTP_MAX_HELD_BYTES;

	/* One that is alone may have whatever the limits of bodies and results leave it. */
	if (h->held_bytes > req->held_bytes && h->held_bytes + len > max) {
		h->counters.overloads++;
		diag_set(d, API_ERROR_TOO_BUSY, "",
			"bodies and answers of other requests take too much memory just now; try again a little later");
		return false;
	}
	h->held_bytes += len;
	req->held_bytes += len;
	return true;
}

static void drop_body(struct http_request *req)
{
	req->http->held_bytes -= req->body.len;
	req->held_bytes -= req->body.len;
	strbuf_done(&req->body);
}

/* false: more than would even be thrown away. */
static bool take_piece(struct http_request *req, const char *data, size_t len)
{
	size_t max = req->route ? req->route->max_body_bytes : 0;

	req->body_bytes += len;
	req->http->counters.received_bytes += len;
	if (!req->refusal.code && req->body_bytes > max) {
		diag_set(&req->refusal, API_ERROR_BODY_TOO_LARGE, "", "the body has more than %zu bytes", max);
		drop_body(req);
	}
	if (!req->refusal.code && !http_hold(req, len, &req->refusal))
		drop_body(req);
	if (!req->refusal.code && !req->body.len && req->announced_bytes <= HTTP_HEAD_BYTES)
		strbuf_reserve(&req->body, req->announced_bytes); /* what is longer grows as it comes */
	if (!req->refusal.code)
		strbuf_append(&req->body, data, len);
	return req->body_bytes / DISCARD_FACTOR <= (max ? max : HTTP_HEAD_BYTES);
}

static void dispatch(struct http_request *req)
{
	req->dispatched = true;
	http_set_phase(req->connection, HTTP_HANDLING);
	if (!req->refusal.code && req->body.failed)
		diag_set(&req->refusal, API_ERROR_OUT_OF_MEMORY, "", "%s", "");
	if (req->refusal.code)
		http_reply_error(req, &req->refusal);
	else
		req->route->handle(req->http->options.app, req);
}

/* Called with the head, with each piece of the body, at its end, and again when it is resumed. */
enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *data, size_t *data_size, void **con_cls)
{
	struct http_request *req = *con_cls;

	(void)cls;
	(void)mhd;
	(void)url;
	if (!req || req->dead)
		return MHD_NO;
	if (!req->begun) {
		req->begun = true;
		if (!refuse_head(req, method, version))
			return MHD_YES;
		dispatch(req);
		return http_queue(req);
	}
	if (*data_size) {
		bool more = take_piece(req, data, *data_size);

		*data_size = 0;
		return more ? MHD_YES : MHD_NO;
	}
	if (!req->dispatched)
		dispatch(req);
	if (req->answered)
		return http_queue(req);
	http_suspend(req);
	return MHD_YES;
}

/* ---- what it says ---- */

bool http_is_head(const struct http_request *req)
{
	return req->is_head;
}

bool http_came_with_token(const struct http_request *req)
{
	return req->came_with_token;
}

const char *http_path_part(const struct http_request *req)
{
	return req->path_part ? req->path_part : "";
}

const char *http_query(const struct http_request *req, const char *name)
{
	for (size_t i = 0; i < req->connection->target.n_queries; i++)
		if (strcmp(req->connection->target.queries[i].key, name) == 0)
			return req->connection->target.queries[i].value;
	return NULL;
}

size_t http_n_queries(const struct http_request *req)
{
	return req->connection->target.n_queries;
}

void http_query_at(const struct http_request *req, size_t i, const char **ret_key, const char **ret_value)
{
	*ret_key = req->connection->target.queries[i].key;
	*ret_value = req->connection->target.queries[i].value;
}

const char *http_header(const struct http_request *req, const char *name)
{
	return MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name);
}

const char *http_body(const struct http_request *req, size_t *ret_len)
{
	*ret_len = req->body.len;
	return req->body.len ? req->body.data : NULL;
}
