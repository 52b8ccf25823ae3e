/* SPDX-License-Identifier: Apache-2.0 */
/* Answers and streams. Loop thread only. */
#include "server/http/http_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define SMALL_ANSWER_BYTES (64u << 10)

/* On everything: pages run only what this service serves, and nobody frames, embeds or guesses. */
static const struct {
	const char *name, *value;
} fixed_headers[] = {
	{ "Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
		"font-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
};

void http_response_header(struct http_response *r, const char *name, const char *fmt, ...)
{
	va_list ap;

	assert(r->n_headers < ARRAY_SIZE(r->headers));
	char *value = r->headers[r->n_headers].value;
	va_start(ap, fmt);
	vsnprintf(value, sizeof r->headers[0].value, fmt, ap);
	va_end(ap);
	for (char *at = value; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '\0';
	r->headers[r->n_headers++].name = name;
}

void http_response_header_text(struct http_response *r, const char *name, const char *a, const char *b, const char *c)
{
	char *value = r->headers[r->n_headers].value, *end = value + sizeof r->headers[0].value - 1;

	assert(r->n_headers < ARRAY_SIZE(r->headers));
	for (const char *const *text = (const char *const[]){ a, b, c, NULL }; *text; text++) {
		size_t len = strlen(*text), room = (size_t)(end - value);

		len = len < room ? len : room;
		memcpy(value, *text, len);
		value += len;
	}
	*value = '\0';
	r->headers[r->n_headers++].name = name;
}

void http_add_headers(struct http_request *req, const struct http_response *r, struct MHD_Response *answer)
{
	bool has_cache_control = false;

	for (size_t i = 0; i < ARRAY_SIZE(fixed_headers); i++)
		MHD_add_response_header(answer, fixed_headers[i].name, fixed_headers[i].value);
	for (size_t i = 0; i < r->n_headers; i++) {
		MHD_add_response_header(answer, r->headers[i].name, r->headers[i].value);
		has_cache_control |= strcmp(r->headers[i].name, "Cache-Control") == 0;
	}
	if (r->content_type)
		MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, r->content_type);
	if (!has_cache_control)
		MHD_add_response_header(answer, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (req->http->closing || req->must_close)
		MHD_add_response_header(answer, MHD_HTTP_HEADER_CONNECTION, "close");
}

static void count_answer(struct http_request *req)
{
	struct http *h = req->http;
	struct http_route_counters *c =
		&h->route_counters[req->route ? (size_t)(req->route - h->options.routes) : h->n_routes];

	c->answers[req->status / 100 % 6]++;
	c->duration_ns += clock_now_ns() - req->start_ns;
}

void http_answer(struct http_request *req, struct MHD_Response *response, unsigned status)
{
	assert(!req->answered);
	req->answered = true;
	req->gone = req->stream ? req->gone : NULL;
	req->answer = response;
	req->status = status;
	count_answer(req);
	http_resume(req);
}

enum MHD_Result http_queue(struct http_request *req)
{
	if (!req->answer)
		return MHD_NO;
	enum MHD_Result r = MHD_queue_response(req->mhd, req->status, req->answer);

	struct MHD_Response *answer = TAKE_PTR(req->answer);
	if (!req->ready)
		MHD_destroy_response(answer);
	http_set_phase(req->connection, req->stream ? HTTP_STREAMING : HTTP_WRITING);
	return r;
}

void http_reply(struct http_request *req, struct http_response *r)
{
	struct MHD_Response *response;
	size_t len = r->static_body ? r->static_len : r->body.len;
	struct diag d = { 0 };

	/* What is smaller is bounded by the number of connections; the refusal itself is. */
	if (!r->static_body && len > SMALL_ANSWER_BYTES && !http_hold(req, len, &d)) {
		strbuf_done(&r->body);
		http_reply_error(req, &d);
		return;
	}
	if (r->static_body) {
		response = MHD_create_response_from_buffer(len, (void *)(uintptr_t)r->static_body, MHD_RESPMEM_PERSISTENT);
	} else if (r->body.failed) {
		static const char text[] = "{\"error\": {\"code\": \"out_of_memory\", \"message\": \"the service has no "
					   "memory for this request\", \"where\": null}}\n";

		response = MHD_create_response_from_buffer(sizeof text - 1, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
		r->status = 503;
		r->content_type = "application/json";
	} else {
		char *data = strbuf_take(&r->body, NULL);

		response = MHD_create_response_from_buffer(len, data, data ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
		if (!response)
			free(data);
	}
	strbuf_done(&r->body);
	if (!response) { /* not even for the answer: the connection ends */
		req->dead = req->answered = true;
		req->gone = NULL;
		http_resume(req);
		return;
	}
	http_add_headers(req, r, response);
	http_answer(req, response, r->status ? r->status : 200);
}

void http_reply_error(struct http_request *req, const struct diag *d)
{
	struct http_response r = { .status = api_error_status(d->code), .content_type = "application/json" };

	if (r.status == 401)
		http_response_header(&r, "WWW-Authenticate", "Bearer");
	if (r.status == 405)
		http_response_header(&r, "Allow", "%s", req->allow);
	if (r.status == 503)
		http_response_header(&r, "Retry-After", "1");
	api_error_json(d, &r.body);
	http_reply(req, &r);
}

void http_on_gone(struct http_request *req, loop_fn fn, void *arg)
{
	req->gone = fn;
	req->gone_arg = arg;
}

/* ---- streams ---- */

static ssize_t read_stream(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct http_stream *s = cls;
	size_t n = s->waiting.len - s->taken;

	(void)pos;
	if (s->req->dead)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n == 0) {
		if (s->ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		http_suspend(s->req);
		return 0;
	}
	n = n < max ? n : max;
	memcpy(buf, s->waiting.data + s->taken, n);
	s->taken += n;
	if (s->taken == s->waiting.len) {
		strbuf_reset(&s->waiting);
		s->taken = 0;
	}
	return (ssize_t)n;
}

struct http_stream *http_reply_stream(struct http_request *req, const char *content_type, loop_fn gone, void *arg)
{
	struct http_response r = { .content_type = content_type };
	struct http_stream *s = calloc(1, sizeof *s);
	struct MHD_Response *response =
		s ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, s, NULL) : NULL;

	if (!response) {
		struct diag d = { .code = API_ERROR_OUT_OF_MEMORY };

		free(s);
		http_reply_error(req, &d);
		return NULL;
	}
	s->req = req;
	req->stream = s;
	req->http->counters.streams_now++;
	http_on_gone(req, gone, arg);
	http_add_headers(req, &r, response);
	http_answer(req, response, 200);
	return s;
}

int http_stream_write(struct http_stream *s, const void *data, size_t len)
{
	if (s->ended || s->waiting.len - s->taken + len > HTTP_STREAM_MAX_BYTES)
		return -ENOBUFS;
	if (s->taken > HTTP_STREAM_MAX_BYTES) { /* what is taken goes once it is as much as may wait */
		memmove(s->waiting.data, s->waiting.data + s->taken, s->waiting.len - s->taken);
		s->waiting.len -= s->taken;
		s->taken = 0;
	}
	strbuf_append(&s->waiting, data, len);
	http_resume(s->req);
	return s->waiting.failed ? -ENOBUFS : 0;
}

void http_stream_end(struct http_stream *s)
{
	s->ended = true;
	s->req->gone = NULL;
	http_resume(s->req);
}
