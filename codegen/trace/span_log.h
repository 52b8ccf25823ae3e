/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that a worker writes its spans to and the front reads them from: a memfd mapped by both, so that what was
 * recorded survives the worker. It is a log of one run: the worker starts it afresh at each run and appends; the front
 * reads when the run has ended or the worker is dead. A full log drops the newest and counts them. Every byte is
 * hostile to the reader, who copies before checking.
 *
 *   0        128                                                   capacity
 *   ┌────────┬──────────┬──────────┬─ … ─┬──────────┬───────────────┐
 *   │ header │ record 0 │ record 1 │     │ record n │ unused        │
 *   └────────┴──────────┴──────────┴─ … ─┴──────────┴───────────────┘
 *                                                   ▲ used (stored with release after the record is whole)
 */
#ifndef SPVSCOPE_TRACE_SPAN_LOG_H
#define SPVSCOPE_TRACE_SPAN_LOG_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define SPAN_LOG_MAGIC         0x676f4c6e61705331ull
#define SPAN_LOG_VERSION       2u
#define SPAN_LOG_DEFAULT_BYTES (16u << 20)
#define SPAN_LOG_MAX_SPANS     200000u

struct span_log_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_bytes;    /* sizeof(struct span_log_header) */
	uint64_t capacity;        /* of the whole memory, in bytes */
	uint64_t run_id;          /* the run these records belong to */
	_Atomic uint64_t used;    /* bytes in use, header included */
	_Atomic uint64_t dropped; /* spans, attributes and events that did not fit */
	uint32_t pid, tid;        /* of the writer */
	_Atomic uint32_t flags;   /* SPAN_LOG_FLAG_… */
	uint32_t reserved[17];
};
static_assert(sizeof(struct span_log_header) == 128, "layout is shared between processes");

/* Set when an allocation was refused by the run's memory limit: what dies afterwards died of that. */
#define SPAN_LOG_FLAG_OUT_OF_MEMORY 1u

enum span_log_type {
	SPAN_LOG_BEGIN = 1, /* name follows */
	SPAN_LOG_END = 2,
	SPAN_LOG_ADDED = 3, /* a whole span: usage is the difference, duration_ns its length; name follows */
	SPAN_LOG_ATTR_U64 = 4, /* key follows; value in `value` */
	SPAN_LOG_ATTR_STR = 5, /* key, then value */
	SPAN_LOG_EVENT = 6,    /* name, then message */
};

/* Records start at multiples of 8. The texts follow the struct, text_len[0] bytes and then text_len[1], without NULs;
 * size counts the struct, the texts, and zero padding up to a multiple of 8. */
struct span_log_record {
	uint32_t size;
	uint16_t type;  /* enum span_log_type */
	uint16_t level; /* enum spvscope_level */
	uint32_t span;  /* 1, 2, 3 … in order of beginning */
	uint32_t parent; /* 0 is the run itself */
	uint64_t time_ns;
	union {
		struct {
			uint64_t duration_ns; /* ADDED only */
			uint64_t cpu_ns, minor_faults, major_faults, alloc_bytes, alloc_calls;
		} usage; /* BEGIN, END: readings; ADDED: differences */
		uint64_t value;
	};
	uint16_t text_len[2];
	uint32_t published_ns; /* BEGIN, END: how much later than time_ns this change of the active span was published at the
	                          latest (codegen/trace/thread_context.h); 0: it was not */
};
static_assert(sizeof(struct span_log_record) == 80, "layout is shared between processes");

#endif
