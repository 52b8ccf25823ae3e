/* SPDX-License-Identifier: Apache-2.0 */
/* A session's off-CPU intervals: what the programs tell when a thread leaves its CPU and when it comes back is paired,
 * cut at the ends of a profiled run, summed up, and put among the session's records. Zero-initialized is empty. Analyzer
 * process, main thread. */
#ifndef SPVSCOPE_OFF_CPU_H
#define SPVSCOPE_OFF_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/analyzer_types.h"
#include "bpf/gather.h"
#include "bpf/protocol.h"

struct off_cpu {
	struct open_interval *open; /* owned; of threads that are off now */
	size_t n_open, capacity;
	bool running;
	uint64_t run_begin_ns;
	uint64_t n_intervals;
	uint64_t n_refused;        /* no memory, or no room among the records */
	uint64_t runnable_ns, blocked_ns, stolen_ns;
};

void off_cpu_done(struct off_cpu *o);
/* A profiled run begins, and ends: what is open then is cut there. */
void off_cpu_begin(struct off_cpu *o, uint64_t time_ns);
void off_cpu_end(struct off_cpu *o, struct gather *g, uint64_t time_ns);
/* In the order in which the programs told them. result: how the walk over the stack ended. */
void off_cpu_left(struct off_cpu *o, struct gather *g, const struct ring_off *from, enum analyzer_result result);
void off_cpu_came_back(struct off_cpu *o, struct gather *g, const struct ring_on *from);
void off_cpu_stolen(struct off_cpu *o, struct gather *g, const struct ring_stolen *from);

#endif
