/* SPDX-License-Identifier: Apache-2.0 */
/* One finished compile with its trace, as the front keeps it: recent ones in memory, kept ones on disk too. Immutable
 * once published, so that any thread may read it while it holds a reference. */
#ifndef SPVSCOPE_RECORD_H
#define SPVSCOPE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/formats/formats.h"
#include "api/profile.h"
#include "api/response.h"
#include "codegen/trace/tree.h"

struct record {
	unsigned n_refs; /* atomic */
	char id[COMPILE_ID_CHARS + 1];
	char trace_id[COMPILE_ID_CHARS + 1];
	uint64_t started_unix_ns;
	uint64_t duration_ns;
	/* all owned; NULL where there is none */
	char *name, *language, *stage, *status, *analyzer; /* words of the contract */
	char *traceparent;
	char *response;      /* JSON object of response_json_without_bytes */
	char *request;       /* JSON object of request_json without the source */
	char *source;        /* as submitted */
	size_t source_size;
	uint8_t *spirv;
	size_t spirv_size;
	char *disassembly;
	struct trace_tree *tree;
	uint64_t origin_ns;  /* start of the root span, CLOCK_MONOTONIC */
	struct profile *profile; /* NULL: no samples */
	char *failure_stack; /* JSON array, for the outcome of its compile; not stored */
	char *log;           /* what the debug analyzer said: a JSON array of {"time_ns","pid","tid","name","text","stack"} */
	bool kept;           /* on disk; alone among the fields set after publishing, by the loop's thread */
	uint64_t n_samples;
	uint64_t n_spans;
};

struct record *record_new(void);
struct record *record_ref(struct record *r);
void record_unref(struct record *r); /* takes NULL */
void record_trace_info(const struct record *r, struct trace_info *ret); /* borrowed strings */
/* About how much memory it holds. */
uint64_t record_memory_bytes(const struct record *r);

#endif
