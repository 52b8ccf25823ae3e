/* SPDX-License-Identifier: Apache-2.0 */
/* Flat unwind rows (bpf/unwind_step.h) from the .eh_frame of one ELF image, which libdw reads. For an unprivileged
 * process; any thread, each image on one. */
#ifndef SPVSCOPE_UNWIND_ROWS_H
#define SPVSCOPE_UNWIND_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/unwind_step.h"

struct unwind_rows {
	struct unwind_row *rows; /* by pc, neighbours differ */
	size_t n_rows, capacity;
	size_t n_unsupported;    /* of these, rows whose rule does not fit in one */
};

/* Appends the rows for addresses start to end - 1 of the image, the first one at start. An image without .eh_frame gets
 * one row that says so. fd stays the caller's. 0, -ENOEXEC when it is no ELF file of this machine, -ENOMEM, -EFBIG when
 * an address does not fit in 32 bits. */
int unwind_rows_append(struct unwind_rows *r, int fd, uint64_t start, uint64_t end);
void unwind_rows_done(struct unwind_rows *r);

#endif
