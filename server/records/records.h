/* SPDX-License-Identifier: Apache-2.0 */
/* Every record that can still be asked for: the recent ones in memory (bounded by count and bytes), the kept ones in
 * SQLite (WAL; bounded by count, age and bytes). One thread of its own does all SQLite; callbacks arrive on the loop's
 * thread, never before the call that names them has returned. */
#ifndef SPVSCOPE_RECORDS_H
#define SPVSCOPE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/loop.h"
#include "server/records/record.h"

struct records;

struct records_options {
	const char *state_dir;      /* holds spvscope.db; made when missing, mode 0700 */
	uint64_t memory_count;      /* recent records, default 256 */
	uint64_t memory_bytes;      /* default 64 MiB */
	uint64_t disk_count;        /* default 10000; 0: nothing is kept on disk */
	uint64_t disk_bytes;        /* default 2 GiB */
	uint64_t disk_age_s;        /* default 30 days */
};

struct records_counters {
	uint64_t in_memory, memory_bytes, on_disk, disk_bytes, evicted, expired, write_errors, queue_length;
};

/* What a list shows of a record. Strings are owned by the list. */
struct record_summary {
	char id[COMPILE_ID_CHARS + 1];
	char trace_id[COMPILE_ID_CHARS + 1];
	uint64_t started_unix_ns, duration_ns, n_spans, n_samples;
	char *name, *language, *stage, *status, *analyzer;
	bool kept;
};

struct records_query {
	unsigned limit;         /* 1–1000 */
	uint64_t before_unix_ns; /* only older ones; 0: from the newest */
	const char *status, *language; /* NULL: any */
};

/* A damaged or newer database is moved aside to spvscope.db.damaged-<unix seconds> with a warning, and a new one begun. */
int records_open(struct loop *loop, const struct records_options *o, struct records **ret);
/* Writes what is queued, then closes; blocks. */
void records_close(struct records *r);

/* Announces that a record of this trace id will come: look-ups of it wait. */
int records_expect(struct records *r, const char *id, const char *trace_id);
/* Publishes (takes a reference). With keep, done(arg, error) is called once it is on disk (error 0) or could not be
 * written; without, done is called as soon as it can be found. done may be NULL. */
typedef void (*records_done_fn)(void *arg, int error);
void records_publish(struct records *r, struct record *record, bool keep, records_done_fn done, void *arg);
/* Takes an announcement back: waiting look-ups get NULL. */
void records_forget(struct records *r, const char *trace_id);

/* By trace id or compilation id; record is NULL when there is none; borrowed (take a reference to keep it). Returns a
 * ticket for records_cancel, never 0; 0 when out of memory (no callback then). */
typedef void (*records_get_fn)(void *arg, struct record *record);
uint64_t records_get(struct records *r, const char *id, records_get_fn fn, void *arg);
typedef void (*records_list_fn)(void *arg, const struct record_summary *rows, size_t n_rows, bool more);
uint64_t records_list(struct records *r, const struct records_query *q, records_list_fn fn, void *arg);
/* fn(arg, 1) deleted, 0 no such record, negative errno. */
typedef void (*records_delete_fn)(void *arg, int result);
uint64_t records_delete(struct records *r, const char *id, records_delete_fn fn, void *arg);
/* The callback of this ticket will not be called. */
void records_cancel(struct records *r, uint64_t ticket);

void records_counters(struct records *r, struct records_counters *ret);

#endif
