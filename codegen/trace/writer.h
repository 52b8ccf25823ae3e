/* SPDX-License-Identifier: Apache-2.0 */
/* Writes one run's spans into a span log and hands out the tracer table. Runs in the worker, one writer a thread;
 * allocates nothing after trace_writer_new, so that it can be used inside an allocator and after one has failed. */
#ifndef SPVSCOPE_TRACE_WRITER_H
#define SPVSCOPE_TRACE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "codegen/trace/filter.h"
#include "spvscope/trace.h"

#define TRACE_WRITER_MAX_DEPTH 64 /* deeper spans are counted as dropped, their children go to the last recorded one */

struct trace_writer;

/* Reads what the calling thread has allocated so far. */
typedef void (*trace_alloc_reader)(uint64_t *ret_bytes, uint64_t *ret_calls);

/* log is memory of size bytes (at least 4096, page aligned), which stays the caller's and must outlive the writer.
 * alloc may be NULL (allocations read as 0). NULL with errno on failure. */
struct trace_writer *trace_writer_new(void *log, size_t size, trace_alloc_reader alloc);
void trace_writer_free(struct trace_writer *w);

/* Forgets all records and starts a run; filter is copied. Takes effect for the table at once. */
void trace_writer_start(struct trace_writer *w, uint64_t run_id, const struct trace_filter *filter);
/* The calling thread's active span is published from now until the next start, as one of that trace. */
void trace_writer_publish(struct trace_writer *w, const uint8_t trace_id[16]);
/* The table; valid as long as the writer. */
const struct spvscope_tracer *trace_writer_tracer(struct trace_writer *w);
/* Marks in the log that the memory limit refused an allocation. Async-signal-safe. */
void trace_writer_mark_out_of_memory(struct trace_writer *w);

#endif
