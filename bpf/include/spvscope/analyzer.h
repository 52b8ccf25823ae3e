/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles processes from inside a program of yours: stacks that are unwound in the kernel and whole, sampled on the CPU.
 * pkg-config knows it as spvscope-analyzer; bpf/examples/ has a complete program.
 *
 *   open ──► attach (a process) or spawn (a command) ──► poll … poll ──► detach ──► close
 *
 * The calling process needs the capabilities CAP_BPF and CAP_PERFMON, and as much right over the processes that it
 * attaches to as reading their /proc/PID/maps and the files that are mapped there wants. Linux 5.17 or newer, with BTF.
 *
 * Threads: an analyzer and everything that was attached with it belong to one thread at a time; two analyzers have
 * nothing in common. Nothing is printed, no signal is touched, no signal handler is set.
 * Errors: functions return a negative errno, and spvscope_analyzer_error has words for a person. -EINVAL stands
 * everywhere for a NULL that is not allowed and for a struct whose size makes no sense.
 * Times are nanoseconds of CLOCK_MONOTONIC. Strings are UTF-8 as far as the analyzed files are.
 *
 * Structs that go in begin with their size as the caller knows it; fields that are zero have their default, and a NULL
 * instead of the struct means all defaults. A struct that is longer than the library knows is refused with -E2BIG when
 * what is beyond is not zero. Structs that come out hold at most what both sides know. */
#ifndef SPVSCOPE_ANALYZER_H
#define SPVSCOPE_ANALYZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPVSCOPE_ANALYZER_EXPORT __attribute__((visibility("default")))

struct spvscope_analyzer;   /* an eBPF object, loaded into the kernel */
struct spvscope_attachment; /* one process or process tree under analysis */

/* ---- the analyzer ---- */

enum spvscope_analyzer_kind {
	SPVSCOPE_ANALYZER_RELEASE = 1, /* samples */
	SPVSCOPE_ANALYZER_DEBUG = 2,   /* events besides: page faults, system calls, wake-ups, forks … with their stacks */
};

struct spvscope_analyzer_opts {
	size_t size;       /* sizeof(struct spvscope_analyzer_opts) */
	uint32_t kind;     /* enum spvscope_analyzer_kind; 0: release. Where only the other one is built, that one serves */
	uint32_t reserved;
	char *error;       /* where opening puts its reason for a person, NUL-terminated; NULL: nowhere */
	size_t error_size; /* in bytes; 256 are enough */
	const char *table_cache; /* a folder where unwind tables are kept from run to run, made where it is missing; it grows
	                      to 512 MiB at most. NULL: nowhere, each analyzer makes its own */
};

/* Loads the analyzer into the kernel, which takes 0.1 to 0.2 s, and keeps it there until it is closed.
 * 0, or
 *   -EPERM     the process lacks CAP_BPF or CAP_PERFMON; the reason holds the command that grants them
 *   -ENOENT    this library was built without analyzers; the reason says why
 *   -EOPNOTSUPP, -ENOSYS or what else the kernel says: it lacks something */
SPVSCOPE_ANALYZER_EXPORT int spvscope_analyzer_open(const struct spvscope_analyzer_opts *opts,
	struct spvscope_analyzer **ret);
/* Detaches what is still attached. NULL is fine. */
SPVSCOPE_ANALYZER_EXPORT void spvscope_analyzer_close(struct spvscope_analyzer *a);
/* What is loaded, which is not always what was asked for (enum spvscope_analyzer_kind). */
SPVSCOPE_ANALYZER_EXPORT uint32_t spvscope_analyzer_loaded_kind(const struct spvscope_analyzer *a);
/* The reason of the last failure of a function on this analyzer or one of its attachments, "" when there was none.
 * Owned by the analyzer; valid until the next call. */
SPVSCOPE_ANALYZER_EXPORT const char *spvscope_analyzer_error(const struct spvscope_analyzer *a);

/* ---- attaching ---- */

/* Bits of spvscope_attach_opts.flags */
#define SPVSCOPE_ATTACH_TREE   1u /* its children too, those that are there and those that come, and theirs */
#define SPVSCOPE_ATTACH_PAUSED 2u /* nothing is sampled until spvscope_attachment_resume */

struct spvscope_attach_opts {
	size_t size;           /* sizeof(struct spvscope_attach_opts) */
	uint32_t flags;        /* SPVSCOPE_ATTACH_… */
	uint32_t frequency_hz; /* samples per second on a CPU, of each thread: 1 to 50,000; 0: 4,999 */
};

/* Begins to sample a process, with all of its threads. Unwind tables are made first, for all files that it has mapped: some
 * 0.1 s, or 1 s when there are very big libraries among them; those of files that this analyzer has seen before are there.
 * What it maps later, and what its children run, gets its tables while spvscope_attachment_poll finds it: stacks through
 * such a file end in SPVSCOPE_STACK_NO_TABLE until then. A child of the caller that waits at a barrier before it calls
 * exec is attached to like any other process.
 * 0, or
 *   -ESRCH     there is no such process (any more)
 *   -ERANGE    the frequency
 *   -EBUSY     it is analyzed with this analyzer already, or as many processes are as there can be (256)
 *   -EACCES    its /proc files may not be read */
SPVSCOPE_ANALYZER_EXPORT int spvscope_analyzer_attach(struct spvscope_analyzer *a, pid_t pid,
	const struct spvscope_attach_opts *opts, struct spvscope_attachment **ret);
/* The same for who holds a pidfd, which names a process for certain. It stays the caller's. -EBADF: it is none. */
SPVSCOPE_ANALYZER_EXPORT int spvscope_analyzer_attach_pidfd(struct spvscope_analyzer *a, int pidfd,
	const struct spvscope_attach_opts *opts, struct spvscope_attachment **ret);
/* Starts a command and samples it from its first instruction on: a child of the caller waits until all is attached, and
 * then becomes argv[0], which is looked for in PATH. The tables of what it and its libraries are made of are there before.
 * It inherits what fork and exec let it inherit. *ret_pid is the caller's to wait for (waitpid). 0, or what attach returns,
 * or -ENOENT and what else exec says; then there is no child. */
SPVSCOPE_ANALYZER_EXPORT int spvscope_analyzer_spawn(struct spvscope_analyzer *a, char *const argv[],
	const struct spvscope_attach_opts *opts, struct spvscope_attachment **ret, pid_t *ret_pid);

/* Stops sampling, and goes on with it. After a pause not one more sample is taken; those that were are still there to
 * be polled. 0, -EALREADY. */
SPVSCOPE_ANALYZER_EXPORT int spvscope_attachment_pause(struct spvscope_attachment *at);
SPVSCOPE_ANALYZER_EXPORT int spvscope_attachment_resume(struct spvscope_attachment *at);
/* Ends it, and forgets what was not polled. NULL is fine. */
SPVSCOPE_ANALYZER_EXPORT void spvscope_attachment_detach(struct spvscope_attachment *at);

/* ---- what was seen ---- */

/* How the walk over a stack ended. Only the first means that nothing is missing. */
enum spvscope_stack_end {
	SPVSCOPE_STACK_COMPLETE = 0,     /* at the outermost frame: _start, or a thread's start */
	SPVSCOPE_STACK_FRAME_POINTERS = 1, /* there were no unwind tables; the chain of frame pointers ended */
	SPVSCOPE_STACK_TOO_DEEP = 2,     /* at 1,024 frames */
	SPVSCOPE_STACK_BAD_READ = 3,     /* memory that could not be read */
	SPVSCOPE_STACK_NO_MAPPING = 4,   /* an address in nothing that is mapped with code */
	SPVSCOPE_STACK_NO_ROW = 5,       /* code without unwind information */
	SPVSCOPE_STACK_UNSUPPORTED = 6,  /* unwind information of a kind that is not understood */
	SPVSCOPE_STACK_ANONYMOUS = 7,    /* code that is in no file, as a just-in-time compiler makes it */
	SPVSCOPE_STACK_BROKEN = 8,       /* the caller's frame did not lie above its callee's */
	SPVSCOPE_STACK_NO_TABLE = 9,     /* code in a file that there was no table for yet */
	SPVSCOPE_STACK_LOCKED = 10,      /* code in nothing that was known, while the process was changing its mappings */
	SPVSCOPE_STACK_ENDS,             /* how many there are; may grow */
};

#define SPVSCOPE_SAMPLE_IN_KERNEL 1u /* in a system call or a page fault; the stack is the one in user space */

struct spvscope_sample {
	size_t size;         /* of this struct as the library knows it */
	uint64_t time_ns;
	uint32_t pid, tid;
	uint32_t end;        /* enum spvscope_stack_end */
	uint32_t flags;      /* SPVSCOPE_SAMPLE_… */
	uint32_t n_ips;      /* 0 to 1,024 */
	const uint64_t *ips; /* innermost first: the interrupted instruction, then return addresses. No kernel addresses */
};

/* Why a thread was not on a CPU. */
enum spvscope_off_state {
	SPVSCOPE_OFF_PREEMPTED = 0,       /* it could have gone on: another thread's turn */
	SPVSCOPE_OFF_INTERRUPTIBLE = 1,   /* waited for a lock, a timer, a child, a byte … */
	SPVSCOPE_OFF_UNINTERRUPTIBLE = 2, /* waited for the kernel itself */
	SPVSCOPE_OFF_IO = 3,              /* waited for a device */
	SPVSCOPE_OFF_STOPPED = 4,         /* by a signal or a debugger */
	SPVSCOPE_OFF_UNKNOWN = 5,         /* it had left the CPU before it was attached to */
	SPVSCOPE_OFF_NEW = 6,             /* it was just made, and waited for its first turn */
	SPVSCOPE_OFF_STATES,              /* how many there are; may grow */
};

#define SPVSCOPE_OFF_CUT_BEFORE 1u /* it had left before sampling began, from where this is told, without a stack */
#define SPVSCOPE_OFF_CUT_AFTER  2u /* it was not back when sampling stopped, up to where this is told */
#define SPVSCOPE_OFF_NO_STACK   4u /* there was no room for the stack */

/* A thread off the CPU: blocked in start_ns..woken_ns, runnable in woken_ns..end_ns. Those of one thread do not overlap, and
 * between them it is on a CPU. */
struct spvscope_off_cpu {
	size_t size;
	uint64_t start_ns, woken_ns, end_ns; /* start_ns <= woken_ns <= end_ns */
	uint32_t pid, tid;
	uint32_t state;      /* enum spvscope_off_state */
	uint32_t flags;      /* SPVSCOPE_OFF_… */
	int32_t syscall;     /* number of the system call that it was in; -1: none */
	uint32_t end;        /* enum spvscope_stack_end */
	uint32_t n_ips;      /* as in a sample; none for UNKNOWN and NEW */
	const uint64_t *ips; /* where it left the CPU */
};

/* What the debug analyzer tells. The kinds grow; name and text are there for those that a program does not know. */
struct spvscope_event {
	size_t size;
	uint64_t time_ns;
	uint32_t pid, tid;
	uint32_t kind;
	uint32_t n_ips;      /* 0 when there is no stack */
	const uint64_t *ips; /* as in a sample */
	const char *name;    /* "page-fault", "syscall" … */
	const char *text;    /* for people: "read of 0x7f…: libfoo.so, the page was not there" */
};

/* What is handed over is valid during the call. From inside a callback, spvscope_attachment_symbolize may be called and
 * no other function on the same analyzer. */
struct spvscope_callbacks {
	size_t size; /* sizeof(struct spvscope_callbacks) */
	void *arg;   /* handed to each */
	void (*sample)(void *arg, const struct spvscope_sample *sample); /* NULL: samples are counted and passed over */
	void (*event)(void *arg, const struct spvscope_event *event);    /* likewise */
	void (*off_cpu)(void *arg, const struct spvscope_off_cpu *off);  /* likewise; told when the thread is back */
};

/* Hands over what was seen, in the order of its beginning, and waits for at most timeout_ms when that is nothing (0: not at
 * all, -1: as long as it takes). Call it at least every 0.5 s, or samples get lost, which is counted; in between the kernel
 * keeps them. How many were handed over; 0: none within that time; -ENODATA: none, and none will come, since the
 * process that was attached to has ended; -ENOMEM. */
SPVSCOPE_ANALYZER_EXPORT int spvscope_attachment_poll(struct spvscope_attachment *at,
	const struct spvscope_callbacks *callbacks, int timeout_ms);

/* ---- names ---- */

struct spvscope_symbol {
	size_t size;          /* sizeof(struct spvscope_symbol), by the caller */
	const char *function; /* as people write it (demangled); NULL: no symbol covers that address */
	const char *module;   /* the file's name without its folder; "[vdso]", "[anon]", "[unknown]" */
	uint64_t offset;      /* of the address: in the function, or, where that is NULL, in the module's file */
	const char *file;     /* source file where debug information tells it, else NULL */
	uint32_t line;        /* likewise, else 0 */
	bool outermost;       /* one of those that nothing calls: _start, a thread's start … */
};

/* The name of an address of a sample or an event. index: its place in ips, since all but the first are addresses to
 * return to, and what counts is the call before them. Works for processes that have ended too, as long as the attachment
 * is there. The first look-up in a big library reads its symbols (0.1 s for 100 MB); repeated ones are cheap. Strings
 * live as long as the attachment. 0, -ENOENT: no process of that number was seen, -ENOMEM. */
SPVSCOPE_ANALYZER_EXPORT int spvscope_attachment_symbolize(struct spvscope_attachment *at, uint32_t pid,
	uint64_t address, uint32_t index, struct spvscope_symbol *ret);

/* ---- counts ---- */

/* Everything that was due is in one of these: samples + lost are what was taken, and expected what the time on the CPU
 * would have had (the kernel skips a tick now and then). Times are sums over all threads. */
struct spvscope_statistics {
	size_t size;          /* sizeof(struct spvscope_statistics), by the caller */
	uint64_t on_cpu_ns;   /* time on a CPU of all threads while sampling was on */
	uint64_t stolen_ns;   /* of it, what a hypervisor or interrupts took */
	uint64_t runnable_ns; /* time that threads could have run and did not */
	uint64_t blocked_ns;  /* time that they waited for something */
	uint64_t expected;    /* samples due: (on_cpu_ns - stolen_ns) × frequency */
	uint64_t samples;     /* polled until now */
	uint64_t complete;    /* of these, whole stacks */
	uint64_t truncated;   /* of these, all others */
	uint64_t ends[16];    /* of these, by enum spvscope_stack_end */
	uint64_t lost;        /* samples for which there was no room */
	uint64_t events;      /* polled until now */
	uint64_t lost_events;
	uint64_t intervals;   /* off the CPU; polled until now */
	uint64_t lost_intervals;
	uint64_t forks;       /* processes that were forked into the tree */
	uint64_t lost_forks;  /* of these, those that could not be followed */
	uint64_t overlap_ns;  /* how long tracepoints that slow the whole machine were attached for a debug analyzer's sake,
	                         while this one, which is none, was sampling */
};

/* 0 or -EINVAL. Complete after the last poll. */
SPVSCOPE_ANALYZER_EXPORT int spvscope_attachment_statistics(struct spvscope_attachment *at,
	struct spvscope_statistics *ret);

#ifdef __cplusplus
}
#endif

#endif
