/* SPDX-License-Identifier: Apache-2.0 */
/* The assembler's thread, the queue to it and the way back. assembler_main runs on that thread, all else on the loop's. */
#include "server/compile/assembler.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Waking the thread for each small compile would take the processor from the next one, whose source is often on its
 * way. So it is woken for several at a time. */
#define LIE_NS    (5 * NS_PER_MS)
#define LIE_ITEMS 32u

struct item_list {
	struct assembler_item *first, **end; /* end: where the next one is linked in */
};

struct assembler {
	pthread_t thread;
	bool has_thread;
	int done_fd;               /* eventfd that the loop watches */
	struct loop_source *watch;
	struct loop_source *timer; /* wakes the thread for what lies */
	unsigned n_lying;          /* pushed since the thread was woken last; the loop's */
	pthread_mutex_t lock;      /* guards the rest */
	pthread_cond_t wake;
	struct item_list queue, done;
	bool stop;
};

static void list_push(struct item_list *l, struct assembler_item *i)
{
	i->next = NULL;
	*l->end = i;
	l->end = &i->next;
}

static struct assembler_item *list_pop(struct item_list *l)
{
	struct assembler_item *i = l->first;

	if (i) {
		l->first = i->next;
		if (!l->first)
			l->end = &l->first;
	}
	return i;
}

static void *assembler_main(void *arg)
{
	struct assembler *a = arg;

	prctl(PR_SET_NAME, "assembler");
	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		struct assembler_item *i = list_pop(&a->queue);

		if (!i) {
			pthread_cond_wait(&a->wake, &a->lock);
			continue;
		}
		pthread_mutex_unlock(&a->lock);
		i->error = i->assembly ? assembly_finish(i->assembly) : 0;
		pthread_mutex_lock(&a->lock);
		/* The loop is told at the end of what there is to do, or when somebody waits. */
		bool tell = i->urgent || !a->queue.first;

		list_push(&a->done, i);
		if (!tell)
			continue;
		pthread_mutex_unlock(&a->lock);
		eventfd_write(a->done_fd, 1);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static void on_done(void *arg, uint32_t events)
{
	struct assembler *a = arg;
	struct item_list done = {.end = &done.first};
	struct assembler_item *i;
	eventfd_t n;

	(void)events;
	eventfd_read(a->done_fd, &n);
	pthread_mutex_lock(&a->lock);
	done.first = a->done.first;
	a->done = (struct item_list){.end = &a->done.first};
	pthread_mutex_unlock(&a->lock);
	while ((i = done.first)) {
		done.first = i->next;
		i->done(i, i->error);
	}
}

static void wake(void *arg)
{
	struct assembler *a = arg;

	a->n_lying = 0;
	pthread_mutex_lock(&a->lock);
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
}

/* Signals are the main thread's. */
static int start_thread(struct assembler *a)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&a->thread, NULL, assembler_main, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	a->has_thread = r == 0;
	return -r;
}

int assembler_new(struct loop *loop, struct assembler **ret)
{
	struct assembler *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->queue.end = &a->queue.first;
	a->done.end = &a->done.first;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->wake, NULL);
	a->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = a->done_fd < 0 ? -errno : loop_watch(loop, a->done_fd, EPOLLIN, on_done, a, &a->watch);
	if (r >= 0)
		r = loop_timer(loop, UINT64_MAX, wake, a, &a->timer);
	if (r >= 0)
		r = start_thread(a);
	if (r < 0) {
		assembler_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void assembler_free(struct assembler *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
	if (a->has_thread)
		pthread_join(a->thread, NULL);
	loop_source_free(a->watch);
	loop_source_free(a->timer);
	fd_close(a->done_fd);
	pthread_cond_destroy(&a->wake);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void assembler_push(struct assembler *a, struct assembler_item *item)
{
	pthread_mutex_lock(&a->lock);
	list_push(&a->queue, item);
	pthread_mutex_unlock(&a->lock);
	if (item->urgent || ++a->n_lying >= LIE_ITEMS)
		wake(a);
	else if (a->n_lying == 1)
		loop_timer_set(a->timer, clock_now_ns() + LIE_NS);
}
