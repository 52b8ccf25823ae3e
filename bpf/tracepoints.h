/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the objects' tracepoints are attached. Attaching one takes 7 to 21 ms, so they linger when nobody needs them
 * any more: the scheduler's for long, since they cost little; the debug object's others for a short while, since they slow
 * each system call and page fault of the machine. Zero-initialized, but for the objects. Analyzer process, main thread. */
#ifndef SPVSCOPE_TRACEPOINTS_H
#define SPVSCOPE_TRACEPOINTS_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/load.h"
#include "bpf/protocol.h"

struct tracepoints {
	struct object *const *objects; /* of 3, by what they are named; NULL where not loaded; borrowed */
	struct tracepoints_use {
		unsigned n_sessions;
		uint64_t idle_since_ns;
	} uses[3];
	uint64_t events_since_ns;  /* the debug object's own are attached since then; 0: they are not */
	uint64_t events_before_ns; /* how long they were before that */
};

/* A session of this object is there, and is gone. What could not be attached is in missing; empty: all is. */
void tracepoints_hold(struct tracepoints *t, struct object *o, char *missing, size_t size);
void tracepoints_release(struct tracepoints *t, struct object *o);
/* Takes away what has been idle for long enough. Milliseconds until it must be called again, -1: nothing is attached
 * in vain. */
int tracepoints_tend(struct tracepoints *t);
/* For how long, since start, the debug object's tracepoints on system calls and faults have been attached. */
uint64_t tracepoints_events_ns(const struct tracepoints *t);
void tracepoints_costs(const struct tracepoints *t, struct analyzer_costs *ret);

#endif
