/* SPDX-License-Identifier: Apache-2.0 */
/* A back end in a shared library of its own. The service loads each *.so of the folders that `backend-dir` names into its
 * workers' template, before it forks any worker, and asks for spvscope_backend. A library needs these headers and nothing
 * else of the service: what it is to call comes with each compile, as tables of functions, and never through a global.
 *
 *     #include <spvscope/backend.h>
 *
 *     static int compile(const struct spvscope_job *job, const struct spvscope_tracer *tracer,
 *         const struct spvscope_backend_host *host) { … return SPVSCOPE_BACKEND_GOOD; }
 *
 *     const struct spvscope_backend *spvscope_backend(uint32_t abi)
 *     {
 *         static const struct spvscope_backend mine = {
 *             .abi = SPVSCOPE_BACKEND_ABI, .name = "mine", .languages = "mine", .compile = compile };
 *         return abi == SPVSCOPE_BACKEND_ABI ? &mine : NULL;
 *     }
 *
 * A request reaches it by `"backend": "mine"`. compile runs on a worker's only thread, inside its sandbox: it can open no file,
 * start no program and map no code. Whatever it does to its process is the end of that one compile. */
#ifndef SPVSCOPE_BACKEND_H
#define SPVSCOPE_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#include "spvscope/codegen.h"
#include "spvscope/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raised with every change of what these headers lay out. A library that does not know the number that it is asked for
 * returns NULL, and is not loaded. */
#define SPVSCOPE_BACKEND_ABI 1u

/* What compile returns; or a negative errno: -ENOMEM is out of memory, anything else a crash. */
#define SPVSCOPE_BACKEND_WRONG 0 /* the source is; at least one error was told */
#define SPVSCOPE_BACKEND_GOOD  1

/* What a compile gives to the service. All texts and words are copied. 0 or -ENOMEM. */
struct spvscope_backend_host {
	size_t size; /* of this table as the host built it; fields behind it are not there */
	void *ctx;

	/* A message about the source, as in struct spvscope_diagnostic; its `source` may be NULL for the back end's name. */
	int (*diagnose)(void *ctx, const struct spvscope_diagnostic *d);
	/* The job's file of that name was read. */
	int (*depend)(void *ctx, const char *name);
	/* The module; the last one counts. Optimizer, validator and disassembler of the service follow as the job wants. */
	int (*spirv)(void *ctx, const uint32_t *words, size_t n_words);
};

struct spvscope_backend {
	uint32_t abi;          /* SPVSCOPE_BACKEND_ABI as the library was built */
	uint32_t reserved;
	const char *name;      /* letters, digits and -_.+ */
	const char *version;   /* a line for people; NULL: none */
	const char *languages; /* "glsl,hlsl"; at most one of them a word of its own */
	/* Called once, in the template, before any job: what takes long to build belongs here. 0 or negative errno, which makes
	 * the back end unavailable. May be NULL. */
	int (*prepare)(void);
	/* job, tracer and host are there for the call only. job->language and ->stage are guessed; the tracer is never NULL. */
	int (*compile)(const struct spvscope_job *job, const struct spvscope_tracer *tracer,
		const struct spvscope_backend_host *host);
};

/* What the library exports. */
const struct spvscope_backend *spvscope_backend(uint32_t abi);

#ifdef __cplusplus
}
#endif
#endif
