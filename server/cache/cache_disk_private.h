/* SPDX-License-Identifier: Apache-2.0 */
/* What the loop's side of the cache on disk (cache_disk.c) and its thread (cache_disk_thread.c) share: operations go from
 * the one to the other by a queue, and come back done. */
#ifndef SPVSCOPE_CACHE_DISK_PRIVATE_H
#define SPVSCOPE_CACHE_DISK_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "server/cache/cache_disk.h"

#define CACHE_DISK_TOGETHER     64u /* results are written together: so many, or those of a while */
#define CACHE_DISK_VARIANTS_MAX 16u

enum cache_op_type { CACHE_OP_PUT, CACHE_OP_FORGET, CACHE_OP_FETCH, CACHE_OP_KEYS };

struct cache_op {
	enum cache_op_type type;
	struct cache_op *next;
	struct cache_key request;
	struct cached *cached;          /* PUT */
	loop_fn fn;                     /* FETCH */
	void *arg;
	struct cached *found[CACHE_DISK_VARIANTS_MAX];
	size_t n_found;
	uint64_t *keys;                 /* KEYS: hashes that came or went */
	size_t n_keys;
	int change;                     /* 1 or -1 */
};

struct cache_op_list {
	struct cache_op *first, **end;
};

enum cache_statement {
	CACHE_SQL_BEGIN,
	CACHE_SQL_COMMIT,
	CACHE_SQL_PUT,
	CACHE_SQL_GET,
	CACHE_SQL_USE,
	CACHE_SQL_FORGET,
	CACHE_SQL_KEYS,
	CACHE_SQL_TOTALS,
	CACHE_SQL_OLDEST,
	CACHE_SQL_DELETE,
	N_CACHE_SQL,
};

struct cache_disk {
	struct cache_disk_options o;
	struct loop_source *source;
	int done_fd;
	uint16_t *counters;         /* loop's: of request keys */
	bool knows_keys;            /* loop's: what was there before is counted; until then all is looked for */
	/* the thread's */
	sqlite3 *db;
	sqlite3_stmt *statements[N_CACHE_SQL];
	pthread_t thread;
	bool has_thread;
	/* both, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct cache_op_list queue, done;
	size_t n_queued;
	bool is_awaited; /* something is queued that cannot wait for more to write */
	uint64_t n, bytes, n_errors;
	bool closing;
};

/* ---- any thread; the lists of a cache under its lock ---- */

void cache_op_list_add(struct cache_op_list *l, struct cache_op *op);
struct cache_op *cache_op_list_take_all(struct cache_op_list *l);
void cache_op_list_free(struct cache_op_list *l);
void cache_op_free(struct cache_op *op);

/* ---- the thread, and around its life ---- */

int cache_disk_database_open(struct cache_disk *d); /* one that cannot be read is begun anew; -EACCES, -EIO, -ENOMEM */
void cache_disk_database_close(struct cache_disk *d);
void *cache_disk_main(void *d); /* until it is closing */

#endif
