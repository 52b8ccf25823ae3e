/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The whole contract between the programs in the kernel and the analyzer process: what lies in their shared memory and
 * in the ring. Compiles with both compilers. Any change of a layout or of a meaning raises ANALYZER_LAYOUT_VERSION. */
#ifndef SPVSCOPE_ANALYZER_TYPES_H
#define SPVSCOPE_ANALYZER_TYPES_H

#include <linux/types.h>

#include "unwind_step.h"

#define ANALYZER_LAYOUT_VERSION 11u

#define ANALYZER_SLOTS        256u        /* sessions at a time, over both objects' kinds each */
#define ANALYZER_IMAGES       1024u       /* programs and libraries whose unwind tables are there */
#define ANALYZER_IMAGES_BYTES (256u << 20) /* of all their tables; clang's 20 files have 23 MB. The oldest make room */
#define ANALYZER_STACK_FRAMES 1024u       /* a power of two, for the verifier; spirv-opt recurses to 480 */
#define ANALYZER_RING_BYTES   (8u << 20)  /* of the deepest samples 1,000, of usual ones 40,000: 4 s of two threads */
#define ANALYZER_EVENTS_MAX   65536u      /* of one session; more are counted as lost */

/* In each object's .rodata.layout, so that a loader of another build refuses it before it is loaded. */
struct analyzer_layout {
	__u32 version; /* ANALYZER_LAYOUT_VERSION */
	__u32 debug;   /* 1 when it was built with ANALYZER_DEBUG, whatever its name says */
};

/* Kept by the kernel on the leader of a thread group (task storage, seeded through a pidfd and copied at fork): so a pid
 * number that comes round is never mistaken for the process that had it before. Valid while the slot has the same
 * generation. */
struct analyzer_identity {
	__u32 slot;
	__u32 generation; /* never 0 */
	__u32 alone;      /* who is forked does not belong to the session */
	__u32 reserved;
	__s64 thread_context; /* until an exec: where otel_thread_ctx_v1 lies from the thread pointer; 0: it has none */
};

/* Kept on each thread: since when it is off its CPU or on it. Names with "clock" are by its CPU's clock, not ours. */
struct analyzer_thread {
	__u32 generation; /* of the session that this was written for; of another one it says nothing */
	__u32 state;      /* enum ring_off_state, of the last time that it left */
	__s32 syscall;    /* likewise */
	__u32 told_on;    /* that it came back was told, so that what is stolen until it leaves is, too */
	__u64 off_ns;     /* when it left; 0: before it was followed */
	__u64 run_delay_ns; /* what it had waited for a CPU until then, in its life */
	__u64 on_ns;      /* when it came back; 0: it is off */
	__u64 on_clock_ns;
	__u64 ran_ns;     /* its CPU clock when it came or left, whichever was last */
	__u64 stolen_ns;  /* told since then */
	__u64 checked_ns; /* up to where it is told */
	__u64 lag_ns;     /* how far its CPU's clock of work was behind the other then */
};

/* One session as both sides see it; mapped into the analyzer process. */
struct analyzer_slot {
	__u32 generation; /* 0: free */
	__u32 enabled;    /* written by the process, and at an exec; while it is 0, turns that began before are told to their end, no more */
	__u64 samples;    /* handed to the ring */
	__u64 lost;       /* samples that found no room in the ring */
	__u64 events;     /* handed to the ring; the debug object only */
	__u64 lost_events; /* no room in the ring, or beyond ANALYZER_EVENTS_MAX */
	__u64 lost_stacks; /* of threads that left their CPU, or died */
	__u64 lost_intervals; /* threads that came back, and no room to tell it */
	__u64 forks;      /* processes that joined */
	__u64 lost_forks; /* processes that could not be marked */
	__u64 unseen_switches; /* onto a CPU, found out later */
	__u32 enable_at_exec; /* written by the process; the next exec takes it away and sets `enabled` */
	__u32 reserved;
	__u64 pad[5];     /* whole cache lines: two workers' counters do not share one */
};

/* A file as the kernel knows it, until it changes: numbers of files come round, and some are written anew in their place.
 * The vDSO is all zeroes. */
struct analyzer_file {
	__u64 inode;
	__u64 changed_ns; /* its ctime */
	__u32 device; /* the kernel's number of it */
	__u32 reserved; /* 0: it is part of a key */
};

/* A file's unwind table. */
struct analyzer_image {
	__u64 id; /* as the front counts them; never 0 */
	__u32 index; /* in the map `images` */
	__u32 reserved;
};

/* What walks met that is no sample's result. */
struct analyzer_walks {
	__u64 looks;          /* a process's mappings were read */
	__u64 looks_in_vain;  /* they were being changed just then, by another thread or by what was interrupted */
	__u64 no_room;        /* to keep a process's mappings */
	__u64 mappings_beyond; /* UNWIND_MAPPINGS_MAX */
	__u64 mappings_untold; /* no room in the ring */
};

/* The whole .bss of an object. */
struct analyzer_shared {
	struct analyzer_slot slots[ANALYZER_SLOTS];
	struct analyzer_walks walks;
	struct analyzer_file identified; /* what identify_file found */
	__u64 has_identified;
	__u64 strangers; /* samples of no session: its event still ran while it was detached, or it was not enabled */
	__u32 n_attached; /* written by the process: while it is 0 the scheduler's programs look at no task */
	__u32 images_version; /* likewise: changes whenever a table comes or goes; 0: there never was one */
	/* From the scheduler's clocks to CLOCK_MONOTONIC, and when that was found. Any CPU writes them. */
	__u64 clock_offset_ns, clock_offset_at_ns;
};

enum ring_type {
	RING_SAMPLE = 1,
	RING_EVENT = 2,
	RING_OFF = 3,
	RING_ON = 4,
	RING_STOLEN = 5,
	RING_MAPPING = 6,
	RING_DEATH = 7,
};

/* What a thread said of its active span when a record about it was made (bpf/thread_context.bpf.h). */
enum thread_span_state {
	THREAD_SPAN_UNTOLD = 0,     /* it publishes none, or the record was made by another thread */
	THREAD_SPAN_ACTIVE = 1,     /* span_id is it */
	THREAD_SPAN_NONE = 2,       /* no span was active */
	THREAD_SPAN_UNREADABLE = 3, /* its memory could not be read */
	THREAD_SPAN_N_STATES,
};

struct ring_head {
	__u32 type; /* enum ring_type */
	__u32 slot;
	__u32 generation;
	__u32 n_ips;
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 pid, tid;
	__u64 span_id;    /* as published: the run's number << 32 | the span's in that run */
	__u32 span_state; /* enum thread_span_state */
	__u32 reserved;
};

/* Records with a stack end with it: n_ips addresses, innermost first. */
struct ring_sample {
	struct ring_head head;
	__u32 stack_end; /* enum unwind_end */
	__u32 in_kernel;
	__u64 ips[];
};

/* A signal ends its process. */
struct ring_death {
	struct ring_head head;
	__u32 signal;
	__u32 stack_end; /* enum unwind_end */
	__u64 ips[];
};

enum ring_off_state {
	RING_OFF_PREEMPTED = 0,
	RING_OFF_INTERRUPTIBLE = 1,
	RING_OFF_UNINTERRUPTIBLE = 2,
	RING_OFF_IO = 3,
	RING_OFF_STOPPED = 4,
	RING_OFF_UNKNOWN = 5,
	RING_OFF_NEW = 6,
	RING_OFF_ENDED = 7,
};

/* A thread leaves its CPU. Two records make an interval, so that nothing is kept in the kernel meanwhile, and the process
 * can cut what is open. */
struct ring_off {
	struct ring_head head;
	__u32 state; /* enum ring_off_state */
	__s32 syscall; /* -1: none */
	__u32 stack_end; /* enum unwind_end */
	__u32 reserved;
	__u64 ips[];
};

/* It comes back. All but the stack is here again, for when the first record found no room. */
struct ring_on {
	struct ring_head head;
	__u32 state;
	__s32 syscall;
	__u64 off_ns;   /* as in struct analyzer_thread */
	__u64 woken_ns; /* since when it has waited for a CPU */
};

/* It was on its CPU and did not run for some of the time from..time_ns. */
struct ring_stolen {
	struct ring_head head;
	__u64 from_ns;
	__u64 stolen_ns;
};

#define RING_NAME_BYTES 64

/* What the process that head tells has mapped with code. All of it is told at a session's first record with a stack, and
 * when it has changed. */
struct ring_mapping {
	struct ring_head head;
	__u64 start, end, file_offset;
	__u64 image; /* analyzer_image.id; 0: it has no table */
	struct analyzer_file file;
	char name[RING_NAME_BYTES]; /* the file's own, without folders, NUL-terminated; empty when there is none */
};

/* What a debug event is about; args by kind. */
enum analyzer_event_kind {
	ANALYZER_EVENT_PAGE_FAULT = 1, /* address, error code of the CPU, 1: a mapping was found; text: its file */
	ANALYZER_EVENT_SYSCALL = 2,    /* number, returned, took ns */
	ANALYZER_EVENT_WAKEUP = 3,     /* waker's pid, its tid, 1: it was in a system call; text: the waker's name. The event's
	                                  pid and tid are the woken, its stack is the waker's where that is one of ours */
	ANALYZER_EVENT_FORK = 4,       /* child's pid, child's tid */
	ANALYZER_EVENT_EXEC = 5,       /* text: the program */
	ANALYZER_EVENT_EXIT = 6,       /* wait status; 1: the whole process */
	ANALYZER_EVENT_DECISION = 7,   /* the analyzer process's own: attach, enable, why stacks ended */
	ANALYZER_EVENT_MAPPING = 8,    /* enum analyzer_mapping_change, address, length; text: its file */
};

enum analyzer_mapping_change {
	ANALYZER_MAPPING_MADE = 1,
	ANALYZER_MAPPING_REMOVED = 2,
	ANALYZER_MAPPING_PROTECTED = 3,
};

#define RING_TEXT_BYTES 64

struct ring_event {
	struct ring_head head;
	__u32 kind; /* enum analyzer_event_kind */
	__u32 reserved;
	__u64 args[3];
	char text[RING_TEXT_BYTES]; /* NUL-terminated */
	__u64 ips[];
};

/* The kernel's side of a system call that is under way, kept on the thread. */
struct analyzer_syscall {
	__u64 enter_ns; /* 0: none */
	__u64 number;
	__u64 args[3];  /* of those that change mappings */
	char file[RING_TEXT_BYTES]; /* that is unmapped */
};

/* Where a record with a stack is put together, one a CPU and use: the record's own part ends where the addresses begin,
 * so that the two are one piece. */
#define ROOM_HEAD_BYTES 256
struct analyzer_room {
	char head[ROOM_HEAD_BYTES];
	__u64 ips[ANALYZER_STACK_FRAMES];
};

_Static_assert(sizeof(struct analyzer_slot) == 128, "whole cache lines");
_Static_assert((ANALYZER_STACK_FRAMES & (ANALYZER_STACK_FRAMES - 1)) == 0, "it is a mask, less one");
_Static_assert(sizeof(struct ring_head) == 48, "layout is shared");
_Static_assert(sizeof(struct ring_sample) == 56, "layout is shared");
_Static_assert(sizeof(struct ring_death) == 56, "layout is shared");
_Static_assert(sizeof(struct ring_off) == 64, "layout is shared");
_Static_assert(sizeof(struct ring_on) == 72, "layout is shared");
_Static_assert(sizeof(struct ring_stolen) == 64, "layout is shared");
_Static_assert(sizeof(struct ring_mapping) == 168, "layout is shared");
_Static_assert(sizeof(struct ring_event) == 144 && sizeof(struct ring_event) <= ROOM_HEAD_BYTES, "layout is shared");

#endif
