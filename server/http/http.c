/* SPDX-License-Identifier: Apache-2.0 */
/* The one file that knows libmicrohttpd. It runs inside the front's loop by its epoll descriptor; requests that wait for
 * an answer are suspended and hold no thread. The library is lenient, so the framing and every header are checked here
 * before a handler sees them, and it measures idleness only, so deadlines are kept here too. Loop thread only.
 *
 *   connection:  READING ──► HANDLING ──► WRITING ──► READING …
 *                (60 s)      (a handler)  (300 s; a stream: no limit)
 */
#include "server/http/http.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/http/http_check.h"
#include "server/http/http_listen.h"
#include "server/http/http_target.h"

#define LOG            "server::http"
#define MAX_LISTENERS  16
#define HEAD_BYTES     (64u << 10) /* of a request's line and headers, and the buffer of its body's pieces */
#define DISCARD_FACTOR 4           /* a body of up to so many limits is read to its end, so that its error can be read */
#define TICK_NS        NS_PER_S
#define RUNS_PER_TURN  4
#define ACCEPTS_PER_TURN 64

enum phase { READING, HANDLING, WRITING, STREAMING };

struct connection {
	struct http *http;
	int fd; /* the library's */
	const struct listener *listener;
	enum phase phase;
	uint64_t phase_start_ns;
	struct http_request *request; /* the one under way */
	struct connection *prev, *next;
};

struct http_request {
	struct http *http;
	struct connection *connection;
	struct MHD_Connection *mhd;
	char *raw_target; /* owned */
	struct http_target target;
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
	unsigned status;
	struct MHD_Response *answer;    /* to be queued */
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

struct listening {
	struct http *http;
	struct loop_source *watch;
};

struct http {
	struct loop *loop;
	struct http_options options;
	struct MHD_Daemon *daemon;
	struct loop_source *daemon_watch, *tick;
	struct listener listeners[MAX_LISTENERS];
	struct listening listening[MAX_LISTENERS]; /* the same rows */
	size_t n_listeners;
	int spare_fd; /* given up for a moment when descriptors run out, to turn a caller away */
	struct connection *connections;
	struct connection *adding; /* the one that MHD_add_connection is at */
	bool must_run; /* the library has work that no descriptor tells of */
	bool closing;
	uint64_t drain_deadline_ns;
	loop_fn drained;
	void *drained_arg;
	size_t n_routes;
	struct http_route_counters *route_counters; /* n_routes + 1 */
	struct http_counters counters;
};

/* ---- connections ---- */

static void set_phase(struct connection *c, enum phase phase)
{
	c->phase = phase;
	c->phase_start_ns = clock_now_ns();
}

static void on_tick(void *arg)
{
	struct http *h = arg;
	uint64_t now = clock_now_ns();

	for (struct connection *c = h->connections; c; c = c->next) {
		uint64_t limit_s = c->phase == READING ? HTTP_READ_DEADLINE_S
				   : c->phase == WRITING ? HTTP_WRITE_DEADLINE_S : UINT64_MAX / NS_PER_S;

		if (now - c->phase_start_ns < limit_s * NS_PER_S)
			continue;
		shutdown(c->fd, SHUT_RDWR); /* the library sees that and closes */
		h->counters.connections_late++;
		set_phase(c, HANDLING);
	}
	loop_timer_set(h->tick, h->connections ? now + TICK_NS : UINT64_MAX);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct http *h = cls;
	struct connection *c;

	(void)mhd;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = c = TAKE_PTR(h->adding);
		if (!h->connections)
			loop_timer_set(h->tick, clock_now_ns() + TICK_NS);
		else
			h->connections->prev = c;
		c->next = h->connections;
		h->connections = c;
		h->counters.connections_now++;
		return;
	}
	c = *socket_context;
	if (c->prev)
		c->prev->next = c->next;
	else
		h->connections = c->next;
	if (c->next)
		c->next->prev = c->prev;
	h->counters.connections_now--;
	free(c);
}

static void turn_away(struct http *h, int fd)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
				   "Content-Length: 0\r\n\r\n";

	(void)!send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
	h->counters.connections_refused++;
}

/* Descriptors have run out. Without this the caller would wait in the backlog and the loop would spin. */
static void accept_without_descriptors(struct http *h, int listening_fd)
{
	h->spare_fd = fd_close(h->spare_fd);
	int fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		turn_away(h, fd);
	h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void add_connection(struct http *h, const struct listener *l, int fd, struct sockaddr *sa, socklen_t len)
{
	h->counters.connections++;
	struct connection *c = calloc(1, sizeof *c);
	if (!c) {
		turn_away(h, fd);
		return;
	}
	*c = (struct connection){ .http = h, .fd = fd, .listener = l };
	set_phase(c, READING);
	h->adding = c;
	/* The descriptor is the library's from here on, also when it refuses. */
	if (MHD_add_connection(h->daemon, fd, sa, len) != MHD_YES)
		h->counters.connections_refused++;
	free(TAKE_PTR(h->adding)); /* when it was refused before it was announced */
}

static void on_accept(void *arg, uint32_t events)
{
	struct listening *row = arg;
	struct http *h = row->http;
	const struct listener *l = &h->listeners[row - h->listening];
	unsigned max = h->options.max_connections ? h->options.max_connections : HTTP_MAX_CONNECTIONS;

	(void)events;
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage sa = { 0 };
		socklen_t len = sizeof sa;
		int fd = accept4(l->fd, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				accept_without_descriptors(h, l->fd);
			break;
		}
		if (h->counters.connections_now >= max)
			turn_away(h, fd);
		else
			add_connection(h, l, fd, (struct sockaddr *)&sa, len);
	}
}

/* ---- waiting requests ---- */

static void resume(struct http_request *req)
{
	if (!req->suspended)
		return;
	req->suspended = false;
	loop_source_free(TAKE_PTR(req->watch));
	MHD_resume_connection(req->mhd);
	/* Without threads of its own the library neither wakes its epoll descriptor for that nor tells a time-out of 0. */
	req->http->must_run = true;
}

/* Tells the handler, once. */
static void call_gone(struct http_request *req)
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
	resume(req);
	call_gone(req);
}

static void suspend(struct http_request *req)
{
	MHD_suspend_connection(req->mhd);
	req->suspended = true;
	/* Without a watch the client's leaving is seen with the next write only. */
	if (loop_watch(req->http->loop, req->connection->fd, EPOLLRDHUP, on_hangup, req, &req->watch) < 0)
		req->watch = NULL;
}

/* ---- one request ---- */

static void *on_target(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http *h = cls;
	struct connection *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	struct http_request *req = calloc(1, sizeof *req);

	if (!req)
		return NULL;
	*req = (struct http_request){ .http = h, .connection = c, .mhd = mhd, .start_ns = clock_now_ns() };
	req->raw_target = strndup(uri, HTTP_TARGET_MAX_BYTES + 1);
	c->request = req;
	set_phase(c, READING);
	h->counters.requests_now++;
	return req;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode code)
{
	struct http *h = cls;
	struct http_request *req = *con_cls;

	(void)mhd;
	(void)code;
	if (!req)
		return;
	*con_cls = NULL;
	loop_source_free(TAKE_PTR(req->watch));
	call_gone(req);
	if (req->stream) {
		strbuf_done(&req->stream->waiting);
		free(req->stream);
		h->counters.streams_now--;
	}
	if (req->answer)
		MHD_destroy_response(req->answer);
	req->connection->request = NULL;
	set_phase(req->connection, READING);
	http_target_done(&req->target);
	strbuf_done(&req->body);
	free(req->raw_target);
	free(req->path_part);
	free(req);
	h->counters.requests_now--;
}

/* Finds the route; without one, says in d whether the path or the method is at fault. */
static void find_route(struct http_request *req, const char *method, struct diag *d)
{
	const char *wanted = req->is_head ? "GET" : method, *part;
	size_t len;

	for (const struct http_route *r = req->http->options.routes; r->method; r++) {
		if (!http_template_matches(r->path, req->target.path, &part, &len))
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
		diag_set(d, API_ERROR_METHOD_NOT_ALLOWED, "", "%.60s takes %s, not %.20s", req->target.path, req->allow, method);
	else
		diag_set(d, API_ERROR_NOT_FOUND, "", "there is no %.120s; /openapi.json lists the routes", req->target.path);
}

static void check_queries(const struct http_request *req, struct diag *d)
{
	for (size_t i = 0; req->route->query && i < req->target.n_queries; i++) {
		const char *key = req->target.queries[i].key;
		const char *const *known = req->route->query;

		while (*known && strcmp(*known, key) != 0)
			known++;
		if (!*known) {
			diag_set(d, API_ERROR_BAD_QUERY, key, "%s has no parameter '%.60s'", req->route->path, key);
			return;
		}
		for (size_t j = 0; j < i; j++)
			if (strcmp(req->target.queries[j].key, key) == 0) {
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
	struct http_head head = { 0 };
	struct diag *d = &req->refusal;
	const char *why;
	struct http_caller_rules rules = { h->options.token, h->options.allowed_hosts, h->listeners, h->n_listeners };

	MHD_get_connection_values_n(req->mhd, MHD_HEADER_KIND, see_header, &head);
	head.bytes += strlen(method) + 1 + strlen(req->raw_target ? req->raw_target : "") + 1 + strlen(version) + 2 + 2;
	head.sent_bytes = MHD_get_connection_info(req->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
	if (http_head_check_framing(&head, version, d) < 0) {
		req->must_close = true;
		return true;
	}
	int r = req->raw_target ? http_target_parse(req->raw_target, &req->target, &why) : -ENOMEM;
	if (r < 0) {
		diag_set(d, r == -ENOMEM ? API_ERROR_OUT_OF_MEMORY : API_ERROR_BAD_TARGET, "", "%s",
			r == -ENOMEM ? "" : why);
		return true;
	}
	req->is_head = strcmp(method, "HEAD") == 0;
	find_route(req, method, d);
	struct diag caller = { 0 };
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

/* false: more than would even be thrown away. */
static bool take_piece(struct http_request *req, const char *data, size_t len)
{
	size_t max = req->route ? req->route->max_body_bytes : 0;

	req->body_bytes += len;
	req->http->counters.received_bytes += len;
	if (!req->refusal.code && req->body_bytes > max) {
		diag_set(&req->refusal, API_ERROR_BODY_TOO_LARGE, "", "the body has more than %zu bytes", max);
		strbuf_done(&req->body);
	}
	if (!req->refusal.code)
		strbuf_append(&req->body, data, len);
	return req->body_bytes / DISCARD_FACTOR <= (max ? max : HEAD_BYTES);
}

static enum MHD_Result queue(struct http_request *req)
{
	if (!req->answer)
		return MHD_NO;
	enum MHD_Result r = MHD_queue_response(req->mhd, req->status, req->answer);

	MHD_destroy_response(TAKE_PTR(req->answer));
	set_phase(req->connection, req->stream ? STREAMING : WRITING);
	return r;
}

static void dispatch(struct http_request *req)
{
	req->dispatched = true;
	set_phase(req->connection, HANDLING);
	if (!req->refusal.code && req->body.failed)
		diag_set(&req->refusal, API_ERROR_OUT_OF_MEMORY, "", "%s", "");
	if (req->refusal.code)
		http_reply_error(req, &req->refusal);
	else
		req->route->handle(req->http->options.app, req);
}

/* Called with the head, with each piece of the body, at its end, and again when it is resumed. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
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
		return queue(req);
	}
	if (*data_size) {
		bool more = take_piece(req, data, *data_size);

		*data_size = 0;
		return more ? MHD_YES : MHD_NO;
	}
	if (!req->dispatched)
		dispatch(req);
	if (req->answered)
		return queue(req);
	suspend(req);
	return MHD_YES;
}

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
	for (size_t i = 0; i < req->target.n_queries; i++)
		if (strcmp(req->target.queries[i].key, name) == 0)
			return req->target.queries[i].value;
	return NULL;
}

size_t http_n_queries(const struct http_request *req)
{
	return req->target.n_queries;
}

void http_query_at(const struct http_request *req, size_t i, const char **ret_key, const char **ret_value)
{
	*ret_key = req->target.queries[i].key;
	*ret_value = req->target.queries[i].value;
}

const char *http_header(const struct http_request *req, const char *name)
{
	return MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name);
}

const char *http_body(const struct http_request *req, size_t *ret_len)
{
	*ret_len = req->body.len;
	return req->body.data;
}

/* ---- answers ---- */

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

static void add_headers(struct http_request *req, const struct http_response *r, struct MHD_Response *answer)
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

static void answer(struct http_request *req, struct MHD_Response *response, unsigned status)
{
	assert(!req->answered);
	req->answered = true;
	req->gone = req->stream ? req->gone : NULL;
	req->answer = response;
	req->status = status;
	count_answer(req);
	resume(req);
}

void http_reply(struct http_request *req, struct http_response *r)
{
	struct MHD_Response *response;
	size_t len = r->static_body ? r->static_len : r->body.len;

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
		resume(req);
		return;
	}
	add_headers(req, r, response);
	answer(req, response, r->status ? r->status : 200);
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
		suspend(s->req);
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
	add_headers(req, &r, response);
	answer(req, response, 200);
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
	resume(s->req);
	return s->waiting.failed ? -ENOBUFS : 0;
}

void http_stream_end(struct http_stream *s)
{
	s->ended = true;
	s->req->gone = NULL;
	resume(s->req);
}

/* ---- the server ---- */

static void on_daemon(void *arg, uint32_t events)
{
	(void)events;
	MHD_run(((struct http *)arg)->daemon);
}

uint64_t http_turn(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
	enum MHD_Result has_timeout = MHD_NO;

	/* What was resumed in this turn is written before the loop sleeps. */
	for (unsigned i = 0; i < RUNS_PER_TURN; i++) {
		has_timeout = MHD_get_timeout(h->daemon, &timeout_ms);
		if (!h->must_run && (has_timeout != MHD_YES || timeout_ms > 0))
			break;
		h->must_run = false;
		MHD_run(h->daemon);
	}
	if (h->drained && (h->counters.requests_now == 0 || clock_now_ns() >= h->drain_deadline_ns))
		TAKE_PTR(h->drained)(h->drained_arg);
	if (h->must_run)
		return clock_now_ns();
	if (has_timeout == MHD_YES)
		return clock_now_ns() + timeout_ms * NS_PER_MS;
	return h->drained ? h->drain_deadline_ns : UINT64_MAX;
}

static void log_library(void *cls, const char *fmt, va_list ap)
{
	char line[256];

	(void)cls;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(line, sizeof line, fmt, ap);
#pragma GCC diagnostic pop
	line[strcspn(line, "\r\n")] = '\0';
	log_debug(LOG, "libmicrohttpd: %s", line);
}

int http_new(struct loop *loop, const struct http_options *o, struct http **ret)
{
	struct http *h = calloc(1, sizeof *h);
	int r = -ENOMEM;

	if (!h)
		return -ENOMEM;
	h->loop = loop;
	h->options = *o;
	h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (o->routes[h->n_routes].method)
		h->n_routes++;
	h->route_counters = calloc(h->n_routes + 1, sizeof *h->route_counters);
	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_access, h, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target, h,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES, MHD_OPTION_CONNECTION_MEMORY_INCREMENT,
		(size_t)16384, MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_CONNECTION_LIMIT, 100000u,
		/* Its strict mode checks no more than is checked here, and answers in HTML. */
		MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_END);
	if (!h->route_counters || !h->daemon)
		goto failed;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	r = info ? loop_watch(loop, info->epoll_fd, EPOLLIN, on_daemon, h, &h->daemon_watch) : -ENOTSUP;
	if (r >= 0)
		r = loop_timer(loop, UINT64_MAX, on_tick, h, &h->tick);
	if (r < 0)
		goto failed;
	*ret = h;
	return 0;
failed:
	http_free(h);
	return r;
}

int http_listen(struct http *h, const char *address, char *url, size_t url_size, char *error, size_t error_size)
{
	if (h->n_listeners == MAX_LISTENERS) {
		snprintf(error, error_size, "at most %d addresses can be listened on", MAX_LISTENERS);
		return -E2BIG;
	}
	struct listener *l = &h->listeners[h->n_listeners];
	struct listening *row = &h->listening[h->n_listeners];
	int r = listener_open(address, h->options.socket_mode, l, error, error_size);
	if (r < 0)
		return r;
	row->http = h;
	r = loop_watch(h->loop, l->fd, EPOLLIN, on_accept, row, &row->watch);
	if (r < 0) {
		snprintf(error, error_size, "cannot watch %s: %s", address, strerror(-r));
		listener_close(l);
		return r;
	}
	h->n_listeners++;
	snprintf(url, url_size, "%s", l->url);
	return 0;
}

void http_stop_listening(struct http *h)
{
	h->closing = true;
	for (size_t i = 0; i < h->n_listeners; i++) {
		if (h->listening[i].watch) /* who has connected already is served, not reset */
			on_accept(&h->listening[i], EPOLLIN);
		loop_source_free(TAKE_PTR(h->listening[i].watch));
		listener_close(&h->listeners[i]);
	}
}

static void end_stream(struct http_request *req)
{
	req->stream->ended = true;
	resume(req);
	call_gone(req);
}

void http_drain(struct http *h, uint64_t deadline_ns, loop_fn fn, void *arg)
{
	http_stop_listening(h);
	for (struct connection *c = h->connections; c; c = c->next)
		if (c->request && c->request->stream)
			end_stream(c->request);
	h->drain_deadline_ns = deadline_ns;
	h->drained = fn;
	h->drained_arg = arg;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	http_stop_listening(h);
	/* The library must not be stopped while a connection is suspended. */
	for (struct connection *c = h->connections; c; c = c->next) {
		if (!c->request)
			continue;
		c->request->dead = true;
		resume(c->request);
		call_gone(c->request);
	}
	loop_source_free(h->daemon_watch);
	if (h->daemon) {
		MHD_run(h->daemon);
		MHD_stop_daemon(h->daemon);
	}
	loop_source_free(h->tick);
	fd_close(h->spare_fd);
	free(h->route_counters);
	free(h);
}

void http_counters(const struct http *h, struct http_counters *ret)
{
	*ret = h->counters;
}

void http_route_counters(const struct http *h, size_t i, struct http_route_counters *ret)
{
	*ret = h->route_counters[i];
}
