/* SPDX-License-Identifier: Apache-2.0 */
/* Unwind tables kept in a folder, one file an image, so that a program's second start does not read its DWARF again. Any
 * unprivileged thread, and any number of processes on one folder. */
#ifndef SPVSCOPE_UNWIND_CACHE_H
#define SPVSCOPE_UNWIND_CACHE_H

#include <stddef.h>

#include "bpf/unwind_tables.h"

/* The image's table: from the folder, else made, and then kept there. dir NULL: nothing is kept. A file there that is
 * damaged, of another version, or somebody else's is not used, and made anew. That a table cannot be kept is no failure.
 * *ret_was_kept: it was there. *ret_fd: a sealed memfd. -EAGAIN: the file was changed meanwhile. As unwind_table_make. */
int unwind_cache_get(const char *dir, int image_fd, struct unwind_table_head *ret_head, bool *ret_was_kept, int *ret_fd);

/* Makes the folder where it is missing, takes away what a killed process left half-written, and of the tables those that
 * were not used for longest, until no more than max_bytes are left. 0 or -errno. */
int unwind_cache_tidy(const char *dir, size_t max_bytes);

#endif
