/* SPDX-License-Identifier: Apache-2.0 */
/* A module in the words of SPIR-V that naga reads. Pure functions. */
#ifndef SPVSCOPE_NAGA_PLAIN_SPIRV_H
#define SPVSCOPE_NAGA_PLAIN_SPIRV_H

#include <stddef.h>
#include <stdint.h>

/* A copy that says the same in older instructions, without debug lines and non-semantic instructions. *ret is the caller's and
 * has *ret_n words, n at most. 0, -EBADMSG when it is no row of whole instructions, -ENOMEM. */
int plain_spirv(const uint32_t *words, size_t n, uint32_t **ret, size_t *ret_n);
/* The first resource that is texture and sampler in one; its name in *ret ("" when it has none), in the module's memory. 1: there
 * is one; 0; -EBADMSG. */
int plain_spirv_find_combined(const uint32_t *words, size_t n, const char **ret);

#endif
