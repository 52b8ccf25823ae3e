/* SPDX-License-Identifier: Apache-2.0 */
/* One address space's unwind tables as a file: made from a copy of /proc/PID/maps by an unprivileged process, handed to
 * the analyzer in a sealed memfd, and checked there before a word of it is used.
 *
 *   struct unwind_tables_head | mappings, by start | pages | rows */
#ifndef SPVSCOPE_UNWIND_TABLES_H
#define SPVSCOPE_UNWIND_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/unwind_step.h"

#define UNWIND_TABLES_MAGIC   0x54555653u /* "SVUT" */
#define UNWIND_TABLES_VERSION 1u

struct unwind_tables_head {
	uint32_t magic, version;
	uint32_t n_mappings, n_pages, n_rows;
	uint32_t n_without; /* of the mappings, those without a table: unreadable, another file by now, or no room */
};

/* maps: the text of /proc/PID/maps. Reads the files that are mapped with code; takes some 0.1 s. *ret_fd: a sealed memfd.
 * 0, -ENOMEM, or -errno of making the memfd. Any unprivileged thread. */
int unwind_tables_make(const char *maps, size_t maps_len, struct unwind_tables_head *ret_head, int *ret_fd);

/* Copies what is in the file into a space, once it is found sound: sizes, order, and every index in range. 0, -EINVAL
 * with the space emptied, or -errno. The space must have no users. Analyzer process. */
int unwind_tables_load(int fd, struct unwind_space *to);

#endif
