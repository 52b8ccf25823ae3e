/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that need no compile of their own: answered from the cache, or by one of the same that is under way. And what
 * becomes of a compile's result for those that come later. Runs on the loop's thread. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file_identity.h"
#include "base/log.h"
#include "server/compile/compile_private.h"

#define TARGET    "server::compile"
#define FILES_MAX 512 /* mappings of files; a worker has some 100 */

/* ---- keys ---- */

/* One line of /proc/PID/maps, "start-end perms offset device inode path": the path when it is of a file that has a name on
 * disk. Memory that looks like a file is another each time. */
static bool find_file(const char *line, size_t len, const char **ret, size_t *ret_len)
{
	const char *path = memchr(line, '/', len);

	if (!path || strncmp(path, "/memfd:", 7) == 0 || strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/SYSV", 5) == 0)
		return false;
	*ret = path;
	*ret_len = (size_t)(line + len - path);
	return true;
}

struct file_text {
	const char *text;
	size_t len;
};

static int compare_files(const void *x, const void *y)
{
	const struct file_text *a = x, *b = y;
	int r = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return r ? r : (a->len > b->len) - (a->len < b->len);
}

/* The file as it is on disk. One that is no longer there, since another build has taken its place while this one runs, is
 * like no other: what it makes must not be found later. */
static void print_file(const struct file_text *file, struct strbuf *out)
{
	char path[PATH_MAX], identity[FILE_IDENTITY_MAX];
	int n = snprintf(path, sizeof(path), "%.*s", (int)file->len, file->text);

	strbuf_printf(out, "\n%s ", path);
	if (n < 0 || (size_t)n >= sizeof(path) || file_identity(path, identity, sizeof(identity)) < 0)
		strbuf_printf(out, "gone %" PRIu64, clock_realtime_ns());
	else
		strbuf_puts(out, identity);
}

/* The compilers as they are now: what they say of themselves, and which files their process has mapped (the worker's program,
 * libraries, back ends that are libraries), so that another build of the same version is another compiler. Where each is
 * mapped is left to chance, so they are sorted. */
static void print_compilers(struct compile_service *s, struct strbuf *out)
{
	struct file_text files[FILES_MAX];
	struct pool_state ps;
	uint64_t generation;
	struct image *image = pool_image(s->pool, &generation);
	const char *maps = NULL, *end;
	size_t len = 0, n = 0;

	pool_state(s->pool, &ps);
	strbuf_puts(out, ps.versions ? ps.versions : "");
	if (image)
		maps = image_maps(image, &len);
	for (; maps && *maps && n < FILES_MAX; maps = *end ? end + 1 : end) {
		end = strchrnul(maps, '\n');
		n += find_file(maps, (size_t)(end - maps), &files[n].text, &files[n].len);
	}
	qsort(files, n, sizeof(*files), compare_files);
	for (size_t i = 0; i < n; i++) {
		if (i && compare_files(&files[i - 1], &files[i]) == 0)
			continue;
		print_file(&files[i], out);
	}
}

void compile_cache_template_changed(struct compile_service *s)
{
	_cleanup_strbuf_ struct strbuf text = {0};
	char digest[sizeof(s->compilers)];
	struct cache_key key;

	if (!s->cache)
		return;
	print_compilers(s, &text);
	if (text.failed)
		return;
	/* The text has some 10 KiB, which each request's key would digest anew. */
	cache_key_of_bytes(&(struct cache_bytes){text.data, text.len}, 1, &key);
	for (size_t i = 0; i < sizeof(key.bytes); i++)
		snprintf(digest + 2 * i, 3, "%02x", key.bytes[i]);
	if (strcmp(s->compilers, digest) == 0)
		return;
	memcpy(s->compilers, digest, sizeof(digest));
	cache_drop_answers(s->cache);
}

/* A back end that the request names may be another program by its next request, of which nobody tells: those are compiled
 * each time. So is what comes before it is known which back ends there are. */
static bool can_be_remembered(const struct compile *c)
{
	const struct spvscope_job *job = &c->a.request.job;
	struct pool_state ps;

	if (backends_is_built_in(job))
		return true;
	pool_state(c->service->pool, &ps);
	return !job->backend && ps.backends->complete;
}

static void print_backend(const struct backend_info *b, struct strbuf *out)
{
	char program[FILE_IDENTITY_MAX];

	if (!b)
		return;
	file_identity(b->program, program, sizeof(program));
	strbuf_printf(out, "\n%s %s %s %s %s", b->name, b->version, b->missing, b->identity, program);
}

/* What is not in the workers themselves: the program, as it was found and as it is now, or that there is none. */
static void print_compiler_of(const struct compile *c, struct strbuf *out)
{
	const struct spvscope_job *job = &c->a.request.job;
	struct pool_state ps;

	strbuf_puts(out, c->service->compilers);
	if (backends_is_built_in(job))
		return;
	pool_state(c->service->pool, &ps);
	print_backend(backends_for(ps.backends, job->language), out);
	print_backend(backends_translator(ps.backends, job), out);
}

static int make_keys(struct compile *c)
{
	static const struct cache_names all = {.all = true};
	char filter[COMPILE_FILTER_MAX + 1];
	struct cache_key files;
	int r;

	_cleanup_strbuf_ struct strbuf compilers = {0};
	print_compiler_of(c, &compilers);
	if (compilers.failed)
		return -ENOMEM;
	memcpy(filter, c->filter, c->filter_len);
	filter[c->filter_len] = '\0';
	r = cache_key_of_request(&c->a.request, compilers.data, filter, c->fresh_worker, &c->key);
	if (r < 0)
		return r;
	cache_key_of_files(&c->a.request.job, &all, &files);
	cache_key_of_bytes((const struct cache_bytes[]){{c->key.bytes, sizeof(c->key.bytes)}, {files.bytes, sizeof(files.bytes)}},
		2, &c->whole_key);
	return 0;
}

/* ---- one that is under way ---- */

static struct compile **leaders_like(const struct compile *c)
{
	return &c->service->leaders[cache_key_hash(&c->whole_key) % COMPILE_LEADER_BUCKETS];
}

static struct compile *find_leader(struct compile *c)
{
	for (struct compile *other = *leaders_like(c); other; other = other->lead_next)
		if (!other->cancelled && cache_key_equal(&other->whole_key, &c->whole_key))
			return other;
	return NULL;
}

static void lead(struct compile *c)
{
	struct compile **first = leaders_like(c);

	c->leads = true;
	c->lead_prev = NULL;
	c->lead_next = *first;
	if (c->lead_next)
		c->lead_next->lead_prev = c;
	*first = c;
}

void compile_cache_stop_leading(struct compile *c)
{
	if (!c->leads)
		return;
	c->leads = false;
	if (c->lead_prev)
		c->lead_prev->lead_next = c->lead_next;
	else
		*leaders_like(c) = c->lead_next;
	if (c->lead_next)
		c->lead_next->lead_prev = c->lead_prev;
}

static void follow(struct compile *c, struct compile *leader)
{
	c->state = COMPILE_FOLLOWING;
	/* One that is answered, and whose record is still being made, is as good as in the cache. */
	c->a.outcome.cache = leader->answered && !leader->cancelled_alone ? COMPILE_CACHE_HIT : COMPILE_CACHE_SHARED;
	c->leader = leader;
	c->follow_next = leader->followers;
	c->follow_prev = NULL;
	if (c->follow_next)
		c->follow_next->follow_prev = c;
	leader->followers = c;
	c->service->n_waiting++;
}

static void unfollow(struct compile *c)
{
	if (c->follow_prev)
		c->follow_prev->follow_next = c->follow_next;
	else
		c->leader->followers = c->follow_next;
	if (c->follow_next)
		c->follow_next->follow_prev = c->follow_prev;
	c->leader = c->follow_next = c->follow_prev = NULL;
	c->service->n_waiting--;
}

void compile_cache_leave(struct compile *c)
{
	struct compile *leader = c->leader;

	unfollow(c);
	compile_end_soon(c);
	if (leader->answered && leader->cancelled_alone && !leader->followers)
		compile_cancel(leader, true); /* now nobody wants it */
}

/* Whoever asked for it does not want it any more, and others do: it goes on for them. */
bool compile_cache_cancel_alone(struct compile *c)
{
	if (!c->followers)
		return false;
	if (c->answered)
		return true;
	c->cancelled_alone = true;
	compile_answer_cancelled(c);
	return true;
}

/* ---- answers from a result that is there ---- */

static void on_kept(void *arg, int error)
{
	struct compile *c = arg;

	if (!c->service) { /* it was freed meanwhile */
		compile_discard(c);
		return;
	}
	if (error)
		log_warn(TARGET, "%s: not kept: %s", c->a.outcome.id, strerror(error < 0 ? -error : error));
	c->a.outcome.kept = !error;
	compile_cache_answer(c);
}

static bool keep_hit(struct compile *c, const struct cache_hit *hit)
{
	struct record *record = record_of_hit(hit, c->cached);

	if (!record)
		return false;
	c->state = COMPILE_KEEPING;
	c->expected = false;
	c->kept_once = true;
	records_publish(c->service->records, record, true, on_kept, c);
	record_unref(record);
	return true;
}

/* c->cached is set. Frees c, unless its record has to be written first. */
void compile_cache_answer(struct compile *c)
{
	struct cache *cache = c->service->cache;
	struct compile_outcome o;
	struct cache_hit hit;

	c->a.outcome.traced = c->a.wants_record;
	if (!c->kept_once)
		c->a.outcome.duration_ns = clock_now_ns() - c->a.received_ns;
	cached_outcome(c->cached, &c->a.outcome, c->a.outcome.cache, &o);
	hit = (struct cache_hit){.how = o.cache, .start_ns = c->a.received_ns, .duration_ns = o.duration_ns,
		.started_unix_ns = o.started_unix_ns};
	memcpy(hit.id, o.id, sizeof(hit.id));
	memcpy(hit.trace_id, o.trace_id, sizeof(hit.trace_id));
	memcpy(hit.from_id, o.cached_from.id, sizeof(hit.from_id));
	if (c->a.keep && !c->kept_once && keep_hit(c, &hit))
		return;
	if (o.traced && !c->kept_once)
		cache_note_hit(cache, &hit);
	cache_count(cache, o.cache);
	c->answered = true;
	if (c->fn)
		c->fn(c->arg, &o);
	compile_free(c);
}

/* On the loop's next turn, since nobody is called back from within a call of theirs. */
static void take(struct compile *c, struct cached *cached, enum compile_cache how)
{
	c->cached = cached_ref(cached);
	c->a.outcome.cache = how;
	compile_end_soon(c);
}

/* Can this result do for it? One that is to be kept needs what the compile left behind. */
static bool will_do(const struct compile *c, const struct cached *cached)
{
	return cached && (cached->record || !c->a.keep);
}

static void miss(struct compile *c)
{
	struct compile *leader = c->cache_use == COMPILE_CACHE_USE ? find_leader(c) : NULL;

	if (leader) {
		follow(c, leader);
		return;
	}
	c->a.outcome.cache = COMPILE_CACHE_MISS;
	c->a.cache_looked_ns = clock_now_ns();
	cache_count(c->service->cache, COMPILE_CACHE_MISS);
	c->remembers = true;
	lead(c);
	compile_enqueue(c);
}

static void on_fetched(void *arg)
{
	struct compile *c = arg;
	struct cached *cached;

	c->service->n_waiting--;
	if (c->cancelled) {
		compile_end_soon(c);
		return;
	}
	cached = cache_find(c->service->cache, &c->key, &c->a.request.job);
	if (will_do(c, cached))
		take(c, cached, COMPILE_CACHE_HIT);
	else
		miss(c);
	loop_timer_set(c->service->soon, 0);
}

void compile_cache_begin(struct compile *c)
{
	struct compile_service *s = c->service;
	struct cached *cached;

	if (!s->cache || !s->compilers[0] || c->cache_use == COMPILE_CACHE_IGNORE || c->a.request.analyzer.kind != ANALYZER_OFF ||
	    !can_be_remembered(c) || make_keys(c) < 0) {
		if (s->cache)
			cache_count(s->cache, COMPILE_CACHE_BYPASS);
		compile_enqueue(c);
		return;
	}
	if (c->cache_use == COMPILE_CACHE_REFRESH) {
		cache_count(s->cache, COMPILE_CACHE_BYPASS);
		c->remembers = true;
		lead(c);
		compile_enqueue(c);
		return;
	}
	cached = cache_find(s->cache, &c->key, &c->a.request.job);
	if (will_do(c, cached)) {
		take(c, cached, COMPILE_CACHE_HIT);
	} else if (!cached && cache_is_on_disk(s->cache, &c->key) && cache_fetch(s->cache, &c->key, on_fetched, c) == 0) {
		c->state = COMPILE_FETCHING;
		s->n_waiting++;
	} else {
		miss(c);
	}
}

/* ---- the end of a compile ---- */

/* Only what the compiler itself brought about is remembered, not what was done to its worker. */
static bool is_worth_remembering(const struct compile *c, uint64_t *ret_expires_ns)
{
	static const char *const own_signals[] = {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS"};
	const struct compile_outcome *o = &c->a.outcome;

	*ret_expires_ns = UINT64_MAX;
	if (o->result.status <= SPVSCOPE_STATUS_FAILED)
		return true;
	*ret_expires_ns = clock_now_ns() + CACHE_FAILURE_NS;
	if (o->result.status == SPVSCOPE_STATUS_TIMED_OUT || o->result.status == SPVSCOPE_STATUS_OUT_OF_MEMORY)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(own_signals); i++)
		if (strcmp(o->failure.signal, own_signals[i]) == 0)
			return true;
	return !c->a.died && o->result.n_diagnostics; /* it threw, and the worker lived to tell */
}

static struct cached *make_cached(struct compile *c)
{
	bool is_whole = c->a.outcome.result.status <= SPVSCOPE_STATUS_FAILED;
	struct cached *cached = cached_new();

	if (!cached)
		return NULL;
	if (cache_names_of_result(is_whole ? &c->a.outcome.result : NULL, &cached->names) < 0) {
		cached_unref(cached);
		return NULL;
	}
	cache_key_of_files(&c->a.request.job, &cached->names, &cached->files);
	cached->outcome = c->a.outcome;
	cached->outcome.request = NULL;
	cached->outcome.kept = false;
	cached->run_ns = c->a.n_runs ? c->a.runs[0].end_ns - c->a.runs[0].start_ns : 0;
	cached->record = c->a.record ? record_ref(c->a.record) : NULL;
	return cached;
}

void compile_cache_end(struct compile *c)
{
	struct compile *f;
	uint64_t expires_ns;
	bool remember;

	if (!c->leads)
		return;
	compile_cache_stop_leading(c);
	remember = c->remembers && is_worth_remembering(c, &expires_ns) && (c->a.record || !c->a.wants_record);
	if (!remember && !c->followers)
		return;
	c->lent = make_cached(c);
	if (remember && c->lent) {
		c->lent->expires_ns = expires_ns;
		cache_put(c->service->cache, &c->key, c->lent);
	}
	while ((f = c->followers)) {
		unfollow(f);
		if (c->lent) {
			take(f, c->lent, f->a.outcome.cache);
		} else {
			f->a.outcome.cache = COMPILE_CACHE_MISS;
			compile_enqueue(f);
			loop_timer_set(c->service->soon, 0);
		}
	}
}

const struct cached *compile_cached(const struct compile *c)
{
	return c->cached;
}

/* ---- ids ---- */

int compile_make_id(char ret[COMPILE_ID_CHARS + 1])
{
	static const char digits[] = "0123456789abcdef";
	static uint8_t pool[4096];
	static size_t at = sizeof(pool);
	const uint8_t *bytes;

	if (at + COMPILE_ID_CHARS / 2 > sizeof(pool)) {
		/* Only a signal could cut it short, and none is handled here. */
		if (getrandom(pool, sizeof(pool), 0) != sizeof(pool))
			return -EIO;
		at = 0;
	}
	bytes = pool + at;
	at += COMPILE_ID_CHARS / 2;
	for (size_t i = 0; i < COMPILE_ID_CHARS / 2; i++) {
		uint8_t byte = i ? bytes[i] : bytes[i] | 1; /* all zeros is not a trace id */

		ret[2 * i] = digits[byte >> 4];
		ret[2 * i + 1] = digits[byte & 15];
	}
	ret[COMPILE_ID_CHARS] = '\0';
	return 0;
}
