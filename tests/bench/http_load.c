/* SPDX-License-Identifier: Apache-2.0 */
/* A client that costs little: posts one source over and over on connections that are kept alive, each connection with
 * one request in flight, all from one thread.
 *
 *   http_load --port=N --target=/v1/compile?… --body=FILE [--header=LINE]… [--connections=N] [--seconds=S]
 *             [--requests=MAX] [--warm-up=N] [--pause=S] [--vary]
 *
 * --pause: nothing is asked for so many seconds before each request, but for the first. --vary ends each source with another comment, so that no two are the same, in this run or the one before. Any status but 200 ends it with status 1
 * and what the server said. Only answers with a Content-Length are understood, which is what the service sends. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/bench/statistics.h"

#define MAX_CONNECTIONS 64
#define HEAD_BYTES      16384
#define VARIED_BYTES    12 /* "\n// %08u" */

struct load {
	int port;
	const char *target, *body_file;
	char headers[2048];
	unsigned n_connections;
	size_t max_requests, warm_up;
	double seconds, pause;
	bool vary;

	char *request; /* head and body, as sent each time */
	size_t request_size;
	uint64_t *times;
	size_t n_done, n_started;
	uint64_t first; /* of the numbers that it varies by: not those of the run before */
	uint64_t begun, deadline;
};

struct connection {
	int fd;
	uint64_t sent_ns;
	char head[HEAD_BYTES];
	size_t head_size;    /* bytes read until the end of the head */
	size_t body_left;
	bool in_body;
};

static int fail(const char *what)
{
	fprintf(stderr, "http_load: %s: %s\n", what, strerror(errno));
	return -1;
}

static int read_options(int argc, char **argv, struct load *l)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' }, { "target", required_argument, NULL, 't' },
		{ "body", required_argument, NULL, 'b' }, { "header", required_argument, NULL, 'h' },
		{ "connections", required_argument, NULL, 'c' }, { "seconds", required_argument, NULL, 's' },
		{ "requests", required_argument, NULL, 'n' }, { "warm-up", required_argument, NULL, 'w' },
		{ "pause", required_argument, NULL, 'i' }, { "vary", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 },
	};
	int c;

	*l = (struct load){ .target = "/", .n_connections = 1, .max_requests = 1000000, .seconds = 2, .warm_up = 20 };
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'p': l->port = atoi(optarg); break;
		case 't': l->target = optarg; break;
		case 'b': l->body_file = optarg; break;
		case 'c': l->n_connections = (unsigned)atoi(optarg); break;
		case 's': l->seconds = atof(optarg); break;
		case 'n': l->max_requests = strtoul(optarg, NULL, 10); break;
		case 'w': l->warm_up = strtoul(optarg, NULL, 10); break;
		case 'i': l->pause = atof(optarg); break;
		case 'v': l->vary = true; break;
		case 'h': {
			size_t used = strlen(l->headers);

			snprintf(l->headers + used, sizeof(l->headers) - used, "%s\r\n", optarg);
			break;
		}
		default: return -1;
		}
	}
	return l->port && l->body_file && l->n_connections >= 1 && l->n_connections <= MAX_CONNECTIONS ? 0 : -1;
}

static int make_request(struct load *l)
{
	FILE *file = fopen(l->body_file, "rb");
	char *body = NULL, head[4096];
	size_t size;
	int n;

	if (!file)
		return fail(l->body_file);
	fseek(file, 0, SEEK_END);
	size = (size_t)ftell(file);
	rewind(file);
	body = malloc(size + VARIED_BYTES + 1);
	if (!body || fread(body, 1, size, file) != size)
		return fail(l->body_file);
	fclose(file);
	if (l->vary)
		size += (size_t)sprintf(body + size, "\n// %08u", 0u);

	n = snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\n%s\r\n",
		l->target, l->port, size, l->headers);
	if (n < 0 || (size_t)n >= sizeof(head))
		return fail("the headers are too long");
	l->request_size = (size_t)n + size;
	l->request = malloc(l->request_size + 1);
	if (!l->request)
		return fail("memory");
	memcpy(l->request, head, (size_t)n);
	memcpy(l->request + n, body, size);
	free(body);
	return 0;
}

static int open_connection(const struct load *l, struct connection *c)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return fail("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

static int send_request(struct load *l, struct connection *c)
{
	size_t sent = 0;

	if (l->vary) {
		char number[9];

		snprintf(number, sizeof(number), "%08u", (unsigned)((l->first + l->n_started) % 100000000u));
		memcpy(l->request + l->request_size - 8, number, 8);
	}
	l->n_started++;
	c->head_size = 0;
	c->in_body = false;
	c->sent_ns = clock_now_ns();
	while (sent < l->request_size) {
		ssize_t n = send(c->fd, l->request + sent, l->request_size - sent, MSG_NOSIGNAL);

		if (n < 0)
			return fail("send");
		sent += (size_t)n;
	}
	return 0;
}

/* The head is whole: how much body follows. */
static int read_head(struct connection *c, const char *end)
{
	const char *length = strcasestr(c->head, "\r\nContent-Length:");
	size_t extra = c->head_size - (size_t)(end - c->head);

	if (strncmp(c->head, "HTTP/1.1 200", 12) || !length || length > end) {
		fprintf(stderr, "http_load: the server answered: %.*s %s\n", (int)strcspn(c->head, "\r\n"), c->head, end);
		return -1;
	}
	c->body_left = strtoul(length + 17, NULL, 10);
	if (extra > c->body_left) {
		fprintf(stderr, "http_load: more came than was announced\n");
		return -1;
	}
	c->body_left -= extra;
	c->in_body = true;
	return 0;
}

/* 1: the answer is complete; 0: more to come; -1. */
static int receive(struct connection *c)
{
	static char sink[1 << 16];
	char *to = c->in_body ? sink : c->head + c->head_size;
	size_t room = c->in_body ? (c->body_left < sizeof(sink) ? c->body_left : sizeof(sink)) :
		HEAD_BYTES - 1 - c->head_size;
	ssize_t n = recv(c->fd, to, room, 0);

	if (n <= 0) {
		if (n == 0)
			errno = ECONNRESET;
		return fail("receive");
	}
	if (c->in_body) {
		c->body_left -= (size_t)n;
	} else {
		const char *end;

		c->head_size += (size_t)n;
		c->head[c->head_size] = '\0';
		end = strstr(c->head, "\r\n\r\n");
		if (end && read_head(c, end + 4) < 0)
			return -1;
		if (!end && c->head_size >= HEAD_BYTES - 1) {
			errno = EMSGSIZE;
			return fail("head");
		}
	}
	return c->in_body && c->body_left == 0;
}

static void note_time(struct load *l, const struct connection *c)
{
	uint64_t now = clock_now_ns();

	if (++l->n_done == l->warm_up) {
		l->begun = now;
		l->deadline = now + (uint64_t)(l->seconds * 1e9);
	} else if (l->n_done > l->warm_up) {
		l->times[l->n_done - l->warm_up - 1] = now - c->sent_ns;
	}
}

static bool is_over(const struct load *l)
{
	return l->n_done > l->warm_up && (l->n_done - l->warm_up >= l->max_requests || clock_now_ns() >= l->deadline);
}

static void rest(double seconds)
{
	const struct timespec time = { .tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };

	nanosleep(&time, NULL);
}

static int run(struct load *l, struct connection *connections)
{
	struct pollfd polls[MAX_CONNECTIONS];

	for (unsigned i = 0; i < l->n_connections; i++) {
		if (open_connection(l, &connections[i]) < 0 || send_request(l, &connections[i]) < 0)
			return -1;
		polls[i] = (struct pollfd){ .fd = connections[i].fd, .events = POLLIN };
	}
	while (!is_over(l)) {
		if (poll(polls, l->n_connections, 30000) <= 0)
			return fail("no answer within 30 s");
		for (unsigned i = 0; i < l->n_connections && !is_over(l); i++) {
			int r = polls[i].revents ? receive(&connections[i]) : 0;

			if (r < 0)
				return -1;
			if (r == 0)
				continue;
			note_time(l, &connections[i]);
			if (is_over(l))
				break;
			if (l->pause > 0)
				rest(l->pause);
			if (send_request(l, &connections[i]) < 0)
				return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct connection connections[MAX_CONNECTIONS];
	struct load l;

	if (read_options(argc, argv, &l) < 0) {
		fprintf(stderr, "usage: http_load --port=N --target=/path --body=FILE [--header=LINE]… [--connections=N]\n"
			"  [--seconds=S] [--requests=MAX] [--warm-up=N] [--pause=S] [--vary]\n");
		return 2;
	}
	l.warm_up = l.warm_up ? l.warm_up : 1;
	l.first = clock_realtime_ns() / NS_PER_US; /* a run makes less than one a microsecond */
	l.times = calloc(l.max_requests + 1, sizeof(*l.times));
	if (!l.times || make_request(&l) < 0 || run(&l, connections) < 0)
		return 1;
	statistics_print(l.times, l.n_done - l.warm_up, clock_now_ns() - l.begun);
	for (unsigned i = 0; i < l.n_connections; i++)
		fd_close(connections[i].fd);
	free(l.request);
	free(l.times);
	return 0;
}
