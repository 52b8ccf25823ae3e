/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the front and the analyzer process, each one datagram of a SOCK_SEQPACKET socket pair
 * (base/unix_message.h), and the layout of the samples that it hands over.
 *
 *   front ──TABLE, ATTACH, ENABLE, DISABLE, DETACH, STATUS──► analyzer (spvscope-analyzer --control-fd=3)
 *         ◄─HELLO, then one answer to each───────────────────
 *   worker ──REGISTER (on the registration socket, pid attested by the kernel)──► analyzer
 *
 * Answers come in the order of the requests. A session is one request's analysis of one worker. ATTACH opens the perf
 * event disabled and binds the program; ENABLE and DISABLE bracket one profiled run; DETACH closes and hands over what
 * was gathered. TABLE brings the unwind table of one file with code, a program or a library: from then on stacks are
 * unwound by it wherever that file is mapped. Processes that the worker forks belong to its session.
 * When a worker dies, its session stays until DETACH. When the front's socket closes, the analyzer detaches everything
 * and exits.
 *
 * Pid and tid numbers are those of the analyzer's own PID namespace; 0 is a task that has none there. */
#ifndef SPVSCOPE_ANALYZER_PROTOCOL_H
#define SPVSCOPE_ANALYZER_PROTOCOL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define ANALYZER_PROTOCOL_VERSION 9u

enum analyzer_kind {
	ANALYZER_OFF = 0,
	ANALYZER_RELEASE = 1,
	ANALYZER_DEBUG = 2,
};

enum analyzer_message_type {
	/* front to analyzer */
	ANALYZER_ATTACH = 1,  /* session, pid, kind, frequency_hz, flags: ANALYZER_ATTACH_… */
	ANALYZER_ENABLE = 2,  /* session */
	ANALYZER_DISABLE = 3, /* session */
	ANALYZER_DETACH = 4,  /* session; DISABLE need not go before it */
	ANALYZER_STATUS = 5,  /* asks for STATUS_IS */
	ANALYZER_TABLE = 6,   /* image; fds: its table (bpf/unwind_tables.h), and the file itself, or none: it is the vDSO */
	/* analyzer to front */
	ANALYZER_HELLO = 16,    /* version, pid, kinds: bit 1<<kind for each that is served; error and text: why not, and the
	                           command that grants what is missing; fds: the registration socket for the template
	                           (when anything is served) */
	ANALYZER_ATTACHED = 17, /* session, error + text, duration_ns, kind: the object that serves it (the other one where
	                           only that is built), frequency_hz: as granted */
	ANALYZER_ENABLED = 18,  /* session, error, time_ns */
	ANALYZER_DISABLED = 19, /* session, error, time_ns, counters so far */
	ANALYZER_DETACHED = 20, /* session, error, duration_ns, counters; handover_len: of the samples, which lie behind the text;
	                           fds: those that are longer, a sealed memfd. Neither when there are none. The event is closed
	                           right behind it, before the next message is read; nothing is taken any more */
	ANALYZER_STATUS_IS = 21, /* counters and totals since start */
	ANALYZER_TABLE_IS = 22, /* image, error + text, duration_ns */
	ANALYZER_UNKNOWN_FILES = 23, /* unasked; pid: a process of a session has mapped code of files without a table */
};

/* Why a stack ended where it did. */
enum analyzer_result {
	ANALYZER_RESULT_COMPLETE = 0,  /* the outermost frame: _start, or a thread's start; no frame at all in the midst of an
	                                  exec, where there is no user stack */
	ANALYZER_RESULT_TRUNCATED = 1, /* there are no tables, and the chain of frame pointers ended: whole if its last frame is
	                                  an outermost one, which only symbols can tell */
	ANALYZER_RESULT_TOO_DEEP = 2,  /* more than ANALYZER_MAX_FRAMES */
	ANALYZER_RESULT_BAD_READ = 3,  /* the stack could not be read */
	/* What the tables did not cover; the walk went on by frame pointers from there, and may have left frames out. */
	ANALYZER_RESULT_NO_MAPPING = 4, /* an address in nothing that the process has mapped with code */
	ANALYZER_RESULT_NO_ROW = 5,     /* between the functions of its image */
	ANALYZER_RESULT_UNSUPPORTED = 6, /* a rule that the tables cannot hold; the walk ended there */
	ANALYZER_RESULT_ANONYMOUS = 7,  /* code that is in no file */
	ANALYZER_RESULT_BROKEN = 8,     /* the caller's frame would not lie above its callee's; the walk ended there */
	ANALYZER_RESULT_NO_TABLE = 9,   /* in an image that no table was brought for */
	ANALYZER_RESULT_LOCKED = 10,    /* in nothing that was known yet, while the process's mappings were being changed */
	ANALYZER_N_RESULTS,
};

/* Of one session, over its profiled runs: the time between ENABLE and DISABLE. The tree is the worker and the processes
 * that it forked since ATTACH. */
struct analyzer_counters {
	uint64_t samples;       /* in the hand-over */
	uint64_t complete;      /* of these, stacks that reach the outermost frame, as the unwind tables tell it; the front,
	                           which knows the symbols, adds those that it finds whole among ANALYZER_RESULT_TRUNCATED */
	uint64_t truncated;     /* of these, the others */
	uint64_t lost;          /* samples that found no room in the ring or in the hand-over */
	uint64_t events;        /* debug events in the hand-over */
	uint64_t lost_events;
	uint64_t on_cpu_ns;     /* of all threads of the tree, as the perf event counted it, stolen time included; 0: not known */
	uint64_t expected;      /* samples due: (on_cpu_ns - stolen_ns) times the frequency */
	uint64_t runnable_ns;   /* sums of the off-CPU intervals of all threads of the tree */
	uint64_t blocked_ns;
	uint64_t stolen_ns;     /* of on_cpu_ns, what the hypervisor or interrupts took; a thread's CPU clock leaves it out */
	uint64_t intervals;     /* off-CPU intervals and ends of threads in the hand-over */
	uint64_t lost_intervals; /* without room in the ring or in the hand-over: then the sums above are too small */
	uint64_t lost_stacks;   /* intervals that are there without the stack that they should have, and deaths untold */
	uint64_t unseen_switches; /* onto a CPU, which the kernel did not show and clocks told when the thread left again */
	uint64_t forks;         /* processes that were forked into the tree since ATTACH */
	uint64_t lost_forks;    /* likewise, which could not be followed */
	uint64_t debug_overlap_ns; /* how long of the profiled runs the debug object's tracepoints were attached for other
	                           sessions' sake: they slow each system call and page fault of the machine */
	uint64_t results[ANALYZER_N_RESULTS]; /* samples by enum analyzer_result, as the walks ended */
};

/* What the programs of both objects cost, in STATUS_IS. Runs and times are the kernel's own statistics, which count only
 * while kernel.bpf_stats_enabled is set; 0 otherwise. */
struct analyzer_costs {
	uint64_t scheduler_runs;   /* of the scheduler's tracepoints, by whatever task of the machine */
	uint64_t scheduler_run_ns;
	uint64_t sample_runs, sample_run_ns;
	uint64_t event_runs, event_run_ns; /* the debug object's other tracepoints */
	uint32_t scheduler_attached; /* bit 1<<kind for each object whose scheduler tracepoints are attached now */
	uint32_t events_attached;    /* likewise, of its other tracepoints */
};

/* What a worker says on the registration socket: this byte, then its worker_id as u64, 9 bytes in one datagram; then, if
 * it publishes its active span (base/thread_context.h), where `otel_thread_ctx_v1` lies from the thread pointer, as i64.
 * A wrong place spoils the spans of its own samples and nothing else. */
#define ANALYZER_REGISTER 'R'
/* A process that works for a worker and was forked from it before ATTACH says this instead, with its worker's id: it
 * belongs to the worker's sessions, with all that it starts. */
#define ANALYZER_REGISTER_HELPER 'H'
#define ANALYZER_REGISTER_BYTES              9
#define ANALYZER_REGISTER_WITH_CONTEXT_BYTES 17

/* Bits of ATTACH's flags. The session begins enabled, as if ENABLE followed, for less time: the kernel interrupts the
 * CPU where the worker last ran for each change of an event, and waits. */
#define ANALYZER_ATTACH_ENABLED 1u

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
	uint64_t image;   /* the front's own number of a file with code, never 0 */
	uint64_t flags;   /* ATTACH */
	uint64_t attached_total; /* STATUS_IS: perf events opened for sessions, since start */
	uint64_t enabled_total;  /* STATUS_IS: times one was enabled, since start */
	struct analyzer_counters counters;
	struct analyzer_costs costs; /* STATUS_IS */
	uint32_t objects; /* HELLO: bit 1<<kind for each object that is loaded, as what it is, not as it is named */
	uint32_t reserved;
	uint32_t text_len;
	uint32_t handover_len; /* DETACHED */
	char text[ANALYZER_TEXT_MAX]; /* text_len bytes, no NUL; the datagram ends behind them, or goes on with the hand-over */
};
static_assert(sizeof(struct analyzer_counters) == 8 * (18 + ANALYZER_N_RESULTS), "layout is shared between processes");
static_assert(sizeof(struct analyzer_message) == 104 + sizeof(struct analyzer_counters) + sizeof(struct analyzer_costs) +
	ANALYZER_TEXT_MAX, "layout is shared between processes");

/* The hand-over: records one after the other, in the order of time, each a multiple of 8 bytes. */
#define ANALYZER_HANDOVER_MAX_BYTES (256u << 20)
#define ANALYZER_HANDOVER_IN_MESSAGE_BYTES (16u << 10) /* up to this in the message: memory to be shared takes longer */
#define ANALYZER_MAX_FRAMES         1024

enum analyzer_record_type {
	ANALYZER_RECORD_SAMPLE = 1, /* struct analyzer_sample */
	ANALYZER_RECORD_EVENT = 2,  /* struct analyzer_event */
	ANALYZER_RECORD_OFF_CPU = 3, /* struct analyzer_off_cpu */
	ANALYZER_RECORD_STOLEN = 4, /* struct analyzer_stolen */
	ANALYZER_RECORD_MAPPING = 5, /* struct analyzer_mapping */
	ANALYZER_RECORD_DEATH = 6,  /* struct analyzer_death */
};

/* One of the two, or neither. */
struct analyzer_handover {
	const void *data; /* len bytes */
	size_t len;
	int fd;           /* sealed memfd; -1: none */
};

struct analyzer_record {
	uint32_t size; /* of the whole record, this head included */
	uint32_t type; /* enum analyzer_record_type */
};

/* What the thread said of its active span. The numbers are a worker's words: the run that they name is to be checked. */
enum analyzer_span_state {
	ANALYZER_SPAN_UNTOLD = 0,     /* it publishes none, or another thread made the record */
	ANALYZER_SPAN_ACTIVE = 1,     /* span_id is it */
	ANALYZER_SPAN_NONE = 2,       /* no span was active */
	ANALYZER_SPAN_UNREADABLE = 3, /* its memory could not be read */
	ANALYZER_N_SPAN_STATES,
};

#define ANALYZER_SAMPLE_IN_KERNEL 1u /* the thread was in the kernel; ips are its user stack; no kernel address leaves */

struct analyzer_sample {
	struct analyzer_record head;
	uint64_t time_ns;  /* CLOCK_MONOTONIC */
	uint32_t pid, tid;
	uint16_t result;   /* enum analyzer_result */
	uint16_t flags;    /* ANALYZER_SAMPLE_… */
	uint32_t n_ips;
	uint64_t span_id;  /* that the thread published, if span_state says so: the run << 32 | the span's number in it */
	uint32_t span_state; /* enum analyzer_span_state */
	uint32_t reserved;
	uint64_t ips[];    /* innermost first: the interrupted pc, then return addresses */
};

/* A signal ended the process, and this is where the thread was that it came to; with several threads each is told. A
 * process that exits by itself has none. */
struct analyzer_death {
	struct analyzer_record head;
	uint64_t time_ns;
	uint32_t pid, tid;
	uint16_t result;     /* enum analyzer_result of its stack */
	uint16_t signal;
	uint32_t n_ips;
	uint64_t span_id;    /* as of a sample */
	uint32_t span_state;
	uint32_t reserved;
	uint64_t ips[];      /* as of a sample, of the user side: the first one is the instruction itself for a fault, or
	                        lies behind the system call */
};

/* Why a thread left its CPU. */
enum analyzer_off_state {
	ANALYZER_OFF_PREEMPTED = 0,     /* it could have gone on: another thread's turn */
	ANALYZER_OFF_INTERRUPTIBLE = 1, /* waits for a lock, a timer, a child, a byte … : syscall says in which call */
	ANALYZER_OFF_UNINTERRUPTIBLE = 2, /* waits for the kernel itself: mostly another thread's mappings, or memory */
	ANALYZER_OFF_IO = 3,            /* waits for a device: a read, or with syscall -1 a page of a mapped file */
	ANALYZER_OFF_STOPPED = 4,       /* by a signal or a debugger */
	ANALYZER_OFF_UNKNOWN = 5,       /* it left before ATTACH */
	ANALYZER_OFF_NEW = 6,           /* it was just made, and waits for its first turn */
	ANALYZER_OFF_ENDED = 7,         /* it is no more: time_ns, woken_ns and on_ns are the moment of its end */
	ANALYZER_N_OFF_STATES,
};

#define ANALYZER_OFF_CUT_BEFORE 1u /* it had left before ENABLE; the interval is told from there on, without a stack */
#define ANALYZER_OFF_CUT_AFTER  2u /* it did not come back before DISABLE, where the interval is cut */
#define ANALYZER_OFF_NO_STACK   4u /* a stack is due and was lost */

/* A thread off the CPU: blocked in time_ns..woken_ns, runnable in woken_ns..on_ns, and on the CPU between two intervals, from
 * ENABLE to its first one, and from its last one to DISABLE. Intervals of one thread do not overlap; a thread that never
 * ran in a profiled run has none. So for a span on its thread: blocked and runnable are what it has in common with
 * these, and on-CPU is the rest. */
struct analyzer_off_cpu {
	struct analyzer_record head;
	uint64_t time_ns;  /* CLOCK_MONOTONIC, like the two others; time_ns <= woken_ns <= on_ns */
	uint32_t pid, tid;
	uint64_t woken_ns; /* time_ns: it was runnable at once; on_ns with CUT_AFTER: it was not woken */
	uint64_t on_ns;
	uint16_t state;    /* enum analyzer_off_state */
	uint16_t flags;    /* ANALYZER_OFF_… */
	int32_t syscall;   /* number of the system call that it is in; -1: none (a page fault, or preempted in user space) */
	uint16_t result;   /* enum analyzer_result of its stack */
	uint16_t reserved;
	uint32_t n_ips;
	uint64_t span_id;  /* as of a sample: when it left */
	uint32_t span_state;
	uint32_t reserved2;
	uint64_t ips[];    /* as of a sample; of the user side where it left the CPU. None for NEW, ENDED, UNKNOWN */
};

/* Time that a thread was on its CPU and did not run: the hypervisor ran something else there ("steal"), or, on kernels
 * that tell these apart, interrupts did. It is part of on-CPU by the clock on the wall, and not of the thread's CPU
 * clock. stolen_ns lie somewhere in time_ns..to_ns, which is at most as long as two samples are apart. */
struct analyzer_stolen {
	struct analyzer_record head;
	uint64_t time_ns;
	uint32_t pid, tid;
	uint64_t to_ns;
	uint64_t stolen_ns;
};

/* What a process of the session has mapped with code, as the kernel has it: told of each process at its first record with
 * a stack, and all of it again, with a later time, when something was found that had not been told. Whoever names the
 * addresses of a record takes the newest that is not younger. */
struct analyzer_mapping {
	struct analyzer_record head;
	uint64_t time_ns;
	uint32_t pid, tid;    /* the thread that brought it to light */
	uint64_t start, end;
	uint64_t file_offset; /* of its first byte */
	uint64_t image;       /* as TABLE named the file; 0: there is no table for it, or it is no file */
	char name[64];        /* the file's own, without folders, NUL-terminated; empty: no file, which is a JIT or the vDSO */
};

/* What the debug object says: name is filled by the analyzer ("page-fault", "sched-switch", "attach", "stack-end"),
 * args by kind of event. The text is ready for people; it holds no kernel address. */
struct analyzer_event {
	struct analyzer_record head;
	uint64_t time_ns;
	uint32_t pid, tid;
	uint32_t kind;     /* enum analyzer_event_kind of bpf/analyzer_types.h */
	uint32_t n_ips;    /* a stack, where it helps */
	uint64_t span_id;  /* as of a sample */
	uint32_t span_state;
	uint32_t reserved;
	char name[32];     /* NUL-terminated */
	char text[128];    /* NUL-terminated */
	uint64_t ips[];
};

#endif
