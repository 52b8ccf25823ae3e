/* SPDX-License-Identifier: Apache-2.0 */
/* Names for the addresses of the processes of one attachment: what each has mapped, kept beyond its end. The thread that
 * uses the analyzer. */
#ifndef SPVSCOPE_LIBRARY_NAMES_H
#define SPVSCOPE_LIBRARY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/symbols.h"

/* A process's mappings as they were at some time, and names by them. */
struct names_era {
	char *maps; /* owned */
	size_t maps_len;
	uint64_t code_sum;
	struct symbolizer *symbolizer; /* NULL until it is asked */
};

struct names_process {
	uint32_t pid;
	struct names_era *eras; /* the newest last */
	size_t n_eras;
};

/* Zero-initialized is empty. */
struct names {
	struct names_process *processes;
	size_t n_processes;
};

void names_done(struct names *n);
/* Looks what a process has mapped by now. *ret_maps: all of it, the text of /proc/PID/maps, the caller's; NULL: not
 * wanted. 0, -ESRCH when it has ended (what was known stays), -EACCES, -ENOMEM. */
int names_refresh(struct names *n, uint32_t pid, char **ret_maps, size_t *ret_maps_len);
/* Two processes that were looked at, one forked from the other with no exec since. */
bool names_have_same_code(const struct names *n, uint32_t pid, uint32_t other_pid);
/* 0, -ENOENT, -ENOMEM. */
int names_find(struct names *n, uint32_t pid, uint64_t address, bool is_return_address, struct symbol *ret);

#endif
