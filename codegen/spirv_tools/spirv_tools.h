/* SPDX-License-Identifier: Apache-2.0 */
/* The stages that SPIRV-Tools does, for every back end: each works on run->result->spirv inside a span of its own, and
 * returns as stages do (run.h). Runs on the compiling thread; exceptions may come out. */
#ifndef SPVSCOPE_SPIRV_TOOLS_H
#define SPVSCOPE_SPIRV_TOOLS_H

#include "codegen/run.h"

/* "input" or "output" tells in the span which module is looked at. */
int spirv_validate(struct codegen_run *run, const char *what);
int spirv_disassemble(struct codegen_run *run);
/* optimizer.c: the legalizing passes for HLSL, then what the job asks for. */
int spirv_optimize(struct codegen_run *run);
/* Do these passes run? */
bool spirv_legalizes(const struct codegen_run *run);
/* After the compile: the sizes between the passes, as attributes of their spans, where spirv_optimize left what that
 * needs in run->optimized. Takes that; context is the run. Always CODEGEN_GOOD: a compile does not depend on it. */
int spirv_measure_sizes(void *ctx);

/* Gives d the line that the instruction (from 1) came from: of assembly text that a person wrote, else of the source,
 * where the module tells. Leaves d alone otherwise. The file's name points into words. */
void spirv_place_in_source(const struct codegen_run *run, const uint32_t *words, size_t n_words, size_t number,
	struct spvscope_diagnostic *d);

/* The library's number for the job's environment and SPIR-V version. */
int spirv_target_env(const struct spvscope_job *job);
/* Makes the library's tables for the job's environment; they are kept for the life of the process. -ENOMEM. */
int spirv_prepare(const struct spvscope_job *job);
/* "v2023.1" */
const char *spirv_tools_version(void);

/* spirv_names.c: an upper bound for the comparisons that naming the ids of a module takes: the library tries one suffix
 * after another for equal names, which is quadratic. */
uint64_t spirv_naming_cost(const uint32_t *words, size_t n_words);
/* Above this, ids keep their numbers. Some 0.2 s. */
#define SPIRV_NAMING_COST_LIMIT 500000u

/* ir_size.c: counts instructions and words in the optimizer's own disassembly. */
struct ir_size {
	uint64_t instructions, words; /* words with the header's five */
};

struct ir_counter {
	void (*module)(void *ctx, size_t idx, const struct ir_size *size); /* at each module's end */
	void *ctx;
	/* all below is private; zero at the start */
	size_t n_modules; /* begun */
	struct ir_size size;
	bool in_comment, in_string, escaped, has_result;
	char token[64]; /* cut there */
	size_t token_len;
	uint32_t n_tokens;    /* of this line, without "=" */
	uint32_t line_words;
	uint64_t string_bytes;
	uint64_t result_hash; /* of the line's first token */
	uint32_t operation;   /* enum in ir_size.c */
	uint64_t wide[32];    /* hashes of the ids of 64-bit number types */
	size_t n_wide;
};

void ir_counter_text(struct ir_counter *c, const char *text, size_t len);
/* Tells the last module. */
void ir_counter_finish(struct ir_counter *c);

#endif
