/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a process has mapped with code, opened, whose unwind tables it wants. Any unprivileged thread. */
#ifndef SPVSCOPE_UNWIND_FILES_H
#define SPVSCOPE_UNWIND_FILES_H

#include <stddef.h>

/* path: as the kernel tells it, "[vdso]" for the vDSO; fd: the file, the caller's; lives during the call. */
typedef void (*unwind_file_fn)(void *arg, const char *path, int fd);

/* maps: the text of /proc/PID/maps. Each file once, in the order of addresses. Returns how many could not be opened, or are
 * other files by now. */
size_t unwind_files_of_maps(const char *maps, size_t len, unwind_file_fn fn, void *arg);

#endif
