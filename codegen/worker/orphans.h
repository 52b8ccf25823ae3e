/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that a worker left behind. The template is the subreaper of all that its workers start, so a tool host whose
 * worker was killed becomes its child, ends what it has started, and is reaped here; what a killed host left is ended. */
#ifndef SPVSCOPE_WORKER_ORPHANS_H
#define SPVSCOPE_WORKER_ORPHANS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct orphans {
	bool expected;     /* a worker with a host has died since none were left */
	uint64_t since_ns; /* when it did */
};

/* Once, in the template. */
void orphans_adopt(void);
/* A worker that had a host is dead. */
void orphans_expect(struct orphans *o);
/* Reaps and ends them; is_ours tells the template's own children. Until none is left it wants to be called again: the
 * time until then in ms, -1: not any more. */
int orphans_sweep(struct orphans *o, bool (*is_ours)(void *arg, pid_t pid), void *arg);

#endif
