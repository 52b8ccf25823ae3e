/* SPDX-License-Identifier: Apache-2.0 */
/* A span tree in the reader's own memory: read from a hostile span log, or built span by span by the front. Spans are
 * in pre-order of beginning: a parent's index is always lower than its children's. Not thread-safe; the tree owns
 * every string in it. */
#ifndef SPVSCOPE_TRACE_TREE_H
#define SPVSCOPE_TRACE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spvscope/trace.h"

#define TRACE_NO_SPAN        UINT32_MAX
#define TRACE_TREE_MAX_DEPTH 128 /* spans on one path, so that walks and exports may recurse */

struct trace_attr {
	uint32_t span_idx;
	const char *key;
	const char *text; /* NULL: `value` is the attribute */
	uint64_t value;
};

struct trace_event {
	uint32_t span_idx; /* TRACE_NO_SPAN: outside every span */
	enum spvscope_level level;
	uint64_t time_ns;
	const char *name;
	const char *message;
};

/* Over the clean runs of a repeated compile; n_runs is 0 when there were none. */
struct trace_clean {
	uint32_t n_runs;
	uint64_t min_ns, median_ns, max_ns;
};

/* Where the time of a span went, summed over the profiled runs, on the thread that it ran on: on_cpu_ns, runnable_ns and
 * blocked_ns make up wall_ns. n_runs is 0 when it is not known. */
struct trace_profiled {
	uint32_t n_runs;
	uint32_t n_switches;   /* times that the thread left its CPU */
	uint64_t wall_ns, on_cpu_ns;
	uint64_t runnable_ns;  /* it could have run and waited for a CPU */
	uint64_t blocked_ns;   /* it waited for something else */
	uint64_t stolen_ns;    /* of on_cpu_ns, what a hypervisor or interrupts took; spread evenly between two samples */
	uint64_t cpu_clock_ns; /* the thread's own CPU clock over the same runs, for comparison */
};

struct trace_span {
	const char *name;
	enum spvscope_level level;
	uint32_t parent_idx; /* TRACE_NO_SPAN for a root */
	uint32_t depth;      /* 0 for a root */
	uint32_t pid, tid;   /* where it ran */
	uint64_t start_ns;   /* CLOCK_MONOTONIC */
	uint64_t duration_ns;
	struct spvscope_usage used; /* differences over the span; now_ns is unused */
	bool measured;       /* `used` says something; false for what was clocked only, as the front's own spans are */
	bool open;           /* never ended: its process died in it; duration reaches to the last known time */
	/* How much later than its start and its end its thread said so (codegen/trace/thread_context.h): whoever interrupted
	 * it meanwhile may have seen the span before. 0: it did not say, and the span was never the active one: it was told of
	 * when it was over. Only in a tree that was read from a log. */
	uint32_t begin_published_ns, end_published_ns;
	struct trace_clean clean;
	struct trace_profiled profiled;
};

struct trace_tree {
	struct trace_span *spans;
	size_t n_spans;
	struct trace_attr *attrs; /* in the order they were set */
	size_t n_attrs;
	struct trace_event *events; /* in the order they happened */
	size_t n_events;
	uint64_t dropped;       /* what the log had no room for */
	uint64_t malformed;     /* records that the reader refused */
	bool out_of_memory;     /* SPAN_LOG_FLAG_OUT_OF_MEMORY was set */
	struct trace_tree_memory *memory; /* private */
};

struct trace_tree *trace_tree_new(void); /* NULL when out of memory */
void trace_tree_free(struct trace_tree *t);

/* Reads the log of run run_id. Copies the header's fields and each record once, checks, then uses. An unknown, cut or
 * contradictory record ends the reading and is counted in `malformed`; what came before it stands. Open spans end at
 * end_ns, and nothing ends later; 0 means that it is not known, and the last time in the log is taken. Times are
 * clamped so that a child lies inside its parent. 0, or -EINVAL when there is no such run in the log, -ENOMEM. */
int trace_tree_read(const void *log, size_t size, uint64_t run_id, uint64_t end_ns, struct trace_tree **ret_tree);

/* Building: append a span; the strings are copied. Return the new index, or a negative errno: -EINVAL for a parent
 * that is not there yet, -E2BIG for one at TRACE_TREE_MAX_DEPTH. Pre-order is the caller's: a span goes below the one
 * added last or below one of its ancestors. The span is not `measured`. */
int64_t trace_tree_add(struct trace_tree *t, uint32_t parent_idx, enum spvscope_level level, const char *name,
	uint64_t start_ns, uint64_t duration_ns);
int trace_tree_attr_u64(struct trace_tree *t, uint32_t span_idx, const char *key, uint64_t value);
int trace_tree_attr_str(struct trace_tree *t, uint32_t span_idx, const char *key, const char *value);
int trace_tree_event(struct trace_tree *t, uint32_t span_idx, enum spvscope_level level, uint64_t time_ns,
	const char *name, const char *message);
/* Copies all of `from` below parent_idx of t; *ret_first_idx is where its span 0 went (they stay consecutive; may be
 * NULL). When that parent's duration is known (not 0), what is copied is clamped into it. Counts of dropped and
 * malformed records and out_of_memory are taken over too. On failure t is as before. */
int trace_tree_graft(struct trace_tree *t, uint32_t parent_idx, const struct trace_tree *from,
	uint32_t *ret_first_idx);

/* The innermost span that contains time_ns, at or below root_idx (TRACE_NO_SPAN: anywhere), or TRACE_NO_SPAN. About
 * 100 ns a call; the first call after a change builds an index inside t, so no other thread may read t meanwhile.
 * Without memory for the index it looks at every span. */
uint32_t trace_tree_innermost(const struct trace_tree *t, uint32_t root_idx, uint64_t time_ns);
/* For each span of a, the span of b at the same place (same name, same ordinal among its siblings of that name, its
 * parents likewise), else the nearest ancestor's. map has a->n_spans entries; TRACE_NO_SPAN where nothing matches. */
int trace_tree_match(const struct trace_tree *a, const struct trace_tree *b, uint32_t *map);

#endif
