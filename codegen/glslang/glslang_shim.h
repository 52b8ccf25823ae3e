/* SPDX-License-Identifier: Apache-2.0 */
/* glslang as C: one shader on its way from text to SPIR-V. The only door to glslang's C++ interface, since its C one
 * has no include callbacks and no names for strings. No exception crosses it. Calls on one shader come from one
 * thread; several threads may each have their own. */
#ifndef SPVSCOPE_GLSLANG_SHIM_H
#define SPVSCOPE_GLSLANG_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spvscope/codegen.h"

#ifdef __cplusplus
extern "C" {
#endif

struct glslang_shim_include {
	const char *name; /* what diagnostics call it and what its own includes are relative to */
	const char *data;
	size_t size;
	void *handle;     /* the callbacks' own */
};

struct glslang_shim_options {
	const char *source; /* size bytes; must outlive the shader, as all pointers here */
	size_t size;
	const char *name;
	enum spvscope_stage stage;
	bool hlsl, opengl;
	uint32_t vulkan_version; /* 0x401000 is 1.1, as in glslang's own enum; unused with opengl */
	uint32_t spirv_version;  /* 0x10300 is 1.3 */
	const char *preamble;
	const struct spvscope_job *job; /* for its options */

	void *ctx;
	/* Finds what header means inside includer. 0 with *ret filled in (valid until close), or -errno with a sentence
	 * in error. Every open is closed, in reverse order. */
	int (*include_open)(void *ctx, const char *header, const char *includer, size_t depth, bool angled,
		struct glslang_shim_include *ret, char *error, size_t error_size);
	void (*include_close)(void *ctx, void *handle);
};

struct glslang_shim;

/* All that follow return 1 when the source was fine, 0 when it was not (the log says why), -ENOMEM, and -EPROTO when
 * glslang threw anything else; after a negative result only _free may follow, and the process is better given up. */
int glslang_shim_new(const struct glslang_shim_options *options, struct glslang_shim **ret);
void glslang_shim_free(struct glslang_shim *s);
/* *ret_text is malloc'ed. Stands alone: neither needed by the others nor a help to them. */
int glslang_shim_preprocess(struct glslang_shim *s, char **ret_text);
int glslang_shim_parse(struct glslang_shim *s);
int glslang_shim_link(struct glslang_shim *s);
/* *ret_words is malloc'ed. The layouts that blocks may have need more than SPIR-V's default rules. */
struct glslang_shim_layouts {
	bool scalar, hlsl_offsets;
};
int glslang_shim_generate(struct glslang_shim *s, uint32_t **ret_words, size_t *ret_n_words,
	struct glslang_shim_layouts *ret_layouts);

/* What the last of the four said, line by line; never NULL, valid until the next call on s. */
const char *glslang_shim_log(const struct glslang_shim *s);

/* The ctx that it was made with. */
void *glslang_shim_context(const struct glslang_shim *s);

/* "12.0.0" */
const char *glslang_shim_version(void);

#ifdef __cplusplus
}
#endif
#endif
