/* SPDX-License-Identifier: Apache-2.0 */
/* The unwind tables of all that workers and their tools have mapped: of the files of a template's address space, first,
 * and of the tools' programs with their libraries, as soon as a tool is found; then what a process was seen to have
 * besides. Made on a thread of their own, or taken
 * from the folder where they are kept. Called from the loop's thread, which also gets the results. */
#ifndef SPVSCOPE_UNWINDING_H
#define SPVSCOPE_UNWINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "server/loop.h"
#include "server/pool/image.h"

struct unwinding;

/* The next table (bpf/unwind_tables.h) and the file that it is of, -1: the vDSO; the callee may take both. Nothing more
 * comes until unwinding_taken is called, which may be from within. */
typedef void (*unwinding_made_fn)(void *arg, uint64_t image, int *table_fd, int *image_fd);
/* The last one of a template's files has been taken. */
typedef void (*unwinding_ready_fn)(void *arg);

/* folder: where tables are kept between runs (bpf/unwind_cache.h), copied; NULL: nowhere. */
int unwinding_new(struct loop *loop, const char *folder, unwinding_made_fn made, unwinding_ready_fn ready, void *arg,
	struct unwinding **ret);
/* Waits for the thread; nobody is called. Takes NULL. */
void unwinding_free(struct unwinding *u);

/* What a template has mapped; before everything else that waits. Takes a reference. */
void unwinding_add_image(struct unwinding *u, struct image *image);
/* A program that workers may run; its turn comes once somebody is there to take the tables. The same again is no news. */
void unwinding_add_program(struct unwinding *u, const char *path);
/* What a process has mapped just now: one that opened libraries at run time, which its program does not name. When there is
 * too much to do already, it is left for another time. */
void unwinding_add_process(struct unwinding *u, int pid);
/* Whoever takes the tables has come, or is another now: all of them come again. */
void unwinding_again(struct unwinding *u);
void unwinding_taken(struct unwinding *u);
/* Tables of the newest template's files are still to come. */
bool unwinding_is_due(const struct unwinding *u);

#endif
