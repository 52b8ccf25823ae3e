/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* What a thread says about itself to those who interrupt it: OpenTelemetry's thread context, OTEP 4947
 * (https://github.com/open-telemetry/opentelemetry-specification/blob/main/oteps/profiles/4947-thread-ctx.md). The
 * thread-local variable `otel_thread_ctx_v1` points to a record, or to nothing while no span is active. Shared by who
 * writes it (codegen/trace/thread_context.c) and who reads it at a sample (bpf/thread_context.bpf.h); compiles with both
 * compilers. */
#ifndef SPVSCOPE_THREAD_CONTEXT_LAYOUT_H
#define SPVSCOPE_THREAD_CONTEXT_LAYOUT_H

#include <linux/types.h>

/* The head of a record; ours have no attributes behind it. Ids are as W3C Trace Context writes them: first byte first. */
struct thread_context_record {
	__u8 trace_id[16];
	__u8 span_id[8]; /* of ours: the run's number, then the span's in that run, four bytes each, big-endian */
	__u8 valid;      /* 1: yes; whoever reads anything else passes over the record */
	__u8 trace_flags;
	__u16 attrs_data_size;
};

#define THREAD_CONTEXT_VALID 1
/* Of trace_flags: the span is recorded, and its trace id is random. */
#define THREAD_CONTEXT_SAMPLED 1
#define THREAD_CONTEXT_RANDOM  2

_Static_assert(sizeof(struct thread_context_record) == 28, "the layout is OpenTelemetry's");

#endif
