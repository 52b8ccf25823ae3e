/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what the calling thread asks of malloc, for spans, and tells when it is refused. Linking alloc.c into an
 * executable puts it between every library and the C library's allocator. */
#ifndef SPVSCOPE_WORKER_ALLOC_H
#define SPVSCOPE_WORKER_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/* A trace_alloc_reader: totals of this thread, never reduced by free. Zero where counting is not built in. */
void alloc_read_thread(uint64_t *ret_bytes, uint64_t *ret_calls);
/* False in builds with a sanitizer, whose allocator must not be stood before. */
bool alloc_is_counted(void);
/* Between runs: wipes what compilers gave back, so that the next run need not. On the compiling thread, which from then
 * on keeps such memory at hand. */
void alloc_tidy(void);
/* What this thread holds in blocks. Walks the heap, some 10 µs. Zero where counting is not built in. */
uint64_t alloc_used_bytes(void);
/* What the process has taken from the system for blocks, likewise. */
uint64_t alloc_taken_bytes(void);
/* Free memory goes back to the system, the kept pages too. */
void alloc_give_back(void);
/* fn is called, on the thread that asked, whenever memory is refused; it must not allocate. NULL: nobody. */
void alloc_on_refusal(void (*fn)(void *ctx), void *ctx);

#endif
