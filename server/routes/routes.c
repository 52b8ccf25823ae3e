/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes. Every one stands in api/openapi.yaml too; a test holds them against each other. */
#include <stddef.h>

#include "api/request.h"
#include "server/front.h"

static const char *const no_query[] = { NULL };
static const char *const list_query[] = { "limit", "before", "status", "language", NULL };
static const char *const compare_query[] = { "base", "to", "kind", NULL };
static const char *const spans_query[] = { "format", NULL };
static const char *const flame_query[] = { "format", "span", "kind", NULL };

const struct http_route front_routes[] = {
	{ "POST", "/v1/compile", route_compile, .max_body_bytes = REQUEST_MAX_BODY_BYTES },
	{ "POST", "/v1/batch", route_batch, .max_body_bytes = REQUEST_MAX_BODY_BYTES, .query = no_query },
	{ "GET", "/v1/compilations/{}", route_compilation, .query = no_query },
	{ "DELETE", "/v1/compilations/{}", route_compilation_delete, .query = no_query },
	{ "GET", "/v1/compilations/{}/spirv", route_compilation_spirv, .query = no_query },
	{ "GET", "/v1/compilations/{}/disassembly", route_compilation_disassembly, .query = no_query },
	{ "GET", "/v1/traces", route_traces, .query = list_query },
	{ "GET", "/v1/traces/{}", route_trace, .query = no_query },
	{ "DELETE", "/v1/traces/{}", route_trace_delete, .query = no_query },
	{ "GET", "/v1/traces/{}/spans", route_trace_spans, .query = spans_query },
	{ "GET", "/v1/traces/{}/flame", route_trace_flame, .query = flame_query },
	{ "GET", "/v1/traces/{}/log", route_trace_log, .query = no_query },
	{ "GET", "/v1/failures/{}", route_failure, .query = no_query },
	{ "GET", "/v1/compare", route_compare, .query = compare_query },
	{ "GET", "/v1/languages", route_languages, .query = no_query },
	{ "GET", "/v1/analyzers", route_analyzers, .query = no_query },
	{ "GET", "/v1/events", route_events, .query = no_query },
	{ "GET", "/healthz", route_health, .is_public = true },
	{ "GET", "/readyz", route_ready, .is_public = true },
	{ "GET", "/metrics", route_metrics },
	{ "GET", "/openapi.json", route_openapi, .is_public = true },
	/* Behind all others: the viewer's files. */
	{ "GET", "/", route_asset, .is_public = true },
	{ "GET", "/{}", route_asset, .is_public = true },
	{ "GET", "/assets/{}", route_asset, .is_public = true },
	{ NULL },
};
