/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/compile in its three forms, and the results by id. Loop thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/response.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "server/http/accept.h"
#include "server/front.h"

#define LOG "server::compile"

enum form { FORM_JSON, FORM_SPIRV, FORM_TEXT };

static const char *const offered[] = {
	"application/json",
	"application/vnd.khronos.spirv",
	"text/plain",
	"application/octet-stream",
};

struct waiting {
	struct http_request *req;
	enum form form;
	struct compile *compile;
};

static void *free_waiting(struct waiting *w)
{
	free(w);
	return NULL;
}

static void on_gone(void *arg)
{
	struct waiting *w = arg;

	compile_cancel(w->compile, true);
	free_waiting(w);
}

static void result_headers(const struct compile_outcome *o, struct http_response *r)
{
	http_response_header(r, "X-Spvscope-Id", "%s", o->id);
	http_response_header(r, "X-Spvscope-Status", "%s", spvscope_status_name(o->result.status));
	if (!o->traced)
		return;
	http_response_header(r, "X-Spvscope-Trace", "%s", o->trace_id);
	http_response_header(r, "Link", "</#trace=%s>; rel=\"describedby\"", o->trace_id);
}

static void on_done(void *arg, const struct compile_outcome *o)
{
	struct waiting w = *(struct waiting *)arg;
	struct http_response r = { .content_type = "application/json" };

	free_waiting(arg);
	result_headers(o, &r);
	if (w.form == FORM_JSON) {
		response_json(o, &r.body);
	} else if (o->result.status != SPVSCOPE_STATUS_OK) {
		r.status = 422;
		r.content_type = "text/plain; charset=utf-8";
		response_text_diagnostics(o, &r.body);
	} else if (w.form == FORM_SPIRV) {
		r.content_type = "application/vnd.khronos.spirv";
		strbuf_append(&r.body, o->result.spirv, o->result.n_spirv_words * sizeof(uint32_t));
	} else {
		r.content_type = "text/plain; charset=utf-8";
		strbuf_puts(&r.body, o->result.disassembly ? o->result.disassembly : "");
	}
	http_reply(w.req, &r);
}

static bool has_type(const char *content_type, const char *type)
{
	size_t len = strlen(type);

	return content_type && strncasecmp(content_type, type, len) == 0 &&
	       (content_type[len] == '\0' || strchr("; \t", content_type[len]));
}

/* curl sends what it is given as a form; a form never begins with a brace, and neither does a shader. */
static bool is_json(struct http_request *req, const char *body, size_t len)
{
	const char *type = http_header(req, "Content-Type");
	size_t blank = 0;

	if (has_type(type, "application/json"))
		return true;
	if (type && !has_type(type, "application/x-www-form-urlencoded"))
		return false;
	while (blank < len && strchr(" \t\r\n", body[blank]) && body[blank])
		blank++;
	return blank < len && body[blank] == '{';
}

/* Parameters of a body that is the source. Those that may not repeat are refused the second time. */
static int read_queries(struct http_request *req, struct compile_request *r, struct diag *d)
{
	static const char *const repeatable[] = { "define", "pass" };
	const char *key, *value, *earlier;

	for (size_t i = 0; i < http_n_queries(req); i++) {
		http_query_at(req, i, &key, &value);
		bool may_repeat = strcmp(key, repeatable[0]) == 0 || strcmp(key, repeatable[1]) == 0;
		for (size_t j = 0; j < i && !may_repeat; j++) {
			const char *unused;

			http_query_at(req, j, &earlier, &unused);
			if (strcmp(earlier, key) == 0)
				return diag_set(d, API_ERROR_BAD_QUERY, key, "is there more than once");
		}
		int result = compile_request_set_query(r, key, value, d);
		if (result < 0)
			return result;
	}
	return 0;
}

/* "00-<32 hex>-<16 hex>-<2 hex>", neither id all zeros; W3C Trace Context, section 3.2. */
static bool is_traceparent(const char *text)
{
	static const char shape[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";

	if (strlen(text) != sizeof shape - 1 || strncmp(text, "ff", 2) == 0)
		return false;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
			return false;
	return strspn(text + 3, "0") < 32 && strspn(text + 36, "0") < 16;
}

static int read_request(struct http_request *req, enum form form, struct compile_request *r, struct diag *d)
{
	size_t len;
	const char *body = http_body(req, &len), *traceparent = http_header(req, "traceparent");
	int result;

	compile_request_init(r);
	if (is_json(req, body, len)) {
		if (http_n_queries(req))
			return diag_set(d, API_ERROR_BAD_QUERY, "", "a JSON body holds all options; parameters are for sources");
		result = compile_request_from_json(body, len, r, d);
	} else {
		result = compile_request_set_source(r, body, len, d);
		if (result >= 0)
			result = read_queries(req, r, d);
		if (result >= 0)
			result = compile_request_finish(r, d);
	}
	if (result < 0)
		return result;
	if (form == FORM_TEXT)
		r->job.emit |= SPVSCOPE_EMIT_DISASSEMBLY;
	if (traceparent && is_traceparent(traceparent) && !(r->traceparent = strdup(traceparent)))
		return -ENOMEM;
	return 0;
}

static void refuse(struct http_request *req, int error, const struct diag *d)
{
	if (error == -EINVAL)
		http_reply_error(req, d);
	else if (error == -EBUSY)
		reply_error(req, API_ERROR_TOO_BUSY, "", "%s", "the queue is full; try again a little later");
	else if (error == -ESHUTDOWN)
		reply_error(req, API_ERROR_SHUTTING_DOWN, "", "%s", "");
	else if (error == -ENOMEM)
		reply_error(req, API_ERROR_OUT_OF_MEMORY, "", "%s", "");
	else
		reply_error(req, API_ERROR_INTERNAL, "", "%s", strerror(-error));
}

void route_compile(void *app, struct http_request *req)
{
	struct front *front = app;
	_cleanup_(compile_request_done) struct compile_request request = { 0 };
	struct diag d = { 0 };
	int form = accept_choose(http_header(req, "Accept"), offered, ARRAY_SIZE(offered));

	if (form < 0) {
		reply_error(req, API_ERROR_NOT_ACCEPTABLE, "Accept",
			"must take one of application/json, application/vnd.khronos.spirv and text/plain");
		return;
	}
	if (form == 3)
		form = FORM_SPIRV;
	int r = read_request(req, (enum form)form, &request, &d);
	if (r < 0) {
		refuse(req, r, &d);
		return;
	}
	struct waiting *w = calloc(1, sizeof *w);
	if (!w) {
		refuse(req, -ENOMEM, &d);
		return;
	}
	*w = (struct waiting){ .req = req, .form = (enum form)form };
	r = compile_submit(front->service, &request, http_came_with_token(req), on_done, w, &w->compile);
	if (r < 0) {
		free_waiting(w);
		refuse(req, r, &d);
		return;
	}
	http_on_gone(req, on_gone, w);
}

static void found_response(struct front *front, struct http_request *req, struct record *record)
{
	struct http_response r = { .content_type = "application/json" };

	(void)front;
	strbuf_puts(&r.body, record->response ? record->response : "{}\n");
	http_reply(req, &r);
}

static void found_spirv(struct front *front, struct http_request *req, struct record *record)
{
	struct http_response r = { .content_type = "application/vnd.khronos.spirv" };

	(void)front;
	if (!record->spirv_size) {
		reply_error(req, API_ERROR_PART_NOT_FOUND, "id", "this compile made no SPIR-V; its status is %s",
			record->status);
		return;
	}
	strbuf_append(&r.body, record->spirv, record->spirv_size);
	http_reply(req, &r);
}

static void found_disassembly(struct front *front, struct http_request *req, struct record *record)
{
	struct http_response r = { .content_type = "text/plain; charset=utf-8" };

	(void)front;
	if (!record->disassembly) {
		reply_error(req, API_ERROR_PART_NOT_FOUND, "id", "this compile made no disassembly; its status is %s, and "
			"the request must name it in emit", record->status);
		return;
	}
	strbuf_puts(&r.body, record->disassembly);
	http_reply(req, &r);
}

void route_compilation(void *app, struct http_request *req)
{
	fetch_record(app, req, found_response);
}

void route_compilation_spirv(void *app, struct http_request *req)
{
	fetch_record(app, req, found_spirv);
}

void route_compilation_disassembly(void *app, struct http_request *req)
{
	fetch_record(app, req, found_disassembly);
}

void route_compilation_delete(void *app, struct http_request *req)
{
	struct front *front = app;
	struct http_response r = { .status = 202, .content_type = "application/json" };
	const char *id = http_path_part(req);
	struct compile *running = is_id(id) ? compile_find(front->service, id) : NULL;

	if (!running) {
		delete_record(front, req);
		return;
	}
	log_info(LOG, "%s is cancelled by request", id);
	compile_cancel(running, false);
	strbuf_printf(&r.body, "{\"id\": \"%s\", \"status\": \"cancelling\"}\n", id);
	http_reply(req, &r);
}
