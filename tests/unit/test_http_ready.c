/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of server/http/http_ready.c: answers that are given over and over, to a client in the same loop. */
#include "tests/unit/cmocka_head.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "server/http/http.h"

struct play {
	struct loop *loop;
	struct http *http;
	struct http_request *req;
	struct http_ready *ready;
	struct loop_source *later, *client;
	int fd;
	bool forgets; /* the answer is freed as soon as it is given */
	char got[4096];
	size_t n_got;
};

static void reply(void *arg)
{
	struct play *p = arg;
	struct http_response r = {.content_type = "text/plain"};

	strbuf_puts(&r.body, "first ");
	http_reply_again(TAKE_PTR(p->req), &p->ready, &r, "rest\n", 5);
	if (p->forgets)
		http_ready_free(TAKE_PTR(p->ready));
}

static void answer_later(void *app, struct http_request *req)
{
	struct play *p = app;

	p->req = req;
	loop_timer_set(p->later, 0);
}

static void on_answer(void *arg, uint32_t events)
{
	struct play *p = arg;
	ssize_t n = recv(p->fd, p->got + p->n_got, sizeof(p->got) - 1 - p->n_got, 0);

	(void)events;
	if (n > 0)
		p->n_got += (size_t)n;
	p->got[p->n_got] = '\0';
	if (n <= 0 || strstr(p->got, "rest\n"))
		loop_quit(p->loop);
}

static uint64_t turn(void *arg)
{
	return http_turn(arg);
}

static void ask(struct play *p)
{
	static const char request[] = "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

	p->n_got = 0;
	assert_int_equal(send(p->fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
	loop_run(p->loop);
	assert_non_null(strstr(p->got, "HTTP/1.1 200"));
	assert_non_null(strstr(p->got, "first rest\n"));
}

/* A handler may answer later, and whoever keeps the answer may let go of it before the library has got it. */
static void an_answer_that_is_let_go_of_at_once_is_sent(void **state)
{
	struct play p = {0};
	const struct http_route routes[] = {{.method = "GET", .path = "/x", .handle = answer_later, .is_public = true}, {0}};
	const struct http_options o = {.routes = routes, .app = &p};
	char url[128], error[256] = "";

	(void)state;
	assert_int_equal(loop_new(&p.loop), 0);
	assert_int_equal(http_new(p.loop, &o, &p.http), 0);
	loop_set_before_sleep(p.loop, turn, p.http);
	if (http_listen(p.http, "127.0.0.1:0", NULL, url, sizeof(url), error, sizeof(error)) < 0)
		fail_msg("%s", error);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	p.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(p.fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(loop_timer(p.loop, UINT64_MAX, reply, &p, &p.later), 0);
	assert_int_equal(loop_watch(p.loop, p.fd, EPOLLIN, on_answer, &p, &p.client), 0);
	ask(&p);
	ask(&p); /* from what the first has left */
	assert_non_null(p.ready);
	p.forgets = true;
	ask(&p);
	ask(&p); /* made anew */
	assert_null(p.ready);
	loop_source_free(p.client);
	loop_source_free(p.later);
	fd_close(p.fd);
	http_free(p.http);
	loop_free(p.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_that_is_let_go_of_at_once_is_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
