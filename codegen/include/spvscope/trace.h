/* SPDX-License-Identifier: Apache-2.0 */
/* The tracer as a back end sees it: a table of functions that is handed to it with each job. Nothing in it is a global
 * of the process, so that a back end in a shared library with its own copy of every static gets the same tracer.
 * One tracer belongs to one thread. All times are CLOCK_MONOTONIC nanoseconds. */
#ifndef SPVSCOPE_TRACE_H
#define SPVSCOPE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum spvscope_level {
	SPVSCOPE_LEVEL_OFF = 0,
	SPVSCOPE_LEVEL_ERROR = 1,
	SPVSCOPE_LEVEL_WARN = 2,
	SPVSCOPE_LEVEL_INFO = 3,  /* a stage of the compile */
	SPVSCOPE_LEVEL_DEBUG = 4, /* what is inside a stage: an include, an optimizer pass */
};

/* What a thread has used so far, or what a span used: every field counts up. */
struct spvscope_usage {
	uint64_t now_ns;
	uint64_t cpu_ns;       /* CPU time of the thread */
	uint64_t minor_faults; /* page faults served without I/O */
	uint64_t major_faults;
	uint64_t alloc_bytes;  /* bytes asked of malloc, never reduced by free */
	uint64_t alloc_calls;
};

/* Names are the module path, "codegen::opt::eliminate-dead-branches", at most SPVSCOPE_SPAN_NAME_MAX bytes and cut
 * there. A span id is never 0 for a recorded span; 0 stands for one that the filter or a full log left out, and is
 * accepted everywhere. Spans nest: the parent of a new span is the innermost open one that was recorded. */
#define SPVSCOPE_SPAN_NAME_MAX 255
#define SPVSCOPE_ATTR_VALUE_MAX 4095

struct spvscope_tracer {
	size_t size; /* of this table as the host built it; fields behind it are not there */
	void *ctx;

	/* Would a span of this level and name be recorded? For work that only feeds the trace. */
	bool (*enabled)(void *ctx, enum spvscope_level level, const char *name);
	uint32_t (*begin)(void *ctx, enum spvscope_level level, const char *name);
	/* Ends the span, and any span opened inside it that is still open. */
	void (*end)(void *ctx, uint32_t span);
	/* Now, for `add` and for spans whose start is known only afterwards. */
	void (*usage)(void *ctx, struct spvscope_usage *ret);
	/* Records a span that has already ended, as a child of the innermost open one; from and to are two readings of
	 * `usage`, of which the differences are kept. */
	uint32_t (*add)(void *ctx, enum spvscope_level level, const char *name, const struct spvscope_usage *from,
		const struct spvscope_usage *to);
	/* On any recorded span of this run, ended or not. */
	void (*attr_u64)(void *ctx, uint32_t span, const char *key, uint64_t value);
	void (*attr_str)(void *ctx, uint32_t span, const char *key, const char *value, size_t len);
	/* A moment on the innermost open span: a log record, a diagnostic, a failure. name is the event's module path. */
	void (*event)(void *ctx, enum spvscope_level level, const char *name, const char *message, size_t len);
	/* As `begin` and `end`, at times that have passed: for what an external program tells of itself afterwards. `at` is
	 * a time on this clock and what the span's own thread or process had used by then, zeros where that is not known.
	 * Told in the order in which it happened, and before anything that happened later. */
	uint32_t (*begin_at)(void *ctx, enum spvscope_level level, const char *name, const struct spvscope_usage *at);
	void (*end_at)(void *ctx, uint32_t span, const struct spvscope_usage *at);
};

#ifdef __cplusplus
}
#endif
#endif
