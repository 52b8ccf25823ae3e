/* SPDX-License-Identifier: Apache-2.0 */
/* Names for the addresses of the processes of one attachment. What each has mapped is told by the kernel with its records,
 * and kept beyond its end. The thread that uses the analyzer. */
#ifndef SPVSCOPE_LIBRARY_NAMES_H
#define SPVSCOPE_LIBRARY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/library/files.h"
#include "bpf/protocol.h"

struct names_mapping {
	uint64_t start, end, file_offset;
	uint64_t file;    /* its number; 0: not known */
	const char *name; /* without folders, owned; empty: code of no file */
};

struct names_process {
	uint32_t pid;
	struct names_mapping *mappings; /* the newest last; what is known twice is there once */
	size_t n;
};

/* Zero-initialized is empty, but for the files. */
struct names {
	struct library_files *files; /* borrowed */
	struct names_process *processes;
	size_t n;
};

void names_done(struct names *n);
/* What a record tells. A file that has no table yet gets one, if the process is still there to say where it lies. 0 or
 * -ENOMEM. */
int names_take(struct names *n, const struct analyzer_mapping *record);
/* 0, -ENOENT when nothing is known of that process, -ENOMEM. */
int names_find(struct names *n, uint32_t pid, uint64_t address, bool is_return_address, struct symbol *ret);

/* Tables for all that a process has mapped now. 0, -ESRCH when it has ended, -EACCES, -ENOMEM. */
int names_bring_mapped(struct names *n, uint32_t pid);

#endif
