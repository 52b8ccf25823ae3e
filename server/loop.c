/* SPDX-License-Identifier: Apache-2.0 */
/* The front's event loop: one epoll set, a heap of timers, and a queue of calls posted by other threads behind an
 * eventfd. Freed sources stay in memory until the turn in which they were freed is over, since epoll may already have
 * handed out an event for them. Runs on the loop's thread, except loop_post. */
#include "server/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define LOOP_EVENTS_PER_TURN 64
#define NOT_IN_HEAP          SIZE_MAX

struct loop_source {
	struct loop *loop;
	int fd; /* -1 for a timer; borrowed */
	bool dead;
	loop_fd_fn fd_fn;
	loop_fn timer_fn;
	void *arg;
	uint64_t deadline_ns;
	uint64_t order; /* of arming: equal deadlines run first come, first served */
	size_t heap_idx;
	struct loop_source *prev, *next; /* all sources alive */
	struct loop_source *next_dead;
};

struct posted {
	struct posted *next;
	loop_fn fn;
	void *arg;
};

struct loop {
	int epoll_fd, wake_fd;
	bool quit;
	struct loop_source *sources, *dead;
	struct loop_source **heap; /* least deadline first */
	size_t n_heap, heap_capacity;
	size_t n_timers; /* timers alive: the heap has room for each, so that arming cannot fail */
	uint64_t n_armed;
	uint64_t timers_now_ns; /* while due timers run: their moment; else 0 */
	uint64_t (*before_sleep)(void *arg);
	void *before_sleep_arg;

	pthread_mutex_t lock; /* guards the two below */
	struct posted *posted_first, **posted_last;
};

static bool heap_less(const struct loop_source *a, const struct loop_source *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->order < b->order;
}

static void heap_put(struct loop *l, size_t i, struct loop_source *s)
{
	l->heap[i] = s;
	s->heap_idx = i;
}

static void heap_up(struct loop *l, struct loop_source *s)
{
	size_t i = s->heap_idx;

	while (i > 0 && heap_less(s, l->heap[(i - 1) / 2])) {
		heap_put(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(l, i, s);
}

static void heap_down(struct loop *l, struct loop_source *s)
{
	size_t i = s->heap_idx;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= l->n_heap)
			break;
		if (child + 1 < l->n_heap && heap_less(l->heap[child + 1], l->heap[child]))
			child++;
		if (!heap_less(l->heap[child], s))
			break;
		heap_put(l, i, l->heap[child]);
		i = child;
	}
	heap_put(l, i, s);
}

static void heap_remove(struct loop *l, struct loop_source *s)
{
	struct loop_source *last;

	if (s->heap_idx == NOT_IN_HEAP)
		return;
	last = l->heap[--l->n_heap];
	if (last != s) {
		heap_put(l, s->heap_idx, last);
		heap_up(l, last);
		heap_down(l, last);
	}
	s->heap_idx = NOT_IN_HEAP;
}

int loop_new(struct loop **ret)
{
	struct loop *l = calloc(1, sizeof(*l));
	struct epoll_event ev = {.events = EPOLLIN};
	int r;

	if (!l)
		return -ENOMEM;
	l->posted_last = &l->posted_first;
	pthread_mutex_init(&l->lock, NULL);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* data.ptr NULL is the wake-up descriptor */
	if (l->epoll_fd < 0 || l->wake_fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) < 0) {
		r = -errno;
		loop_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

static void bury(struct loop *l)
{
	while (l->dead) {
		struct loop_source *s = l->dead;

		l->dead = s->next_dead;
		free(s);
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->sources)
		loop_source_free(l->sources);
	bury(l);
	while (l->posted_first) {
		struct posted *p = l->posted_first;

		l->posted_first = p->next;
		free(p);
	}
	fd_close(l->epoll_fd);
	fd_close(l->wake_fd);
	pthread_mutex_destroy(&l->lock);
	free(l->heap);
	free(l);
}

static struct loop_source *source_new(struct loop *l, void *arg)
{
	struct loop_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = l;
	s->fd = -1;
	s->arg = arg;
	s->heap_idx = NOT_IN_HEAP;
	s->next = l->sources;
	if (s->next)
		s->next->prev = s;
	l->sources = s;
	return s;
}

int loop_watch(struct loop *l, int fd, uint32_t events, loop_fd_fn fn, void *arg, struct loop_source **ret)
{
	struct loop_source *s = source_new(l, arg);
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (!s)
		return -ENOMEM;
	s->fd_fn = fn;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int r = -errno;

		loop_source_free(s);
		return r;
	}
	s->fd = fd;
	*ret = s;
	return 0;
}

int loop_timer(struct loop *l, uint64_t deadline_ns, loop_fn fn, void *arg, struct loop_source **ret)
{
	struct loop_source *s;

	if (l->n_timers == l->heap_capacity) {
		size_t capacity = l->heap_capacity ? l->heap_capacity * 2 : 64;
		struct loop_source **heap = realloc(l->heap, capacity * sizeof(*heap));

		if (!heap)
			return -ENOMEM;
		l->heap = heap;
		l->heap_capacity = capacity;
	}
	s = source_new(l, arg);
	if (!s)
		return -ENOMEM;
	s->timer_fn = fn;
	l->n_timers++;
	*ret = s;
	return loop_timer_set(s, deadline_ns);
}

int loop_timer_set(struct loop_source *s, uint64_t deadline_ns)
{
	struct loop *l = s->loop;

	heap_remove(l, s);
	/* Armed by a timer: behind all that are due now, so that one that is always due starves no other. */
	s->deadline_ns = deadline_ns <= l->timers_now_ns ? l->timers_now_ns + 1 : deadline_ns;
	s->order = l->n_armed++;
	if (deadline_ns == UINT64_MAX)
		return 0;
	heap_put(l, l->n_heap++, s);
	heap_up(l, s);
	return 0;
}

void loop_source_free(struct loop_source *s)
{
	struct loop *l;

	if (!s || s->dead)
		return;
	l = s->loop;
	if (s->fd >= 0)
		epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	if (s->timer_fn)
		l->n_timers--;
	heap_remove(l, s);
	if (s->prev)
		s->prev->next = s->next;
	else
		l->sources = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->dead = true;
	s->next_dead = l->dead;
	l->dead = s;
}

void loop_set_before_sleep(struct loop *l, uint64_t (*fn)(void *arg), void *arg)
{
	l->before_sleep = fn;
	l->before_sleep_arg = arg;
}

static void wake(struct loop *l)
{
	/* EAGAIN is a full counter: the loop is awake already. */
	while (eventfd_write(l->wake_fd, 1) < 0 && errno == EINTR)
		;
}

int loop_post(struct loop *l, loop_fn fn, void *arg)
{
	struct posted *p = malloc(sizeof(*p));

	if (!p)
		return -ENOMEM;
	*p = (struct posted){.fn = fn, .arg = arg};
	pthread_mutex_lock(&l->lock);
	*l->posted_last = p;
	l->posted_last = &p->next;
	pthread_mutex_unlock(&l->lock);
	wake(l);
	return 0;
}

static void run_posted(struct loop *l)
{
	eventfd_t n;

	eventfd_read(l->wake_fd, &n);
	for (;;) {
		struct posted *p;

		pthread_mutex_lock(&l->lock);
		p = l->posted_first;
		if (p) {
			l->posted_first = p->next;
			if (!l->posted_first)
				l->posted_last = &l->posted_first;
		}
		pthread_mutex_unlock(&l->lock);
		if (!p)
			return;
		p->fn(p->arg);
		free(p);
	}
}

/* Timers that are due now; those that they arm wait for the next turn. */
static void run_timers(struct loop *l)
{
	if (!l->n_heap)
		return;
	l->timers_now_ns = clock_now_ns();
	while (l->n_heap && l->heap[0]->deadline_ns <= l->timers_now_ns) {
		struct loop_source *s = l->heap[0];

		heap_remove(l, s);
		s->timer_fn(s->arg);
	}
	l->timers_now_ns = 0;
}

static int sleep_for_events(struct loop *l, uint64_t deadline_ns, struct epoll_event *events)
{
	struct timespec timeout = {0};
	int n;

	if (l->n_heap && l->heap[0]->deadline_ns < deadline_ns)
		deadline_ns = l->heap[0]->deadline_ns;
	if (l->quit)
		deadline_ns = 0;
	if (deadline_ns != UINT64_MAX) {
		uint64_t now_ns = deadline_ns ? clock_now_ns() : 0;
		uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;

		timeout.tv_sec = (time_t)(wait_ns / NS_PER_S);
		timeout.tv_nsec = (long)(wait_ns % NS_PER_S);
	}
	n = epoll_pwait2(l->epoll_fd, events, LOOP_EVENTS_PER_TURN,
		deadline_ns == UINT64_MAX ? NULL : &timeout, NULL);
	return n < 0 ? -errno : n;
}

int loop_run(struct loop *l)
{
	struct epoll_event events[LOOP_EVENTS_PER_TURN];

	l->quit = false;
	while (!l->quit) {
		uint64_t deadline_ns = l->before_sleep ? l->before_sleep(l->before_sleep_arg) : UINT64_MAX;
		int n;

		if (l->quit)
			break;
		n = sleep_for_events(l, deadline_ns, events);
		if (n < 0 && n != -EINTR)
			return n;
		for (int i = 0; i < n; i++) {
			struct loop_source *s = events[i].data.ptr;

			if (!s)
				run_posted(l);
			else if (!s->dead)
				s->fd_fn(s->arg, events[i].events);
		}
		run_timers(l);
		bury(l);
	}
	return 0;
}

void loop_quit(struct loop *l)
{
	l->quit = true;
}
