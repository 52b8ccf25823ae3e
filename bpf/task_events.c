/* SPDX-License-Identifier: Apache-2.0 */
/* Several perf events as one. Main thread of the analyzer process, or of a program's analyzer. */
#include "bpf/task_events.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "bpf/perf_event.h"

void task_events_done(struct task_events *t)
{
	for (size_t i = 0; i < t->n; i++)
		fd_close(t->fds[i]);
	free(t->fds);
	*t = (struct task_events){0};
}

int task_events_add(struct task_events *t, int perf_fd)
{
	int *fds = reallocarray(t->fds, t->n + 1, sizeof(*fds));

	if (!fds) {
		fd_close(perf_fd);
		return -ENOMEM;
	}
	t->fds = fds;
	fds[t->n++] = perf_fd;
	return 0;
}

void task_events_enable(const struct task_events *t)
{
	for (size_t i = 0; i < t->n; i++)
		perf_event_enable(t->fds[i]);
}

void task_events_disable(const struct task_events *t)
{
	for (size_t i = 0; i < t->n; i++)
		perf_event_disable(t->fds[i]);
}

uint64_t task_events_on_cpu_ns(const struct task_events *t)
{
	uint64_t sum_ns = 0, ns;

	for (size_t i = 0; i < t->n; i++)
		if (perf_event_read_on_cpu(t->fds[i], &ns) >= 0)
			sum_ns += ns;
	return sum_ns;
}
