/* SPDX-License-Identifier: Apache-2.0 */
/* The thread-local record of the active span. Runs on whichever thread traces; what reads it has interrupted that very
 * thread, so the compiler must keep the order of the stores and the processor need not. */
#include "codegen/trace/thread_context.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/thread_context.h"

/* Found by its name in the dynamic symbols of the program: it has a fixed place from the thread pointer there, and
 * codegen/worker/meson.build exports it. */
extern __thread struct thread_context_record *volatile otel_thread_ctx_v1;
__attribute__((visibility("default"), used)) __thread struct thread_context_record *volatile otel_thread_ctx_v1;

/* Two, so that the one which is shown is never written. */
static __thread struct {
	struct thread_context_record records[2];
	uint32_t run;
	unsigned char shown;
	bool started;
} context;

void thread_context_start(const uint8_t trace_id[16], uint32_t run)
{
	thread_context_stop();
	for (int i = 0; i < 2; i++) {
		context.records[i] = (struct thread_context_record){
			.valid = THREAD_CONTEXT_VALID,
			.trace_flags = THREAD_CONTEXT_SAMPLED | THREAD_CONTEXT_RANDOM,
		};
		memcpy(context.records[i].trace_id, trace_id, sizeof(context.records[i].trace_id));
	}
	context.run = run;
	context.started = true;
}

void thread_context_set(uint32_t span)
{
	if (!context.started || !span) {
		otel_thread_ctx_v1 = NULL;
		return;
	}
	context.shown ^= 1;
	struct thread_context_record *record = &context.records[context.shown];
	uint64_t id = htobe64((uint64_t)context.run << 32 | span);
	memcpy(record->span_id, &id, sizeof(id));
	atomic_signal_fence(memory_order_seq_cst); /* the record is whole before it is shown */
	otel_thread_ctx_v1 = record;
	atomic_signal_fence(memory_order_seq_cst); /* and shown before the other one is written again */
}

void thread_context_stop(void)
{
	otel_thread_ctx_v1 = NULL;
	atomic_signal_fence(memory_order_seq_cst);
	context.started = false;
}

int64_t thread_context_offset(void)
{
	return (int64_t)((const char *)&otel_thread_ctx_v1 - (const char *)__builtin_thread_pointer());
}
