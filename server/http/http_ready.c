/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are given over and over. The library copies each header of an answer three times and frees it again, which
 * costs more than all else of a short answer; here an answer stays as it is, and only what differs is written anew. It
 * belongs to one request at a time, from its reply to its end, so that nothing changes under the library's hands. Loop
 * thread only. */
#include "server/http/http_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct http_ready {
	struct MHD_Response *response;
	char *body; /* the response's */
	size_t len;
	struct http_request *user; /* the request that it answers just now */
	size_t n_headers;
	struct http_header headers[HTTP_MAX_HEADERS_OF_ANSWER]; /* those that may differ, as they are in it */
};

void http_ready_free(struct http_ready *y)
{
	if (!y)
		return;
	/* What the library has got it holds until it is sent. What waits for the request to be resumed is the request's now. */
	bool is_waiting = y->user && y->user->answer == y->response;
	if (y->user)
		y->user->ready = NULL;
	if (!is_waiting)
		MHD_destroy_response(y->response);
	free(y);
}

void http_ready_release(struct http_request *req)
{
	if (req->ready)
		req->ready->user = NULL;
	req->ready = NULL;
}

static struct http_ready *ready_new(struct http_request *req, const struct http_response *r, const void *rest, size_t len)
{
	struct http_ready *y = calloc(1, sizeof *y);
	size_t begin = r->body.len;

	if (!y)
		return NULL;
	y->len = begin + len;
	y->body = malloc(y->len + 1);
	if (y->body)
		y->response = MHD_create_response_from_buffer(y->len, y->body, MHD_RESPMEM_MUST_FREE);
	if (!y->response) {
		free(y->body);
		free(y);
		return NULL;
	}
	memcpy(y->body + begin, rest, len);
	y->n_headers = r->n_headers;
	memcpy(y->headers, r->headers, r->n_headers * sizeof r->headers[0]);
	http_add_headers(req, r, y->response);
	return y;
}

/* False: out of memory, and it lacks a header. */
static bool update(struct http_ready *y, const struct http_response *r)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		const char *name = r->headers[i].name, *value = r->headers[i].value;

		if (strcmp(y->headers[i].value, value) == 0)
			continue;
		MHD_del_response_header(y->response, name, y->headers[i].value);
		if (MHD_add_response_header(y->response, name, value) != MHD_YES)
			return false;
		strcpy(y->headers[i].value, value);
	}
	return true;
}

static bool is_alike(const struct http_ready *y, const struct http_response *r, size_t len)
{
	if (y->len != r->body.len + len || y->n_headers != r->n_headers)
		return false;
	for (size_t i = 0; i < r->n_headers; i++)
		if (strcmp(y->headers[i].name, r->headers[i].name) != 0)
			return false;
	return true;
}

void http_reply_again(struct http_request *req, struct http_ready **ready, struct http_response *r, const void *rest,
	size_t len)
{
	struct http_ready *y = *ready;
	bool is_usual = !req->http->closing && !req->must_close && !r->body.failed &&
			r->body.len + len <= HTTP_READY_MAX_BYTES;

	if (!is_usual || (y && y->user)) {
		strbuf_append(&r->body, rest, len);
		http_reply(req, r);
		return;
	}
	if (y && (!is_alike(y, r, len) || !update(y, r))) {
		http_ready_free(y);
		y = NULL;
	}
	if (!y)
		y = ready_new(req, r, rest, len);
	*ready = y;
	if (!y) {
		strbuf_append(&r->body, rest, len);
		http_reply(req, r);
		return;
	}
	if (r->body.len)
		memcpy(y->body, r->body.data, r->body.len);
	strbuf_done(&r->body);
	y->user = req;
	req->ready = y;
	http_answer(req, y->response, r->status ? r->status : 200);
}
