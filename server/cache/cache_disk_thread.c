/* SPDX-License-Identifier: Apache-2.0 */
/* Owns cache.db. The database is opened and closed on the loop's thread, before this one lives and after; all else here is
 * the thread's. */
#include "server/cache/cache_disk_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define TARGET       "server::cache"
/* A transaction for each result would cost a small compile a twentieth of its time. */
#define TOGETHER_NS  (50 * NS_PER_MS)
#define BUSY_MS      2000
#define EXPIRE_SLICE "64"

static const char *const statement_sql[N_CACHE_SQL] = {
	[CACHE_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[CACHE_SQL_COMMIT] = "COMMIT",
	[CACHE_SQL_PUT] = "INSERT OR REPLACE INTO results(request, files, used, bytes, body) VALUES(?1,?2,?3,?4,?5)",
	[CACHE_SQL_GET] = "SELECT body FROM results WHERE request = ?1 ORDER BY used DESC LIMIT 16",
	[CACHE_SQL_USE] = "UPDATE results SET used = ?2 WHERE request = ?1",
	[CACHE_SQL_FORGET] = "DELETE FROM results WHERE request = ?1 RETURNING request, bytes",
	[CACHE_SQL_KEYS] = "SELECT request FROM results",
	[CACHE_SQL_TOTALS] = "SELECT count(*), coalesce(sum(bytes), 0) FROM results",
	[CACHE_SQL_OLDEST] = "SELECT rowid, request, bytes FROM results ORDER BY used LIMIT " EXPIRE_SLICE,
	[CACHE_SQL_DELETE] = "DELETE FROM results WHERE rowid = ?1",
};

static const char schema[] =
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = NORMAL;" /* what a power cut takes away is compiled again */
	"PRAGMA journal_size_limit = 16777216;"
	"CREATE TABLE IF NOT EXISTS results("
	"  rowid INTEGER PRIMARY KEY, request BLOB NOT NULL, files BLOB NOT NULL, used INTEGER NOT NULL,"
	"  bytes INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE(request, files)) STRICT;"
	"CREATE INDEX IF NOT EXISTS results_by_use ON results(used);";

/* ---- the database ---- */

void cache_disk_database_close(struct cache_disk *d)
{
	for (size_t i = 0; i < N_CACHE_SQL; i++) {
		sqlite3_finalize(d->statements[i]);
		d->statements[i] = NULL;
	}
	sqlite3_close(d->db);
	d->db = NULL;
}

static int database_open(struct cache_disk *d, const char *path)
{
	int rc = sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(d->db, BUSY_MS);
		sqlite3_db_config(d->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		rc = sqlite3_exec(d->db, schema, NULL, NULL, NULL);
	}
	for (size_t i = 0; i < N_CACHE_SQL && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(d->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &d->statements[i], NULL);
	if (rc == SQLITE_OK)
		return 0;
	cache_disk_database_close(d);
	return (rc & 0xff) == SQLITE_CANTOPEN ? -EACCES : -EIO;
}

int cache_disk_database_open(struct cache_disk *d)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	_cleanup_free_ char *path = NULL;
	mode_t before;
	int r;

	if (mkdir(d->o.dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (asprintf(&path, "%s/cache.db", d->o.dir) < 0)
		return -ENOMEM;
	before = umask(077);
	r = database_open(d, path);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes) && r == -EIO; i++) {
		_cleanup_free_ char *file = NULL;

		if (asprintf(&file, "%s%s", path, suffixes[i]) >= 0)
			unlink(file);
	}
	if (r == -EIO) {
		log_warn(TARGET, "%s cannot be read; it is begun anew", path);
		r = database_open(d, path);
	}
	umask(before);
	return r;
}

/* ---- what it does ---- */

static void finish(struct cache_disk *d, struct cache_op *op)
{
	pthread_mutex_lock(&d->lock);
	if (!d->done.first)
		eventfd_write(d->done_fd, 1);
	cache_op_list_add(&d->done, op);
	pthread_mutex_unlock(&d->lock);
}

static void count_error(struct cache_disk *d, const char *what)
{
	pthread_mutex_lock(&d->lock);
	if (d->n_errors++ == 0)
		log_warn(TARGET, "cache.db: %s: %s", what, sqlite3_errmsg(d->db));
	pthread_mutex_unlock(&d->lock);
}

static void end(struct cache_disk *d, enum cache_statement which)
{
	sqlite3_reset(d->statements[which]);
	sqlite3_clear_bindings(d->statements[which]);
}

static bool run(struct cache_disk *d, enum cache_statement which, const char *what)
{
	int rc;

	while ((rc = sqlite3_step(d->statements[which])) == SQLITE_ROW)
		;
	end(d, which);
	if (rc != SQLITE_DONE)
		count_error(d, what);
	return rc == SQLITE_DONE;
}

static void bind_key(struct cache_disk *d, enum cache_statement which, int at, const struct cache_key *key)
{
	sqlite3_bind_blob(d->statements[which], at, key->bytes, sizeof(key->bytes), SQLITE_STATIC);
}

static void add_totals(struct cache_disk *d, int64_t n, int64_t bytes)
{
	pthread_mutex_lock(&d->lock);
	d->n += (uint64_t)n;
	d->bytes += (uint64_t)bytes;
	pthread_mutex_unlock(&d->lock);
}

static void read_totals(struct cache_disk *d)
{
	sqlite3_stmt *s = d->statements[CACHE_SQL_TOTALS];

	if (sqlite3_step(s) == SQLITE_ROW) {
		pthread_mutex_lock(&d->lock);
		d->n = (uint64_t)sqlite3_column_int64(s, 0);
		d->bytes = (uint64_t)sqlite3_column_int64(s, 1);
		pthread_mutex_unlock(&d->lock);
	}
	end(d, CACHE_SQL_TOTALS);
}

static void add_key(struct cache_op *keys, sqlite3_stmt *s, int column)
{
	uint64_t *grown;

	if (sqlite3_column_bytes(s, column) != CACHE_KEY_BYTES)
		return;
	if ((keys->n_keys & (keys->n_keys - 1)) == 0) { /* at each power of two */
		grown = reallocarray(keys->keys, keys->n_keys ? 2 * keys->n_keys : 1, sizeof(*grown));
		if (!grown)
			return;
		keys->keys = grown;
	}
	keys->keys[keys->n_keys++] = cache_key_hash(sqlite3_column_blob(s, column));
}

static struct cache_op *keys_new(int change)
{
	struct cache_op *op = calloc(1, sizeof(*op));

	if (op) {
		op->type = CACHE_OP_KEYS;
		op->change = change;
	}
	return op;
}

/* What a service before this one has left. */
static void tell_keys(struct cache_disk *d)
{
	struct cache_op *keys = keys_new(1);

	if (!keys)
		return;
	while (sqlite3_step(d->statements[CACHE_SQL_KEYS]) == SQLITE_ROW)
		add_key(keys, d->statements[CACHE_SQL_KEYS], 0);
	end(d, CACHE_SQL_KEYS);
	finish(d, keys);
}

static void put_one(struct cache_disk *d, const struct cache_op *op)
{
	_cleanup_strbuf_ struct strbuf body = {0};
	sqlite3_stmt *s = d->statements[CACHE_SQL_PUT];

	cached_encode(op->cached, &body);
	if (body.failed || body.len > INT32_MAX || body.len > d->o.max_bytes / 2)
		return;
	bind_key(d, CACHE_SQL_PUT, 1, &op->request);
	bind_key(d, CACHE_SQL_PUT, 2, &op->cached->files);
	sqlite3_bind_int64(s, 3, (int64_t)(clock_realtime_ns() / NS_PER_MS));
	sqlite3_bind_int64(s, 4, (int64_t)body.len);
	sqlite3_bind_blob(s, 5, body.data, (int)body.len, SQLITE_STATIC);
	if (run(d, CACHE_SQL_PUT, "a result was not written"))
		add_totals(d, 1, (int64_t)body.len);
}

static void fetch(struct cache_disk *d, struct cache_op *op)
{
	sqlite3_stmt *s = d->statements[CACHE_SQL_GET];

	bind_key(d, CACHE_SQL_GET, 1, &op->request);
	while (op->n_found < CACHE_DISK_VARIANTS_MAX && sqlite3_step(s) == SQLITE_ROW) {
		const void *body = sqlite3_column_blob(s, 0);

		if (body && cached_decode(body, (size_t)sqlite3_column_bytes(s, 0), &op->found[op->n_found]) == 0)
			op->n_found++;
	}
	end(d, CACHE_SQL_GET);
	if (!op->n_found)
		return;
	bind_key(d, CACHE_SQL_USE, 1, &op->request);
	sqlite3_bind_int64(d->statements[CACHE_SQL_USE], 2, (int64_t)(clock_realtime_ns() / NS_PER_MS));
	run(d, CACHE_SQL_USE, "a use was not noted");
}

static void forget(struct cache_disk *d, const struct cache_key *request)
{
	struct cache_op *gone = keys_new(-1);
	sqlite3_stmt *s = d->statements[CACHE_SQL_FORGET];

	if (!gone)
		return;
	bind_key(d, CACHE_SQL_FORGET, 1, request);
	while (sqlite3_step(s) == SQLITE_ROW) {
		add_key(gone, s, 0);
		add_totals(d, -1, -sqlite3_column_int64(s, 1));
	}
	end(d, CACHE_SQL_FORGET);
	finish(d, gone);
}

static void expire(struct cache_disk *d)
{
	struct cache_op *gone = d->bytes > d->o.max_bytes ? keys_new(-1) : NULL;
	sqlite3_stmt *s = d->statements[CACHE_SQL_OLDEST];

	if (!gone)
		return;
	while (d->bytes > d->o.max_bytes) {
		size_t before = gone->n_keys;

		run(d, CACHE_SQL_BEGIN, "old results stay");
		while (sqlite3_step(s) == SQLITE_ROW && d->bytes > d->o.max_bytes) {
			add_key(gone, s, 1);
			sqlite3_bind_int64(d->statements[CACHE_SQL_DELETE], 1, sqlite3_column_int64(s, 0));
			if (run(d, CACHE_SQL_DELETE, "an old result stays"))
				add_totals(d, -1, -sqlite3_column_int64(s, 2));
		}
		end(d, CACHE_SQL_OLDEST);
		run(d, CACHE_SQL_COMMIT, "old results stay");
		read_totals(d); /* a result that was replaced was counted twice */
		if (gone->n_keys == before)
			break;
	}
	finish(d, gone);
}

/* Writes what stands at the head of the batch in one transaction; returns what follows. */
static struct cache_op *put_some(struct cache_disk *d, struct cache_op *op)
{
	struct cache_op *next;

	run(d, CACHE_SQL_BEGIN, "results are not written");
	for (; op && op->type == CACHE_OP_PUT; op = next) {
		next = op->next;
		put_one(d, op);
		cache_op_free(op);
	}
	run(d, CACHE_SQL_COMMIT, "results are not written");
	expire(d);
	return op;
}

static void work(struct cache_disk *d, struct cache_op *op)
{
	struct cache_op *next;

	for (; op; op = next) {
		next = op->next;
		switch (op->type) {
		case CACHE_OP_PUT:
			next = put_some(d, op);
			break;
		case CACHE_OP_FETCH:
			fetch(d, op);
			finish(d, op);
			break;
		default:
			forget(d, &op->request);
			cache_op_free(op);
			break;
		}
	}
}

/* Until there is something to do. Takes the lock, and leaves it. */
static struct cache_op *gather(struct cache_disk *d, bool *ret_closing)
{
	uint64_t until_ns;
	struct cache_op *batch;

	pthread_mutex_lock(&d->lock);
	while (!d->queue.first && !d->closing)
		pthread_cond_wait(&d->wake, &d->lock);
	until_ns = clock_now_ns() + TOGETHER_NS;
	const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};
	while (!d->is_awaited && !d->closing && d->n_queued < CACHE_DISK_TOGETHER)
		if (pthread_cond_clockwait(&d->wake, &d->lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT)
			break;
	batch = cache_op_list_take_all(&d->queue);
	d->n_queued = 0;
	d->is_awaited = false;
	*ret_closing = d->closing;
	pthread_mutex_unlock(&d->lock);
	return batch;
}

void *cache_disk_main(void *arg)
{
	struct cache_disk *d = arg;
	bool closing = false;

	prctl(PR_SET_NAME, "cache");
	read_totals(d);
	tell_keys(d);
	expire(d);
	while (!closing) {
		struct cache_op *batch = gather(d, &closing);

		work(d, batch);
	}
	return NULL;
}
