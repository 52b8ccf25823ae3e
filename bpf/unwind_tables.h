/* SPDX-License-Identifier: Apache-2.0 */
/* One image's unwind table as a file: made from the ELF image by an unprivileged process, kept in a folder between runs
 * (bpf/unwind_cache.h), handed to the analyzer in a sealed memfd, and checked by each that reads it before a word of it is
 * used.
 *
 *   struct unwind_table_head | cells (bpf/unwind_step.h): extent, pages, rows */
#ifndef SPVSCOPE_UNWIND_TABLES_H
#define SPVSCOPE_UNWIND_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/unwind_step.h"

#define UNWIND_TABLE_MAGIC   0x54555653u /* "SVUT" */
#define UNWIND_TABLE_VERSION 5u          /* of the layout and of what makes the rows: another one is made anew */
#define UNWIND_KEY_MAX       104

struct unwind_table_head {
	uint32_t magic, version;
	uint32_t is_arm; /* UNWIND_ARM of whoever made it */
	uint32_t n_cells;
	uint32_t n_unsupported; /* rows whose rule does not fit in one */
	uint32_t reserved;
	uint64_t sum; /* unwind_table_sum of the cells */
	char key[UNWIND_KEY_MAX]; /* of the image that it was made from, NUL-padded */
};
_Static_assert(sizeof(struct unwind_table_head) == 136, "layout is shared");

/* ---- making; an unprivileged process, any thread ---- */

/* What names an image's table: its build id where it has one, else the file and its times; and where its code lies in the
 * file, which tools that strip may change without changing the build id. Fit to be the name of a file. 0, -ENOEXEC when
 * it is no ELF file of this machine, or -errno. */
int unwind_table_key(int image_fd, char ret[UNWIND_KEY_MAX]);
/* *ret_fd: a sealed memfd. Takes 0.4 s for a million rows. 0, -errno of unwind_rows_read, or of making the memfd; -EFBIG
 * when the file is larger than 512 MiB. The file may change meanwhile; then so much for the table. */
int unwind_table_make(int image_fd, const char key[UNWIND_KEY_MAX], struct unwind_table_head *ret_head, int *ret_fd);
/* A memfd with the image of the vDSO, which is the same in all processes; -errno when there is none. */
int unwind_open_vdso(void);

/* ---- reading; anybody ---- */

uint64_t unwind_table_sum(const union unwind_cell *cells, size_t n);
/* Sizes, the order of pages and rows, and every index. */
bool unwind_table_is_sound(const void *data, size_t size);

struct unwind_table {
	const struct unwind_table_head *head; /* with the cells behind it, mapped */
	const union unwind_cell *cells;
	size_t size;
};
/* Maps a file that can neither change nor shrink any more, once it is found sound. 0, -EINVAL, or -errno. */
int unwind_table_open(int fd, struct unwind_table *ret);
void unwind_table_close(struct unwind_table *t);

#endif
