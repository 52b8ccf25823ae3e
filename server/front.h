/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers of the front share, and the groups that they come in. Loop thread only. */
#ifndef SPVSCOPE_FRONT_H
#define SPVSCOPE_FRONT_H

#include "server/cache/cache.h"
#include "server/compile/compile.h"
#include "server/config.h"
#include "server/http/assets.h"
#include "server/http/http.h"
#include "server/records/records.h"

struct events;

struct front {
	const struct config *config;
	struct loop *loop;
	struct http *http;
	struct records *records;
	struct cache *cache; /* NULL: none */
	struct compile_service *service;
	struct events *events;
	struct assets assets;
	uint64_t started_ns;
	bool closing;
};

extern const struct http_route front_routes[]; /* routes.c */

/* routes_compile.c */
void route_compile(void *app, struct http_request *req);
enum compile_cache_use route_cache_use(struct http_request *req); /* as Cache-Control says */
void route_compilation(void *app, struct http_request *req);
void route_compilation_spirv(void *app, struct http_request *req);
void route_compilation_disassembly(void *app, struct http_request *req);
void route_compilation_delete(void *app, struct http_request *req);

/* routes_batch.c */
void route_batch(void *app, struct http_request *req);

/* routes_traces.c */
void route_traces(void *app, struct http_request *req);
void route_trace(void *app, struct http_request *req);
void route_trace_spans(void *app, struct http_request *req);
void route_trace_flame(void *app, struct http_request *req);
void route_trace_log(void *app, struct http_request *req);
void route_trace_delete(void *app, struct http_request *req);

/* routes_compare.c */
void route_compare(void *app, struct http_request *req);

/* routes_failures.c */
void route_failure(void *app, struct http_request *req);

/* routes_service.c */
void route_languages(void *app, struct http_request *req);
void route_analyzers(void *app, struct http_request *req);
void route_health(void *app, struct http_request *req);
void route_ready(void *app, struct http_request *req);
void route_openapi(void *app, struct http_request *req);
void route_asset(void *app, struct http_request *req);

/* metrics.c */
void route_metrics(void *app, struct http_request *req);

/* events.c */
int events_new(struct front *front, struct events **ret); /* observes the compile service */
void events_free(struct events *e);
void route_events(void *app, struct http_request *req);

/* A look-up of the record that the path names (either id), bound to its request: found is called with a record, and
 * what is not there or not to be had is answered here. fetch_record.c */
typedef void (*record_found_fn)(struct front *front, struct http_request *req, struct record *record);
void fetch_record(struct front *front, struct http_request *req, record_found_fn found);
/* Deletes the record that the path names and answers. */
void delete_record(struct front *front, struct http_request *req);
/* 32 lower-case hexadecimal digits. */
bool is_id(const char *text);
/* Answers with the error. */
void reply_error(struct http_request *req, int code, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
