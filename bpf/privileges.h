/* SPDX-License-Identifier: Apache-2.0 */
/* What the analyzer process may do: it keeps CAP_BPF and CAP_PERFMON and gives up all else before it reads a byte from
 * anyone; and the words that tell a person what is missing and how to grant it. Analyzer process, main thread. */
#ifndef SPVSCOPE_ANALYZER_PRIVILEGES_H
#define SPVSCOPE_ANALYZER_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>

/* Both capabilities are in effect. */
bool privileges_suffice(void);
/* Gives up every other capability, new ones through exec, and the user root. 0 or -errno; on an error the process must
 * not go on. Without the capabilities it gives up what there is. */
int privileges_drop(void);
/* No file is opened from here on, by no path, whoever may read it: the analyzer parses nothing of a worker's, and what is
 * taken over reads nothing. What is open stays so. 1; 0 where the kernel has no Landlock; -errno. */
int privileges_close_files(void);
/* Why `what` failed with this errno, and the command that mends it, for a person; always NUL-terminated. */
void privileges_explain(const char *what, int error, char *text, size_t size);

#endif
