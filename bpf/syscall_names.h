/* SPDX-License-Identifier: Apache-2.0 */
/* Names of this machine's system calls. Pure; any thread of any process. */
#ifndef SPVSCOPE_SYSCALL_NAMES_H
#define SPVSCOPE_SYSCALL_NAMES_H

/* NULL for a number that was not known when this was built. */
const char *syscall_name(unsigned number);

#endif
