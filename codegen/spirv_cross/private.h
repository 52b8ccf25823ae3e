/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share, and the only place that includes SPIRV-Cross' header. */
#ifndef SPVSCOPE_SPIRV_CROSS_PRIVATE_H
#define SPVSCOPE_SPIRV_CROSS_PRIVATE_H

#include <spirv_cross/spirv_cross_c.h>

#include "base/strbuf.h"
#include "codegen/spirv_cross/spirv_cross.h"

struct cross {
	struct codegen_run *run;
	spvc_context context;   /* owns all that it made */
	spvc_compiler compiler;
	size_t n_members;       /* written so far; see reflect_types.c */
};

/* A diagnostic of what the library said last. CODEGEN_WRONG or -ENOMEM. */
int cross_refuse(struct cross *c, const char *what);
/* CODEGEN_GOOD, or what a failed call leads to. */
int cross_check(struct cross *c, spvc_result r, const char *what);

/* reflect.c: the stage that a model is of; SPVSCOPE_STAGE_NONE for kernels. */
enum spvscope_stage cross_stage(SpvExecutionModel model);
/* reflect.c: the whole document. */
int cross_reflect(struct cross *c, struct strbuf *out);

/* reflect_types.c: members of an object, each with ", " before it. */
void cross_write_type(struct cross *c, spvc_type type, struct strbuf *out);       /* "type", and "array" */
void cross_write_image(struct cross *c, spvc_type type, struct strbuf *out);      /* "image": null, or what it is */
void cross_write_struct(struct cross *c, spvc_type type, unsigned depth, struct strbuf *out); /* "size_bytes", "members" */
void cross_write_name(struct strbuf *out, const char *lead, const char *name);    /* lead, then a JSON string or null */

#endif
