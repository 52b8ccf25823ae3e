/* SPDX-License-Identifier: Apache-2.0 */
/* The images whose unwind tables are in the kernel. One table serves every process that has the file mapped. Analyzer
 * process, main thread. */
#ifndef SPVSCOPE_ANALYZER_IMAGES_H
#define SPVSCOPE_ANALYZER_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/analyzer_types.h"
#include "bpf/load.h"

struct images {
	struct object *objects[2]; /* whose maps they are in, which are the same, and who are told; borrowed, NULL: none */
	struct image_entry {
		uint64_t id;  /* the front's number; 0: empty */
		struct analyzer_file file;
		size_t n_bytes;
		uint64_t brought; /* the how manieth */
	} entries[ANALYZER_IMAGES];
	uint64_t n_brought;
	size_t n_bytes;
	uint32_t version;
};

void images_init(struct images *i, struct object *release, struct object *debug);
/* Takes in the table (bpf/unwind_tables.h) of the file behind image_fd, which is mapped for a moment and not read; -1 is
 * the vDSO. Both stay the caller's. A file that is known gets the new table; those that were brought longest ago make
 * room. 0, -EINVAL for number 0 and for an unsound table, or -errno. */
int images_load(struct images *i, uint64_t id, int table_fd, int image_fd);
/* Whether the file's table is there. */
bool images_has(struct images *i, int image_fd);

#endif
