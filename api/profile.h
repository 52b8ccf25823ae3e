/* SPDX-License-Identifier: Apache-2.0 */
/* The samples of one trace with names and spans: what flame graphs are made of and what the store keeps. Stacks are a
 * prefix tree (parent before child), so that 100,000 samples share their frames. */
#ifndef SPVSCOPE_PROFILE_H
#define SPVSCOPE_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#define PROFILE_NO_STACK  UINT32_MAX
#define PROFILE_NO_SPAN   UINT32_MAX
#define PROFILE_MAX_DEPTH 1026 /* frames of one stack: 1,024 that are walked, "[kernel]" and "[truncated]" */

struct profile_frame {
	uint32_t name, module, file; /* indexes into strings; file 0 is the empty string */
	uint32_t line;
};

struct profile_stack {
	uint32_t parent; /* index of the caller's node, lower than this one's; PROFILE_NO_STACK for an outermost frame */
	uint32_t frame;  /* index into frames */
};

/* What a sample is of. */
enum profile_kind {
	PROFILE_ON_CPU = 0,  /* a tick of the sampler's clock */
	PROFILE_OFF_CPU = 1, /* an interval in which a thread did not run; it weighs its nanoseconds */
	PROFILE_FAULTS = 2,  /* a page fault, which the debug analyzer tells of */
	PROFILE_N_KINDS,
};

/* Of flags, beside ANALYZER_SAMPLE_…: its span was found by time, since the thread told none. */
#define PROFILE_SAMPLE_SPAN_BY_TIME 0x100u
/* Of PROFILE_OFF_CPU: it waited for a CPU; else it was blocked. */
#define PROFILE_SAMPLE_RUNNABLE     0x200u

struct profile_sample {
	uint64_t time_ns;   /* since the start of the run it was taken in */
	uint64_t weight_ns; /* PROFILE_OFF_CPU only; others weigh one sample each */
	uint32_t stack;     /* its innermost node, or PROFILE_NO_STACK when there is no frame at all */
	uint32_t span;      /* index of the span in the trace's tree that was active, or PROFILE_NO_SPAN */
	uint32_t run;       /* which profiled run, from 0 */
	uint32_t pid, tid;  /* whose; 0: not known */
	uint16_t kind;      /* enum profile_kind */
	uint16_t result;    /* enum analyzer_result */
	uint16_t flags;     /* ANALYZER_SAMPLE_…, PROFILE_SAMPLE_… */
	uint16_t reserved[3];
};

struct profile {
	char **strings; /* strings[0] is "" */
	size_t n_strings;
	struct profile_frame *frames;
	size_t n_frames;
	struct profile_stack *stacks;
	size_t n_stacks;
	struct profile_sample *samples; /* by run, then time */
	size_t n_samples;
	uint32_t frequency_hz;
	uint64_t complete, truncated; /* of PROFILE_ON_CPU, counted as samples are added */
	uint64_t lost[PROFILE_N_KINDS]; /* set by who builds it */
	struct profile_index *index; /* private: hash tables while it is built */
};

struct profile *profile_new(void); /* NULL when out of memory */
void profile_free(struct profile *p);
/* Each returns the index (an existing one when equal), or a negative errno: -EINVAL for an index that is not there,
 * -E2BIG for a stack that is too deep, -ENOMEM. NULL strings are taken as empty. About 0.6 µs for a frame and a stack:
 * who adds many samples keeps the frames of addresses that come again. */
int64_t profile_add_string(struct profile *p, const char *s);
int64_t profile_add_frame(struct profile *p, const char *name, const char *module, const char *file, uint32_t line);
int64_t profile_add_stack(struct profile *p, uint32_t parent, uint32_t frame);
int profile_add_sample(struct profile *p, const struct profile_sample *sample);
/* "on-cpu", "off-cpu", "faults"; the kind of that name, or PROFILE_N_KINDS. */
const char *profile_kind_name(enum profile_kind kind);
enum profile_kind profile_kind_find(const char *name);

#endif
