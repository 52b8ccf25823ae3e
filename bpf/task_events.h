/* SPDX-License-Identifier: Apache-2.0 */
/* The perf events of tasks that were there before a session was: an event follows whom its task starts, and not who was
 * started before. Zero-initialized is empty. Main thread of the analyzer process, or of a program's analyzer. */
#ifndef SPVSCOPE_TASK_EVENTS_H
#define SPVSCOPE_TASK_EVENTS_H

#include <stddef.h>
#include <stdint.h>

struct task_events {
	int *fds; /* owned, as are the events */
	size_t n;
};

void task_events_done(struct task_events *t);
/* Takes an event that is disabled. 0 or -ENOMEM, and then it is closed. */
int task_events_add(struct task_events *t, int perf_fd);
/* All of them; of a task that has ended there is nothing to do. */
void task_events_enable(const struct task_events *t);
void task_events_disable(const struct task_events *t);
uint64_t task_events_on_cpu_ns(const struct task_events *t);

#endif
