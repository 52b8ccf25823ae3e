/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/compile as a typed struct, decoded from and encoded by a table of fields that also yields the error texts, the
 * query parameters and a check against openapi.yaml. Runs in the front. */
#ifndef SPVSCOPE_REQUEST_H
#define SPVSCOPE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/strbuf.h"
#include "bpf/protocol.h"
#include "codegen/trace/filter.h"
#include "spvscope/codegen.h"

#define REQUEST_MAX_BODY_BYTES   (16u << 20)
#define REQUEST_MAX_SOURCE_BYTES (8u << 20)
#define REQUEST_MAX_FILES        256
#define REQUEST_MAX_DEFINES      1024
#define REQUEST_MAX_PASSES       256
#define REQUEST_MAX_NAME_BYTES   1024
#define REQUEST_MAX_SETTINGS     256
#define REQUEST_MAX_JSON_DEPTH   16

enum isolation {
	ISOLATION_DEFAULT = 0, /* worker, or request when the request came with a token */
	ISOLATION_WORKER,
	ISOLATION_REQUEST,
};

enum position_encoding {
	POSITION_UTF16 = 0,
	POSITION_UTF8,
	POSITION_UTF32,
};

struct compile_request {
	struct spvscope_job job; /* owned */
	bool has_env;            /* it said target.env; else that is what the language is for */
	bool has_trace_level;    /* else the configuration's, then SPVSCOPE_LOG's, then the build's */
	enum spvscope_level trace_level; /* off, info or debug */
	char *trace_filter;      /* directives, already checked; NULL: none */
	struct {
		enum analyzer_kind kind;
		uint32_t frequency_hz; /* 1–50000, default 4999 */
		uint32_t min_samples;  /* 0: one run; default 500 */
		uint32_t budget_ms;    /* for all runs after the first; default 500, at most 60000 */
	} analyzer;
	uint64_t wall_ms;        /* 1–600000, default 10000 */
	uint64_t memory_bytes;   /* 16 MiB – 16 GiB, default 1 GiB */
	struct {
		char *session, *uri; /* NULL: no document */
		uint64_t version;
	} document;
	enum isolation isolation;
	bool keep;
	enum position_encoding position_encoding;
	char *traceparent;       /* a valid one that came in, or NULL */
};

/* Fills in the defaults; the struct must be zeroed. */
void compile_request_init(struct compile_request *r);
void compile_request_done(struct compile_request *r);

/* A JSON body. 0, or -EINVAL with d filled (unknown, ill-typed and out-of-range fields are named with what would be
 * right), -ENOMEM. Language and stage are guessed and must be known at the end. */
int compile_request_from_json(const char *body, size_t len, struct compile_request *ret, struct diag *d);

/* A body that is the source, with options as query parameters: set each, then finish. Keys are the field table's query
 * names ("stage", "language", "name", "entry_point", "target", "spirv", "define" (repeatable, NAME or NAME=VALUE),
 * "optimize", "debug_info", "validate", "trace", "filter", "analyzer", "keep", …). */
int compile_request_set_query(struct compile_request *r, const char *key, const char *value, struct diag *d);
int compile_request_set_source(struct compile_request *r, const char *body, size_t len, struct diag *d);
/* Guesses what is missing and checks fields against each other. */
int compile_request_finish(struct compile_request *r, struct diag *d);

enum request_parts {
	REQUEST_WITHOUT_SOURCE, /* where the source is kept beside it */
	REQUEST_WHOLE,
};

/* The JSON body that decodes to r again, but for traceparent, which is a header. Fields that have their default are left
 * out; language and stage were guessed by finish at the latest, so "language" always stands first. Bytes that are no text
 * are written as base64. */
void request_json(const struct compile_request *r, enum request_parts parts, struct strbuf *out);

#endif
