/* SPDX-License-Identifier: Apache-2.0 */
/* Flat unwind rows (bpf/unwind_step.h) from the .eh_frame of one ELF image, or its .debug_frame where that tells nothing,
 * as libdw reads them. For an unprivileged process; any thread, each image on one. */
#ifndef SPVSCOPE_UNWIND_ROWS_H
#define SPVSCOPE_UNWIND_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/unwind_step.h"

struct unwind_rows {
	struct unwind_row *rows; /* by place in the file; neighbours differ */
	size_t n_rows, capacity;
	size_t n_unsupported;    /* of these, rows whose rule does not fit in one */
};

/* The rows for all code of the image: from the first byte of its first segment with code on, and one of no function
 * behind the end of each. An image without unwind information gets rows that say so. fd stays the caller's. Takes 0.4 s
 * for a million rows. 0, -ENOEXEC when it is no whole ELF file of this machine, -ENOMEM, -EFBIG when code
 * lies beyond 4 GiB, or too much of it is without rules. */
int unwind_rows_read(struct unwind_rows *r, int fd);
void unwind_rows_done(struct unwind_rows *r);

#endif
