/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's side of the cache on disk: the queue to its thread (cache_disk_thread.c), and what comes back. What the disk
 * has is known here by a filter of counters, so that a request that was never seen does not wait for a look-up. */
#include "server/cache/cache_disk_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"

#define N_COUNTERS (1u << 20) /* 2 MiB, touched as needed; 1 of 10 look-ups is in vain at 100,000 results */
#define QUEUED_MAX 1024u

/* ---- operations ---- */

void cache_op_list_add(struct cache_op_list *l, struct cache_op *op)
{
	op->next = NULL;
	*l->end = op;
	l->end = &op->next;
}

struct cache_op *cache_op_list_take_all(struct cache_op_list *l)
{
	struct cache_op *first = l->first;

	l->first = NULL;
	l->end = &l->first;
	return first;
}

void cache_op_free(struct cache_op *op)
{
	cached_unref(op->cached);
	for (size_t i = 0; i < op->n_found; i++)
		cached_unref(op->found[i]);
	free(op->keys);
	free(op);
}

void cache_op_list_free(struct cache_op_list *l)
{
	struct cache_op *next;

	for (struct cache_op *op = cache_op_list_take_all(l); op; op = next) {
		next = op->next;
		cache_op_free(op);
	}
}

/* ---- the loop's side ---- */

static void complete(struct cache_disk *d, struct cache_op *op)
{
	for (size_t i = 0; i < op->n_keys; i++) {
		uint16_t *counter = &d->counters[op->keys[i] % N_COUNTERS];

		if (op->change > 0)
			*counter += *counter < UINT16_MAX;
		else
			*counter -= *counter > 0 && *counter < UINT16_MAX;
	}
	d->knows_keys |= op->type == CACHE_OP_KEYS;
	for (size_t i = 0; i < op->n_found; i++)
		d->o.fetched(d->o.arg, &op->request, op->found[i]);
	if (op->fn)
		op->fn(op->arg);
	cache_op_free(op);
}

static void on_done(void *arg, uint32_t events)
{
	struct cache_disk *d = arg;
	struct cache_op *op, *next;
	eventfd_t n;

	(void)events;
	eventfd_read(d->done_fd, &n);
	pthread_mutex_lock(&d->lock);
	op = cache_op_list_take_all(&d->done);
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
	error = pthread_create(&d->thread, NULL, cache_disk_main, d);
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
		r = cache_disk_database_open(d);
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
	cache_op_list_free(&d->queue);
	cache_op_list_free(&d->done);
	cache_disk_database_close(d);
	loop_source_free(d->source);
	fd_close(d->done_fd);
	free(d->counters);
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int submit(struct cache_disk *d, struct cache_op *op)
{
	int r = 0;

	pthread_mutex_lock(&d->lock);
	if (d->n_queued >= QUEUED_MAX) {
		r = -EBUSY;
	} else {
		cache_op_list_add(&d->queue, op);
		d->is_awaited |= op->type != CACHE_OP_PUT;
		if (d->n_queued++ == 0 || d->is_awaited || d->n_queued == CACHE_DISK_TOGETHER)
			pthread_cond_signal(&d->wake);
	}
	pthread_mutex_unlock(&d->lock);
	if (r < 0)
		cache_op_free(op);
	return r;
}

bool cache_disk_may_have(const struct cache_disk *d, const struct cache_key *request)
{
	return !d->knows_keys || d->counters[cache_key_hash(request) % N_COUNTERS];
}

void cache_disk_put(struct cache_disk *d, const struct cache_key *request, struct cached *cached)
{
	struct cache_op *op = calloc(1, sizeof(*op));
	uint16_t *counter = &d->counters[cache_key_hash(request) % N_COUNTERS];

	if (!op)
		return;
	*op = (struct cache_op){.type = CACHE_OP_PUT, .request = *request, .cached = cached_ref(cached)};
	if (submit(d, op) == 0)
		*counter += *counter < UINT16_MAX;
}

void cache_disk_forget(struct cache_disk *d, const struct cache_key *request)
{
	struct cache_op *op = calloc(1, sizeof(*op));

	if (!op)
		return;
	*op = (struct cache_op){.type = CACHE_OP_FORGET, .request = *request};
	(void)submit(d, op);
}

int cache_disk_fetch(struct cache_disk *d, const struct cache_key *request, loop_fn fn, void *arg)
{
	struct cache_op *op = calloc(1, sizeof(*op));

	if (!op)
		return -ENOMEM;
	*op = (struct cache_op){.type = CACHE_OP_FETCH, .request = *request, .fn = fn, .arg = arg};
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
