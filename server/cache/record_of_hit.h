/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a request that was answered from another one's compile. Its tree tells that and no more. */
#ifndef SPVSCOPE_RECORD_OF_HIT_H
#define SPVSCOPE_RECORD_OF_HIT_H

#include "server/cache/cached.h"

#define CACHE_HIT_SPANS 2 /* of such a record */

/* One request that was answered so; with these the record can be made whenever somebody asks for it. */
struct cache_hit {
	char id[COMPILE_ID_CHARS + 1];
	char trace_id[COMPILE_ID_CHARS + 1];
	char from_id[COMPILE_ID_CHARS + 1]; /* the compile's */
	enum compile_cache how;
	uint64_t start_ns, duration_ns;     /* CLOCK_MONOTONIC */
	uint64_t started_unix_ns;
};

/* NULL when the compile was not traced or there is no memory. */
struct record *record_of_hit(const struct cache_hit *hit, const struct cached *from);

#endif
