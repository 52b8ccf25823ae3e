/* SPDX-License-Identifier: Apache-2.0 */
/* What two requests must have in common for one result to do for both. A key in two steps: the request without its files
 * leads to results, and each of these says by which names files were looked for, whether they were there or not; files of
 * these names must be the same. Pure functions. */
#ifndef SPVSCOPE_CACHE_KEY_H
#define SPVSCOPE_CACHE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/request.h"

#define CACHE_KEY_BYTES 32 /* SHA-256 */

struct cache_key {
	uint8_t bytes[CACHE_KEY_BYTES];
};

/* Base names, since that is the part of a path that no ".." or folder changes. */
struct cache_names {
	bool all; /* every file counts: it is not known which were looked for */
	char **names;
	size_t n;
};

/* Of all that decides the result beside the files. compilers: their versions; filter: the directives in force; fresh: a
 * worker that has run nothing else. 0 or -ENOMEM. */
int cache_key_of_request(const struct compile_request *q, const char *compilers, const char *filter, bool fresh,
	struct cache_key *ret);

/* Which files the result depends on; result NULL: one that cannot tell. ret must be zeroed. 0 or -ENOMEM. */
int cache_names_of_result(const struct spvscope_result *result, struct cache_names *ret);
void cache_names_done(struct cache_names *n);

/* Of those of the job's files that have one of these names. Files whose last part is none ("a/..") always count. */
void cache_key_of_files(const struct spvscope_job *job, const struct cache_names *names, struct cache_key *ret);

/* Pieces of any kind, each with its length. */
struct cache_bytes {
	const void *data;
	size_t size;
};
void cache_key_of_bytes(const struct cache_bytes *pieces, size_t n, struct cache_key *ret);

bool cache_key_equal(const struct cache_key *a, const struct cache_key *b);
/* For hash tables. */
uint64_t cache_key_hash(const struct cache_key *k);

#endif
