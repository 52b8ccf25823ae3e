/* SPDX-License-Identifier: Apache-2.0 */
/* The symbols of one ELF image as it lies in a process: the only part that sees libdw and libelf. No process is touched,
 * only the file. Belongs to one unprivileged thread. */
#ifndef SPVSCOPE_SYMBOLS_MODULE_H
#define SPVSCOPE_SYMBOLS_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbols_module;

/* path is opened, or fd is used when it is not negative (taken, also on failure; path is then a mere name). base: where the file's offset 0 is
 * mapped. 0 or -errno. */
int symbols_module_open(const char *name, const char *path, int fd, uint64_t base, struct symbols_module **ret);
void symbols_module_close(struct symbols_module *m);
/* Mangled name of the symbol whose extent covers the address, and where that starts; NULL when there is none. Owned by the
 * module. */
const char *symbols_module_find(struct symbols_module *m, uint64_t address, uint64_t *ret_start);
/* Where the byte at that place in the file lies; of a place that is not mapped nothing sensible. */
uint64_t symbols_module_address(const struct symbols_module *m, uint64_t file_offset);
/* The address as the file counts it. */
uint64_t symbols_module_offset(const struct symbols_module *m, uint64_t address);
/* Source file and line where the image has DWARF; NULL else. Owned by the module. */
const char *symbols_module_line(struct symbols_module *m, uint64_t address, uint32_t *ret_line);

#endif
