/* SPDX-License-Identifier: Apache-2.0 */
/* Kept records as rows of the database: written, read, listed, deleted and expired. Front, the records thread
 * (records_disk_open runs before it). */
#include "server/records/records_disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/records/records_database.h"

#define LOG_TARGET    "server::records"
#define DATABASE_NAME "spvscope.db"

static int make_dirs(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(copy, 0700) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int records_disk_open(const struct records_options *o, struct records_disk **ret)
{
	struct records_disk *d = NULL;
	int r = make_dirs(o->state_dir);

	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->max_count = o->disk_count;
	d->max_bytes = o->disk_bytes;
	d->max_age_s = o->disk_age_s;
	if (asprintf(&d->path, "%s/" DATABASE_NAME, o->state_dir) < 0) {
		d->path = NULL;
		r = -ENOMEM;
	} else {
		r = records_database_open(d);
	}
	if (r < 0) {
		records_disk_close(d);
		return r;
	}
	*ret = d;
	return 0;
}

void records_disk_close(struct records_disk *d)
{
	if (!d)
		return;
	records_database_close(d);
	free(d->path);
	free(d);
}

/* ---- writing ---- */

static void bind_text(sqlite3_stmt *s, int idx, const char *text)
{
	/* SQLITE_STATIC: the record outlives the step. A failed bind leaves NULL, and only NOMEM can make it fail. */
	if (text)
		sqlite3_bind_text64(s, idx, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_blob(sqlite3_stmt *s, int idx, const void *data, size_t size)
{
	if (data)
		sqlite3_bind_blob64(s, idx, data, size, SQLITE_STATIC);
}

static void add_totals(struct records_disk *d, int64_t count, int64_t bytes)
{
	__atomic_fetch_add(&d->count, (uint64_t)count, __ATOMIC_RELAXED);
	__atomic_fetch_add(&d->bytes, (uint64_t)bytes, __ATOMIC_RELAXED);
}

static int put_bodies(struct records_disk *d, const struct record *r, int64_t seq, const struct strbuf *tree,
	const struct strbuf *profile)
{
	sqlite3_stmt *s = d->statements[PUT_RESULT];
	int error;

	sqlite3_bind_int64(s, 1, seq);
	bind_text(s, 2, r->response);
	bind_blob(s, 3, r->source, r->source_size);
	bind_blob(s, 4, r->spirv, r->spirv_size);
	bind_text(s, 5, r->disassembly);
	bind_text(s, 6, r->request);
	error = records_statement_run(d, PUT_RESULT);
	if (error < 0)
		return error;

	s = d->statements[PUT_TRACE];
	sqlite3_bind_int64(s, 1, seq);
	bind_text(s, 2, r->traceparent);
	sqlite3_bind_int64(s, 3, (int64_t)r->origin_ns);
	bind_blob(s, 4, tree->data, tree->len);
	bind_text(s, 5, r->log);
	error = records_statement_run(d, PUT_TRACE);
	if (error < 0 || !profile->data)
		return error;

	s = d->statements[PUT_SAMPLES];
	sqlite3_bind_int64(s, 1, seq);
	bind_blob(s, 2, profile->data, profile->len);
	return records_statement_run(d, PUT_SAMPLES);
}

static uint64_t text_bytes(const char *s)
{
	return s ? strlen(s) : 0;
}

static int put_one(struct records_disk *d, const struct record *r)
{
	_cleanup_strbuf_ struct strbuf tree = { 0 }, profile = { 0 };
	sqlite3_stmt *s = d->statements[PUT_COMPILATION];
	const char *const words[] = { r->name, r->language, r->stage, r->status, r->analyzer };
	uint64_t bytes;
	int error;

	if (r->tree)
		trace_tree_encode(r->tree, &tree);
	if (r->profile)
		profile_encode(r->profile, &profile);
	if (tree.failed || profile.failed)
		return -ENOMEM;
	bytes = text_bytes(r->response) + text_bytes(r->request) + r->source_size + r->spirv_size + text_bytes(r->disassembly) +
		text_bytes(r->log) + tree.len + profile.len;
	if (bytes > d->max_bytes)
		return -EFBIG;

	bind_text(s, 1, r->id);
	bind_text(s, 2, r->trace_id);
	sqlite3_bind_int64(s, 3, (int64_t)r->started_unix_ns);
	sqlite3_bind_int64(s, 4, (int64_t)r->duration_ns);
	sqlite3_bind_int64(s, 5, (int64_t)r->n_spans);
	sqlite3_bind_int64(s, 6, (int64_t)r->n_samples);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		bind_text(s, 7 + (int)i, words[i]);
	sqlite3_bind_int64(s, 12, (int64_t)bytes);
	error = records_statement_run(d, PUT_COMPILATION);
	if (error == 0)
		error = put_bodies(d, r, sqlite3_last_insert_rowid(d->db), &tree, &profile);
	if (error == 0)
		add_totals(d, 1, (int64_t)bytes);
	return error;
}

static int put_all(struct records_disk *d, struct record *const *records, size_t n, int *results)
{
	int r = records_statement_run(d, BEGIN);

	for (size_t i = 0; i < n && r == 0; i++) {
		r = records_statement_run(d, SAVE);
		if (r < 0)
			break;
		results[i] = put_one(d, records[i]);
		if (results[i] < 0)
			r = records_statement_run(d, UNDO);
		if (r == 0)
			r = records_statement_run(d, RELEASE);
	}
	return r < 0 ? r : records_statement_run(d, COMMIT);
}

static int try_put(struct records_disk *d, struct record *const *records, size_t n, int *results)
{
	int r = records_database_heal(d);

	if (r < 0)
		return r;
	r = put_all(d, records, n, results);
	if (r < 0 || d->damaged) {
		records_statement_run(d, ROLLBACK);
		records_database_totals(d);
	}
	return r;
}

void records_disk_put(struct records_disk *d, struct record *const *records, size_t n, int *results)
{
	int r = try_put(d, records, n, results);

	if (d->damaged) /* a new database takes them */
		r = try_put(d, records, n, results);
	for (size_t i = 0; i < n && r < 0; i++)
		results[i] = r;
}

/* ---- reading ---- */

/* A NUL-terminated copy of a column; NULL where the column is, or with *failed set when memory ran out. */
static void *copy_column(sqlite3_stmt *s, int idx, size_t *ret_size, bool *failed)
{
	const void *data;
	size_t size;
	char *copy;

	if (sqlite3_column_type(s, idx) == SQLITE_NULL)
		return NULL;
	data = sqlite3_column_blob(s, idx); /* before _bytes, as SQLite asks; NULL for an empty one */
	size = (size_t)sqlite3_column_bytes(s, idx);
	copy = malloc(size + 1);
	if (!copy) {
		*failed = true;
		return NULL;
	}
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	if (ret_size)
		*ret_size = size;
	return copy;
}

static void copy_id(sqlite3_stmt *s, int idx, char id[COMPILE_ID_CHARS + 1])
{
	const unsigned char *text = sqlite3_column_text(s, idx);

	snprintf(id, COMPILE_ID_CHARS + 1, "%s", text ? (const char *)text : "");
}

/* The first eleven columns of GET and of LIST are a summary. */
enum { FIRST_BODY_COLUMN = 11 };

static int read_summary(sqlite3_stmt *s, struct record_summary *row)
{
	char **const words[] = { &row->name, &row->language, &row->stage, &row->status, &row->analyzer };
	bool failed = false;

	copy_id(s, 0, row->id);
	copy_id(s, 1, row->trace_id);
	row->started_unix_ns = (uint64_t)sqlite3_column_int64(s, 2);
	row->duration_ns = (uint64_t)sqlite3_column_int64(s, 3);
	row->n_spans = (uint64_t)sqlite3_column_int64(s, 4);
	row->n_samples = (uint64_t)sqlite3_column_int64(s, 5);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		*words[i] = copy_column(s, 6 + (int)i, NULL, &failed);
	row->kept = true;
	return failed ? -ENOMEM : 0;
}

static void clear_summary(struct record_summary *row)
{
	free(row->name);
	free(row->language);
	free(row->stage);
	free(row->status);
	free(row->analyzer);
	*row = (struct record_summary){ 0 };
}

void record_summaries_free(struct record_summary *rows, size_t n_rows)
{
	for (size_t i = 0; rows && i < n_rows; i++)
		clear_summary(&rows[i]);
	free(rows);
}

static int read_bodies(sqlite3_stmt *s, struct record *r)
{
	int c = FIRST_BODY_COLUMN;
	bool failed = false;
	int error = 0;

	r->response = copy_column(s, c++, NULL, &failed);
	r->source = copy_column(s, c++, &r->source_size, &failed);
	r->spirv = copy_column(s, c++, &r->spirv_size, &failed);
	r->disassembly = copy_column(s, c++, NULL, &failed);
	r->request = copy_column(s, c++, NULL, &failed);
	r->traceparent = copy_column(s, c++, NULL, &failed);
	r->origin_ns = (uint64_t)sqlite3_column_int64(s, c++);
	if (sqlite3_column_type(s, c) != SQLITE_NULL) {
		const void *data = sqlite3_column_blob(s, c);

		error = trace_tree_decode(data, (size_t)sqlite3_column_bytes(s, c), &r->tree);
	}
	r->log = copy_column(s, ++c, NULL, &failed);
	if (error == 0 && sqlite3_column_type(s, ++c) != SQLITE_NULL) {
		const void *data = sqlite3_column_blob(s, c);

		error = profile_decode(data, (size_t)sqlite3_column_bytes(s, c), &r->profile);
	}
	return failed ? -ENOMEM : error;
}

static int read_record(sqlite3_stmt *s, struct record *r)
{
	struct record_summary row = { 0 };
	int error = read_summary(s, &row);

	memcpy(r->id, row.id, sizeof(r->id));
	memcpy(r->trace_id, row.trace_id, sizeof(r->trace_id));
	r->started_unix_ns = row.started_unix_ns;
	r->duration_ns = row.duration_ns;
	r->n_spans = row.n_spans;
	r->n_samples = row.n_samples;
	r->name = TAKE_PTR(row.name);
	r->language = TAKE_PTR(row.language);
	r->stage = TAKE_PTR(row.stage);
	r->status = TAKE_PTR(row.status);
	r->analyzer = TAKE_PTR(row.analyzer);
	r->kept = true;
	return error < 0 ? error : read_bodies(s, r);
}

int records_disk_get(struct records_disk *d, const char *id, struct record **ret)
{
	struct record *record;
	sqlite3_stmt *s;
	int rc, r = records_database_heal(d), found = -ENOENT;

	if (r < 0)
		return r;
	record = record_new();
	if (!record)
		return -ENOMEM;
	s = d->statements[GET];
	bind_text(s, 1, id);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		found = read_record(s, record);
		if (found == -EBADMSG)
			log_warn(LOG_TARGET, "kept record %s cannot be read back", record->id);
	}
	r = records_statement_end(d, GET, rc);
	if (r == 0)
		r = found;
	if (r < 0) {
		record_unref(record);
		return r;
	}
	*ret = record;
	return 0;
}

int records_disk_list(struct records_disk *d, const struct records_query *q, struct record_summary **ret_rows,
	size_t *ret_n_rows)
{
	struct record_summary *rows;
	size_t n = 0, max = (size_t)q->limit + 1;
	int rc = SQLITE_DONE, r = records_database_heal(d);
	sqlite3_stmt *s;

	if (r < 0)
		return r;
	rows = calloc(max, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	s = d->statements[LIST];
	sqlite3_bind_int64(s, 1, q->before_unix_ns && q->before_unix_ns < INT64_MAX ?
		(int64_t)q->before_unix_ns : INT64_MAX);
	bind_text(s, 2, q->status);
	bind_text(s, 3, q->language);
	sqlite3_bind_int64(s, 4, (int64_t)max);
	while (r == 0 && n < max && (rc = sqlite3_step(s)) == SQLITE_ROW)
		r = read_summary(s, &rows[n++]);
	rc = records_statement_end(d, LIST, rc);
	if (r == 0)
		r = rc;
	if (r < 0) {
		record_summaries_free(rows, n);
		return r;
	}
	*ret_rows = rows;
	*ret_n_rows = n;
	return 0;
}

/* ---- deleting ---- */

int records_disk_delete(struct records_disk *d, const char *id)
{
	sqlite3_stmt *s;
	int64_t bytes = -1;
	int rc, r = records_database_heal(d);

	if (r < 0)
		return r;
	s = d->statements[DELETE];
	bind_text(s, 1, id);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		bytes = sqlite3_column_int64(s, 0);
	r = records_statement_end(d, DELETE, rc);
	if (r < 0)
		return r;
	if (bytes < 0)
		return 0;
	add_totals(d, -1, -bytes);
	return 1;
}

struct oldest {
	int64_t seq, bytes, started_unix_ns;
};

static int read_oldest(struct records_disk *d, struct oldest rows[RECORDS_EXPIRE_SLICE], size_t *ret_n)
{
	sqlite3_stmt *s = d->statements[OLDEST];
	size_t n = 0;
	int rc = SQLITE_DONE;

	sqlite3_bind_int64(s, 1, RECORDS_EXPIRE_SLICE);
	while (n < RECORDS_EXPIRE_SLICE && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		rows[n].seq = sqlite3_column_int64(s, 0);
		rows[n].bytes = sqlite3_column_int64(s, 1);
		rows[n++].started_unix_ns = sqlite3_column_int64(s, 2);
	}
	*ret_n = n;
	return records_statement_end(d, OLDEST, rc);
}

static int delete_oldest(struct records_disk *d, const struct oldest *rows, size_t n, uint64_t now_unix_ns)
{
	uint64_t age_ns = d->max_age_s * NS_PER_S; /* a few centuries fit */
	uint64_t count = records_disk_count(d), bytes = records_disk_bytes(d);
	int64_t oldest_allowed = now_unix_ns > age_ns ? (int64_t)(now_unix_ns - age_ns) : 0;
	size_t n_deleted = 0;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (count <= d->max_count && bytes <= d->max_bytes && rows[i].started_unix_ns >= oldest_allowed)
			break;
		sqlite3_bind_int64(d->statements[DELETE_SEQ], 1, rows[i].seq);
		r = records_statement_run(d, DELETE_SEQ);
		count--;
		bytes -= (uint64_t)rows[i].bytes;
		n_deleted++;
	}
	return r < 0 ? r : (int)n_deleted;
}

int records_disk_expire(struct records_disk *d, uint64_t now_unix_ns)
{
	struct oldest rows[RECORDS_EXPIRE_SLICE];
	size_t n;
	int r = records_database_heal(d), n_deleted;

	if (r == 0)
		r = records_statement_run(d, BEGIN);
	if (r < 0)
		return r;
	r = read_oldest(d, rows, &n);
	n_deleted = r < 0 ? r : delete_oldest(d, rows, n, now_unix_ns);
	r = records_statement_run(d, n_deleted > 0 ? COMMIT : ROLLBACK);
	if (r < 0 && n_deleted > 0) {
		records_statement_run(d, ROLLBACK);
		n_deleted = r;
	}
	if (n_deleted > 0) {
		records_database_totals(d);
		records_statement_run(d, VACUUM); /* gives freed pages back to the file system, a bounded number of them */
	}
	return n_deleted;
}

uint64_t records_disk_count(const struct records_disk *d)
{
	return __atomic_load_n(&d->count, __ATOMIC_RELAXED);
}

uint64_t records_disk_bytes(const struct records_disk *d)
{
	return __atomic_load_n(&d->bytes, __ATOMIC_RELAXED);
}
