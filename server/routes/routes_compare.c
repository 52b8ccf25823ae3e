/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/compare: two traces side by side. Loop thread. */
#include <stdlib.h>
#include <string.h>

#include "api/formats/compare.h"
#include "server/front.h"

static const char *const side_names[2] = { "base", "to" };

struct comparison {
	struct front *front;
	struct http_request *req;
	enum profile_kind kind;
	struct side {
		struct comparison *of;
		uint64_t ticket;
		struct record *record; /* a reference */
		bool is_here;          /* found or not */
	} sides[2];
};

static void comparison_free(struct comparison *c)
{
	for (int i = 0; i < 2; i++)
		record_unref(c->sides[i].record);
	free(c);
}

static void on_gone(void *arg)
{
	struct comparison *c = arg;

	for (int i = 0; i < 2; i++)
		if (c->sides[i].ticket && !c->sides[i].is_here)
			records_cancel(c->front->records, c->sides[i].ticket);
	comparison_free(c);
}

static void describe(const struct record *r, struct trace_info *info, struct compare_side *ret)
{
	record_trace_info(r, info);
	*ret = (struct compare_side){
		.info = info,
		.tree = r->tree,
		.profile = r->profile,
		.origin_ns = r->origin_ns,
		.duration_ns = r->duration_ns,
		.spirv_bytes = r->spirv_size,
		.source_bytes = r->source_size,
	};
}

static void answer(struct comparison *c)
{
	struct http_response r = { .content_type = "application/json" };
	struct trace_info infos[2];
	struct compare_side sides[2];

	for (int i = 0; i < 2; i++) {
		if (!c->sides[i].record) {
			reply_error(c->req, API_ERROR_NOT_FOUND, side_names[i], "there is no trace %s; it may have been dropped",
				http_query(c->req, side_names[i]));
			comparison_free(c);
			return;
		}
		describe(c->sides[i].record, &infos[i], &sides[i]);
	}
	format_compare(&sides[0], &sides[1], c->kind, &r.body);
	http_reply(c->req, &r);
	comparison_free(c);
}

static void on_record(void *arg, struct record *record)
{
	struct side *s = arg;
	struct comparison *c = s->of;

	s->record = record ? record_ref(record) : NULL;
	s->is_here = true;
	if (c->sides[0].is_here && c->sides[1].is_here)
		answer(c);
}

/* False: out of memory. */
static bool look_up(struct comparison *c, int i)
{
	struct side *s = &c->sides[i];
	const char *id = http_query(c->req, side_names[i]);

	s->of = c;
	s->record = c->front->cache ? cache_hit_record(c->front->cache, id) : NULL;
	s->is_here = s->record;
	if (!s->is_here)
		s->ticket = records_get(c->front->records, id, on_record, s);
	return s->is_here || s->ticket;
}

void route_compare(void *app, struct http_request *req)
{
	const char *kind = http_query(req, "kind");
	struct comparison *c;

	for (int i = 0; i < 2; i++) {
		const char *id = http_query(req, side_names[i]);

		if (!id || !is_id(id)) {
			reply_error(req, API_ERROR_BAD_QUERY, side_names[i], "must be the id of a trace: 32 lower-case hexadecimal digits");
			return;
		}
	}
	if (kind && profile_kind_find(kind) == PROFILE_N_KINDS) {
		reply_error(req, API_ERROR_BAD_QUERY, "kind", "must be one of: on-cpu, off-cpu, faults");
		return;
	}
	c = calloc(1, sizeof *c);
	if (c) {
		*c = (struct comparison){ .front = app, .req = req, .kind = kind ? profile_kind_find(kind) : PROFILE_ON_CPU };
		http_on_gone(req, on_gone, c);
		if (look_up(c, 0) && look_up(c, 1)) {
			if (c->sides[0].is_here && c->sides[1].is_here)
				answer(c);
			return;
		}
		http_on_gone(req, NULL, NULL);
		on_gone(c);
	}
	reply_error(req, API_ERROR_OUT_OF_MEMORY, "", "%s", "");
}
