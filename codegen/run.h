/* SPDX-License-Identifier: Apache-2.0 */
/* What the stages of one compile share, and how they speak to the tracer. Private to codegen. Everything here runs on
 * the thread that called spvscope_compile; the tracer may be NULL, and then nothing is recorded. */
#ifndef SPVSCOPE_CODEGEN_RUN_H
#define SPVSCOPE_CODEGEN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "spvscope/codegen.h"

struct tool;

struct codegen_run {
	const struct spvscope_job *job;       /* language and stage may be none; see below */
	const struct spvscope_tracer *tracer; /* borrowed; may be NULL */
	struct spvscope_result *result;       /* its language and stage are what is compiled */
	const struct codegen_backend *backend; /* NULL: none takes the job */
	const char *stage;                    /* span name of the stage at work, which events are told under */
	bool scalar_layout, relaxed_layout;   /* block layouts that the source chose, for the validator */
	struct optimizer_run *optimized;      /* owned; what spirv_measure_sizes needs, NULL when it is not wanted */
};

/* A stage's outcome. Negative: errno, ours (-ENOMEM), -EPROTO when a compiler broke its own rules, or, with a diagnostic that
 * says so, -ECHILD when an external compiler died or was ended, -ETIME when it took too long. */
enum { CODEGEN_WRONG = 0, CODEGEN_GOOD = 1 };

/* One compiler for some languages: turns run->job->source into run->result->spirv. A row of backends.c. */
struct codegen_backend {
	const char *name;
	uint32_t languages; /* bits of 1u << enum spvscope_language */
	const char *other_language; /* its own word for what it takes where that is SPVSCOPE_LANGUAGE_OTHER */
	struct tool *tool;  /* the program that it runs, NULL: none; compile is called where a host for it is at hand */
	/* In the template, once, before any fork: finds what it needs. A back end with a tool leaves word in tool->missing where
	 * it does not find it. NULL: nothing to find. */
	int (*find)(const struct codegen_backend *self);
	const void *data;   /* its own */
	/* Runs all stages up to the SPIR-V, each in its own span. CODEGEN_GOOD with the result's SPIR-V set (unless
	 * check_only), CODEGEN_WRONG with at least one error among the diagnostics, or negative errno. */
	int (*compile)(struct codegen_run *run);
};

/* Opens an info span for a stage and makes it the one that diagnostics are told under. Give both back in order. */
uint32_t stage_begin(struct codegen_run *run, const char *name, const char **ret_outer);
void stage_end(struct codegen_run *run, uint32_t span, const char *outer);

/* What compilers call a source that has no name. */
#define CODEGEN_UNNAMED "source"

bool span_enabled(const struct codegen_run *run, enum spvscope_level level, const char *name);
uint32_t span_begin(const struct codegen_run *run, enum spvscope_level level, const char *name);
void span_end(const struct codegen_run *run, uint32_t span);
void span_u64(const struct codegen_run *run, uint32_t span, const char *key, uint64_t value);
void span_str(const struct codegen_run *run, uint32_t span, const char *key, const char *value);

/* What a compiler says about the source: kept in the result and told as an event on the innermost span. Returns
 * CODEGEN_WRONG for an error, CODEGEN_GOOD for less, -ENOMEM. */
int run_diagnose(struct codegen_run *run, const struct spvscope_diagnostic *d);
/* The same for an error of our own making, without a place. */
int run_refuse(struct codegen_run *run, const char *source, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Puts what is said of the job's focus file before the rest, and a warning before both when the compile did not read that
 * file. 0 or -ENOMEM. */
int run_focus(struct codegen_run *run);
/* Remembers that the job's file was read. 0 or -ENOMEM. */
int run_depend(struct codegen_run *run, const char *name);
/* Remembers that a file of this path was looked for among the job's and is not there: one day it may be. 0 or -ENOMEM. */
int run_miss(struct codegen_run *run, const char *path);

#endif
