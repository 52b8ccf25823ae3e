/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/events: compiles as they start and end, as server-sent events. A listener that reads too slowly loses events,
 * is told how many, and holds nobody up. Loop thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "server/front.h"

#define HEARTBEAT_NS  (15 * NS_PER_S)
#define MAX_LISTENERS 256

struct subscriber {
	struct events *events;
	struct http_stream *stream;
	uint64_t dropped; /* since the last event that it got */
	struct subscriber *prev, *next;
};

struct events {
	struct front *front;
	struct subscriber *subscribers;
	size_t n;
	struct loop_source *heartbeat;
};

static void send_to(struct subscriber *s, const char *text, size_t len)
{
	char notice[64];

	if (s->dropped) {
		int n = snprintf(notice, sizeof notice, "event: dropped\ndata: {\"events\": %" PRIu64 "}\n\n", s->dropped);

		if (http_stream_write(s->stream, notice, (size_t)n) < 0) {
			s->dropped++;
			return;
		}
		s->dropped = 0;
	}
	if (http_stream_write(s->stream, text, len) < 0)
		s->dropped++;
}

static void broadcast(struct events *e, const char *text, size_t len)
{
	for (struct subscriber *s = e->subscribers; s; s = s->next)
		send_to(s, text, len);
}

static void on_heartbeat(void *arg)
{
	struct events *e = arg;

	/* One that lost events is told of it here at the latest. */
	broadcast(e, ":\n\n", 3);
	loop_timer_set(e->heartbeat, e->n ? clock_now_ns() + HEARTBEAT_NS : UINT64_MAX);
}

static void put_string(struct strbuf *out, const char *key, const char *value)
{
	strbuf_printf(out, ", \"%s\": ", key);
	if (value)
		strbuf_json_string(out, value, strlen(value));
	else
		strbuf_puts(out, "null");
}

static void on_compile(void *arg, bool ended, const struct compile_outcome *o)
{
	static const char *const kinds[] = { "off", "release", "debug" };
	struct events *e = arg;
	_cleanup_strbuf_ struct strbuf text = { 0 };
	const struct spvscope_job *job = &o->request->job;
	enum spvscope_stage stage = ended && o->result.stage ? o->result.stage : job->stage;

	if (!e->n)
		return;
	strbuf_printf(&text, "event: %s\ndata: {\"id\": \"%s\"", ended ? "end" : "start", o->id);
	put_string(&text, "trace_id", o->trace_id[0] ? o->trace_id : NULL);
	put_string(&text, "status", ended ? spvscope_status_name(o->result.status) : "running");
	put_string(&text, "name", job->source.name);
	put_string(&text, "language", spvscope_language_name(job->language));
	put_string(&text, "stage", stage ? spvscope_stage_name(stage) : NULL);
	put_string(&text, "analyzer", kinds[(unsigned)o->request->analyzer.kind % ARRAY_SIZE(kinds)]);
	strbuf_printf(&text, ", \"started_unix_ns\": %" PRIu64, o->started_unix_ns);
	if (ended)
		strbuf_printf(&text,
			", \"kept\": %s, \"duration_ns\": %" PRIu64 ", \"spans\": %" PRIu64 ", \"samples\": %" PRIu64,
			o->kept ? "true" : "false", o->duration_ns, o->n_spans, o->analyzer.counters.samples);
	strbuf_puts(&text, "}\n\n");
	if (!text.failed)
		broadcast(e, text.data, text.len);
}

static void on_gone(void *arg)
{
	struct subscriber *s = arg;

	if (s->prev)
		s->prev->next = s->next;
	else
		s->events->subscribers = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->events->n--;
	free(s);
}

void route_events(void *app, struct http_request *req)
{
	struct front *front = app;
	struct events *e = front->events;
	struct subscriber *s = e->n < MAX_LISTENERS && !front->closing ? calloc(1, sizeof *s) : NULL;

	if (!s) {
		reply_error(req, front->closing ? API_ERROR_SHUTTING_DOWN : API_ERROR_TOO_BUSY, "",
			front->closing ? "%s" : "%s listen already", front->closing ? "" : "too many");
		return;
	}
	s->events = e;
	s->stream = http_reply_stream(req, "text/event-stream", on_gone, s);
	if (!s->stream) {
		free(s);
		return;
	}
	s->next = e->subscribers;
	if (s->next)
		s->next->prev = s;
	e->subscribers = s;
	if (e->n++ == 0)
		loop_timer_set(e->heartbeat, clock_now_ns() + HEARTBEAT_NS);
	/* The head goes out with the first bytes: a client knows at once that it listens. */
	send_to(s, "retry: 1000\n:\n\n", 15);
}

int events_new(struct front *front, struct events **ret)
{
	struct events *e = calloc(1, sizeof *e);

	if (!e)
		return -ENOMEM;
	e->front = front;
	int r = loop_timer(front->loop, UINT64_MAX, on_heartbeat, e, &e->heartbeat);
	if (r < 0) {
		free(e);
		return r;
	}
	compile_service_observe(front->service, on_compile, e);
	*ret = e;
	return 0;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	loop_source_free(e->heartbeat);
	free(e);
}
