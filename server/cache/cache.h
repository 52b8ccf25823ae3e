/* SPDX-License-Identifier: Apache-2.0 */
/* Results that answer the next request for the same: in memory, bounded by bytes, the least recently used goes first; those
 * that were dear or asked for again on disk too. Loop thread only; a thread of its own does the disk. */
#ifndef SPVSCOPE_CACHE_H
#define SPVSCOPE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/cache/cached.h"
#include "server/cache/record_of_hit.h"
#include "server/loop.h"

#define CACHE_FAILURE_NS   (60 * 1000000000ull) /* crashes, time-outs and compiles out of memory are remembered so long */
#define CACHE_HITS_MAX     4096u                /* requests answered from the cache whose trace can be had */
#define CACHE_DISK_DEAR_NS (20 * 1000000ull)    /* a compile that took so long goes to disk at once */

struct cache;
struct http_ready; /* of server/http */

struct cache_options {
	uint64_t memory_bytes;
	uint64_t disk_bytes;   /* 0: none */
	const char *state_dir; /* holds cache.db */
	void (*free_ready)(struct http_ready *r); /* takes NULL */
};

struct cache_counters {
	uint64_t hits, misses, shared, bypassed, disk_hits, evicted, expired;
	uint64_t entries, memory_bytes, on_disk, disk_bytes, disk_errors;
};

/* A disk that cannot be used is told in the log and left alone. 0 or -ENOMEM. */
int cache_new(struct loop *loop, const struct cache_options *o, struct cache **ret);
void cache_free(struct cache *c); /* takes NULL; writes what is queued */

/* The result for this request, borrowed until the next call; NULL: none. */
struct cached *cache_find(struct cache *c, const struct cache_key *request, const struct spvscope_job *job);
/* Takes a reference; one with the same files is replaced. */
void cache_put(struct cache *c, const struct cache_key *request, struct cached *cached);
/* Forgets the result of the compile with this id or trace id, on disk with what else its request led to. */
void cache_forget(struct cache *c, const char *id);

/* Whether the disk may have something. */
bool cache_is_on_disk(const struct cache *c, const struct cache_key *request);
/* Brings it into memory, then calls fn in a later turn of the loop, whatever came of it. 0, -EBUSY, -ENOMEM. */
int cache_fetch(struct cache *c, const struct cache_key *request, loop_fn fn, void *arg);

/* Answers ready to send, by the whole request as it arrived, byte for byte: so that what is asked for over and over is
 * neither parsed nor written again. */
#define CACHE_EXACT_PIECES_MAX 72
#define CACHE_EXACT_MAX_BYTES  (256u << 10) /* longer requests are parsed each time */
struct cache_exact {
	struct cache_bytes pieces[CACHE_EXACT_PIECES_MAX]; /* borrowed; their number and lengths count too */
	size_t n;
};

struct cache_answer {
	const struct cached *cached; /* borrowed, like the body */
	unsigned status;             /* of HTTP */
	const char *content_type;    /* lives for ever */
	bool has_identity;           /* the request's own members stand before the body */
	bool is_traced;              /* the request wants to be */
	const char *body;
	size_t len;
	struct http_ready **ready;   /* the answer's, for whoever sends it */
};

/* The request in one piece, as the two below take it. NULL when it is too long, or out of memory; the caller frees. */
char *cache_exact_copy(const struct cache_exact *exact, size_t *ret_size);
bool cache_find_answer(struct cache *c, const struct cache_exact *exact, struct cache_answer *ret);
/* Takes request and body over, also on failure. cached must be what cache_find gave for the request. */
void cache_put_answer(struct cache *c, char *request, size_t request_size, const struct cache_answer *answer, char *body);
/* Other compilers: no answer that is ready is right any more. */
void cache_drop_answers(struct cache *c);

/* Remembers a request that was answered so; its record can be made until newer ones have taken its place. */
void cache_note_hit(struct cache *c, const struct cache_hit *hit);
/* By either id. The reference is the caller's; NULL: unknown, or the result is no longer here. */
struct record *cache_hit_record(struct cache *c, const char *id);
bool cache_forget_hit(struct cache *c, const char *id);

void cache_count(struct cache *c, enum compile_cache how);
void cache_counters(const struct cache *c, struct cache_counters *ret);

#endif
