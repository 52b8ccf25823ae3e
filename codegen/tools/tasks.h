/* SPDX-License-Identifier: Apache-2.0 */
/* How many processes and threads a tool has. RLIMIT_NPROC counts all of a user's, and none of root's: the host looks itself
 * therefore. Runs in tool hosts, on their only thread. */
#ifndef SPVSCOPE_TOOLS_TASKS_H
#define SPVSCOPE_TOOLS_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Of the whole machine, in one system call. */
size_t tasks_of_machine(void);
/* Whether the processes of the group have more than `most` threads together. proc_fd is /proc, open for reading since before
 * the caller confined itself; without one, 0 or less, the answer is no. */
bool tasks_of_group_exceed(int proc_fd, pid_t group, size_t most);

#endif
