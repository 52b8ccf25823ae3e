/* SPDX-License-Identifier: Apache-2.0 */
/* The results in memory: a table by request key, with several results a key that differ in the files that they read, and
 * the answers that are ready to send. Hits are remembered in a ring of their own. Loop thread.
 *
 *   request key ──► entry ──► entry …   same request, other files
 *                     └─ answers        exact request as it came ──► bytes
 */
#include "server/cache/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/cache/cache_disk.h"

#define TARGET             "server::cache"
#define N_BUCKETS          8192u /* 64 MiB of small results are some 8,000 */
#define VARIANTS_MAX       16u   /* entries of one request key */
#define ANSWERS_MAX        4u    /* of one entry */
#define READY_BYTES        4096u /* what an answer takes that is ready to be sent, beside its body: about */

struct answer {
	struct answer *same_bucket, *same_entry;
	struct entry *entry;
	uint64_t hash;
	char *request;         /* owned: the pieces, each behind its length */
	size_t request_size;
	struct cache_answer a; /* its cached is the entry's */
	char *body;            /* owned */
	struct http_ready *ready; /* owned; NULL: not sent yet */
};

struct entry {
	struct entry *same_bucket, *newer, *older;
	struct cache_key request;
	struct cached *cached; /* a reference */
	struct answer *answers;
	uint64_t bytes;
	bool on_disk;
};

struct cache {
	struct cache_options o;
	struct cache_disk *disk; /* NULL: none */
	struct entry *table[N_BUCKETS];
	struct answer *answers[N_BUCKETS];
	struct entry *newest, *oldest;
	struct cache_hit hits[CACHE_HITS_MAX];
	uint64_t seed;           /* of the hashes of answers */
	uint64_t n_hits;         /* ever; the next one goes to n_hits % CACHE_HITS_MAX */
	struct cache_counters counters;
};

/* ---- entries ---- */

static void list_remove(struct cache *c, struct entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void list_add_newest(struct cache *c, struct entry *e)
{
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void touch(struct cache *c, struct entry *e)
{
	if (c->newest == e)
		return;
	list_remove(c, e);
	list_add_newest(c, e);
}

static uint64_t answer_bytes(const struct answer *a)
{
	return sizeof(*a) + 2 * a->a.len + READY_BYTES + a->request_size; /* the body stands in what is ready, too */
}

static void answer_free(struct cache *c, struct answer *a)
{
	struct answer **p = &c->answers[a->hash % N_BUCKETS];

	while (*p != a)
		p = &(*p)->same_bucket;
	*p = a->same_bucket;
	p = &a->entry->answers;
	while (*p != a)
		p = &(*p)->same_entry;
	*p = a->same_entry;
	a->entry->bytes -= answer_bytes(a);
	c->counters.memory_bytes -= answer_bytes(a);
	if (c->o.free_ready)
		c->o.free_ready(a->ready);
	free(a->request);
	free(a->body);
	free(a);
}

static void entry_free(struct cache *c, struct entry *e)
{
	struct entry **p = &c->table[cache_key_hash(&e->request) % N_BUCKETS];

	while (e->answers)
		answer_free(c, e->answers);
	while (*p != e)
		p = &(*p)->same_bucket;
	*p = e->same_bucket;
	list_remove(c, e);
	c->counters.memory_bytes -= e->bytes;
	c->counters.entries--;
	cached_unref(e->cached);
	free(e);
}

/* Others make room, never the one just used. */
static void make_room(struct cache *c)
{
	while (c->counters.memory_bytes > c->o.memory_bytes && c->oldest && c->oldest != c->newest) {
		c->counters.evicted++;
		entry_free(c, c->oldest);
	}
}

static bool is_over(struct cache *c, struct entry *e)
{
	if (e->cached->expires_ns == UINT64_MAX || e->cached->expires_ns > clock_now_ns())
		return false;
	c->counters.expired++;
	return true;
}

static bool goes_to_disk(const struct entry *e)
{
	return !e->on_disk && e->cached->expires_ns == UINT64_MAX;
}

static void write_to_disk(struct cache *c, struct entry *e)
{
	if (!c->disk || !goes_to_disk(e))
		return;
	e->on_disk = true;
	cache_disk_put(c->disk, &e->request, e->cached);
}

static struct entry *find_entry(struct cache *c, const struct cache_key *request, const struct spvscope_job *job)
{
	struct entry *next;

	for (struct entry *e = c->table[cache_key_hash(request) % N_BUCKETS]; e; e = next) {
		struct cache_key files;

		next = e->same_bucket;
		if (!cache_key_equal(&e->request, request))
			continue;
		if (is_over(c, e)) {
			entry_free(c, e);
			continue;
		}
		cache_key_of_files(job, &e->cached->names, &files);
		if (cache_key_equal(&files, &e->cached->files))
			return e;
	}
	return NULL;
}

struct cached *cache_find(struct cache *c, const struct cache_key *request, const struct spvscope_job *job)
{
	struct entry *e = find_entry(c, request, job);

	if (!e)
		return NULL;
	touch(c, e);
	write_to_disk(c, e); /* it is asked for again */
	return e->cached;
}

static bool same_names(const struct cache_names *a, const struct cache_names *b)
{
	if (a->all != b->all || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->names[i], b->names[i]) != 0)
			return false;
	return true;
}

/* The entry that a new result replaces: its twin, or the oldest of too many. */
static struct entry *find_replaced(struct cache *c, const struct cache_key *request, const struct cached *cached)
{
	struct entry *last = NULL;
	unsigned n = 0;

	for (struct entry *e = c->table[cache_key_hash(request) % N_BUCKETS]; e; e = e->same_bucket) {
		if (!cache_key_equal(&e->request, request))
			continue;
		if (cache_key_equal(&e->cached->files, &cached->files) && same_names(&e->cached->names, &cached->names))
			return e;
		last = e; /* new ones stand first */
		n++;
	}
	return n >= VARIANTS_MAX ? last : NULL;
}

static struct entry *put(struct cache *c, const struct cache_key *request, struct cached *cached)
{
	struct entry *replaced = find_replaced(c, request, cached), *e = calloc(1, sizeof(*e));
	struct entry **bucket = &c->table[cache_key_hash(request) % N_BUCKETS];

	if (replaced)
		entry_free(c, replaced);
	if (!e)
		return NULL;
	e->request = *request;
	e->cached = cached_ref(cached);
	e->bytes = sizeof(*e) + cached_memory_bytes(cached);
	e->same_bucket = *bucket;
	*bucket = e;
	list_add_newest(c, e);
	c->counters.entries++;
	c->counters.memory_bytes += e->bytes;
	make_room(c);
	return e;
}

void cache_put(struct cache *c, const struct cache_key *request, struct cached *cached)
{
	struct entry *e = put(c, request, cached);

	if (e && cached->run_ns >= CACHE_DISK_DEAR_NS)
		write_to_disk(c, e);
}

void cache_forget(struct cache *c, const char *id)
{
	struct entry *next;

	for (struct entry *e = c->newest; e; e = next) {
		next = e->older;
		if (strcmp(e->cached->outcome.id, id) != 0 && strcmp(e->cached->outcome.trace_id, id) != 0)
			continue;
		if (c->disk && e->on_disk)
			cache_disk_forget(c->disk, &e->request);
		entry_free(c, e);
	}
}

/* ---- the disk ---- */

bool cache_is_on_disk(const struct cache *c, const struct cache_key *request)
{
	return c->disk && cache_disk_may_have(c->disk, request);
}

int cache_fetch(struct cache *c, const struct cache_key *request, loop_fn fn, void *arg)
{
	return c->disk ? cache_disk_fetch(c->disk, request, fn, arg) : -ENOENT;
}

/* What the disk had; the fetcher's callback follows. */
static void on_fetched(void *arg, const struct cache_key *request, struct cached *cached)
{
	struct cache *c = arg;
	struct entry *e;

	for (e = c->table[cache_key_hash(request) % N_BUCKETS]; e; e = e->same_bucket)
		if (cache_key_equal(&e->request, request) && cache_key_equal(&e->cached->files, &cached->files))
			return;
	c->counters.disk_hits++;
	e = put(c, request, cached);
	if (e)
		e->on_disk = true;
}

/* ---- answers ---- */

/* Quick, and of no use to those who would fill one bucket, since they do not know the seed. What is equal is told by
 * comparing. */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *at = data;
	uint64_t word;

	for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	word = size;
	memcpy(&word, at, size);
	hash = (hash ^ word ^ (uint64_t)size << 56) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

static uint64_t hash_of(const struct cache *c, const struct cache_exact *exact)
{
	uint64_t hash = c->seed;

	for (size_t i = 0; i < exact->n; i++)
		hash = mix(hash, exact->pieces[i].data, exact->pieces[i].size);
	return hash;
}

/* The same over a copy. */
static uint64_t hash_of_copy(const struct cache *c, const char *request, size_t size)
{
	uint64_t hash = c->seed, length;

	for (size_t at = 0; at < size; at += length) {
		memcpy(&length, request + at, sizeof(length));
		at += sizeof(length);
		hash = mix(hash, request + at, (size_t)length);
	}
	return hash;
}

static bool is_request(const struct answer *a, const struct cache_exact *exact)
{
	size_t at = 0;

	for (size_t i = 0; i < exact->n; i++) {
		uint64_t length = exact->pieces[i].size;

		if (a->request_size - at < sizeof(length) + length || memcmp(a->request + at, &length, sizeof(length)) != 0 ||
		    memcmp(a->request + at + sizeof(length), exact->pieces[i].data, length) != 0)
			return false;
		at += sizeof(length) + length;
	}
	return at == a->request_size;
}

char *cache_exact_copy(const struct cache_exact *exact, size_t *ret_size)
{
	size_t size = 0, at = 0;
	char *copy;

	for (size_t i = 0; i < exact->n; i++)
		size += sizeof(uint64_t) + exact->pieces[i].size;
	copy = size <= CACHE_EXACT_MAX_BYTES ? malloc(size) : NULL;
	for (size_t i = 0; i < exact->n && copy; i++) {
		uint64_t length = exact->pieces[i].size;

		memcpy(copy + at, &length, sizeof(length));
		memcpy(copy + at + sizeof(length), exact->pieces[i].data, length);
		at += sizeof(length) + length;
	}
	*ret_size = size;
	return copy;
}

bool cache_find_answer(struct cache *c, const struct cache_exact *exact, struct cache_answer *ret)
{
	uint64_t hash = hash_of(c, exact);
	struct answer *a = c->answers[hash % N_BUCKETS];

	while (a && (a->hash != hash || !is_request(a, exact)))
		a = a->same_bucket;
	if (!a)
		return false;
	if (is_over(c, a->entry)) {
		entry_free(c, a->entry);
		return false;
	}
	touch(c, a->entry);
	*ret = a->a;
	ret->ready = &a->ready;
	return true;
}

static void limit_answers(struct cache *c, struct entry *e)
{
	struct answer *last = e->answers;
	size_t n = 1;

	for (; last && last->same_entry; last = last->same_entry)
		n++;
	if (last && n >= ANSWERS_MAX)
		answer_free(c, last); /* the oldest: new ones stand first */
}

void cache_put_answer(struct cache *c, char *request, size_t request_size, const struct cache_answer *answer, char *body)
{
	struct entry *e = c->newest; /* cache_find has just put it there */
	struct answer **bucket, *a;

	while (e && e->cached != answer->cached)
		e = e->older;
	a = e && body && request ? calloc(1, sizeof(*a)) : NULL;
	if (!a) {
		free(request);
		free(body);
		return;
	}
	limit_answers(c, e);
	*a = (struct answer){.same_entry = e->answers, .entry = e, .hash = hash_of_copy(c, request, request_size),
		.request = request, .request_size = request_size, .a = *answer, .body = body};
	a->a.body = body;
	bucket = &c->answers[a->hash % N_BUCKETS];
	a->same_bucket = *bucket;
	*bucket = a;
	e->answers = a;
	e->bytes += answer_bytes(a);
	c->counters.memory_bytes += answer_bytes(a);
	touch(c, e);
	make_room(c);
}

void cache_drop_answers(struct cache *c)
{
	for (size_t i = 0; i < N_BUCKETS; i++)
		while (c->answers[i])
			answer_free(c, c->answers[i]);
}

/* ---- hits ---- */

void cache_note_hit(struct cache *c, const struct cache_hit *hit)
{
	c->hits[c->n_hits++ % CACHE_HITS_MAX] = *hit;
}

static struct cache_hit *find_hit(struct cache *c, const char *id)
{
	size_t n = c->n_hits < CACHE_HITS_MAX ? (size_t)c->n_hits : CACHE_HITS_MAX;

	for (size_t i = 0; i < n; i++)
		if (strcmp(c->hits[i].id, id) == 0 || strcmp(c->hits[i].trace_id, id) == 0)
			return &c->hits[i];
	return NULL;
}

struct record *cache_hit_record(struct cache *c, const char *id)
{
	const struct cache_hit *hit = id[0] ? find_hit(c, id) : NULL;

	for (const struct entry *e = hit ? c->newest : NULL; e; e = e->older)
		if (strcmp(e->cached->outcome.id, hit->from_id) == 0)
			return record_of_hit(hit, e->cached);
	return NULL;
}

bool cache_forget_hit(struct cache *c, const char *id)
{
	struct cache_hit *hit = id[0] ? find_hit(c, id) : NULL;

	if (!hit)
		return false;
	*hit = (struct cache_hit){0};
	return true;
}

/* ---- counters, beginning and end ---- */

void cache_count(struct cache *c, enum compile_cache how)
{
	switch (how) {
	case COMPILE_CACHE_HIT: c->counters.hits++; break;
	case COMPILE_CACHE_MISS: c->counters.misses++; break;
	case COMPILE_CACHE_SHARED: c->counters.shared++; break;
	default: c->counters.bypassed++; break;
	}
}

void cache_counters(const struct cache *c, struct cache_counters *ret)
{
	*ret = c->counters;
	if (c->disk)
		cache_disk_counters(c->disk, &ret->on_disk, &ret->disk_bytes, &ret->disk_errors);
}

int cache_new(struct loop *loop, const struct cache_options *o, struct cache **ret)
{
	struct cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->o = *o;
	c->o.state_dir = NULL;
	if (getrandom(&c->seed, sizeof(c->seed), 0) != sizeof(c->seed))
		c->seed = clock_now_ns();
	if (o->disk_bytes) {
		struct cache_disk_options disk = {.dir = o->state_dir, .max_bytes = o->disk_bytes, .fetched = on_fetched, .arg = c};

		r = cache_disk_open(loop, &disk, &c->disk);
		if (r < 0)
			log_warn(TARGET, "results are not cached on disk in %s: %s", o->state_dir, strerror(-r));
	}
	*ret = c;
	return 0;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	cache_disk_close(c->disk);
	while (c->newest)
		entry_free(c, c->newest);
	free(c);
}
