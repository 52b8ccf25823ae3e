/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups of records on behalf of a request, which may go away before they are answered. Loop thread. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/front.h"

struct fetch {
	struct front *front;
	struct http_request *req;
	uint64_t ticket;
	record_found_fn found; /* NULL: a deletion */
};

bool is_id(const char *text)
{
	return strspn(text, "0123456789abcdef") == COMPILE_ID_CHARS && text[COMPILE_ID_CHARS] == '\0';
}

void reply_error(struct http_request *req, int code, const char *where, const char *fmt, ...)
{
	struct diag d = { .code = code };
	va_list ap;

	snprintf(d.where, sizeof d.where, "%s", where);
	va_start(ap, fmt);
	vsnprintf(d.message, sizeof d.message, fmt, ap);
	va_end(ap);
	http_reply_error(req, &d);
}

static void no_such_record(struct http_request *req)
{
	const char *id = http_path_part(req);

	if (is_id(id))
		reply_error(req, API_ERROR_NOT_FOUND, "id", "there is no result or trace %s; it may have been dropped", id);
	else
		reply_error(req, API_ERROR_NOT_FOUND, "id", "'%.40s' is no id: 32 lower-case hexadecimal digits", id);
}

static void on_gone(void *arg)
{
	struct fetch *f = arg;

	records_cancel(f->front->records, f->ticket);
	free(f);
}

static void on_record(void *arg, struct record *record)
{
	struct fetch f = *(struct fetch *)arg;

	free(arg);
	if (record)
		f.found(f.front, f.req, record);
	else
		no_such_record(f.req);
}

static void on_deleted(void *arg, int result)
{
	struct fetch f = *(struct fetch *)arg;

	free(arg);
	if (result == 0)
		no_such_record(f.req);
	else if (result < 0)
		reply_error(f.req, API_ERROR_INTERNAL, "", "cannot delete it: %s", strerror(-result));
	else
		http_reply(f.req, &(struct http_response){ .status = 204 });
}

/* Requests that were answered from the cache have no record until somebody asks for it. */
static bool answer_for_hit(struct front *front, struct http_request *req, record_found_fn found)
{
	const char *id = http_path_part(req);
	struct record *record;

	if (!front->cache)
		return false;
	if (!found) {
		cache_forget(front->cache, id);
		if (!cache_forget_hit(front->cache, id))
			return false;
		http_reply(req, &(struct http_response){ .status = 204 });
		return true;
	}
	record = cache_hit_record(front->cache, id);
	if (!record)
		return false;
	found(front, req, record);
	record_unref(record);
	return true;
}

static void start(struct front *front, struct http_request *req, record_found_fn found)
{
	struct fetch *f;

	if (!is_id(http_path_part(req))) {
		no_such_record(req);
		return;
	}
	if (answer_for_hit(front, req, found))
		return;
	f = calloc(1, sizeof *f);
	if (f) {
		*f = (struct fetch){ front, req, 0, found };
		http_on_gone(req, on_gone, f);
		if (found)
			f->ticket = records_get(front->records, http_path_part(req), on_record, f);
		else
			f->ticket = records_delete(front->records, http_path_part(req), on_deleted, f);
		if (f->ticket)
			return;
		http_on_gone(req, NULL, NULL);
		free(f);
	}
	reply_error(req, API_ERROR_OUT_OF_MEMORY, "", "%s", "");
}

void fetch_record(struct front *front, struct http_request *req, record_found_fn found)
{
	start(front, req, found);
}

void delete_record(struct front *front, struct http_request *req)
{
	start(front, req, NULL);
}
