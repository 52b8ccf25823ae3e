/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the recent records: a list in order of use, and two hash tables into it. Front, loop thread. */
#include "server/records/records_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A few hundred records by default; a table that never grows keeps its chains short up to some ten thousand. */
#define N_BUCKETS 1024u

struct entry {
	struct record *record;
	uint64_t bytes;
	struct entry *newer, *older;          /* in order of use */
	struct entry *same_id, *same_trace;   /* chains of the tables */
};

struct records_memory {
	uint64_t max_count, max_bytes;
	uint64_t count, bytes, evicted;
	struct entry *newest, *oldest;
	struct entry *by_id[N_BUCKETS];
	struct entry *by_trace[N_BUCKETS];
};

struct records_memory *records_memory_new(uint64_t max_count, uint64_t max_bytes)
{
	struct records_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->max_count = max_count;
	m->max_bytes = max_bytes;
	return m;
}

/* FNV-1a. Ids are random, but look-ups come from outside with any text. */
static unsigned bucket_of(const char *id)
{
	uint32_t h = 2166136261u;

	for (; *id; id++)
		h = (h ^ (uint8_t)*id) * 16777619u;
	return h % N_BUCKETS;
}

static struct entry *find(struct records_memory *m, const char *id)
{
	unsigned b = bucket_of(id);

	for (struct entry *e = m->by_id[b]; e; e = e->same_id)
		if (!strcmp(e->record->id, id))
			return e;
	for (struct entry *e = m->by_trace[b]; e; e = e->same_trace)
		if (!strcmp(e->record->trace_id, id))
			return e;
	return NULL;
}

static void list_remove(struct records_memory *m, struct entry *e)
{
	*(e->newer ? &e->newer->older : &m->newest) = e->older;
	*(e->older ? &e->older->newer : &m->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void list_push(struct records_memory *m, struct entry *e)
{
	e->older = m->newest;
	*(m->newest ? &m->newest->newer : &m->oldest) = e;
	m->newest = e;
}

static void drop(struct records_memory *m, struct entry *e)
{
	struct entry **p = &m->by_id[bucket_of(e->record->id)];

	while (*p != e)
		p = &(*p)->same_id;
	*p = e->same_id;
	p = &m->by_trace[bucket_of(e->record->trace_id)];
	while (*p != e)
		p = &(*p)->same_trace;
	*p = e->same_trace;

	list_remove(m, e);
	m->count--;
	m->bytes -= e->bytes;
	record_unref(e->record);
	free(e);
}

void records_memory_free(struct records_memory *m)
{
	if (!m)
		return;
	while (m->newest)
		drop(m, m->newest);
	free(m);
}

int records_memory_put(struct records_memory *m, struct record *record)
{
	struct entry *e = calloc(1, sizeof(*e));
	unsigned id_bucket = bucket_of(record->id), trace_bucket = bucket_of(record->trace_id);

	if (!e)
		return -ENOMEM;
	e->record = record_ref(record);
	e->bytes = record_memory_bytes(record);
	records_memory_remove(m, record->id);

	e->same_id = m->by_id[id_bucket];
	m->by_id[id_bucket] = e;
	e->same_trace = m->by_trace[trace_bucket];
	m->by_trace[trace_bucket] = e;
	list_push(m, e);
	m->count++;
	m->bytes += e->bytes;
	while (m->oldest != e && (m->count > m->max_count || m->bytes > m->max_bytes)) {
		drop(m, m->oldest);
		m->evicted++;
	}
	return 0;
}

struct record *records_memory_get(struct records_memory *m, const char *id)
{
	struct entry *e = find(m, id);

	if (!e)
		return NULL;
	list_remove(m, e);
	list_push(m, e);
	return e->record;
}

bool records_memory_remove(struct records_memory *m, const char *id)
{
	struct entry *e = find(m, id);

	if (!e)
		return false;
	drop(m, e);
	return true;
}

static bool equals(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

static bool matches(const struct record *r, const struct records_query *q)
{
	if (q->before_unix_ns && r->started_unix_ns >= q->before_unix_ns)
		return false;
	if (q->status && !equals(r->status, q->status))
		return false;
	return !q->language || equals(r->language, q->language);
}

static int newest_first(const void *a, const void *b)
{
	const struct record *x = *(struct record *const *)a, *y = *(struct record *const *)b;

	return x->started_unix_ns < y->started_unix_ns ? 1 : x->started_unix_ns > y->started_unix_ns ? -1 : 0;
}

int records_memory_query(struct records_memory *m, const struct records_query *q, struct record ***ret_records,
	size_t *ret_n)
{
	struct record **records = calloc(m->count + 1, sizeof(*records));
	size_t n = 0;

	if (!records)
		return -ENOMEM;
	for (struct entry *e = m->newest; e; e = e->older)
		if (matches(e->record, q))
			records[n++] = e->record;
	qsort(records, n, sizeof(*records), newest_first);
	*ret_records = records;
	*ret_n = n;
	return 0;
}

uint64_t records_memory_count(const struct records_memory *m)
{
	return m->count;
}

uint64_t records_memory_bytes(const struct records_memory *m)
{
	return m->bytes;
}

uint64_t records_memory_evicted(const struct records_memory *m)
{
	return m->evicted;
}
