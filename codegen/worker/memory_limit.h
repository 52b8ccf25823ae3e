/* SPDX-License-Identifier: Apache-2.0 */
/* The memory limit of one run, on top of what the worker holds at rest. By RLIMIT_DATA, which counts private writable
 * memory: heap and anonymous mappings, but neither libraries nor the span log nor a result, so that it is the
 * compiler's own appetite that is measured. One a worker, used on its only thread. */
#ifndef SPVSCOPE_WORKER_MEMORY_LIMIT_H
#define SPVSCOPE_WORKER_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Above this much growth since its start a worker gives itself up after a run: tables of rare kinds have piled up, or
 * a compiler leaks. */
#define MEMORY_MAX_GROWTH_BYTES (256ull << 20)

struct memory_limit {
	int statm_fd;          /* /proc/self/statm, opened while files could be */
	uint64_t data_bytes;   /* what the kernel counts at rest */
	uint64_t held_bytes;   /* of these, what is not free for the next run to take */
	uint64_t other_bytes;  /* of these, what is not the allocator's: variables, stack */
	uint64_t first_data_bytes, first_held_bytes; /* when the worker started */
};

/* Before confinement. 0 or -errno. */
int memory_limit_init(struct memory_limit *m);
void memory_limit_done(struct memory_limit *m);
/* The calling process may now use `bytes` more than it does, give or take half where memory lies about in pieces; 0: no
 * limit. 0 or -errno. */
int memory_limit_begin(struct memory_limit *m, uint64_t bytes);
/* Lifts the limit; whatever has been refused, there is memory again to say so. */
int memory_limit_lift(struct memory_limit *m);
/* After a run and its clean-up: gives free memory back to the system where that is much. True when the process has
 * grown so far that it should end. */
bool memory_limit_settle(struct memory_limit *m);

#endif
