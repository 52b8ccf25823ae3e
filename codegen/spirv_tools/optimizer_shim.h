/* SPDX-License-Identifier: Apache-2.0 */
/* The SPIRV-Tools optimizer as C, pass by pass; the library has no C interface to it before 2023.4. Exceptions may come
 * out of these functions (guard.h catches them above). Calls may come from any thread, each with options of its own. */
#ifndef SPVSCOPE_OPTIMIZER_SHIM_H
#define SPVSCOPE_OPTIMIZER_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spvscope/codegen.h"

#ifdef __cplusplus
extern "C" {
#endif

struct optimizer_shim_options {
	const uint32_t *words;
	size_t n_words;
	int target_env; /* spv_target_env */
	bool legalize_hlsl; /* those passes first */
	enum spvscope_optimize preset;
	char *const *passes; /* flags, for SPVSCOPE_OPTIMIZE_PASSES */
	size_t n_passes;

	void *ctx;
	/* An error or a warning of the library, about that instruction of the module, from 1; 0: about none. */
	void (*message)(void *ctx, enum spvscope_severity severity, size_t instruction, const char *text);
	/* No such pass, or its argument is wrong. */
	void (*bad_flag)(void *ctx, const char *flag);
	/* Called once before the first pass. true: pass_begin and pass_end are wanted. */
	bool (*plan)(void *ctx, const char *const *names, size_t n_names);
	void (*pass_begin)(void *ctx, size_t idx, const char *name);
	void (*pass_end)(void *ctx, size_t idx);
	/* Only for _print: the disassembly before each pass and after the last one, in pieces. Each starts with a line
	 * "; IR before pass NAME" or "; IR after last pass". */
	void (*text)(void *ctx, const char *data, size_t len);
};

/* 1 with *ret_words malloc'ed; 0 when a flag or the module is wrong. */
int optimizer_shim_run(const struct optimizer_shim_options *o, uint32_t **ret_words, size_t *ret_n_words);
/* The same passes again, for their text alone. 1 or 0. */
int optimizer_shim_print(const struct optimizer_shim_options *o);

#ifdef __cplusplus
}
#endif
#endif
