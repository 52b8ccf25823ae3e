/* SPDX-License-Identifier: Apache-2.0 */
/* The files with code that an analyzer has seen: each has its unwind table in the kernel and its names here, once for all
 * processes. The thread that uses the analyzer. */
#ifndef SPVSCOPE_LIBRARY_FILES_H
#define SPVSCOPE_LIBRARY_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/session.h"
#include "bpf/symbols.h"

struct library_file {
	char *path; /* owned; "[vdso]" for the vDSO */
	dev_t device;
	ino_t inode;
	uint64_t size; /* in bytes */
	struct symbolizer *names; /* owned; NULL until it is asked */
};

/* Zero-initialized is empty, but for the sessions and the folder. A file's number is its place and one. */
struct library_files {
	struct sessions *sessions; /* borrowed */
	char *cache_dir;           /* owned; where tables are kept; NULL: nowhere */
	struct library_file *files;
	size_t n;
};

void library_files_done(struct library_files *f);
/* Sees to it that a file is known and its table in the kernel, which takes 0.4 s for a million rows when there is none
 * yet. A file without a table is known all the same. fd stays the caller's. Its number, or -ENOMEM, -errno. */
int library_files_bring(struct library_files *f, const char *path, int fd);
/* Those that a program has mapped, by the text of /proc/PID/maps; those that it will have mapped when it runs (path). What
 * cannot be read is passed over. */
void library_files_bring_mapped(struct library_files *f, const char *maps, size_t len);
void library_files_bring_program(struct library_files *f, const char *path);
/* The number of a file that is known, 0 when it is not. */
uint64_t library_files_number(const struct library_files *f, const char *path, ino_t inode);
const struct library_file *library_files_get(const struct library_files *f, uint64_t number);
/* 0 or -ENOMEM; the name for a place in a file. */
int library_files_name(struct library_files *f, uint64_t number, uint64_t offset, bool is_return_address,
	struct symbol *ret);

#endif
