/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/batch: many compiles by one request, answered one line each in the order in which they end. So many are in
 * flight at a time that every worker is busy, and no more; a client that reads slowly holds up its own batch alone. Loop
 * thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/batch.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "server/front.h"

#define BATCHES_MAX     32
#define IN_FLIGHT_MAX   32            /* of one batch */
#define WAITING_MAX     (1u << 20)    /* bytes of lines that the client has not taken: no more are begun then */
#define PIECE_BYTES     (64u << 10)
#define RETRY_NS        (10 * NS_PER_MS)
/* Handing the library a line costs a tenth of a small compile, several together no more: so that soon after others it waits. */
#define TOGETHER_NS     (4 * NS_PER_MS)

struct batch;

struct variant {
	struct batch *batch;
	size_t idx;
	struct compile *compile;
	struct variant *prev, *next;
};

struct batch {
	struct front *front;
	struct batch_request *request;
	struct compile_caller caller;
	struct http_stream *stream;
	struct variant *in_flight;
	size_t n, n_begun, n_in_flight, n_done;
	struct strbuf lines;        /* not yet taken by the stream */
	size_t taken;
	uint64_t flushed_ns;        /* last time */
	struct loop_source *timer;  /* to go on: at the beginning, when the queue was full, when the client is slow, with lines */
};

static unsigned n_batches;

static void batch_free(struct batch *b)
{
	struct variant *v;

	while ((v = b->in_flight)) {
		b->in_flight = v->next;
		compile_cancel(v->compile, true);
		free(v);
	}
	loop_source_free(b->timer);
	batch_request_free(b->request);
	strbuf_done(&b->lines);
	free(b);
	n_batches--;
}

static void on_gone(void *arg)
{
	batch_free(arg);
}

/* ---- lines ---- */

static void begin_line(struct batch *b, size_t idx, struct strbuf *out)
{
	const char *id = batch_request_id(b->request, idx);

	b->n_done++;
	strbuf_puts(out, "{\"id\": ");
	strbuf_json_string(out, id, strlen(id));
	strbuf_printf(out, ", \"done\": %zu, \"total\": %zu, ", b->n_done, b->n);
}

static void put_result(struct batch *b, size_t idx, const struct compile_outcome *o)
{
	begin_line(b, idx, &b->lines);
	strbuf_puts(&b->lines, "\"result\": ");
	response_json(o, &b->lines);
	if (!b->lines.failed)
		b->lines.len--; /* its newline */
	strbuf_puts(&b->lines, "}\n");
}

static void put_error(struct batch *b, size_t idx, const struct diag *d)
{
	_cleanup_strbuf_ struct strbuf error = { 0 };

	api_error_json(d, &error);
	begin_line(b, idx, &b->lines);
	strbuf_puts(&b->lines, error.data ? error.data + 1 : "\"error\": null}\n"); /* the object is opened already */
}

static bool may_flush(const struct batch *b)
{
	return !b->n_in_flight || b->lines.len - b->taken >= PIECE_BYTES || clock_now_ns() >= b->flushed_ns + TOGETHER_NS;
}

/* As much as the client takes. */
static void flush(struct batch *b)
{
	b->flushed_ns = clock_now_ns();
	while (b->taken < b->lines.len) {
		size_t left = b->lines.len - b->taken, piece = left < PIECE_BYTES ? left : PIECE_BYTES;

		if (http_stream_write(b->stream, b->lines.data + b->taken, piece) < 0)
			break;
		b->taken += piece;
	}
	if (b->taken == b->lines.len) {
		strbuf_reset(&b->lines);
		b->taken = 0;
	}
}

/* ---- compiles ---- */

static void go_on(struct batch *b);

static void on_done(void *arg, const struct compile_outcome *o)
{
	struct variant *v = arg;
	struct batch *b = v->batch;

	put_result(b, v->idx, o);
	*(v->prev ? &v->prev->next : &b->in_flight) = v->next;
	if (v->next)
		v->next->prev = v->prev;
	free(v);
	b->n_in_flight--;
	go_on(b);
}

static int submit(struct batch *b, size_t idx, struct compile_request *request)
{
	struct variant *v = calloc(1, sizeof *v);
	int r;

	if (!v)
		return -ENOMEM;
	*v = (struct variant){ .batch = b, .idx = idx };
	r = compile_submit(b->front->service, request, &b->caller, on_done, v, &v->compile);
	if (r < 0) {
		free(v);
		return r;
	}
	v->next = b->in_flight;
	if (v->next)
		v->next->prev = v;
	b->in_flight = v;
	b->n_in_flight++;
	return 0;
}

/* False: not now. */
static bool begin_next(struct batch *b)
{
	_cleanup_(compile_request_done) struct compile_request request = { 0 };
	struct diag d = { 0 };
	int r;

	compile_request_init(&request);
	r = batch_request_decode(b->request, b->n_begun, &request, &d);
	if (r >= 0)
		r = submit(b, b->n_begun, &request);
	if (r == -EBUSY)
		return false;
	if (r < 0 && !d.code)
		diag_set(&d, r == -ENOMEM ? API_ERROR_OUT_OF_MEMORY : r == -ESHUTDOWN ? API_ERROR_SHUTTING_DOWN : API_ERROR_INTERNAL,
			"", "%s", r == -ESHUTDOWN ? "" : strerror(-r));
	if (r < 0)
		put_error(b, b->n_begun, &d);
	b->n_begun++;
	return true;
}

static void finish(struct batch *b)
{
	http_stream_end(b->stream);
	batch_free(b);
}

/* Begins what may begin, hands on what the client takes, and sees the end. */
static void go_on(struct batch *b)
{
	uint64_t again_ns = UINT64_MAX;
	bool is_late = false;

	while (b->n_begun < b->n && b->n_in_flight < IN_FLIGHT_MAX && b->lines.len - b->taken < WAITING_MAX && !is_late)
		is_late = !begin_next(b);
	if (b->lines.failed) { /* the client sees an answer that is cut */
		finish(b);
		return;
	}
	if (may_flush(b))
		flush(b);
	else
		again_ns = b->flushed_ns + TOGETHER_NS;
	if (b->n_done == b->n && b->taken == b->lines.len) {
		finish(b);
		return;
	}
	if (again_ns == UINT64_MAX && (is_late || b->taken < b->lines.len))
		again_ns = clock_now_ns() + RETRY_NS;
	loop_timer_set(b->timer, again_ns);
}

static void on_timer(void *arg)
{
	go_on(arg);
}

static struct batch *batch_new(struct front *front, struct batch_request *request, const struct compile_caller *caller)
{
	struct batch *b = calloc(1, sizeof *b);

	if (!b || loop_timer(front->loop, clock_now_ns(), on_timer, b, &b->timer) < 0) {
		free(b);
		batch_request_free(request);
		return NULL;
	}
	b->front = front;
	b->request = request;
	b->caller = *caller;
	b->n = batch_request_count(request);
	n_batches++;
	return b;
}

void route_batch(void *app, struct http_request *req)
{
	struct compile_caller caller = { http_came_with_token(req), route_cache_use(req) };
	struct batch_request *request;
	struct diag d = { 0 };
	struct batch *b;
	size_t len;
	const char *body = http_body(req, &len);
	int r;

	if (n_batches >= BATCHES_MAX) {
		reply_error(req, API_ERROR_TOO_BUSY, "", "%d batches are under way; try again a little later", BATCHES_MAX);
		return;
	}
	r = batch_request_from_json(body, len, &request, &d);
	if (r == -EINVAL) {
		http_reply_error(req, &d);
		return;
	}
	b = r < 0 ? NULL : batch_new(app, request, &caller);
	if (!b) {
		reply_error(req, API_ERROR_OUT_OF_MEMORY, "", "%s", "");
		return;
	}
	b->stream = http_reply_stream(req, "application/x-ndjson", on_gone, b);
	if (!b->stream)
		batch_free(b);
}
