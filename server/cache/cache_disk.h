/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's part on disk: a SQLite database of its own (cache.db) that may be deleted at any time, written and read by a
 * thread of its own. Private to the cache; calls are the loop's thread's. */
#ifndef SPVSCOPE_CACHE_DISK_H
#define SPVSCOPE_CACHE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "server/cache/cached.h"
#include "server/loop.h"

struct cache_disk;

struct cache_disk_options {
	const char *dir;
	uint64_t max_bytes; /* the least recently used go first */
	/* Each result that a fetch found, before its own callback. cached is borrowed. */
	void (*fetched)(void *arg, const struct cache_key *request, struct cached *cached);
	void *arg;
};

/* What cannot be used is deleted and begun anew. 0 or -errno. */
int cache_disk_open(struct loop *loop, const struct cache_disk_options *o, struct cache_disk **ret);
void cache_disk_close(struct cache_disk *d); /* takes NULL; writes what is queued; no callback follows */

/* False: it has nothing for this. True: mostly it has. */
bool cache_disk_may_have(const struct cache_disk *d, const struct cache_key *request);
/* Left out when the disk cannot follow. */
void cache_disk_put(struct cache_disk *d, const struct cache_key *request, struct cached *cached);
void cache_disk_forget(struct cache_disk *d, const struct cache_key *request);
/* fn is called in a later turn of the loop. 0, -EBUSY, -ENOMEM. */
int cache_disk_fetch(struct cache_disk *d, const struct cache_key *request, loop_fn fn, void *arg);

void cache_disk_counters(const struct cache_disk *d, uint64_t *ret_n, uint64_t *ret_bytes, uint64_t *ret_errors);

#endif
