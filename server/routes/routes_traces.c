/* SPDX-License-Identifier: Apache-2.0 */
/* Traces: the list, one with its span tree, and exports. Loop thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/base64.h"
#include "api/formats/formats.h"
#include "base/cleanup.h"
#include "server/front.h"

static void put_string(struct strbuf *out, const char *key, const char *value)
{
	strbuf_printf(out, ", \"%s\": ", key);
	if (value)
		strbuf_json_string(out, value, strlen(value));
	else
		strbuf_puts(out, "null");
}

static void put_number(struct strbuf *out, const char *key, uint64_t value)
{
	strbuf_printf(out, ", \"%s\": %" PRIu64, key, value);
}

/* ---- the list ---- */

struct listing {
	struct front *front;
	struct http_request *req; /* NULL: the client went away while it settled */
	struct records_query query;
	uint64_t ticket; /* 0: it still settles */
};

static void put_summary(struct strbuf *out, const struct record_summary *s)
{
	strbuf_printf(out, "{\"id\": \"%s\", \"compilation_id\": \"%s\"", s->trace_id, s->id);
	put_string(out, "name", s->name);
	put_string(out, "language", s->language);
	put_string(out, "stage", s->stage);
	put_string(out, "status", s->status);
	put_string(out, "analyzer", s->analyzer);
	put_number(out, "started_unix_ns", s->started_unix_ns);
	put_number(out, "duration_ns", s->duration_ns);
	put_number(out, "spans", s->n_spans);
	put_number(out, "samples", s->n_samples);
	strbuf_printf(out, ", \"kept\": %s}", s->kept ? "true" : "false");
}

static void on_list(void *arg, const struct record_summary *rows, size_t n_rows, bool more)
{
	struct listing l = *(struct listing *)arg;
	struct http_response r = { .content_type = "application/json" };

	free(arg);
	strbuf_puts(&r.body, "{\"traces\": [");
	for (size_t i = 0; i < n_rows; i++) {
		if (i)
			strbuf_puts(&r.body, ",\n");
		put_summary(&r.body, &rows[i]);
	}
	if (more && n_rows)
		strbuf_printf(&r.body, "], \"next_before\": %" PRIu64 "}\n", rows[n_rows - 1].started_unix_ns);
	else
		strbuf_puts(&r.body, "], \"next_before\": null}\n");
	http_reply(l.req, &r);
}

static void on_list_gone(void *arg)
{
	struct listing *l = arg;

	if (l->ticket == 0) {
		l->req = NULL;
		return;
	}
	records_cancel(l->front->records, l->ticket);
	free(l);
}

/* Whoever compiled and then lists finds what was compiled. */
static void on_settled(void *arg)
{
	struct listing *l = arg;

	if (l->req)
		l->ticket = records_list(l->front->records, &l->query, on_list, l);
	if (l->ticket)
		return;
	if (l->req)
		reply_error(l->req, API_ERROR_OUT_OF_MEMORY, "", "%s", "");
	free(l);
}

static int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	char *end;

	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || v < min || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* Words are checked, so that a wrong one does not look like an empty list. */
static int read_query(struct http_request *req, struct records_query *q, struct diag *d)
{
	const char *limit = http_query(req, "limit"), *before = http_query(req, "before");
	const char *status = http_query(req, "status"), *language = http_query(req, "language");
	enum spvscope_language l;
	uint64_t n = 100;

	if (limit && parse_number(limit, 1, 1000, &n) < 0)
		return diag_set(d, API_ERROR_BAD_QUERY, "limit", "must be between 1 and 1000, not '%.40s'", limit);
	q->limit = (unsigned)n;
	if (before && parse_number(before, 0, UINT64_MAX, &q->before_unix_ns) < 0)
		return diag_set(d, API_ERROR_BAD_QUERY, "before", "must be nanoseconds since 1970, not '%.40s'", before);
	if (language && spvscope_language_parse(language, &l) < 0)
		return diag_set(d, API_ERROR_BAD_QUERY, "language", "'%.40s' is not one of: %s", language,
			spvscope_language_words());
	q->language = language ? spvscope_language_name(l) : NULL;
	for (unsigned s = 0; status; s++) {
		if (s == SPVSCOPE_N_STATUSES)
			return diag_set(d, API_ERROR_BAD_QUERY, "status",
				"'%.40s' is not one of: ok, failed, crashed, timed_out, out_of_memory, cancelled", status);
		if (strcmp(status, spvscope_status_name((enum spvscope_status)s)) == 0)
			break;
	}
	q->status = status;
	return 0;
}

void route_traces(void *app, struct http_request *req)
{
	struct front *front = app;
	struct records_query q = { 0 };
	struct diag d = { 0 };

	if (read_query(req, &q, &d) < 0) {
		http_reply_error(req, &d);
		return;
	}
	struct listing *l = calloc(1, sizeof *l);
	if (l)
		*l = (struct listing){ front, req, q, 0 };
	if (!l || compile_service_settle(front->service, on_settled, l) < 0) {
		free(l);
		reply_error(req, API_ERROR_OUT_OF_MEMORY, "", "%s", "");
		return;
	}
	http_on_gone(req, on_list_gone, l);
}

/* ---- one trace ---- */

static bool is_text(const char *source, size_t size)
{
	return source && !memchr(source, 0, size);
}

static void put_source(struct strbuf *out, const struct record *r)
{
	strbuf_puts(out, ", \"source\": ");
	if (is_text(r->source, r->source_size))
		strbuf_json_string(out, r->source, r->source_size);
	else
		strbuf_puts(out, "null");
}

/* What would make the trace anew. The source stands beside it; one that JSON text would not give back unchanged comes
 * along as base64. The stored object is never empty: it begins with the language. */
static void put_request(struct strbuf *out, const struct record *r)
{
	strbuf_puts(out, ", \"request\": ");
	if (!r->request) {
		strbuf_puts(out, "null");
	} else if (!r->source || strbuf_is_json_text(r->source, r->source_size)) {
		strbuf_puts(out, r->request);
	} else {
		strbuf_puts(out, "{\"source_base64\": \"");
		base64_encode(r->source, r->source_size, out);
		strbuf_puts(out, "\", ");
		strbuf_puts(out, r->request + 1);
	}
}

static void found_trace(struct front *front, struct http_request *req, struct record *record)
{
	struct http_response r = { .content_type = "application/json" };
	struct strbuf *out = &r.body;

	(void)front;
	if (!record->tree) {
		reply_error(req, API_ERROR_PART_NOT_FOUND, "id", "this compile was not traced (trace.level was off)");
		return;
	}
	strbuf_printf(out, "{\"id\": \"%s\", \"compilation_id\": \"%s\"", record->trace_id, record->id);
	put_string(out, "name", record->name);
	put_string(out, "language", record->language);
	put_string(out, "stage", record->stage);
	put_string(out, "status", record->status);
	put_string(out, "analyzer", record->analyzer);
	put_number(out, "started_unix_ns", record->started_unix_ns);
	put_number(out, "duration_ns", record->duration_ns);
	strbuf_printf(out, ", \"kept\": %s", record->kept ? "true" : "false");
	put_number(out, "dropped", record->tree->dropped);
	put_string(out, "traceparent", record->traceparent);
	strbuf_puts(out, ", \"response\": ");
	strbuf_puts(out, record->response ? record->response : "null");
	put_request(out, record);
	put_source(out, record);
	strbuf_printf(out, ", \"has_spirv\": %s, \"has_disassembly\": %s, \"has_log\": %s",
		record->spirv_size ? "true" : "false", record->disassembly ? "true" : "false",
		record->log ? "true" : "false");
	put_number(out, "n_samples", record->n_samples);
	strbuf_puts(out, ", \"spans\": ");
	format_span_tree(record->tree, record->origin_ns, out);
	strbuf_puts(out, "}\n");
	http_reply(req, &r);
}

void route_trace(void *app, struct http_request *req)
{
	fetch_record(app, req, found_trace);
}

static void found_spans(struct front *front, struct http_request *req, struct record *record)
{
	const struct span_format *format = span_format_find(http_query(req, "format"));
	struct http_response r = { .content_type = format->content_type };
	struct trace_info info;

	(void)front;
	if (!record->tree) {
		reply_error(req, API_ERROR_PART_NOT_FOUND, "id", "this compile was not traced (trace.level was off)");
		return;
	}
	record_trace_info(record, &info);
	format->write(record->tree, &info, &r.body);
	http_reply(req, &r);
}

void route_trace_spans(void *app, struct http_request *req)
{
	const char *format = http_query(req, "format");

	if (!format || !span_format_find(format)) {
		struct strbuf words = { 0 };

		for (const struct span_format *f = span_formats; f->name; f++)
			strbuf_printf(&words, "%s%s", f == span_formats ? "" : ", ", f->name);
		reply_error(req, API_ERROR_BAD_QUERY, "format", "must be one of: %s", words.data ? words.data : "");
		strbuf_done(&words);
		return;
	}
	fetch_record(app, req, found_spans);
}

static const struct flame_format *flame_format_of(struct http_request *req)
{
	const char *format = http_query(req, "format");

	return flame_format_find(format ? format : "columns");
}

static void found_flame(struct front *front, struct http_request *req, struct record *record)
{
	const struct flame_format *format = flame_format_of(req);
	const char *span = http_query(req, "span"), *kind = http_query(req, "kind");
	struct http_response r = { .content_type = format->content_type };
	uint64_t id = 0;
	struct trace_info info;
	struct profile *empty = NULL;

	(void)front;
	if (span)
		parse_number(span, 1, UINT32_MAX, &id);
	if (id && (!record->tree || id > record->tree->n_spans)) {
		reply_error(req, API_ERROR_BAD_QUERY, "span", "this trace has no span %" PRIu64, id);
		return;
	}
	if (!record->profile && !(empty = profile_new())) {
		reply_error(req, API_ERROR_OUT_OF_MEMORY, "", "%s", "");
		return;
	}
	record_trace_info(record, &info);
	format->write(record->profile ? record->profile : empty, record->tree, id ? (uint32_t)(id - 1) : TRACE_NO_SPAN,
		kind ? profile_kind_find(kind) : PROFILE_ON_CPU, &info, &r.body);
	profile_free(empty);
	http_reply(req, &r);
}

void route_trace_flame(void *app, struct http_request *req)
{
	const char *span = http_query(req, "span"), *kind = http_query(req, "kind");
	uint64_t id;

	if (!flame_format_of(req)) {
		struct strbuf words = { 0 };

		for (const struct flame_format *f = flame_formats; f->name; f++)
			strbuf_printf(&words, "%s%s", f == flame_formats ? "" : ", ", f->name);
		reply_error(req, API_ERROR_BAD_QUERY, "format", "must be one of: %s", words.data ? words.data : "");
		strbuf_done(&words);
	} else if (kind && profile_kind_find(kind) == PROFILE_N_KINDS) {
		reply_error(req, API_ERROR_BAD_QUERY, "kind", "must be on-cpu, off-cpu or faults, not '%.40s'", kind);
	} else if (span && parse_number(span, 1, UINT32_MAX, &id) < 0) {
		reply_error(req, API_ERROR_BAD_QUERY, "span", "must be the id of a span, not '%.40s'", span);
	} else {
		fetch_record(app, req, found_flame);
	}
}

static void found_log(struct front *front, struct http_request *req, struct record *record)
{
	struct http_response r = { .content_type = "application/json" };

	(void)front;
	strbuf_puts(&r.body, record->log ? record->log : "[]");
	strbuf_putc(&r.body, '\n');
	http_reply(req, &r);
}

void route_trace_log(void *app, struct http_request *req)
{
	fetch_record(app, req, found_log);
}

void route_trace_delete(void *app, struct http_request *req)
{
	delete_record(app, req);
}
