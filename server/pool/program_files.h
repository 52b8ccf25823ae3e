/* SPDX-License-Identifier: Apache-2.0 */
/* The files that workers and their tools have mapped, by the numbers under which the analyzer has their unwind tables, and
 * the names of the code in them. Files are added on the loop's thread; names are looked up on the assembler's alone. */
#ifndef SPVSCOPE_PROGRAM_FILES_H
#define SPVSCOPE_PROGRAM_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/symbols.h"

struct program_files;

int program_files_new(struct program_files **ret); /* 0 or -ENOMEM */
void program_files_free(struct program_files *f);  /* after the assembler's thread has ended; takes NULL */
/* The open file that `number` stands for from now on; image_fd stays the caller's. Without memory it has no names. */
void program_files_add(struct program_files *f, uint64_t number, int image_fd);
/* What lies at offset, in bytes from the file's beginning; as symbolizer_lookup. False when the number is not known. */
bool program_files_lookup(struct program_files *f, uint64_t number, uint64_t offset, bool is_return_address,
	struct symbol *ret);

#endif
