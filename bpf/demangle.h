/* SPDX-License-Identifier: Apache-2.0 */
/* C++ names as people write them. Pure; any thread. */
#ifndef SPVSCOPE_DEMANGLE_H
#define SPVSCOPE_DEMANGLE_H

#ifdef __cplusplus
extern "C" {
#endif

/* malloc'ed, the caller frees; NULL when it is no C++ name or memory is out. */
char *demangle(const char *name);

#ifdef __cplusplus
}
#endif

#endif
