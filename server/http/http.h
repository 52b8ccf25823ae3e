/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server of the front: requests go to the handlers of a route table, answers come back at once or later. What
 * serves them underneath is known to http_private.h alone; handlers never see a socket. Loop thread only. */
#ifndef SPVSCOPE_HTTP_H
#define SPVSCOPE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/errors.h"
#include "base/strbuf.h"
#include "server/loop.h"

#define HTTP_MAX_CONNECTIONS  1024
#define HTTP_READ_DEADLINE_S  60  /* for a whole request to arrive, and for a kept connection to send another */
#define HTTP_WRITE_DEADLINE_S 300 /* for a client to take a whole answer */
#define HTTP_MAX_HELD_BYTES   (1ull << 30) /* bodies and big answers in memory, of all connections; beyond it is 503 */
#define HTTP_STREAM_MAX_BYTES (256u << 10) /* waiting in one stream */
#define HTTP_READY_MAX_BYTES  (64u << 10)  /* of an answer that is kept ready; longer ones are made anew */

struct http;
struct listener;
struct http_request; /* lives from its head to the last byte of its answer */
struct http_stream;  /* an answer without an end */

struct http_route {
	const char *method; /* NULL ends the table; a GET serves HEAD too */
	const char *path;   /* "/v1/traces/{}/flame": {} takes one segment, {*} the rest */
	void (*handle)(void *app, struct http_request *req);
	bool is_public;         /* needs no token anywhere */
	size_t max_body_bytes;  /* 0: takes no body */
	const char *const *query; /* parameters, NULL-terminated, each at most once; NULL: the handler looks at them itself */
};

struct http_options {
	const struct http_route *routes;
	void *app;                        /* for the handlers */
	const char *token;                /* NULL: none */
	const char *const *allowed_hosts; /* NULL-terminated */
	unsigned max_connections;         /* 0: HTTP_MAX_CONNECTIONS */
	size_t max_held_bytes;            /* 0: HTTP_MAX_HELD_BYTES */
	unsigned socket_mode;             /* of unix sockets */
};

int http_new(struct loop *loop, const struct http_options *o, struct http **ret);
/* "HOST:PORT", "[V6]:PORT", port 0 for any; "unix:/path". Fills url ("http://127.0.0.1:7230", "unix:/path"). A socket
 * file that nobody listens on is replaced. opened, when it is not NULL and open, is that address and is taken over. 0 or
 * -errno with a sentence in error; -EADDRINUSE when another listens. */
int http_listen(struct http *h, const char *address, struct listener *opened, char *url, size_t url_size, char *error, size_t error_size);
/* Closes and removes the listening sockets; connections that are open are told to close with their next answer. */
void http_stop_listening(struct http *h);
/* Ends streams, and calls fn once every answer is written, or at deadline_ns. */
void http_drain(struct http *h, uint64_t deadline_ns, loop_fn fn, void *arg);
void http_free(struct http *h);
/* To be called at the end of each turn of the loop; gives the time by which it wants to be called again. */
uint64_t http_turn(struct http *h);

/* What a request says. Strings live as long as the request. */
bool http_is_head(const struct http_request *req);
bool http_came_with_token(const struct http_request *req);
const char *http_path_part(const struct http_request *req); /* what {} or {*} of the route took */
const char *http_query(const struct http_request *req, const char *name); /* NULL: not there; the first if repeated */
size_t http_n_queries(const struct http_request *req);
void http_query_at(const struct http_request *req, size_t i, const char **ret_key, const char **ret_value);
const char *http_header(const struct http_request *req, const char *name); /* NULL: not there */
const char *http_body(const struct http_request *req, size_t *ret_len);    /* NULL and 0: none */

#define HTTP_MAX_HEADERS_OF_ANSWER 6

struct http_header {
	const char *name; /* static */
	char value[160];
};

/* An answer under construction; zero-initialized is 200 without a body. */
struct http_response {
	unsigned status;          /* 0: 200 */
	const char *content_type; /* static */
	struct strbuf body;       /* owned */
	const void *static_body;  /* instead of body: outlives the server */
	size_t static_len;
	size_t n_headers;
	struct http_header headers[HTTP_MAX_HEADERS_OF_ANSWER];
};

/* The value is cut at the first control character. */
void http_response_header(struct http_response *r, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Three texts of ours, one behind the other, that have no control characters: for answers in their thousands. */
void http_response_header_text(struct http_response *r, const char *name, const char *a, const char *b, const char *c);
/* Exactly one of these four, once for each request, in the handler or later; req is not to be used afterwards. Takes the
 * body over. */
void http_reply(struct http_request *req, struct http_response *r);
void http_reply_error(struct http_request *req, const struct diag *d);
/* Like http_reply with r's body and the rest behind it, for an answer that is given over and over: what it takes stays in
 * *ready, which is NULL at first, and the next such answer is much cheaper. For one *ready the status, the type, the rest
 * and which headers there are must always be the same. */
struct http_ready;
void http_reply_again(struct http_request *req, struct http_ready **ready, struct http_response *r, const void *rest, size_t len);
void http_ready_free(struct http_ready *y); /* takes NULL; also while it is being sent */
/* Calls gone once when the client goes away or the server stops, but not after http_stream_end. NULL when out of memory
 * (then the request has been answered so). */
struct http_stream *http_reply_stream(struct http_request *req, const char *content_type, loop_fn gone, void *arg);
/* 0; -ENOBUFS when the client is too slow to take it all: nothing is written then. */
int http_stream_write(struct http_stream *s, const void *data, size_t len);
void http_stream_end(struct http_stream *s);
/* For a handler that answers later: fn is called when nobody waits any more; req is gone then and must not be answered. */
void http_on_gone(struct http_request *req, loop_fn fn, void *arg);

struct http_counters {
	uint64_t connections_now, connections, connections_refused, connections_late, requests_now, streams_now;
	uint64_t received_bytes; /* of bodies */
	uint64_t overloads;      /* requests refused for the memory that others hold */
};

struct http_route_counters {
	uint64_t answers[6];  /* by status / 100 */
	uint64_t duration_ns; /* from head to answer, of all */
};

void http_counters(const struct http *h, struct http_counters *ret);
/* Of the i-th row of the table; the row behind the last stands for requests that met no route. */
void http_route_counters(const struct http *h, size_t i, struct http_route_counters *ret);

#endif
