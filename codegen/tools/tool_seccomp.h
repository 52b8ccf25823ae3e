/* SPDX-License-Identifier: Apache-2.0 */
/* The list of system calls for the programs that a tool host starts. Prepared once in a host, loaded by each program's
 * process before it executes; there is no way back. */
#ifndef SPVSCOPE_TOOLS_TOOL_SECCOMP_H
#define SPVSCOPE_TOOLS_TOOL_SECCOMP_H

#include <stdbool.h>
#include <stdio.h>

struct tool_seccomp;

/* may_fork: it may start processes, not only threads. *ret stays NULL, with 0 returned, in a build with a sanitizer's
 * runtime or on a kernel without seccomp. */
int tool_seccomp_prepare(bool may_fork, struct tool_seccomp **ret);
void tool_seccomp_free(struct tool_seccomp *s);
/* On the calling thread. Needs no_new_privs. Touches no memory of the process, so that a vfork'ed child may call it. */
int tool_seccomp_apply(const struct tool_seccomp *s);
void tool_seccomp_describe(FILE *out);

#endif
