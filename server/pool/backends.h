/* SPDX-License-Identifier: Apache-2.0 */
/* The back ends that the template has found, as it tells of them, and which of them a job is for. Loop thread only. */
#ifndef SPVSCOPE_POOL_BACKENDS_H
#define SPVSCOPE_POOL_BACKENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codegen/worker/protocol.h"
#include "spvscope/codegen.h"

#define BACKENDS_MOST 64

/* Strings are owned and never NULL. */
struct backend_info {
	char *name;
	char *other_language; /* its own word for a language that has no other here; "" else */
	char *identity;       /* of the files that it is made of; another one for another build of the same version */
	char *version;
	char *missing;        /* why it cannot be used; "": it can */
	char *install;
	char *program;        /* that it runs, absolute; "": none */
	uint32_t languages;   /* bits of 1u << enum spvscope_language */
	bool runs_tool;
};

struct backends {
	struct backend_info rows[BACKENDS_MOST];
	size_t n;
	bool complete;        /* the template has told of all */
	uint64_t complete_ns; /* since when; workers that were forked before don't know */
};

void backends_done(struct backends *b);
/* Takes a WORKER_BACKEND in. False: it makes no sense. */
bool backends_take(struct backends *b, const struct worker_message *m);
/* NULL: none of that name; the one that takes the language. */
const struct backend_info *backends_named(const struct backends *b, const char *name);
const struct backend_info *backends_for(const struct backends *b, enum spvscope_language language);

/* The one that writes a product which no worker has from its beginning; NULL: there is none, or nothing of that kind is asked
 * for. */
const struct backend_info *backends_translator(const struct backends *b, const struct spvscope_job *job);

/* Whether the job is for what every worker has from its beginning. */
bool backends_is_built_in(const struct spvscope_job *job);

enum { WORKERS_PLAIN = 0, WORKERS_UNKNOWN = -1 };
/* What workers a job is for: those that have a host for a tool (1 + the number of the back end), any, or not known yet. A back
 * end that cannot be used is any worker's to refuse. */
int backends_workers_for(const struct backends *b, const struct spvscope_job *job);

#endif
