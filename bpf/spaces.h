/* SPDX-License-Identifier: Apache-2.0 */
/* The address spaces whose unwind tables are in the kernel: the front brings them, sessions hold them. Analyzer process,
 * main thread. */
#ifndef SPVSCOPE_ANALYZER_SPACES_H
#define SPVSCOPE_ANALYZER_SPACES_H

#include <stdint.h>

#include "bpf/analyzer_types.h"

struct spaces {
	struct unwind_space *memory; /* ANALYZER_SPACES, the programs' own; borrowed */
	struct space {
		uint64_t id; /* the front's number; 0: empty */
		uint64_t loaded; /* the how manieth to be brought */
		unsigned n_users;
	} slots[ANALYZER_SPACES];
	uint64_t n_loaded;
};

/* Takes in tables for a number that is not known yet; the space that was brought longest ago and that no session holds
 * makes room. 0, -EINVAL for number 0 and for unsound tables, -EEXIST, -EBUSY when sessions hold them all. */
int spaces_load(struct spaces *s, uint64_t id, int fd);
/* The index of a space, held until it is given back; ANALYZER_NO_SPACE when it is not known. */
uint32_t spaces_take(struct spaces *s, uint64_t id);
void spaces_give(struct spaces *s, uint32_t index); /* ANALYZER_NO_SPACE is fine */

#endif
