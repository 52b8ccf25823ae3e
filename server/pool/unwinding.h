/* SPDX-License-Identifier: Apache-2.0 */
/* The unwind tables of a template's address space, made from the files that it maps: work of some 0.1 s, so on a thread
 * of its own. Called from the loop's thread, which also gets the result. */
#ifndef SPVSCOPE_UNWINDING_H
#define SPVSCOPE_UNWINDING_H

#include <stdint.h>

#include "server/loop.h"
#include "server/pool/image.h"

struct unwinding;

/* fd -1: they could not be made; else the callee may take it (bpf/unwind_tables.h). */
typedef void (*unwinding_made_fn)(void *arg, uint64_t space, int *fd);

int unwinding_new(struct loop *loop, unwinding_made_fn made, void *arg, struct unwinding **ret);
/* Waits for the thread; nobody is called. Takes NULL. */
void unwinding_free(struct unwinding *u);
/* Begins, or waits its turn; what waited before is given up, for its template is gone. Takes a reference. */
void unwinding_make(struct unwinding *u, uint64_t space, struct image *image);

#endif
