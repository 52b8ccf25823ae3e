/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the front, the worker template and the workers, each one datagram of a SOCK_SEQPACKET socket pair,
 * a struct worker_message, a payload perhaps, and descriptors (base/unix_message.h). The front trusts nothing in what
 * arrives from a worker or the template beyond its shape.
 *
 *   front ──FORK, REAP, ANALYZER──► template      front ──RUN──► worker
 *         ◄─HELLO, WARM, FORKED, EXITED──               ◄─READY, DONE──
 *
 * spvscope-worker --control-fd=3 is the template. It closes everything else but 0–2, loads the compilers, says HELLO at
 * once (so that cold workers can be forked), warms step by step between messages, and never reads submitted bytes.
 * A forked worker gets PR_SET_PDEATHSIG SIGKILL, closes the control socket, confines itself, registers with the
 * analyzer, says READY on its own socket, and then serves one RUN at a time until its socket closes (exit 0). */
#ifndef SPVSCOPE_WORKER_PROTOCOL_H
#define SPVSCOPE_WORKER_PROTOCOL_H

#include <assert.h>
#include <stdint.h>

#define WORKER_PROTOCOL_VERSION 8u

enum worker_message_type {
	/* front to template */
	WORKER_FORK = 1,     /* worker_id; value: 0, or 1 + the number of the back end whose tool it is to have a host for;
	                        fds: the worker's socket, its span log (memfd), both given away */
	WORKER_REAP = 2,     /* pid: wait for it now, its number may come round from here on */
	WORKER_ANALYZER = 3, /* fds: the analyzer's registration socket for workers forked from now on; none: no analyzer */
	/* template to front */
	WORKER_HELLO = 16,   /* version, pid; text: spvscope_compiler_versions(); fds: a sealed memfd that is a copy of the
	                        template's /proc/self/maps (the same in each worker) */
	WORKER_WARM = 17,    /* value: steps done, value2: steps in all; at each step; a fork takes what is warm then */
	WORKER_FORKED = 18,  /* worker_id, pid, value: warm steps it has; fds: a pidfd. pid 0: fork failed, error = errno */
	WORKER_EXITED = 19,  /* worker_id, pid, value: wait status as of waitpid(2), value2: most resident KiB; it is not
	                        reaped before REAP */
	WORKER_BACKEND = 20, /* value: its number; value2: bits of the languages that it takes; flags: WORKER_BACKEND_…;
	                        text: name, its own word for the language, identity of its files, version, what is missing, how
	                        to install it, the tool's program, a tab between each. Once for each after HELLO, in order, then one with an empty text */
	/* front to worker */
	WORKER_RUN = 32,     /* run_id, trace_id, flags, memory_bytes, output_bytes; value: the deadline for external tools on
	                        CLOCK_MONOTONIC, 0: none; text: filter directives; flags: WORKER_RUN_…; payload: the job
	                        (job_encode), unless it comes as a descriptor */
	/* worker to front */
	WORKER_READY = 48,   /* pid, flags: WORKER_CONFINED_… */
	WORKER_DONE = 49,    /* run_id, error, start_ns, end_ns, cpu_ns; payload: the result (result_encode); where that does
	                        not fit, it is in the worker's memfd for results, sealed, and the next RUN brings another: a DONE
	                        without a payload uses it up; flags: WORKER_RETIRES when it exits now. A worker sends no
	                        descriptors and makes none: how many of a user's may be on their way is limited for all
	                        processes together, and memory behind one of its own would be nobody's */
};

/* flags of RUN: which descriptors it has, in this order */
#define WORKER_RUN_JOB_FD    1u /* the job in a sealed memfd, since it is longer than a payload may be */
#define WORKER_RUN_RESULT_FD 2u /* an empty memfd for a result that is; the worker keeps it until it is used */
/* flags of READY: what the sandbox could do here */
#define WORKER_CONFINED_SECCOMP  1u
#define WORKER_CONFINED_LANDLOCK 2u
#define WORKER_REGISTERED        4u /* with the analyzer */
/* flags of BACKEND */
#define WORKER_BACKEND_RUNS_TOOL 1u /* compiles where a worker has a host for it only */
/* flags of DONE */
#define WORKER_RETIRES 1u

#define WORKER_TEXT_MAX    1024
#define WORKER_PAYLOAD_MAX (16u << 10)

struct worker_message {
	uint32_t version; /* WORKER_PROTOCOL_VERSION */
	uint32_t type;
	uint64_t worker_id; /* the front's own number, never used twice */
	uint64_t run_id;    /* the front's own number, never used twice */
	int32_t pid;
	int32_t error;      /* errno, 0 is none */
	uint64_t value, value2;
	uint64_t flags;
	uint64_t memory_bytes; /* the run may use this much more than the worker has at rest; 0: no limit */
	uint64_t output_bytes; /* largest result */
	uint64_t start_ns, end_ns, cpu_ns;
	uint8_t trace_id[16];  /* whose active span the worker publishes; all zeros: it publishes none */
	uint32_t text_len;
	uint32_t payload_len;
	char text[WORKER_TEXT_MAX]; /* text_len bytes, no NUL; the datagram goes on with the payload, or ends, behind them */
};
static_assert(sizeof(struct worker_message) == 120 + WORKER_TEXT_MAX, "layout is shared between processes");

#endif
