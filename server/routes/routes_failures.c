/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/failures/{id}: a failure of a compiler as an archive that reproduces it. Loop thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/base64.h"
#include "api/reproduce.h"
#include "base/cleanup.h"
#include "server/front.h"

static bool is_failure(const struct record *r)
{
	return r->status && (strcmp(r->status, "crashed") == 0 || strcmp(r->status, "timed_out") == 0 ||
		strcmp(r->status, "out_of_memory") == 0);
}

/* The request as it came: the stored one has its source apart, and never is empty. */
static int read_again(const struct record *r, struct compile_request *ret)
{
	_cleanup_strbuf_ struct strbuf whole = { 0 };
	struct diag d = { 0 };

	strbuf_puts(&whole, "{\"source_base64\": \"");
	base64_encode(r->source, r->source_size, &whole);
	strbuf_puts(&whole, "\", ");
	strbuf_puts(&whole, r->request + 1);
	if (whole.failed)
		return -ENOMEM;
	compile_request_init(ret);
	return compile_request_from_json(whole.data, whole.len, ret, &d);
}

static void found(struct front *front, struct http_request *req, struct record *record)
{
	_cleanup_(compile_request_done) struct compile_request q = { 0 };
	struct http_response r = { .content_type = "application/x-tar" };

	(void)front;
	if (!is_failure(record) || !record->request || !record->source) {
		reply_error(req, API_ERROR_PART_NOT_FOUND, "id", "this compile ended as %s: there is no failure to reproduce",
			record->status ? record->status : "nothing");
		return;
	}
	if (read_again(record, &q) < 0) {
		reply_error(req, API_ERROR_INTERNAL, "", "%s", "the stored request cannot be read");
		return;
	}
	reproduce_tar(&q, record->id, record->response ? record->response : "null\n", &r.body);
	http_response_header(&r, "Content-Disposition", "attachment; filename=\"spvscope-%s.tar\"", record->id);
	http_reply(req, &r);
}

void route_failure(void *app, struct http_request *req)
{
	fetch_record(app, req, found);
}
