/* SPDX-License-Identifier: Apache-2.0 */
/* One finished compile whose result may answer others. Constant once it has been put into the cache; any thread may read
 * it while it holds a reference. */
#ifndef SPVSCOPE_CACHED_H
#define SPVSCOPE_CACHED_H

#include <stdatomic.h>

#include "api/response.h"
#include "server/cache/cache_key.h"
#include "server/records/record.h"

struct cached {
	atomic_uint n_refs;
	struct compile_outcome outcome; /* owned; of the compile itself, its request is NULL */
	struct record *record;          /* of the compile; from disk without its tree; NULL: it was not traced */
	struct cache_names names;       /* of files that the result depends on; owned */
	struct cache_key files;         /* what those were */
	uint64_t expires_ns;            /* CLOCK_MONOTONIC; UINT64_MAX: never */
	uint64_t run_ns;                /* what it cost, without the time that its request waited; from disk 0 */
};

struct cached *cached_new(void);                  /* NULL when out of memory */
struct cached *cached_ref(struct cached *c);
void cached_unref(struct cached *c);              /* takes NULL */
uint64_t cached_memory_bytes(const struct cached *c); /* about */

/* What the outcome is for another request with the same result: id, trace id, request, times, kept and whether it wants to
 * be traced are those of `own`; how is hit or shared. The result in it is borrowed. */
void cached_outcome(const struct cached *c, const struct compile_outcome *own, enum compile_cache how,
	struct compile_outcome *ret);

/* For the disk: all but the trace, and only what does not expire. 0, -EBADMSG, -ENOMEM. */
void cached_encode(const struct cached *c, struct strbuf *out);
int cached_decode(const void *data, size_t size, struct cached **ret);

#endif
