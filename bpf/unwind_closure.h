/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a program will have mapped with code once it runs: itself, its loader, and the libraries that it and they
 * need, as the loader would find them. Nothing is run. What it opens later by itself is not among them. Any unprivileged
 * thread. */
#ifndef SPVSCOPE_UNWIND_CLOSURE_H
#define SPVSCOPE_UNWIND_CLOSURE_H

#include <stddef.h>

struct unwind_closure {
	char **paths; /* owned; without symbolic links, the program first */
	size_t n, capacity;
	size_t n_missing; /* libraries that were not found */
};

/* 0, -errno of opening the program, -ENOEXEC when it is no ELF file, -ENOMEM. */
int unwind_closure_find(const char *program, struct unwind_closure *ret);
void unwind_closure_done(struct unwind_closure *c);

#endif
