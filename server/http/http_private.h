/* SPDX-License-Identifier: Apache-2.0 */
/* What http.c (the server and its connections), http_request.c (a request until its handler), http_reply.c (from the
 * handler on) and http_ready.c (answers given over and over) share: the four files that know libmicrohttpd. Loop thread
 * only.
 *
 *   connection:  READING ──► HANDLING ──► WRITING ──► READING …
 *                (60 s)      (a handler)  (300 s; a stream: no limit)
 */
#ifndef SPVSCOPE_HTTP_PRIVATE_H
#define SPVSCOPE_HTTP_PRIVATE_H

#include <microhttpd.h>

#include "server/http/http.h"
#include "server/http/http_listen.h"
#include "server/http/http_target.h"

#define HTTP_MAX_LISTENERS 16
#define HTTP_HEAD_BYTES    (32u << 10) /* of a request's line and headers, and the buffer of its body's pieces */

enum http_phase { HTTP_READING, HTTP_HANDLING, HTTP_WRITING, HTTP_STREAMING };

struct http_connection {
	struct http *http;
	int fd; /* the library's */
	const struct listener *listener;
	enum http_phase phase;
	uint64_t phase_start_ns;      /* by the coarse clock */
	struct http_request *request; /* the one under way */
	char *raw_target;             /* owned; of the last request: who keeps a connection mostly asks for the same again */
	struct http_target target;    /* the same, decoded; path NULL: not yet */
	struct http_connection *prev, *next;
};

struct http_request {
	struct http *http;
	struct http_connection *connection;
	struct MHD_Connection *mhd;
	struct http_request *next_spare;
	const struct http_route *route; /* NULL: none */
	char *path_part;                /* owned */
	uint64_t start_ns;
	bool begun, dispatched, suspended, answered, came_with_token, is_head;
	bool dead;                      /* nobody reads the answer */
	bool must_close;                /* where the next request would begin is not certain */
	struct diag refusal;            /* of the head; answered once the body has been read */
	char allow[64];                 /* beside method_not_allowed */
	struct strbuf body;
	uint64_t body_bytes;            /* as they came, kept or not */
	size_t announced_bytes;         /* of the body; 0: none, or not said */
	size_t held_bytes;              /* its share of http's */
	unsigned status;
	struct MHD_Response *answer;    /* to be queued */
	struct http_ready *ready;       /* whose response that is; NULL: the request's own */
	struct http_stream *stream;
	struct loop_source *watch;      /* of the socket while suspended: the library does not look then */
	loop_fn gone;
	void *gone_arg;
};

struct http_stream {
	struct http_request *req;
	struct strbuf waiting;
	size_t taken; /* of waiting */
	bool ended;
};

struct http_listening {
	struct http *http;
	struct loop_source *watch;
};

struct http {
	struct loop *loop;
	struct http_options options;
	struct MHD_Daemon *daemon;
	struct loop_source *daemon_watch, *tick;
	struct listener listeners[HTTP_MAX_LISTENERS];
	struct http_listening listening[HTTP_MAX_LISTENERS]; /* the same rows */
	size_t n_listeners;
	int spare_fd; /* given up for a moment when descriptors run out, to turn a caller away */
	struct http_connection *connections;
	struct http_connection *adding; /* the one that MHD_add_connection is at */
	bool must_run; /* the library has work that no descriptor tells of */
	size_t held_bytes; /* bodies and big answers of all requests */
	struct http_request *spare; /* ended, each with the memory of its body, for those to come */
	unsigned n_spare;
	bool closing;
	uint64_t drain_deadline_ns;
	loop_fn drained;
	void *drained_arg;
	size_t n_routes;
	struct http_route_counters *route_counters; /* n_routes + 1 */
	struct http_counters counters;
};

/* http.c */
void http_set_phase(struct http_connection *c, enum http_phase phase);

/* http_request.c: what the library calls, and the way between it and a request that waits. */
void *http_on_target(void *http, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_on_access(void *http, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *data, size_t *data_size, void **con_cls);
void http_on_completed(void *http, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode code);
void http_suspend(struct http_request *req);
void http_resume(struct http_request *req); /* nothing when it is not suspended */
void http_call_gone(struct http_request *req); /* tells the handler, once */
/* Room for len bytes until the request ends. False, with *d set: there would be too much in all. */
bool http_hold(struct http_request *req, size_t len, struct diag *d);

void http_requests_done(struct http *h);

/* http_reply.c: hands the answer to the library. */
enum MHD_Result http_queue(struct http_request *req);
/* The headers that every answer has, and r's. */
void http_add_headers(struct http_request *req, const struct http_response *r, struct MHD_Response *answer);
/* Takes the response over, but for one of req->ready. */
void http_answer(struct http_request *req, struct MHD_Response *response, unsigned status);

/* http_ready.c: the request ends. */
void http_ready_release(struct http_request *req);

#endif
