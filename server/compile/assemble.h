/* SPDX-License-Identifier: Apache-2.0 */
/* Makes one finished compile's record out of what was gathered while it ran: span logs become a tree, samples get names
 * and spans. Pure functions of their argument; whichever thread holds the assembly may call them, and symbolizing is
 * the assembler's thread's alone. */
#ifndef SPVSCOPE_ASSEMBLE_H
#define SPVSCOPE_ASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "api/response.h"
#include "bpf/protocol.h"
#include "server/pool/image.h"
#include "server/pool/program_files.h"
#include "server/records/record.h"

/* One run of the compiler for this request: the first, or a repetition. */
struct assembly_run {
	uint64_t run_id;
	bool profiled;
	bool measures;                     /* pass sizes too, behind the compile, if the filter asks for passes */
	bool set_apart;                    /* it did, and there are other clean runs: its time means nothing */
	pid_t pid;
	uint64_t sent_ns, received_ns;     /* when the front sent it, and saw its end */
	uint64_t start_ns, end_ns, cpu_ns; /* as the worker says, brought inside those */
	void *log;                         /* copy of the span log, owned; NULL: none kept */
	size_t log_size;
};

struct assembly {
	struct compile_request request;    /* owned */
	struct compile_outcome outcome;    /* owned; its request points to the one above */
	bool wants_record;                 /* a tree, and samples if there are any */
	bool wants_span_events;            /* what the debug analyzer said is put on the spans too */
	bool keep;
	bool died;                         /* in its first run */
	uint64_t received_ns, dispatched_ns, finished_ns; /* of the request */
	uint64_t cache_looked_ns;          /* the cache has been asked in vain; 0: not asked */
	uint64_t fork_ns, ready_ns;        /* of a worker that it waited for; 0: it did not */
	uint64_t attach_ns, attached_ns;   /* 0: no analyzer was attached */
	uint64_t detach_ns, detached_ns;
	uint64_t worker_runs;              /* that its worker had done before */
	struct assembly_run *runs;         /* owned; the first is the one that gave the result */
	size_t n_runs, runs_capacity;
	struct {
		bool is_told;              /* there is a stack */
		bool is_whole;             /* up to the outermost function */
		uint32_t stack;            /* in the record's profile */
	} death;                           /* where a signal ended it, as the analyzer saw it */
	struct analyzer_handover samples;  /* owned: data and descriptor */
	struct image *image;               /* reference; NULL: no names */
	struct program_files *files;       /* of tools; outlives it; NULL: no names */

	struct record *record;             /* the result; reference */
};

void assembly_done(struct assembly *a);
void assembly_drop_samples(struct assembly *a);
/* Spans that the tree will have, told without building it. */
uint64_t assembly_count_spans(const struct assembly *a, uint64_t *ret_dropped);
/* Fills in what the outcome still lacks (failure, slowdown, stacks complete) and, if wanted, the record. 0 or -ENOMEM;
 * the outcome can be told either way. */
int assembly_finish(struct assembly *a);

/* assemble_failure.c: where a failed compile was. t is the tree of its run, NULL when there is none; the stack comes from the
 * record's profile. */
void assembly_tell_failure(struct assembly *a, const struct trace_tree *t);
void assembly_tell_stack(struct assembly *a, struct record *rec);

/* assemble_samples.c: names the samples and says which span each was taken in. tree is the record's; its representative
 * run's spans begin at run_root. Sets the record's profile and log, and the outcome's counts. */
int assemble_samples(struct assembly *a, struct trace_tree *tree, uint32_t run_root, size_t representative);

#endif
