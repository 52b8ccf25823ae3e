/* SPDX-License-Identifier: Apache-2.0 */
/* Posts one batch and counts the lines of its answer, which costs so little that the service has both processors:
 *
 *   http_batch --port=N --body=FILE [--variants=N]
 *
 * Each variant is the source with another comment behind it, another in each run too. What is told is one measurement: the
 * time from the request to the end of the answer, divided by the variants. The server must close the connection then. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "tests/bench/statistics.h"

struct options {
	int port;
	const char *body_file;
	size_t n_variants;
};

static int fail(const char *what)
{
	fprintf(stderr, "http_batch: %s: %s\n", what, strerror(errno));
	return -1;
}

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' }, { "body", required_argument, NULL, 'b' },
		{ "variants", required_argument, NULL, 'n' }, { NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct options){ .n_variants = 1000 };
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'p': o->port = atoi(optarg); break;
		case 'b': o->body_file = optarg; break;
		case 'n': o->n_variants = strtoul(optarg, NULL, 10); break;
		default: return -1;
		}
	}
	return o->port && o->body_file && o->n_variants ? 0 : -1;
}

static int read_file(const char *path, struct strbuf *ret)
{
	FILE *file = fopen(path, "rb");
	char piece[4096];
	size_t n;

	if (!file)
		return fail(path);
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		strbuf_append(ret, piece, n);
	fclose(file);
	return 0;
}

static int make_request(const struct options *o, struct strbuf *ret)
{
	_cleanup_strbuf_ struct strbuf source = {0}, body = {0};
	uint64_t run = clock_realtime_ns();
	size_t len;

	if (read_file(o->body_file, &source) < 0)
		return -1;
	len = source.len;
	strbuf_puts(&body, "{\"shared\": {\"language\": \"glsl\", \"stage\": \"fragment\"}, \"compiles\": [");
	for (size_t i = 0; i < o->n_variants; i++) {
		source.len = len;
		strbuf_printf(&source, "\n// %" PRIu64 " %zu", run, i);
		strbuf_puts(&body, i ? ", {\"source\": " : "{\"source\": ");
		strbuf_json_string(&body, source.data, source.len);
		strbuf_putc(&body, '}');
	}
	strbuf_puts(&body, "]}");
	strbuf_printf(ret, "POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n", o->port, body.len);
	strbuf_append(ret, body.data, body.len);
	if (!source.failed && !body.failed && !ret->failed)
		return 0;
	errno = ENOMEM;
	return fail("the request");
}

static int send_all(int fd, const struct strbuf *request)
{
	for (size_t sent = 0; sent < request->len;) {
		ssize_t n = send(fd, request->data + sent, request->len - sent, MSG_NOSIGNAL);

		if (n < 0)
			return fail("send");
		sent += (size_t)n;
	}
	return 0;
}

/* Lines end with "}\n"; those of the chunks that they come in do not. */
static size_t count_lines(const char *piece, size_t n, char *last)
{
	size_t lines = 0;

	for (const char *at = piece; (at = memchr(at, '\n', n - (size_t)(at - piece))); at++)
		lines += (at > piece ? at[-1] : *last) == '}';
	*last = piece[n - 1];
	return lines;
}

/* Until the server closes. Only an answer of status 200 is one. */
static int receive_all(int fd, size_t *ret_lines)
{
	static char piece[1 << 18];
	static const char good[] = "HTTP/1.1 200";
	char last = '\0';
	bool is_first = true;
	ssize_t n;

	while ((n = recv(fd, piece, sizeof(piece), 0)) > 0) {
		if (is_first && ((size_t)n < sizeof(good) || memcmp(piece, good, sizeof(good) - 1) != 0)) {
			fprintf(stderr, "http_batch: the server answered: %.*s\n", (int)n, piece);
			return -1;
		}
		is_first = false;
		*ret_lines += count_lines(piece, (size_t)n, &last);
	}
	return n < 0 ? fail("receive") : 0;
}

int main(int argc, char **argv)
{
	_cleanup_strbuf_ struct strbuf request = {0};
	struct options o;
	size_t n_lines = 0;

	if (read_options(argc, argv, &o) < 0) {
		fprintf(stderr, "usage: http_batch --port=N --body=FILE [--variants=N]\n");
		return 2;
	}
	if (make_request(&o, &request) < 0)
		return 1;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)o.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		fail("connect");
		return 1;
	}
	uint64_t begun = clock_now_ns();
	if (send_all(fd, &request) < 0 || receive_all(fd, &n_lines) < 0)
		return 1;
	uint64_t each_ns = (clock_now_ns() - begun) / o.n_variants;
	if (n_lines != o.n_variants) {
		fprintf(stderr, "http_batch: %zu answers to %zu variants\n", n_lines, o.n_variants);
		return 1;
	}
	printf("{\"n\":%zu,\"min_ns\":%" PRIu64 ",\"p50_ns\":%" PRIu64 ",\"p99_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64
	       ",\"per_second\":%.2f}\n", o.n_variants, each_ns, each_ns, each_ns, each_ns, 1e9 / (double)each_ns);
	return 0;
}
