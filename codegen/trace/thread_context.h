/* SPDX-License-Identifier: Apache-2.0 */
/* Publishes the calling thread's active span, as base/thread_context.h lays it out, for profilers that interrupt the
 * thread. A change costs some nanoseconds: a record that nobody looks at is filled, then one pointer is stored. Whoever
 * interrupts the thread anywhere sees the span before or the span after, whole. Async-signal-safe; each thread has its
 * own. */
#ifndef SPVSCOPE_TRACE_THREAD_CONTEXT_H
#define SPVSCOPE_TRACE_THREAD_CONTEXT_H

#include <stdint.h>

/* From now on this thread's spans are of that trace and run. None is active yet. */
void thread_context_start(const uint8_t trace_id[16], uint32_t run);
/* That span of the run is active, 0: none is. Nothing without thread_context_start. */
void thread_context_set(uint32_t span);
/* Nothing is published any more. */
void thread_context_stop(void);

/* Where the variable lies, in bytes from the thread pointer: the same for all threads of this process. */
int64_t thread_context_offset(void);

#endif
