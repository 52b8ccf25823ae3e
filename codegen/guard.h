/* SPDX-License-Identifier: Apache-2.0 */
/* The compilers are C++: what they throw must not reach C. */
#ifndef SPVSCOPE_CODEGEN_GUARD_H
#define SPVSCOPE_CODEGEN_GUARD_H

#ifdef __cplusplus
extern "C" {
#endif

/* Returns what f returns; -ENOMEM when std::bad_alloc came out of it, -EPROTO for any other exception. C frames in
 * between are built with -fexceptions, so that their clean-ups run. */
int codegen_guarded(int (*f)(void *ctx), void *ctx);

#ifdef __cplusplus
}
#endif
#endif
