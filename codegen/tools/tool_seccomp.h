/* SPDX-License-Identifier: Apache-2.0 */
/* The list of system calls for the programs that a tool host starts. Prepared once in a host, loaded by each program's
 * process before it executes; there is no way back. */
#ifndef SPVSCOPE_TOOLS_TOOL_SECCOMP_H
#define SPVSCOPE_TOOLS_TOOL_SECCOMP_H

#include <stdbool.h>
#include <stdio.h>

#include "codegen/worker/seccomp_rules.h"

/* may_fork: it may start processes, not only threads. As seccomp_program_new; seccomp_program_load loads it. */
int tool_seccomp_prepare(bool may_fork, struct seccomp_program **ret);
void tool_seccomp_describe(FILE *out);

#endif
