/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that assembles records one after the other, so that the loop never waits for symbols. Called from the
 * loop's thread, which also gets the results. */
#ifndef SPVSCOPE_ASSEMBLER_H
#define SPVSCOPE_ASSEMBLER_H

#include <stdbool.h>

#include "server/compile/assemble.h"
#include "server/loop.h"

struct assembler;

/* One piece of work, embedded in its owner, who leaves it alone until done is called. */
struct assembler_item {
	struct assembly *assembly; /* NULL: nothing to do, but done comes after all that was pushed before */
	bool urgent; /* somebody's answer waits for it; what is not may lie for some milliseconds */
	void (*done)(struct assembler_item *item, int error); /* on the loop's thread */
	int error;
	struct assembler_item *next;
};

int assembler_new(struct loop *loop, struct assembler **ret);
/* Waits for the piece in hand; nobody is called. */
void assembler_free(struct assembler *a);
void assembler_push(struct assembler *a, struct assembler_item *item);

#endif
