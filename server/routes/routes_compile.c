/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/compile in its three forms, and the results by id. Loop thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/response.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/front.h"
#include "server/http/accept.h"

#define LOG                "server::compile"
#define IDENTITY_MAX_BYTES 640

enum form { FORM_JSON, FORM_SPIRV, FORM_TEXT };

static const char *const offered[] = {
	"application/json",
	"application/vnd.khronos.spirv",
	"text/plain",
	"application/octet-stream",
};

struct waiting {
	struct front *front;
	struct http_request *req;
	enum form form;
	struct compile *compile;
	char *exact;             /* owned: the request as it came, whose bytes may be answered unread; NULL: not */
	size_t exact_size;
};

static void free_waiting(struct waiting *w)
{
	free(w->exact);
	free(w);
}

static void on_gone(void *arg)
{
	struct waiting *w = arg;

	compile_cancel(w->compile, true);
	free_waiting(w);
}

static void result_headers(const char *id, enum spvscope_status status, const char *trace_id, struct http_response *r)
{
	http_response_header_text(r, "X-Spvscope-Id", id, "", "");
	http_response_header_text(r, "X-Spvscope-Status", spvscope_status_name(status), "", "");
	if (!trace_id)
		return;
	http_response_header_text(r, "X-Spvscope-Trace", trace_id, "", "");
	http_response_header_text(r, "Link", "</#trace=", trace_id, ">; rel=\"describedby\"");
}

/* Type, status and body of an answer, but for what is a JSON answer's own. */
static const char *write_result(const struct compile_outcome *o, enum form form, unsigned *ret_status, struct strbuf *out)
{
	*ret_status = 200;
	if (form == FORM_JSON) {
		response_json_result(o, true, out);
		return "application/json";
	}
	if (o->result.status != SPVSCOPE_STATUS_OK) {
		*ret_status = 422;
		response_text_diagnostics(o, out);
	} else if (form == FORM_SPIRV) {
		strbuf_append(out, o->result.spirv, o->result.n_spirv_words * sizeof(uint32_t));
		return "application/vnd.khronos.spirv";
	} else {
		strbuf_puts(out, o->result.disassembly ? o->result.disassembly : "");
	}
	return "text/plain; charset=utf-8";
}

/* From the second answer on, the same request gets bytes that are ready. Takes w->exact over. */
static void keep_answer(struct waiting *w, const struct compile_outcome *o, const struct http_response *r, size_t from)
{
	struct cache_answer answer = { .cached = compile_cached(w->compile), .status = r->status,
		.content_type = r->content_type, .has_identity = w->form == FORM_JSON, .is_traced = o->traced,
		.len = r->body.len - from };
	char *copy = r->body.failed ? NULL : malloc(answer.len + 1);

	if (copy)
		memcpy(copy, r->body.data + from, answer.len);
	cache_put_answer(w->front->cache, TAKE_PTR(w->exact), w->exact_size, &answer, copy);
}

static void on_done(void *arg, const struct compile_outcome *o)
{
	struct waiting *w = arg;
	struct http_response r = { 0 };
	size_t from;

	result_headers(o->id, o->result.status, o->traced ? o->trace_id : NULL, &r);
	if (w->form == FORM_JSON)
		response_json_identity_of(o, &r.body);
	from = r.body.len;
	r.content_type = write_result(o, w->form, &r.status, &r.body);
	if (w->exact && o->cache == COMPILE_CACHE_HIT && compile_cached(w->compile))
		keep_answer(w, o, &r, from);
	http_reply(w->req, &r);
	free_waiting(w);
}

/* ---- the same bytes again ---- */

enum compile_cache_use route_cache_use(struct http_request *req)
{
	const char *control = http_header(req, "Cache-Control");

	if (!control)
		return COMPILE_CACHE_USE;
	if (strcasestr(control, "no-store"))
		return COMPILE_CACHE_IGNORE;
	return strcasestr(control, "no-cache") || strcasestr(control, "max-age=0") ? COMPILE_CACHE_REFRESH : COMPILE_CACHE_USE;
}

/* All that decides how a request is understood. */
static bool make_exact(struct http_request *req, enum form form, const char *body, size_t len, struct cache_exact *ret)
{
	static const char flags[2][3] = { { FORM_JSON, FORM_SPIRV, FORM_TEXT }, { FORM_JSON + 16, FORM_SPIRV + 16, FORM_TEXT + 16 } };
	const char *type = http_header(req, "Content-Type");
	size_t n_queries = http_n_queries(req);

	if (3 + 2 * n_queries > CACHE_EXACT_PIECES_MAX || http_header(req, "traceparent"))
		return false;
	ret->n = 0;
	ret->pieces[ret->n++] = (struct cache_bytes){ &flags[http_came_with_token(req)][form], 1 };
	ret->pieces[ret->n++] = (struct cache_bytes){ type ? type : "", type ? strlen(type) : 0 };
	ret->pieces[ret->n++] = (struct cache_bytes){ body, len };
	for (size_t i = 0; i < n_queries; i++) {
		const char *key, *value;

		http_query_at(req, i, &key, &value);
		ret->pieces[ret->n++] = (struct cache_bytes){ key, strlen(key) };
		ret->pieces[ret->n++] = (struct cache_bytes){ value, strlen(value) };
	}
	return true;
}

static bool answer_again(struct front *front, struct http_request *req, const struct cache_exact *exact, uint64_t start_ns)
{
	struct cache_hit hit = { .how = COMPILE_CACHE_HIT, .start_ns = start_ns };
	struct http_response r = { 0 };
	struct cache_answer answer;
	const char *trace_id;

	if (front->closing || !cache_find_answer(front->cache, exact, &answer) || compile_make_id(hit.id) < 0 ||
	    compile_make_id(hit.trace_id) < 0)
		return false;
	trace_id = answer.is_traced && answer.cached->record ? hit.trace_id : NULL;
	hit.started_unix_ns = clock_realtime_ns();
	hit.duration_ns = clock_now_ns() - start_ns;
	memcpy(hit.from_id, answer.cached->outcome.id, sizeof hit.from_id);
	if (trace_id)
		cache_note_hit(front->cache, &hit);
	cache_count(front->cache, COMPILE_CACHE_HIT);
	result_headers(hit.id, answer.cached->outcome.result.status, trace_id, &r);
	if (answer.has_identity) {
		strbuf_reserve(&r.body, IDENTITY_MAX_BYTES);
		response_json_identity(&(struct response_identity){
			.id = hit.id,
			.trace_id = trace_id,
			.cache = hit.how,
			.from_id = hit.from_id,
			.from_trace_id = answer.cached->record ? answer.cached->outcome.trace_id : NULL,
			.from_started_unix_ns = answer.cached->outcome.started_unix_ns,
			.duration_ns = hit.duration_ns,
			.n_spans = CACHE_HIT_SPANS,
		}, &r.body);
	}
	r.status = answer.status;
	r.content_type = answer.content_type;
	http_reply_again(req, answer.ready, &r, answer.body, answer.len);
	return true;
}

static bool has_type(const char *content_type, const char *type)
{
	size_t len = strlen(type);

	return content_type && strncasecmp(content_type, type, len) == 0 &&
	       (content_type[len] == '\0' || strchr("; \t", content_type[len]));
}

/* curl sends what it is given as a form; a form never begins with a brace, and neither does a shader. */
static bool looks_like_json(const char *body, size_t len)
{
	size_t blank = 0;

	while (blank < len && strchr(" \t\r\n", body[blank]) && body[blank])
		blank++;
	return blank < len && body[blank] == '{';
}

static bool is_json(struct http_request *req, const char *body, size_t len)
{
	const char *type = http_header(req, "Content-Type");

	if (has_type(type, "application/json"))
		return true;
	if (type && !has_type(type, "application/x-www-form-urlencoded"))
		return false;
	return looks_like_json(body, len);
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
		if (result < 0 && d->code == API_ERROR_LANGUAGE_UNKNOWN && looks_like_json(body, len))
			return diag_set(d, API_ERROR_UNSUPPORTED_MEDIA_TYPE, "Content-Type",
				"is %.60s, so that the body would be a source; JSON comes as application/json",
				http_header(req, "Content-Type"));
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

/* exact: NULL when its bytes must not be answered unread. */
static void submit(struct front *front, struct http_request *req, enum form form, enum compile_cache_use use,
	const struct cache_exact *exact)
{
	_cleanup_(compile_request_done) struct compile_request request = { 0 };
	struct compile_caller caller = { http_came_with_token(req), use };
	struct diag d = { 0 };
	int r = read_request(req, form, &request, &d);

	if (r < 0) {
		refuse(req, r, &d);
		return;
	}
	struct waiting *w = calloc(1, sizeof *w);
	if (!w) {
		refuse(req, -ENOMEM, &d);
		return;
	}
	*w = (struct waiting){ .front = front, .req = req, .form = form };
	/* Versions of a document and what is to be kept need more than an answer. */
	if (exact && !request.document.uri && !request.keep)
		w->exact = cache_exact_copy(exact, &w->exact_size);
	r = compile_submit(front->service, &request, &caller, on_done, w, &w->compile);
	if (r < 0) {
		free_waiting(w);
		refuse(req, r, &d);
		return;
	}
	http_on_gone(req, on_gone, w);
}

void route_compile(void *app, struct http_request *req)
{
	struct front *front = app;
	int form = accept_choose(http_header(req, "Accept"), offered, ARRAY_SIZE(offered));

	if (form < 0) {
		reply_error(req, API_ERROR_NOT_ACCEPTABLE, "Accept",
			"must take one of application/json, application/vnd.khronos.spirv and text/plain");
		return;
	}
	if (form == 3)
		form = FORM_SPIRV;
	enum compile_cache_use use = route_cache_use(req);
	uint64_t start_ns = clock_now_ns();
	struct cache_exact exact;
	size_t len;
	const char *body = http_body(req, &len);
	bool has_exact = front->cache && use == COMPILE_CACHE_USE && make_exact(req, (enum form)form, body, len, &exact);
	if (!has_exact || !answer_again(front, req, &exact, start_ns))
		submit(front, req, (enum form)form, use, has_exact ? &exact : NULL);
}

/* A record never changes, so its id and the part are the tag. True: the client has it, and has been told. */
static bool has_it(struct http_request *req, const struct record *record, const char *part, struct http_response *r)
{
	const char *known = http_header(req, "If-None-Match");
	char tag[COMPILE_ID_CHARS + 32];

	snprintf(tag, sizeof tag, "\"%s%s\"", record->id, part);
	http_response_header(r, "ETag", "%s", tag);
	http_response_header(r, "Cache-Control", "private, no-cache");
	if (!known || (strcmp(known, "*") != 0 && !strstr(known, tag)))
		return false;
	r->status = 304;
	r->content_type = NULL;
	http_reply(req, r);
	return true;
}

static void found_response(struct front *front, struct http_request *req, struct record *record)
{
	struct http_response r = { .content_type = "application/json" };

	(void)front;
	if (has_it(req, record, "", &r))
		return;
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
	if (has_it(req, record, "-spirv", &r))
		return;
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
	if (has_it(req, record, "-disassembly", &r))
		return;
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
