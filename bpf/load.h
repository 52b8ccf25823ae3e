/* SPDX-License-Identifier: Apache-2.0 */
/* The two BPF objects that are embedded in the analyzer process: checked, loaded once at start, resident until it ends.
 * Nobody else sees libbpf's objects. Analyzer process, main thread. */
#ifndef SPVSCOPE_ANALYZER_LOAD_H
#define SPVSCOPE_ANALYZER_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/analyzer_types.h"
#include "bpf/protocol.h"

struct object;

/* Loads the object that was built in under this name (ANALYZER_RELEASE or ANALYZER_DEBUG). Its unwind tables are those of
 * other, or its own where that is NULL. 0, or -errno with the reason for a person in text: -ENOENT it was not built,
 * -EPROTO its layout is another version's, else the kernel refused. */
int object_load(enum analyzer_kind name, const struct object *other, struct object **ret, char *text, size_t size);
/* The check of object_load alone: does a loader of this build understand that layout? */
int object_check_layout(const char *name, const struct analyzer_layout *layout, char *text, size_t size);
void object_free(struct object *o);

/* What it is, whatever it is named: a debug object may have been built as the release one. */
enum analyzer_kind object_kind(const struct object *o);
struct analyzer_shared *object_shared(const struct object *o);
/* The maps `images` and `image_of_file`; borrowed. */
int object_images_fd(const struct object *o);
int object_image_of_file_fd(const struct object *o);
/* Which file is mapped at an address of this very process, as the kernel knows it. 0, -ENOENT, -errno. */
int object_identify_file(const struct object *o, const void *address, struct analyzer_file *ret);
int object_sample_program_fd(const struct object *o);
/* Whose tasks belong to which slot; pidfd names the task. 0 or -errno. */
int object_claim(const struct object *o, int pidfd, struct analyzer_identity identity);
/* It was claimed for, or forked into, the session of this generation. */
bool object_belongs(const struct object *o, int pidfd, uint32_t generation);
void object_disclaim(const struct object *o, int pidfd);

/* Hands each record in the ring to fn, oldest first. The record is valid during the call. */
typedef void (*object_record_fn)(void *arg, const struct object *o, const void *record, size_t size);
void object_set_reader(struct object *o, object_record_fn fn, void *arg);
int object_drain(struct object *o);

/* An object's tracepoints, which cost 7–21 ms each to attach. */
enum object_group {
	OBJECT_SCHEDULER, /* switches, forks, execs; of both objects */
	OBJECT_EVENTS,    /* faults, system calls, wake-ups, exits; the debug object's own */
	OBJECT_N_GROUPS,
};

/* Attaching what is attached is free. What is missing is in text; empty: nothing. */
void object_attach(struct object *o, enum object_group group, char *text, size_t size);
void object_detach(struct object *o, enum object_group group);
size_t object_n_attached(const struct object *o, enum object_group group);
/* Adds what its programs have cost. */
void object_add_costs(const struct object *o, struct analyzer_costs *to);

#endif
