/* SPDX-License-Identifier: Apache-2.0 */
/* What the files share that turn a hand-over of the analyzer into a profile, a log, and the times of spans:
 * assemble_samples.c reads it, assemble_stacks.c names addresses, assemble_spans.c says which span a record belongs to,
 * assemble_events.c writes the log, assemble_times.c accounts for the time off the CPU. All of it runs on the
 * assembler's thread. */
#ifndef SPVSCOPE_ASSEMBLE_SAMPLES_H
#define SPVSCOPE_ASSEMBLE_SAMPLES_H

#include "base/strbuf.h"
#include "server/compile/assemble.h"

#define NO_RUN SIZE_MAX

/* Frames by address: a profile's few thousand addresses recur in every sample. */
struct frame_cache {
	struct frame_cell {
		uint64_t key; /* address, with the top bit set for return addresses; 0: empty */
		uint32_t frame;
		bool outermost;
		bool is_code;  /* in a program or library, as far as is known */
	} *cells;
	size_t n_cells, n_used; /* n_cells is a power of two */
};

struct run_view {
	bool tried;
	uint32_t number;         /* among the profiled runs, from 0 */
	struct trace_tree *tree; /* its own spans; NULL: none */
	uint32_t *to_shown;      /* span of tree → span of the shown run's tree */
};

/* A part of a file in a process that has become another program than the worker. */
struct program_mapping {
	uint32_t pid;
	uint64_t start, end;
	uint64_t file_offset, image; /* as in struct analyzer_mapping */
	char name[64];               /* of the file; empty: none */
};

/* Where a record belongs. */
struct place {
	size_t run;      /* index in the assembly; NO_RUN: to none */
	uint32_t local;  /* span in the run's own tree; TRACE_NO_SPAN */
	uint32_t span;   /* the record's span; PROFILE_NO_SPAN */
	bool by_id;      /* the thread said so; else by time */
	uint32_t program_pid; /* of a process that has become another program; 0: its addresses are of the worker's mappings */
};

/* Of a thread off its CPU. */
struct off_interval {
	uint64_t time_ns, woken_ns, on_ns;
};

struct stolen_time {
	uint64_t from_ns, to_ns, ns;
};

struct sampling {
	struct assembly *a;
	struct trace_tree *tree; /* the record's */
	uint32_t run_root;
	size_t representative;
	struct profile *profile;
	struct frame_cache cache;
	struct run_view *views;  /* one a run */
	uint32_t kernel_frame;
	struct program_mapping *mappings; /* as they came to light: the later one counts */
	size_t n_mappings, mappings_capacity;
	char by_file[96];
	struct strbuf log;
	uint64_t n_results[ANALYZER_N_RESULTS];
	uint64_t n_events, n_logged, n_span_events;
	size_t run;              /* of the last record: the next one is mostly in the same */
	struct span_joins joins;
	/* Of the worker's own thread, in the order of time, without overlaps. */
	struct off_interval *off;
	size_t n_off, off_capacity;
	struct stolen_time *stolen;
	size_t n_stolen, stolen_capacity;
	const struct analyzer_death *death; /* the one that is to be told; borrowed of the hand-over; NULL: none */
	bool off_broken;         /* what was told cannot be: no times are told then */
};

/* assemble_stacks.c */
/* Fills the frames that stand for all addresses of a kind. 0 or -errno. */
int sampling_init_stacks(struct sampling *s);
void sampling_done_stacks(struct sampling *s);
/* The stack of ips, innermost first, as a node of the profile: *ret_stack is PROFILE_NO_STACK when there is none. leaf: a
 * frame below it, or UINT32_MAX. program_pid: the process whose mappings the addresses are of; 0: the worker's own. */
int sampling_add_stack(struct sampling *s, const uint64_t *ips, uint32_t n_ips, uint32_t program_pid, uint32_t leaf,
	uint32_t *ret_stack, bool *ret_outermost);
/* Names an address likewise; the strings live until the next look-up. False: there is no name. */
bool sampling_name(struct sampling *s, uint64_t address, bool is_return_address, uint32_t program_pid, struct symbol *ret);
/* 0 or -ENOMEM. */
int sampling_take_mapping(struct sampling *s, const struct analyzer_mapping *in);

/* assemble_spans.c */
/* The profiled run that a moment lies in, or else the one that it follows. */
size_t sampling_run_at(struct sampling *s, uint64_t time_ns);
/* Reads the run's spans, once. 0, also when there are none, or -ENOMEM. */
int sampling_view_run(struct sampling *s, size_t run);
/* What a thread said of its span counts, if it can be true; else the time does. Counts in joins when `counted`. 0 or
 * -ENOMEM. */
int sampling_place(struct sampling *s, uint64_t time_ns, uint32_t pid, uint32_t tid, uint32_t span_state,
	uint64_t span_id, bool counted, struct place *ret);
/* assemble_events.c */
int sampling_take_event(struct sampling *s, const struct analyzer_event *in, const uint64_t *ips);
/* The last word, when the log was cut. */
void sampling_end_log(struct sampling *s);

/* assemble_times.c */
int sampling_take_off_cpu(struct sampling *s, const struct analyzer_off_cpu *in, const uint64_t *ips);
int sampling_take_stolen(struct sampling *s, const struct analyzer_stolen *in);
/* Gives the shown spans their times in the profiled runs. */
int sampling_tell_times(struct sampling *s);

#endif
