/* SPDX-License-Identifier: Apache-2.0 */
/* Reflection of OpenCL's kernels, which SPIRV-Cross does not read: entry points, arguments, workgroup sizes. Modules may come
 * from strangers. Pure; any thread. */
#ifndef SPVSCOPE_CODEGEN_KERNEL_REFLECT_H
#define SPVSCOPE_CODEGEN_KERNEL_REFLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Does the module declare the capability Kernel? */
bool kernel_module(const uint32_t *words, size_t n_words);
/* The document of spirv_cross/README.md, with the arguments of each kernel. 0, -ENOMEM, -EBADMSG. */
int kernel_reflect(const uint32_t *words, size_t n_words, struct strbuf *out);

#endif
