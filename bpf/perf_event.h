/* SPDX-License-Identifier: Apache-2.0 */
/* The perf events that samples come from. Analyzer process, main thread. */
#ifndef SPVSCOPE_ANALYZER_PERF_EVENT_H
#define SPVSCOPE_ANALYZER_PERF_EVENT_H

#include <stdint.h>
#include <sys/types.h>

enum perf_source {
	PERF_SOURCE_CYCLES,    /* the processor's own counter: samples inside the kernel's critical sections too */
	PERF_SOURCE_CPU_CLOCK, /* a timer per task, which every kernel has */
};

const char *perf_source_name(enum perf_source source);

#define PERF_ALONE   1u /* forked processes are not followed */
#define PERF_AT_EXEC 2u /* the task's next exec enables it */
#define PERF_ENABLED 4u /* it counts from the beginning. Enabling it later interrupts the CPU where the task last ran, and
                           waits for that, once more */

/* Opens an event on one task, disabled unless flags say more, the threads that it starts later and the processes that it forks later, with the
 * program bound to it (program_fd -1: none). The descriptor, or -errno. */
int perf_event_open_task(enum perf_source source, pid_t pid, uint32_t frequency_hz, uint32_t flags, int program_fd);
int perf_event_enable(int fd);
/* Waits until the event has stopped on the CPU where the task runs. */
int perf_event_disable(int fd);
/* Time that the tasks were on a CPU while it was enabled. */
int perf_event_read_on_cpu(int fd, uint64_t *ret_ns);

#endif
