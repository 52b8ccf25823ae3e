/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the front and the analyzer process, each one datagram of a SOCK_SEQPACKET socket pair
 * (base/unix_message.h), and the layout of the samples that it hands over.
 *
 *   front ──TABLES, ATTACH, ENABLE, DISABLE, DETACH, STATUS──► analyzer (spvscope-analyzer --control-fd=3)
 *         ◄─HELLO, then one answer to each───────────────────
 *   worker ──REGISTER (on the registration socket, pid attested by the kernel)──► analyzer
 *
 * Answers come in the order of the requests. A session is one request's analysis of one worker. ATTACH opens the perf
 * event disabled and binds the program; ENABLE and DISABLE bracket one profiled run; DETACH closes and hands over what
 * was gathered. TABLES brings the unwind tables of an address space, which ATTACH then names: stacks are unwound by them,
 * and by frame pointers where a space is not known or not named. When a worker dies, its session stays until DETACH. When the front's socket closes, the analyzer
 * detaches everything and exits. */
#ifndef SPVSCOPE_ANALYZER_PROTOCOL_H
#define SPVSCOPE_ANALYZER_PROTOCOL_H

#include <assert.h>
#include <stdint.h>

#define ANALYZER_PROTOCOL_VERSION 2u

enum analyzer_kind {
	ANALYZER_OFF = 0,
	ANALYZER_RELEASE = 1,
	ANALYZER_DEBUG = 2,
};

enum analyzer_message_type {
	/* front to analyzer */
	ANALYZER_ATTACH = 1,  /* session, pid, kind, frequency_hz, space */
	ANALYZER_ENABLE = 2,  /* session */
	ANALYZER_DISABLE = 3, /* session */
	ANALYZER_DETACH = 4,  /* session */
	ANALYZER_STATUS = 5,  /* asks for STATUS_IS */
	ANALYZER_TABLES = 6,  /* space; fds: its tables (bpf/unwind_tables.h) */
	/* analyzer to front */
	ANALYZER_HELLO = 16,    /* version, pid, kinds: bit 1<<kind for each that is served; error and text: why not, and the
	                           command that grants what is missing; fds: the registration socket for the template
	                           (when anything is served) */
	ANALYZER_ATTACHED = 17, /* session, error + text, duration_ns, kind: the object that serves it (the other one where
	                           only that is built), frequency_hz: as granted */
	ANALYZER_ENABLED = 18,  /* session, error, time_ns */
	ANALYZER_DISABLED = 19, /* session, error, time_ns */
	ANALYZER_DETACHED = 20, /* session, error, duration_ns, counters; fds: the samples (sealed memfd), none when empty */
	ANALYZER_STATUS_IS = 21, /* counters and totals since start */
	ANALYZER_TABLES_ARE = 22, /* space, error + text, duration_ns */
};

/* Why a stack ended where it did. */
enum analyzer_result {
	ANALYZER_RESULT_COMPLETE = 0,  /* the outermost frame: _start, or a thread's start */
	ANALYZER_RESULT_TRUNCATED = 1, /* there are no tables, and the chain of frame pointers ended: whole if its last frame is
	                                  an outermost one, which only symbols can tell */
	ANALYZER_RESULT_TOO_DEEP = 2,  /* more than ANALYZER_MAX_FRAMES */
	ANALYZER_RESULT_BAD_READ = 3,  /* the stack could not be read */
	/* What the tables did not cover; the walk went on by frame pointers from there, and may have left frames out. */
	ANALYZER_RESULT_NO_MAPPING = 4, /* an address in no mapping that was known */
	ANALYZER_RESULT_NO_ROW = 5,     /* in an image without a table, or between its functions */
	ANALYZER_RESULT_UNSUPPORTED = 6, /* a rule that the tables cannot hold; the walk ended there */
	ANALYZER_RESULT_ANONYMOUS = 7,  /* code that is in no file */
	ANALYZER_RESULT_BROKEN = 8,     /* the caller's frame would not lie above its callee's; the walk ended there */
	ANALYZER_N_RESULTS,
};

struct analyzer_counters {
	uint64_t samples;       /* in the hand-over */
	uint64_t complete;      /* of these, stacks that reach the outermost frame, as the unwind tables tell it; the front,
	                           which knows the symbols, adds those that it finds whole among ANALYZER_RESULT_TRUNCATED */
	uint64_t truncated;     /* of these, the others */
	uint64_t lost;          /* samples that found no room in the ring or in the hand-over */
	uint64_t events;        /* debug events in the hand-over */
	uint64_t lost_events;
	uint64_t on_cpu_ns;     /* of the worker between ENABLE and DISABLE, as the perf event counted it; 0: not known */
	uint64_t results[ANALYZER_N_RESULTS]; /* samples by enum analyzer_result, as the walks ended */
};

/* What a worker says on the registration socket: this byte, then its worker_id as u64, 9 bytes in one datagram; then, if
 * it publishes its active span (base/thread_context.h), where `otel_thread_ctx_v1` lies from the thread pointer, as i64.
 * A wrong place spoils the spans of its own samples and nothing else. */
#define ANALYZER_REGISTER 'R'
#define ANALYZER_REGISTER_BYTES              9
#define ANALYZER_REGISTER_WITH_CONTEXT_BYTES 17

#define ANALYZER_TEXT_MAX 512

struct analyzer_message {
	uint32_t version; /* ANALYZER_PROTOCOL_VERSION */
	uint32_t type;
	uint64_t session; /* the front's own number, never used twice */
	int32_t pid;
	int32_t error;    /* errno, 0 is none */
	uint32_t kind;    /* enum analyzer_kind */
	uint32_t kinds;
	uint32_t frequency_hz;
	uint32_t sessions;      /* STATUS_IS: attached now */
	uint64_t time_ns;       /* CLOCK_MONOTONIC */
	uint64_t duration_ns;
	uint64_t space;   /* the front's own number of an address space, never used twice; 0: none */
	uint64_t attached_total; /* STATUS_IS: perf events opened for sessions, since start */
	uint64_t enabled_total;  /* STATUS_IS: times one was enabled, since start */
	struct analyzer_counters counters;
	uint32_t text_len;
	uint32_t objects; /* HELLO: bit 1<<kind for each object that is loaded, as what it is, not as it is named */
	char text[ANALYZER_TEXT_MAX]; /* text_len bytes, no NUL; the datagram may end behind them */
};
static_assert(sizeof(struct analyzer_message) == 144 + 8 * ANALYZER_N_RESULTS + ANALYZER_TEXT_MAX, "layout is shared between processes");

/* The hand-over: records one after the other, in the order of time, each a multiple of 8 bytes. */
#define ANALYZER_HANDOVER_MAX_BYTES (256u << 20)
#define ANALYZER_MAX_FRAMES         1024

enum analyzer_record_type {
	ANALYZER_RECORD_SAMPLE = 1, /* struct analyzer_sample */
	ANALYZER_RECORD_EVENT = 2,  /* struct analyzer_event */
};

struct analyzer_record {
	uint32_t size; /* of the whole record, this head included */
	uint32_t type; /* enum analyzer_record_type */
};

#define ANALYZER_SAMPLE_IN_KERNEL 1u /* the thread was in the kernel; ips are its user stack; no kernel address leaves */

struct analyzer_sample {
	struct analyzer_record head;
	uint64_t time_ns;  /* CLOCK_MONOTONIC */
	uint32_t pid, tid;
	uint16_t result;   /* enum analyzer_result */
	uint16_t flags;    /* ANALYZER_SAMPLE_… */
	uint32_t n_ips;
	uint64_t ips[];    /* innermost first: the interrupted pc, then return addresses */
};

/* What the debug object says: name is filled by the analyzer ("page-fault", "sched-switch", "attach", "stack-end"),
 * args by kind of event. The text is ready for people; it holds no kernel address. */
struct analyzer_event {
	struct analyzer_record head;
	uint64_t time_ns;
	uint32_t pid, tid;
	uint32_t kind;     /* enum analyzer_event_kind of bpf/analyzer_types.h */
	uint32_t n_ips;    /* a stack, where it helps */
	char name[32];     /* NUL-terminated */
	char text[128];    /* NUL-terminated */
	uint64_t ips[];
};

#endif
