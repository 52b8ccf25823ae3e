/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the file spvscope.db: its tables, versions and settings, and what becomes of one that cannot be used. Front; opened
 * before the records thread runs, then used by that thread alone.
 *
 * A kept record is spread over four tables, so that a list of traces reads no page of their bodies:
 *
 *   compilations ── seq ──┬── results   the request and what came of it: response, source, SPIR-V, …
 *   (what lists show)     ├── traces    the span tree and the debug analyzer's log
 *                         └── samples   the profile
 */
#include "server/records/records_database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define LOG_TARGET "server::records"

#define APPLICATION_ID   0x53505653 /* "SPVS" */
#define SCHEMA_VERSION   2
#define BUSY_TIMEOUT_MS  5000
#define VACUUM_PAGES     "256"

static const char schema[] =
	"PRAGMA auto_vacuum = INCREMENTAL;"
	"BEGIN IMMEDIATE;"
	"CREATE TABLE compilations("
	"  seq INTEGER PRIMARY KEY,"
	"  id TEXT NOT NULL UNIQUE,"
	"  trace_id TEXT NOT NULL UNIQUE,"
	"  started_unix_ns INTEGER NOT NULL,"
	"  duration_ns INTEGER NOT NULL,"
	"  n_spans INTEGER NOT NULL,"
	"  n_samples INTEGER NOT NULL,"
	"  name TEXT, language TEXT, stage TEXT, status TEXT, analyzer TEXT,"
	"  bytes INTEGER NOT NULL" /* of the whole record, for retention */
	") STRICT;"
	"CREATE INDEX compilations_by_start ON compilations(started_unix_ns);"
	"CREATE TABLE results("
	"  seq INTEGER PRIMARY KEY REFERENCES compilations(seq) ON DELETE CASCADE,"
	"  response TEXT, source BLOB, spirv BLOB, disassembly TEXT,"
	"  request TEXT" /* NULL in records of version 1 */
	") STRICT;"
	"CREATE TABLE traces("
	"  seq INTEGER PRIMARY KEY REFERENCES compilations(seq) ON DELETE CASCADE,"
	"  traceparent TEXT, origin_ns INTEGER NOT NULL, tree BLOB, log TEXT"
	") STRICT;"
	"CREATE TABLE samples("
	"  seq INTEGER PRIMARY KEY REFERENCES compilations(seq) ON DELETE CASCADE,"
	"  profile BLOB NOT NULL"
	") STRICT;"
	"PRAGMA application_id = 1397773907;" /* APPLICATION_ID */
	"PRAGMA user_version = 2;"            /* SCHEMA_VERSION */
	"COMMIT;";

/* What makes a database of version i + 1 one of the next; new columns stand last, as ALTER TABLE puts them. */
static const char *const upgrades[SCHEMA_VERSION - 1] = {
	"BEGIN IMMEDIATE;"
	"ALTER TABLE results ADD COLUMN request TEXT;"
	"PRAGMA user_version = 2;"
	"COMMIT;",
};

/* FULL, not NORMAL: what is answered as kept must survive a power cut. WAL makes that one sync a transaction. */
static const char settings[] =
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = FULL;"
	"PRAGMA foreign_keys = ON;"
	"PRAGMA cell_size_check = ON;"
	"PRAGMA journal_size_limit = 16777216;";

static const char *const statement_sql[N_STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[SAVE] = "SAVEPOINT one_record",
	[RELEASE] = "RELEASE one_record",
	[UNDO] = "ROLLBACK TO one_record",
	[PUT_COMPILATION] = "INSERT INTO compilations(id, trace_id, started_unix_ns, duration_ns, n_spans, n_samples,"
		" name, language, stage, status, analyzer, bytes) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
	[PUT_RESULT] = "INSERT INTO results(seq, response, source, spirv, disassembly, request)"
		" VALUES(?1,?2,?3,?4,?5,?6)",
	[PUT_TRACE] = "INSERT INTO traces(seq, traceparent, origin_ns, tree, log) VALUES(?1,?2,?3,?4,?5)",
	[PUT_SAMPLES] = "INSERT INTO samples(seq, profile) VALUES(?1,?2)",
	[GET] = "SELECT c.id, c.trace_id, c.started_unix_ns, c.duration_ns, c.n_spans, c.n_samples,"
		" c.name, c.language, c.stage, c.status, c.analyzer,"
		" r.response, r.source, r.spirv, r.disassembly, r.request,"
		" t.traceparent, t.origin_ns, t.tree, t.log, s.profile"
		" FROM compilations c LEFT JOIN results r USING(seq) LEFT JOIN traces t USING(seq)"
		" LEFT JOIN samples s USING(seq) WHERE c.id = ?1 OR c.trace_id = ?1",
	[LIST] = "SELECT id, trace_id, started_unix_ns, duration_ns, n_spans, n_samples,"
		" name, language, stage, status, analyzer FROM compilations"
		" WHERE started_unix_ns < ?1 AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR language = ?3)"
		" ORDER BY started_unix_ns DESC LIMIT ?4",
	[DELETE] = "DELETE FROM compilations WHERE id = ?1 OR trace_id = ?1 RETURNING bytes",
	[OLDEST] = "SELECT seq, bytes, started_unix_ns FROM compilations ORDER BY started_unix_ns LIMIT ?1",
	[DELETE_SEQ] = "DELETE FROM compilations WHERE seq = ?1",
	[TOTALS] = "SELECT count(*), coalesce(sum(bytes), 0) FROM compilations",
	[VACUUM] = "PRAGMA incremental_vacuum(" VACUUM_PAGES ")",
};

static int to_errno(int rc)
{
	static const struct {
		int rc, error;
	} table[] = {
		{ SQLITE_OK, 0 }, { SQLITE_DONE, 0 }, { SQLITE_ROW, 0 },
		{ SQLITE_NOMEM, ENOMEM }, { SQLITE_FULL, ENOSPC }, { SQLITE_CORRUPT, EBADMSG },
		{ SQLITE_NOTADB, EBADMSG }, { SQLITE_BUSY, EBUSY }, { SQLITE_LOCKED, EBUSY },
		{ SQLITE_READONLY, EROFS }, { SQLITE_PERM, EACCES }, { SQLITE_CANTOPEN, EACCES },
		{ SQLITE_TOOBIG, EFBIG }, { SQLITE_CONSTRAINT, EEXIST },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].rc == (rc & 0xff))
			return -table[i].error;
	return -EIO;
}

static int exec(sqlite3 *db, const char *sql)
{
	return to_errno(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static int query_number(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? -ENOENT : to_errno(rc);
}

int records_statement_end(struct records_disk *d, enum records_statement which, int rc)
{
	int r = to_errno(rc);

	sqlite3_reset(d->statements[which]);
	sqlite3_clear_bindings(d->statements[which]);
	if (r == -EBADMSG)
		d->damaged = true;
	return r;
}

int records_statement_run(struct records_disk *d, enum records_statement which)
{
	int rc;

	while ((rc = sqlite3_step(d->statements[which])) == SQLITE_ROW)
		;
	return records_statement_end(d, which, rc);
}

int records_database_totals(struct records_disk *d)
{
	sqlite3_stmt *s = d->statements[TOTALS];
	int rc = sqlite3_step(s);

	if (rc == SQLITE_ROW) {
		__atomic_store_n(&d->count, (uint64_t)sqlite3_column_int64(s, 0), __ATOMIC_RELAXED);
		__atomic_store_n(&d->bytes, (uint64_t)sqlite3_column_int64(s, 1), __ATOMIC_RELAXED);
	}
	return records_statement_end(d, TOTALS, rc);
}

void records_database_close(struct records_disk *d)
{
	for (size_t i = 0; i < N_STATEMENTS; i++) {
		sqlite3_finalize(d->statements[i]);
		d->statements[i] = NULL;
	}
	sqlite3_close(d->db);
	d->db = NULL;
}

/* Renames the database with its log, so that a person can still open what was moved aside. */
static int move_aside(struct records_disk *d, const char *why)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	uint64_t stamp = clock_realtime_ns() / NS_PER_S;
	_cleanup_free_ char *aside = NULL;
	struct stat st;

	do { /* never onto an earlier one */
		free(TAKE_PTR(aside));
		if (asprintf(&aside, "%s.damaged-%llu", d->path, (unsigned long long)stamp++) < 0)
			return -ENOMEM;
	} while (lstat(aside, &st) == 0);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *from = NULL, *to = NULL;

		if (asprintf(&from, "%s%s", d->path, suffixes[i]) < 0 ||
		    asprintf(&to, "%s%s", aside, suffixes[i]) < 0)
			return -ENOMEM;
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	log_warn(LOG_TARGET, "%s: %s; moved aside to %s, beginning a new one", d->path, why, aside);
	return 0;
}

static int upgrade(struct records_disk *d, int64_t version)
{
	int r = 0;

	if (version < SCHEMA_VERSION)
		log_info(LOG_TARGET, "%s: from version %lld to %d", d->path, (long long)version, SCHEMA_VERSION);
	while (r == 0 && version < SCHEMA_VERSION)
		r = exec(d->db, upgrades[version++ - 1]);
	return r == -EIO ? -EBADMSG : r; /* our own SQL, so it is not what its version says */
}

/* 0: ours, and of this version; 1: with *ret_why, one to move aside; -errno. An empty database becomes ours, and an older
 * one is brought up to this version. */
static int check_schema(struct records_disk *d, const char **ret_why)
{
	int64_t application = 0, version = 0, n_tables = 0;
	int r = query_number(d->db, "SELECT count(*) FROM sqlite_schema", &n_tables);

	if (r == 0)
		r = query_number(d->db, "PRAGMA application_id", &application);
	if (r == 0)
		r = query_number(d->db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (n_tables == 0 && version == 0)
		return exec(d->db, schema);
	if (application != APPLICATION_ID)
		*ret_why = "it is some other program's database";
	else if (version < 1 || version > SCHEMA_VERSION)
		*ret_why = "it was written by another version of spvscope";
	else
		return upgrade(d, version);
	return 1;
}

static int prepare_statements(struct records_disk *d)
{
	for (size_t i = 0; i < N_STATEMENTS; i++) {
		int rc = sqlite3_prepare_v3(d->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
			&d->statements[i], NULL);

		if (rc != SQLITE_OK) {
			int r = to_errno(rc);

			/* Our own SQL, so a table or a column is not there. */
			return r == -EIO ? -EBADMSG : r;
		}
	}
	return records_database_totals(d);
}

static int open_database(struct records_disk *d, const char **ret_why)
{
	int fd = open(d->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), r;

	if (fd < 0)
		return -errno;
	/* Before SQLite opens it: to close any descriptor of a file gives up all the locks that the process has on it, and
	 * without them another process (a predecessor that is still draining) takes the log away from under us. */
	close(fd);
	/* NOMUTEX: one thread at a time. The write-ahead log gets the mode of the file that is there now. */
	r = to_errno(sqlite3_open_v2(d->path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (r < 0)
		return r;
	sqlite3_busy_timeout(d->db, BUSY_TIMEOUT_MS);
	sqlite3_db_config(d->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(d->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	r = check_schema(d, ret_why);
	if (r != 0)
		return r;
	r = exec(d->db, settings);
	return r < 0 ? r : prepare_statements(d);
}

int records_database_open(struct records_disk *d)
{
	const char *why = NULL;
	int r = open_database(d, &why);

	if (r == -EBADMSG)
		why = "it is damaged";
	if (why) {
		records_database_close(d);
		r = move_aside(d, why);
		if (r < 0)
			return r;
		why = NULL;
		r = open_database(d, &why);
	}
	d->damaged = false;
	return r > 0 ? -EBADMSG : r;
}

int records_database_heal(struct records_disk *d)
{
	int r;

	if (d->db && !d->damaged)
		return 0;
	if (d->db) {
		records_database_close(d);
		r = move_aside(d, "it is damaged");
		if (r < 0)
			return r;
	}
	r = records_database_open(d);
	if (r < 0)
		records_database_close(d); /* tried again at the next operation */
	return r;
}

