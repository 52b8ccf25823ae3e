/* SPDX-License-Identifier: Apache-2.0 */
/* The server and its connections. The library runs inside the front's loop by its epoll descriptor; requests that
 * wait for an answer are suspended and hold no thread. It is lenient, so the framing and every header are checked before
 * a handler sees them, and it measures idleness only, so deadlines are kept here too. Loop thread only. */
#include "server/http/http_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define LOG              "server::http"
#define TICK_NS          NS_PER_S
#define RUNS_PER_TURN    4
#define ACCEPTS_PER_TURN 64

/* ---- connections ---- */

void http_set_phase(struct http_connection *c, enum http_phase phase)
{
	c->phase = phase;
	c->phase_start_ns = clock_coarse_ns();
}

/* The client left before its request was whole. The library watches edges: when the end comes together with the last
 * bytes, it reads those and waits for another edge, which never comes. */
static bool has_left(const struct http_connection *c)
{
	char byte;

	return c->phase == HTTP_READING && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void on_tick(void *arg)
{
	struct http *h = arg;
	uint64_t now = clock_now_ns();

	/* A connection that the library gives up by itself is closed in its next run only. */
	h->must_run = true;
	for (struct http_connection *c = h->connections; c; c = c->next) {
		uint64_t limit_s = c->phase == HTTP_READING ? HTTP_READ_DEADLINE_S
				   : c->phase == HTTP_WRITING ? HTTP_WRITE_DEADLINE_S : UINT64_MAX / NS_PER_S;

		if (now - c->phase_start_ns >= TICK_NS && has_left(c)) {
			shutdown(c->fd, SHUT_RDWR);
			continue;
		}
		if (now - c->phase_start_ns < limit_s * NS_PER_S)
			continue;
		shutdown(c->fd, SHUT_RDWR); /* the library sees that and closes */
		h->counters.connections_late++;
		http_set_phase(c, HTTP_HANDLING);
	}
	loop_timer_set(h->tick, h->connections ? now + TICK_NS : UINT64_MAX);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct http *h = cls;
	struct http_connection *c;

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
	http_target_done(&c->target);
	free(c->raw_target);
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
	struct http_connection *c = calloc(1, sizeof *c);
	if (!c) {
		turn_away(h, fd);
		return;
	}
	*c = (struct http_connection){ .http = h, .fd = fd, .listener = l };
	http_set_phase(c, HTTP_READING);
	h->adding = c;
	/* The descriptor is the library's from here on, also when it refuses. */
	if (MHD_add_connection(h->daemon, fd, sa, len) != MHD_YES)
		h->counters.connections_refused++;
	free(TAKE_PTR(h->adding)); /* when it was refused before it was announced */
}

static void on_accept(void *arg, uint32_t events)
{
	struct http_listening *row = arg;
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
		http_on_access, h, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, MHD_OPTION_URI_LOG_CALLBACK, http_on_target, h,
		MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_BYTES, MHD_OPTION_CONNECTION_MEMORY_INCREMENT,
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

int http_listen(struct http *h, const char *address, struct listener *opened, char *url, size_t url_size, char *error,
	size_t error_size)
{
	if (h->n_listeners == HTTP_MAX_LISTENERS) {
		snprintf(error, error_size, "at most %d addresses can be listened on", HTTP_MAX_LISTENERS);
		return -E2BIG;
	}
	struct listener *l = &h->listeners[h->n_listeners];
	struct http_listening *row = &h->listening[h->n_listeners];
	int r = 0;
	if (opened && opened->fd >= 0) {
		*l = *opened;
		opened->fd = -1;
	} else {
		r = listener_open(address, h->options.socket_mode, l, error, error_size);
	}
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
	http_resume(req);
	http_call_gone(req);
}

void http_drain(struct http *h, uint64_t deadline_ns, loop_fn fn, void *arg)
{
	http_stop_listening(h);
	for (struct http_connection *c = h->connections; c; c = c->next)
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
	for (struct http_connection *c = h->connections; c; c = c->next) {
		if (!c->request)
			continue;
		c->request->dead = true;
		http_resume(c->request);
		http_call_gone(c->request);
	}
	loop_source_free(h->daemon_watch);
	if (h->daemon) {
		MHD_run(h->daemon);
		MHD_stop_daemon(h->daemon);
	}
	loop_source_free(h->tick);
	http_requests_done(h);
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
