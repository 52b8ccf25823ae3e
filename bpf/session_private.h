/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of a session share. Analyzer process, main thread. */
#ifndef SPVSCOPE_ANALYZER_SESSION_PRIVATE_H
#define SPVSCOPE_ANALYZER_SESSION_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/gather.h"
#include "bpf/load.h"
#include "bpf/off_cpu.h"
#include "bpf/protocol.h"
#include "bpf/task_events.h"

struct session {
	uint64_t id; /* 0: the slot is free */
	pid_t pid;
	struct object *object;
	int pidfd, perf_fd;
	bool enabled;
	uint32_t flags; /* SESSION_… */
	struct task_events more;
	uint32_t frequency_hz;
	struct gather gathered;
	struct off_cpu off_cpu;
	uint64_t n_refused_samples, n_refused_events, n_refused_deaths; /* no room in `gathered` */
	int64_t thread_context; /* as the worker registered it */
	uint64_t n_results[ANALYZER_N_RESULTS];
	uint64_t events_at_enable_ns, overlap_ns; /* of the debug object's tracepoints with its runs */
};

/* Notes a record of the programs that is the session's. */
void session_note(struct session *session, const struct ring_head *record);
/* A decision of the analyzer's own, told to sessions of the debug object only. */
void __attribute__((format(printf, 4, 5))) session_decide(struct session *session, const char *name, uint64_t time_ns,
	const char *fmt, ...);

#endif
