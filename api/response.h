/* SPDX-License-Identifier: Apache-2.0 */
/* What came of one compile, and its JSON. Filled by the front (server/compile/compile.c), read by the encoders. */
#ifndef SPVSCOPE_RESPONSE_H
#define SPVSCOPE_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/request.h"
#include "base/strbuf.h"
#include "bpf/protocol.h"
#include "spvscope/codegen.h"

#define COMPILE_ID_CHARS 32 /* lower-case hex digits, of compilations and traces alike */

enum analyzer_state {
	ANALYZER_STATE_OFF = 0,
	ANALYZER_STATE_ATTACHED,
	ANALYZER_STATE_UNAVAILABLE, /* it never attached: reason says how to mend that */
	ANALYZER_STATE_LOST,        /* it attached and then went away: reason says when */
};

/* Where a result came from. */
enum compile_cache {
	COMPILE_CACHE_BYPASS = 0, /* compiled without asking the cache */
	COMPILE_CACHE_MISS,       /* compiled, since the cache had nothing */
	COMPILE_CACHE_HIT,
	COMPILE_CACHE_SHARED,     /* from a compile of the same that was under way */
	COMPILE_N_CACHES,
};

/* How samples got their spans. */
struct span_joins {
	uint64_t by_id;       /* the thread told its active span, or that it had none */
	uint64_t by_time;     /* it told nothing that could be used */
	uint64_t unreadable;  /* of those: its memory could not be read */
	uint64_t at_change;   /* by_id, in between the two readings of the clock around a change of span */
	uint64_t disagreeing; /* by_id, where the clock says another span: none, unless something is wrong */
};

struct compile_outcome {
	char id[COMPILE_ID_CHARS + 1];
	char trace_id[COMPILE_ID_CHARS + 1];
	const struct compile_request *request; /* borrowed */
	struct spvscope_result result;         /* owned */
	bool traced;
	uint64_t n_spans, n_dropped;
	struct {
		enum analyzer_kind kind;       /* asked for */
		enum analyzer_kind object;     /* that ran */
		enum analyzer_state state;
		char reason[512];              /* empty: null */
		uint32_t n_profiled_runs, n_clean_runs;
		struct analyzer_counters counters;
		struct span_joins joins;
		uint32_t frequency_hz;
		uint64_t attach_ns, detach_ns;
		double slowdown;               /* median profiled run / median clean run; 0: not measured */
	} analyzer;
	struct {
		bool is_set;                   /* for crashed, timed_out, out_of_memory */
		char stage[64];                /* "codegen::parse"; "worker" before any */
		char span[256];                /* innermost span that was open */
		char signal[16];               /* "SIGSEGV", empty: none */
		char message[256];
		const char *stack;             /* JSON array of names, innermost first; the record's; NULL: none */
		bool stack_is_exact;           /* where the signal came that ended it; else of the last sample */
		bool stack_is_whole;           /* up to the outermost function */
	} failure;
	bool kept;                             /* on disk */
	enum compile_cache cache;
	struct {                               /* of hits and shared ones: the compile that made the result */
		char id[COMPILE_ID_CHARS + 1];
		char trace_id[COMPILE_ID_CHARS + 1]; /* empty: it has none */
		uint64_t started_unix_ns;
	} cached_from;
	uint64_t started_unix_ns;
	uint64_t duration_ns;                  /* from the request's last byte to its result */
};

void compile_outcome_done(struct compile_outcome *o);

/* The whole answer of POST /v1/compile. Texts that are not UTF-8 get U+FFFD. Columns are converted to the request's
 * position encoding with the source at hand. */
void response_json(const struct compile_outcome *o, struct strbuf *out);
/* The same without "spirv" and "disassembly", for the store. */
void response_json_without_bytes(const struct compile_outcome *o, struct strbuf *out);

/* An answer in two parts that follow each other: members that differ between two requests with the same result, and
 * those that do not, from "status" on. A result that is given out again and again is written once. */
struct response_identity {
	const char *id, *trace_id;            /* trace_id NULL: not traced */
	enum compile_cache cache;
	const char *from_id, *from_trace_id;  /* of hits and shared ones; from_trace_id NULL: none */
	uint64_t from_started_unix_ns;
	bool kept;
	uint64_t duration_ns, n_spans, n_dropped;
};

void response_json_identity(const struct response_identity *i, struct strbuf *out);
void response_json_identity_of(const struct compile_outcome *o, struct strbuf *out);
void response_json_result(const struct compile_outcome *o, bool with_bytes, struct strbuf *out);
/* The second part of a whole answer; NULL when it is none. */
const char *response_json_find_result(const char *json);
const char *compile_cache_name(enum compile_cache c);
/* Lines of `file:line:column: error: message`, for Accept: text/plain on failure. Columns count bytes from 1. */
void response_text_diagnostics(const struct compile_outcome *o, struct strbuf *out);

#endif
