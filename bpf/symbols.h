/* SPDX-License-Identifier: Apache-2.0 */
/* Names for addresses: ELF and DWARF are read by libdw, C++ names are demangled. Works from a copy of a process's
 * /proc/PID/maps, not from the process, so it needs no privilege; belongs to one unprivileged thread. */
#ifndef SPVSCOPE_SYMBOLS_H
#define SPVSCOPE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbolizer;

struct symbol {
	const char *name;   /* demangled; "module+0x1234" when no symbol's extent covers the address. Owned by the
	                       symbolizer, lives as long as it, equal names have equal pointers */
	const char *module; /* base name of the file, "[vdso]", "[anon]", "[kernel]"; likewise */
	const char *file;   /* source file where DWARF tells it, else NULL */
	uint32_t line;
	uint64_t offset;    /* of the address that was looked up: from the function's start, in the file where named is false */
	bool named;         /* a symbol's extent covers the address */
	bool outermost;     /* _start, __libc_start_main and friends, clone's thread start: a complete stack ends here */
};

/* maps: the text of /proc/PID/maps, maps_len bytes, copied. 0 or -errno. */
int symbolizer_new(const char *maps, size_t maps_len, struct symbolizer **ret);
/* For one file, of size bytes, whoever has it mapped: addresses are then offsets in it. path may be "[vdso]". */
int symbolizer_new_of_file(const char *path, uint64_t inode, uint64_t size, struct symbolizer **ret);
void symbolizer_free(struct symbolizer *s);
/* Whether something was mapped there. */
bool symbolizer_knows(const struct symbolizer *s, uint64_t address);
/* is_return_address: look up address - 1, since it is the instruction behind a call. Cached: a second look-up of the
 * same address costs one hash probe. Never fails. */
struct symbol symbolizer_lookup(struct symbolizer *s, uint64_t address, bool is_return_address);

#endif
