/* SPDX-License-Identifier: Apache-2.0 */
/* What the installation can do, whether it is well, its contract, and the viewer's files. Loop thread. */
#include <string.h>

#include "api/openapi_json.h"
#include "api/request_fields.h"
#include "base/cleanup.h"
#include "bpf/protocol.h"
#include "codegen/worker/protocol.h"
#include "server/front.h"
#include "server/pool/backends.h"

#define GRAPHICS_AND_MORE                                                                          \
	(1u << SPVSCOPE_STAGE_VERTEX | 1u << SPVSCOPE_STAGE_TESS_CONTROL | 1u << SPVSCOPE_STAGE_TESS_EVAL | \
		1u << SPVSCOPE_STAGE_GEOMETRY | 1u << SPVSCOPE_STAGE_FRAGMENT | 1u << SPVSCOPE_STAGE_COMPUTE)
#define ALL_STAGES (((1u << SPVSCOPE_N_STAGES) - 1) & ~(1u << SPVSCOPE_STAGE_NONE))

static const struct {
	enum spvscope_language language;
	const char *title, *compiler, *extensions;
	uint32_t stages; /* bits; 0: needs none */
	const char *label, *note;
} languages[] = {
	{ SPVSCOPE_LANGUAGE_GLSL, "OpenGL and Vulkan Shading Language", "glslang",
		"\".glsl\", \".vert\", \".tesc\", \".tese\", \".geom\", \".frag\", \".comp\", \".task\", \".mesh\", \".rgen\", "
		"\".rint\", \".rahit\", \".rchit\", \".rmiss\", \".rcall\"",
		ALL_STAGES },
	{ SPVSCOPE_LANGUAGE_HLSL, "High-Level Shader Language", "glslang", "\".hlsl\"", GRAPHICS_AND_MORE, "legacy",
		"glslang's HLSL front end is deprecated upstream: Shader Model 5.1 at most, and no further development" },
	{ SPVSCOPE_LANGUAGE_SPIRV_ASM, "SPIR-V assembly", "SPIRV-Tools", "\".spvasm\"", 0 },
	{ SPVSCOPE_LANGUAGE_SPIRV, "SPIR-V", "SPIRV-Tools", "\".spv\"", 0, NULL,
		"a binary: send it as the body itself, or as source_base64" },
	{ SPVSCOPE_LANGUAGE_OPENCL_C, "OpenCL C", "clang", "\".cl\"", 0, NULL,
		"compiled for opencl2.2 unless target.env says otherwise" },
	{ SPVSCOPE_LANGUAGE_OPENCL_CPP, "C++ for OpenCL", "clang", "\".clcpp\"", 0, NULL,
		"compiled for opencl2.2 unless target.env says otherwise" },
	{ SPVSCOPE_LANGUAGE_WGSL, "WebGPU Shading Language", "naga", "\".wgsl\"", 0, NULL,
		"all entry points of the module are compiled" },
};

static void put_string(struct strbuf *out, const char *key, const char *value)
{
	strbuf_printf(out, "\"%s\": ", key);
	if (value)
		strbuf_json_string(out, value, strlen(value));
	else
		strbuf_puts(out, "null");
}

/* A string, or null where it is empty or there is none. */
static void put_filled(struct strbuf *out, const char *key, const char *value)
{
	strbuf_puts(out, ", ");
	put_string(out, key, value && value[0] ? value : NULL);
}

/* What is known of the back end of a row, behind whether it can be used. */
static void put_found(struct strbuf *out, const struct backend_info *b, bool up, const char *unknown)
{
	bool available = up && b && !b->missing[0];

	strbuf_printf(out, ", \"available\": %s", available ? "true" : "false");
	put_filled(out, "version", b ? b->version : NULL);
	put_filled(out, "missing", b ? b->missing : unknown);
	put_filled(out, "install", b && b->missing[0] ? b->install : NULL);
}

/* Planned for long, and not there: listed, so that who looks for it finds why. */
static void put_rust(struct strbuf *out)
{
	strbuf_puts(out, ",\n{\"name\": \"rust\", \"title\": \"Rust (rust-gpu)\", \"compiler\": \"rustc_codegen_spirv\", "
			 "\"label\": null, \"note\": null, \"available\": false, \"version\": null, "
			 "\"missing\": \"spvscope has no back end for it yet: it needs a nightly rustc with rust-gpu's code generator, "
			 "which is in no package\", \"install\": null, \"extensions\": [\".rs\"], \"stages\": []}");
}

static void put_backends(struct strbuf *out, const struct backends *b)
{
	strbuf_puts(out, "],\n\"backends\": [");
	for (size_t i = 0; b && i < b->n; i++) {
		const struct backend_info *info = &b->rows[i];
		bool first = true;

		strbuf_puts(out, i ? ",\n{" : "\n{");
		put_string(out, "name", info->name);
		strbuf_puts(out, ", \"languages\": [");
		for (unsigned l = 1; l < SPVSCOPE_N_LANGUAGES; l++) {
			if (!(info->languages & 1u << l))
				continue;
			strbuf_printf(out, "%s\"%s\"", first ? "" : ", ", spvscope_language_name((enum spvscope_language)l));
			first = false;
		}
		strbuf_putc(out, ']');
		put_filled(out, "other_language", info->other_language);
		strbuf_printf(out, ", \"external\": %s", info->runs_tool ? "true" : "false");
		put_found(out, info, true, NULL);
		strbuf_putc(out, '}');
	}
}

static void put_language(struct strbuf *out, size_t i, const struct compile_service_state *state)
{
	bool first = true, complete = state->backends && state->backends->complete;
	const struct backend_info *b = state->backends ? backends_for(state->backends, languages[i].language) : NULL;

	strbuf_puts(out, i ? ",\n{" : "{");
	put_string(out, "name", spvscope_language_name(languages[i].language));
	strbuf_puts(out, ", ");
	put_string(out, "title", languages[i].title);
	strbuf_puts(out, ", ");
	put_string(out, "compiler", languages[i].compiler);
	strbuf_puts(out, ", ");
	put_string(out, "label", languages[i].label);
	strbuf_puts(out, ", ");
	put_string(out, "note", languages[i].note);
	if (languages[i].language <= SPVSCOPE_LANGUAGE_SPIRV) /* in every worker */
		put_found(out, &(struct backend_info){.version = (char *)"", .missing = (char *)""}, state->can_serve, NULL);
	else
		put_found(out, b, state->can_serve, complete ? "it has no back end here" : "it is being looked for; ask again");
	strbuf_printf(out, ", \"extensions\": [%s], \"stages\": [", languages[i].extensions);
	for (unsigned s = 1; s < SPVSCOPE_N_STAGES; s++) {
		if (!(languages[i].stages & 1u << s))
			continue;
		strbuf_printf(out, "%s\"%s\"", first ? "" : ", ", spvscope_stage_name((enum spvscope_stage)s));
		first = false;
	}
	strbuf_puts(out, "]}");
}

void route_languages(void *app, struct http_request *req)
{
	struct front *front = app;
	struct http_response r = { .content_type = "application/json" };
	struct compile_service_state state;

	compile_service_state(front->service, &state);
	strbuf_putc(&r.body, '{');
	put_string(&r.body, "compilers", state.compiler_versions);
	strbuf_puts(&r.body, ", \"languages\": [");
	for (size_t i = 0; i < ARRAY_SIZE(languages); i++)
		put_language(&r.body, i, &state);
	put_rust(&r.body);
	put_backends(&r.body, state.backends);
	strbuf_puts(&r.body, "],\n\"envs\": [");
	for (unsigned e = 0; e < SPVSCOPE_N_ENVS; e++)
		strbuf_printf(&r.body, "%s\"%s\"", e ? ", " : "", spvscope_env_name((enum spvscope_env)e));
	strbuf_puts(&r.body, "], \"optimize\": [\"none\", \"size\", \"performance\"], "
			     "\"emit\": [\"spirv\", \"disassembly\", \"dependencies\", \"preprocessed\"");
	for (unsigned p = 0; p < SPVSCOPE_N_PRODUCTS; p++)
		strbuf_printf(&r.body, ", \"%s\"", spvscope_product_name((enum spvscope_product)p));
	strbuf_puts(&r.body, "],\n\"options\": ");
	request_fields_json(&r.body);
	strbuf_puts(&r.body, "}\n");
	http_reply(req, &r);
}

static const struct {
	enum analyzer_kind kind;
	const char *name, *does;
} analyzers[] = {
	{ ANALYZER_RELEASE, "release", "samples the stacks that run on the CPU" },
	{ ANALYZER_DEBUG, "debug", "the same, and tells page faults, scheduling and its own decisions in the trace's log" },
};

/* Where one object is built only, it serves both kinds; a debug object may have been built as the release one. */
static const char *object_for(enum analyzer_kind kind, uint32_t objects)
{
	for (size_t i = 0; i < ARRAY_SIZE(analyzers); i++)
		if (objects & 1u << analyzers[i].kind && (analyzers[i].kind == kind || !(objects & 1u << kind)))
			return analyzers[i].name;
	return NULL;
}

void route_analyzers(void *app, struct http_request *req)
{
	struct front *front = app;
	struct http_response r = { .content_type = "application/json" };
	struct compile_service_state state;

	compile_service_state(front->service, &state);
	strbuf_puts(&r.body, "{\"analyzers\": [");
	for (size_t i = 0; i < ARRAY_SIZE(analyzers); i++) {
		bool served = state.analyzer_kinds & 1u << analyzers[i].kind;
		const char *reason = served ? NULL
				     : !front->config->analyzer ? "switched off; start the service with --analyzer on"
				     : state.analyzer_reason ? state.analyzer_reason
							     : "the analyzer has not said hello yet";

		strbuf_puts(&r.body, i ? ",\n{" : "{");
		put_string(&r.body, "kind", analyzers[i].name);
		strbuf_printf(&r.body, ", \"state\": \"%s\", ", served ? "available" : "unavailable");
		put_string(&r.body, "object", served ? object_for(analyzers[i].kind, state.analyzer_objects) : NULL);
		strbuf_puts(&r.body, ", ");
		put_string(&r.body, "reason", reason);
		strbuf_puts(&r.body, ", ");
		put_string(&r.body, "does", analyzers[i].does);
		strbuf_putc(&r.body, '}');
	}
	strbuf_printf(&r.body, "],\n\"confinement\": {\"seccomp\": %s, \"landlock\": %s}}\n",
		state.worker_confinement & WORKER_CONFINED_SECCOMP ? "true" : "false",
		state.worker_confinement & WORKER_CONFINED_LANDLOCK ? "true" : "false");
	http_reply(req, &r);
}

void route_health(void *app, struct http_request *req)
{
	(void)app;
	http_reply(req, &(struct http_response){
		.content_type = "text/plain; charset=utf-8", .static_body = "ok\n", .static_len = 3 });
}

void route_ready(void *app, struct http_request *req)
{
	struct front *front = app;
	struct http_response r = { .content_type = "application/json" };
	struct compile_service_counters counters;
	struct compile_service_state state;
	bool ready, first = true;

	compile_service_counters(front->service, &counters);
	compile_service_state(front->service, &state);
	ready = state.can_serve && !front->closing;
	r.status = ready ? 200 : 503;
	strbuf_printf(&r.body, "{\"ready\": %s, \"warm\": %s, \"warm_steps\": %u, \"warm_steps_total\": %u, \"analyzer\": [",
		ready ? "true" : "false", state.warm ? "true" : "false", counters.warm_steps, counters.warm_steps_total);
	for (size_t i = 0; i < ARRAY_SIZE(analyzers); i++) {
		if (!(state.analyzer_kinds & 1u << analyzers[i].kind))
			continue;
		strbuf_printf(&r.body, "%s\"%s\"", first ? "" : ", ", analyzers[i].name);
		first = false;
	}
	strbuf_puts(&r.body, "]}\n");
	http_reply(req, &r);
}

void route_openapi(void *app, struct http_request *req)
{
	(void)app;
	http_reply(req, &(struct http_response){
		.content_type = "application/json", .static_body = openapi_json, .static_len = openapi_json_size });
}

/* ---- the viewer ---- */

static const char no_viewer[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>spvscope</title></head><body>\n"
	"<h1>spvscope</h1>\n<p>The service runs; its viewer is not built. With Node.js and npm installed, "
	"<code>server/run</code> builds it, as does <code>meson configure build -Dweb=enabled &amp;&amp; ninja -C "
	"build</code>; then start the service again.</p>\n"
	"<p>The contract of the HTTP interface is at <a href=\"/openapi.json\">/openapi.json</a>.</p>\n</body></html>\n";

void route_asset(void *app, struct http_request *req)
{
	struct front *front = app;
	struct http_response r = { 0 };
	const char *part = http_path_part(req), *known = http_header(req, "If-None-Match");
	const struct asset *asset = assets_find(&front->assets, part);

	/* Of the two templates only /assets/{} can name such a file, and no name has a slash otherwise. */
	if (!asset && part[0]) {
		char name[256];

		if (strlen(part) < sizeof name - 8) {
			strcpy(name, "assets/");
			strcat(name, part);
			asset = assets_find(&front->assets, name);
		}
	}
	if (!asset) {
		if (part[0]) {
			reply_error(req, API_ERROR_NOT_FOUND, "", "there is no /%.80s; /openapi.json lists the routes", part);
			return;
		}
		r.status = 503;
		r.content_type = "text/html; charset=utf-8";
		r.static_body = no_viewer;
		r.static_len = sizeof no_viewer - 1;
		http_reply(req, &r);
		return;
	}
	/* Always asked again, and mostly answered by 304: a new build shows at once. */
	http_response_header(&r, "Cache-Control", "no-cache");
	http_response_header(&r, "ETag", "%s", asset->etag);
	if (known && strcmp(known, asset->etag) == 0) {
		r.status = 304;
	} else {
		r.content_type = asset->content_type;
		r.static_body = asset->data;
		r.static_len = asset->size;
	}
	http_reply(req, &r);
}
