/* SPDX-License-Identifier: Apache-2.0 */
/* Owns cache.db, the thread that alone uses it, and the queue between that and the loop. disk_main and what it calls run on
 * the thread, all else on the loop's. What the disk has is known to the loop by a filter of counters, so that a request
 * that was never seen does not wait for a look-up. */
#include "server/cache/cache_disk.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define TARGET         "server::cache"
#define N_COUNTERS     (1u << 20) /* 2 MiB, touched as needed; 1 of 10 look-ups is in vain at 100,000 results */
#define QUEUED_MAX     1024u
/* Results are written together, some of them or those of a while: a transaction for each would cost a small compile a
 * twentieth of its time. */
#define TOGETHER       64u
#define TOGETHER_NS    (50 * NS_PER_MS)
#define VARIANTS_MAX   16u
#define BUSY_MS        2000
#define EXPIRE_SLICE   "64"

enum op_type { OP_PUT, OP_FORGET, OP_FETCH, OP_KEYS };

struct op {
	enum op_type type;
	struct op *next;
	struct cache_key request;
	struct cached *cached;          /* PUT */
	loop_fn fn;                     /* FETCH */
	void *arg;
	struct cached *found[VARIANTS_MAX];
	size_t n_found;
	uint64_t *keys;                 /* KEYS: hashes that came or went */
	size_t n_keys;
	int change;                     /* 1 or -1 */
};

struct op_list {
	struct op *first, **end;
};

enum statement { BEGIN, COMMIT, PUT, GET, USE, FORGET, KEYS, TOTALS, OLDEST, DELETE, N_STATEMENTS };

static const char *const statement_sql[N_STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[PUT] = "INSERT OR REPLACE INTO results(request, files, used, bytes, body) VALUES(?1,?2,?3,?4,?5)",
	[GET] = "SELECT body FROM results WHERE request = ?1 ORDER BY used DESC LIMIT 16",
	[USE] = "UPDATE results SET used = ?2 WHERE request = ?1",
	[FORGET] = "DELETE FROM results WHERE request = ?1 RETURNING request, bytes",
	[KEYS] = "SELECT request FROM results",
	[TOTALS] = "SELECT count(*), coalesce(sum(bytes), 0) FROM results",
	[OLDEST] = "SELECT rowid, request, bytes FROM results ORDER BY used LIMIT " EXPIRE_SLICE,
	[DELETE] = "DELETE FROM results WHERE rowid = ?1",
};

static const char schema[] =
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = NORMAL;" /* what a power cut takes away is compiled again */
	"PRAGMA journal_size_limit = 16777216;"
	"CREATE TABLE IF NOT EXISTS results("
	"  rowid INTEGER PRIMARY KEY, request BLOB NOT NULL, files BLOB NOT NULL, used INTEGER NOT NULL,"
	"  bytes INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE(request, files)) STRICT;"
	"CREATE INDEX IF NOT EXISTS results_by_use ON results(used);";

struct cache_disk {
	struct cache_disk_options o;
	struct loop_source *source;
	int done_fd;
	uint16_t *counters;         /* loop's: of request keys */
	bool knows_keys;            /* loop's: what was there before is counted; until then all is looked for */
	/* the thread's */
	sqlite3 *db;
	sqlite3_stmt *statements[N_STATEMENTS];
	pthread_t thread;
	bool has_thread;
	/* both, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct op_list queue, done;
	size_t n_queued;
	bool is_awaited; /* something is queued that cannot wait for more to write */
	uint64_t n, bytes, n_errors;
	bool closing;
};

/* ---- operations ---- */

static void list_add(struct op_list *l, struct op *op)
{
	op->next = NULL;
	*l->end = op;
	l->end = &op->next;
}

static struct op *list_take_all(struct op_list *l)
{
	struct op *first = l->first;

	l->first = NULL;
	l->end = &l->first;
	return first;
}

static void op_free(struct op *op)
{
	cached_unref(op->cached);
	for (size_t i = 0; i < op->n_found; i++)
		cached_unref(op->found[i]);
	free(op->keys);
	free(op);
}

static void op_list_free(struct op_list *l)
{
	struct op *next;

	for (struct op *op = list_take_all(l); op; op = next) {
		next = op->next;
		op_free(op);
	}
}

/* ---- the thread ---- */

static void finish(struct cache_disk *d, struct op *op)
{
	pthread_mutex_lock(&d->lock);
	if (!d->done.first)
		eventfd_write(d->done_fd, 1);
	list_add(&d->done, op);
	pthread_mutex_unlock(&d->lock);
}

static void count_error(struct cache_disk *d, const char *what)
{
	pthread_mutex_lock(&d->lock);
	if (d->n_errors++ == 0)
		log_warn(TARGET, "cache.db: %s: %s", what, sqlite3_errmsg(d->db));
	pthread_mutex_unlock(&d->lock);
}

static void end(struct cache_disk *d, enum statement which)
{
	sqlite3_reset(d->statements[which]);
	sqlite3_clear_bindings(d->statements[which]);
}

static bool run(struct cache_disk *d, enum statement which, const char *what)
{
	int rc;

	while ((rc = sqlite3_step(d->statements[which])) == SQLITE_ROW)
		;
	end(d, which);
	if (rc != SQLITE_DONE)
		count_error(d, what);
	return rc == SQLITE_DONE;
}

static void bind_key(struct cache_disk *d, enum statement which, int at, const struct cache_key *key)
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
	sqlite3_stmt *s = d->statements[TOTALS];

	if (sqlite3_step(s) == SQLITE_ROW) {
		pthread_mutex_lock(&d->lock);
		d->n = (uint64_t)sqlite3_column_int64(s, 0);
		d->bytes = (uint64_t)sqlite3_column_int64(s, 1);
		pthread_mutex_unlock(&d->lock);
	}
	end(d, TOTALS);
}

static void add_key(struct op *keys, sqlite3_stmt *s, int column)
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

static struct op *keys_new(int change)
{
	struct op *op = calloc(1, sizeof(*op));

	if (op) {
		op->type = OP_KEYS;
		op->change = change;
	}
	return op;
}

/* What a service before this one has left. */
static void tell_keys(struct cache_disk *d)
{
	struct op *keys = keys_new(1);

	if (!keys)
		return;
	while (sqlite3_step(d->statements[KEYS]) == SQLITE_ROW)
		add_key(keys, d->statements[KEYS], 0);
	end(d, KEYS);
	finish(d, keys);
}

static void put_one(struct cache_disk *d, const struct op *op)
{
	_cleanup_strbuf_ struct strbuf body = {0};
	sqlite3_stmt *s = d->statements[PUT];

	cached_encode(op->cached, &body);
	if (body.failed || body.len > INT32_MAX || body.len > d->o.max_bytes / 2)
		return;
	bind_key(d, PUT, 1, &op->request);
	bind_key(d, PUT, 2, &op->cached->files);
	sqlite3_bind_int64(s, 3, (int64_t)(clock_realtime_ns() / NS_PER_MS));
	sqlite3_bind_int64(s, 4, (int64_t)body.len);
	sqlite3_bind_blob(s, 5, body.data, (int)body.len, SQLITE_STATIC);
	if (run(d, PUT, "a result was not written"))
		add_totals(d, 1, (int64_t)body.len);
}

static void fetch(struct cache_disk *d, struct op *op)
{
	sqlite3_stmt *s = d->statements[GET];

	bind_key(d, GET, 1, &op->request);
	while (op->n_found < VARIANTS_MAX && sqlite3_step(s) == SQLITE_ROW) {
		const void *body = sqlite3_column_blob(s, 0);

		if (body && cached_decode(body, (size_t)sqlite3_column_bytes(s, 0), &op->found[op->n_found]) == 0)
			op->n_found++;
	}
	end(d, GET);
	if (!op->n_found)
		return;
	bind_key(d, USE, 1, &op->request);
	sqlite3_bind_int64(d->statements[USE], 2, (int64_t)(clock_realtime_ns() / NS_PER_MS));
	run(d, USE, "a use was not noted");
}

static void forget(struct cache_disk *d, const struct cache_key *request)
{
	struct op *gone = keys_new(-1);
	sqlite3_stmt *s = d->statements[FORGET];

	if (!gone)
		return;
	bind_key(d, FORGET, 1, request);
	while (sqlite3_step(s) == SQLITE_ROW) {
		add_key(gone, s, 0);
		add_totals(d, -1, -sqlite3_column_int64(s, 1));
	}
	end(d, FORGET);
	finish(d, gone);
}

static void expire(struct cache_disk *d)
{
	struct op *gone = d->bytes > d->o.max_bytes ? keys_new(-1) : NULL;
	sqlite3_stmt *s = d->statements[OLDEST];

	if (!gone)
		return;
	while (d->bytes > d->o.max_bytes) {
		size_t before = gone->n_keys;

		run(d, BEGIN, "old results stay");
		while (sqlite3_step(s) == SQLITE_ROW && d->bytes > d->o.max_bytes) {
			add_key(gone, s, 1);
			sqlite3_bind_int64(d->statements[DELETE], 1, sqlite3_column_int64(s, 0));
			if (run(d, DELETE, "an old result stays"))
				add_totals(d, -1, -sqlite3_column_int64(s, 2));
		}
		end(d, OLDEST);
		run(d, COMMIT, "old results stay");
		read_totals(d); /* a result that was replaced was counted twice */
		if (gone->n_keys == before)
			break;
	}
	finish(d, gone);
}

/* Writes what stands at the head of the batch in one transaction; returns what follows. */
static struct op *put_some(struct cache_disk *d, struct op *op)
{
	struct op *next;

	run(d, BEGIN, "results are not written");
	for (; op && op->type == OP_PUT; op = next) {
		next = op->next;
		put_one(d, op);
		op_free(op);
	}
	run(d, COMMIT, "results are not written");
	expire(d);
	return op;
}

static void work(struct cache_disk *d, struct op *op)
{
	struct op *next;

	for (; op; op = next) {
		next = op->next;
		switch (op->type) {
		case OP_PUT:
			next = put_some(d, op);
			break;
		case OP_FETCH:
			fetch(d, op);
			finish(d, op);
			break;
		default:
			forget(d, &op->request);
			op_free(op);
			break;
		}
	}
}

/* Until there is something to do. Takes the lock, and leaves it. */
static struct op *gather(struct cache_disk *d, bool *ret_closing)
{
	uint64_t until_ns;
	struct op *batch;

	pthread_mutex_lock(&d->lock);
	while (!d->queue.first && !d->closing)
		pthread_cond_wait(&d->wake, &d->lock);
	until_ns = clock_now_ns() + TOGETHER_NS;
	const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};
	while (!d->is_awaited && !d->closing && d->n_queued < TOGETHER)
		if (pthread_cond_clockwait(&d->wake, &d->lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT)
			break;
	batch = list_take_all(&d->queue);
	d->n_queued = 0;
	d->is_awaited = false;
	*ret_closing = d->closing;
	pthread_mutex_unlock(&d->lock);
	return batch;
}

static void *disk_main(void *arg)
{
	struct cache_disk *d = arg;
	bool closing = false;

	prctl(PR_SET_NAME, "cache");
	read_totals(d);
	tell_keys(d);
	expire(d);
	while (!closing) {
		struct op *batch = gather(d, &closing);

		work(d, batch);
	}
	return NULL;
}

/* ---- opening ---- */

static void database_close(struct cache_disk *d)
{
	for (size_t i = 0; i < N_STATEMENTS; i++) {
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
	for (size_t i = 0; i < N_STATEMENTS && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(d->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &d->statements[i], NULL);
	if (rc == SQLITE_OK)
		return 0;
	database_close(d);
	return (rc & 0xff) == SQLITE_CANTOPEN ? -EACCES : -EIO;
}

static int database_begin(struct cache_disk *d)
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

/* ---- the loop's side ---- */

static void complete(struct cache_disk *d, struct op *op)
{
	for (size_t i = 0; i < op->n_keys; i++) {
		uint16_t *counter = &d->counters[op->keys[i] % N_COUNTERS];

		if (op->change > 0)
			*counter += *counter < UINT16_MAX;
		else
			*counter -= *counter > 0 && *counter < UINT16_MAX;
	}
	d->knows_keys |= op->type == OP_KEYS;
	for (size_t i = 0; i < op->n_found; i++)
		d->o.fetched(d->o.arg, &op->request, op->found[i]);
	if (op->fn)
		op->fn(op->arg);
	op_free(op);
}

static void on_done(void *arg, uint32_t events)
{
	struct cache_disk *d = arg;
	struct op *op, *next;
	eventfd_t n;

	(void)events;
	eventfd_read(d->done_fd, &n);
	pthread_mutex_lock(&d->lock);
	op = list_take_all(&d->done);
	pthread_mutex_unlock(&d->lock);
	for (; op; op = next) {
		next = op->next;
		complete(d, op);
	}
}

static int start_thread(struct cache_disk *d)
{
	sigset_t all, before;
	int error;

	/* Signals are the loop's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&d->thread, NULL, disk_main, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	d->has_thread = error == 0;
	return -error;
}

int cache_disk_open(struct loop *loop, const struct cache_disk_options *o, struct cache_disk **ret)
{
	struct cache_disk *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->o = *o;
	d->queue.end = &d->queue.first;
	d->done.end = &d->done.first;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->wake, NULL);
	d->counters = calloc(N_COUNTERS, sizeof(*d->counters));
	d->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = !d->counters ? -ENOMEM : d->done_fd < 0 ? -errno : loop_watch(loop, d->done_fd, EPOLLIN, on_done, d, &d->source);
	if (r >= 0)
		r = database_begin(d);
	d->o.dir = NULL; /* the caller's */
	if (r >= 0)
		r = start_thread(d);
	if (r < 0) {
		cache_disk_close(d);
		return r;
	}
	*ret = d;
	return 0;
}

void cache_disk_close(struct cache_disk *d)
{
	if (!d)
		return;
	if (d->has_thread) {
		pthread_mutex_lock(&d->lock);
		d->closing = true;
		pthread_cond_signal(&d->wake);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->thread, NULL);
	}
	op_list_free(&d->queue);
	op_list_free(&d->done);
	database_close(d);
	loop_source_free(d->source);
	fd_close(d->done_fd);
	free(d->counters);
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int submit(struct cache_disk *d, struct op *op)
{
	int r = 0;

	pthread_mutex_lock(&d->lock);
	if (d->n_queued >= QUEUED_MAX) {
		r = -EBUSY;
	} else {
		list_add(&d->queue, op);
		d->is_awaited |= op->type != OP_PUT;
		if (d->n_queued++ == 0 || d->is_awaited || d->n_queued == TOGETHER)
			pthread_cond_signal(&d->wake);
	}
	pthread_mutex_unlock(&d->lock);
	if (r < 0)
		op_free(op);
	return r;
}

bool cache_disk_may_have(const struct cache_disk *d, const struct cache_key *request)
{
	return !d->knows_keys || d->counters[cache_key_hash(request) % N_COUNTERS];
}

void cache_disk_put(struct cache_disk *d, const struct cache_key *request, struct cached *cached)
{
	struct op *op = calloc(1, sizeof(*op));
	uint16_t *counter = &d->counters[cache_key_hash(request) % N_COUNTERS];

	if (!op)
		return;
	*op = (struct op){.type = OP_PUT, .request = *request, .cached = cached_ref(cached)};
	if (submit(d, op) == 0)
		*counter += *counter < UINT16_MAX;
}

void cache_disk_forget(struct cache_disk *d, const struct cache_key *request)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		return;
	*op = (struct op){.type = OP_FORGET, .request = *request};
	(void)submit(d, op);
}

int cache_disk_fetch(struct cache_disk *d, const struct cache_key *request, loop_fn fn, void *arg)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		return -ENOMEM;
	*op = (struct op){.type = OP_FETCH, .request = *request, .fn = fn, .arg = arg};
	return submit(d, op);
}

void cache_disk_counters(const struct cache_disk *d, uint64_t *ret_n, uint64_t *ret_bytes, uint64_t *ret_errors)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&d->lock;

	pthread_mutex_lock(lock);
	*ret_n = d->n;
	*ret_bytes = d->bytes;
	*ret_errors = d->n_errors;
	pthread_mutex_unlock(lock);
}
