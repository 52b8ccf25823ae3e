/* SPDX-License-Identifier: Apache-2.0 */
/* One thread at a time that makes unwind tables. make_tables runs on it, all else on the loop's. */
#include "server/pool/unwinding.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "bpf/unwind_tables.h"

#define TARGET "server::unwinding"

struct unwinding_job {
	uint64_t space;
	struct image *image; /* reference; NULL: there is no job */
};

struct unwinding {
	struct loop *loop;
	unwinding_made_fn made;
	void *arg;
	int done_fd; /* eventfd that the loop watches */
	struct loop_source *watch;
	struct unwinding_job now, next;
	/* The thread's, until it is joined. */
	pthread_t thread;
	int result, tables_fd;
	uint64_t took_ns;
	struct unwind_tables_head head;
};

static void *make_tables(void *arg)
{
	struct unwinding *u = arg;
	uint64_t start_ns = clock_now_ns();
	size_t len;
	const char *maps = image_maps(u->now.image, &len);

	prctl(PR_SET_NAME, "unwinding");
	u->result = unwind_tables_make(maps, len, &u->head, &u->tables_fd);
	u->took_ns = clock_now_ns() - start_ns;
	eventfd_write(u->done_fd, 1);
	return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct unwinding *u)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&u->thread, NULL, make_tables, u);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static void begin(struct unwinding *u)
{
	int r, none = -1;

	while (!u->now.image && u->next.image) {
		u->now = u->next;
		u->next = (struct unwinding_job){0};
		u->tables_fd = -1;
		r = start_thread(u);
		if (r < 0) {
			log_warn(TARGET, "no thread for the unwind tables: %s", strerror(-r));
			image_unref(TAKE_PTR(u->now.image));
			u->made(u->arg, u->now.space, &none);
		}
	}
}

static void on_done(void *arg, uint32_t events)
{
	struct unwinding *u = arg;
	_cleanup_fd_ int fd = -1;
	eventfd_t n;

	(void)events;
	if (eventfd_read(u->done_fd, &n) < 0 || !u->now.image)
		return;
	pthread_join(u->thread, NULL);
	image_unref(TAKE_PTR(u->now.image));
	fd = TAKE_FD(u->tables_fd);
	if (u->result < 0)
		log_warn(TARGET, "no unwind tables, so stacks go by frame pointers: %s", strerror(-u->result));
	else
		log_info(TARGET, "unwind tables of %u rows for %u mappings, %u without, in %llu ms", u->head.n_rows,
			u->head.n_mappings, u->head.n_without, (unsigned long long)(u->took_ns / NS_PER_MS));
	u->made(u->arg, u->now.space, &fd);
	begin(u);
}

int unwinding_new(struct loop *loop, unwinding_made_fn made, void *arg, struct unwinding **ret)
{
	struct unwinding *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	u->loop = loop;
	u->made = made;
	u->arg = arg;
	u->tables_fd = -1;
	u->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = u->done_fd < 0 ? -errno : loop_watch(loop, u->done_fd, EPOLLIN, on_done, u, &u->watch);
	if (r < 0) {
		unwinding_free(u);
		return r;
	}
	*ret = u;
	return 0;
}

void unwinding_free(struct unwinding *u)
{
	if (!u)
		return;
	if (u->now.image)
		pthread_join(u->thread, NULL);
	image_unref(u->now.image);
	image_unref(u->next.image);
	loop_source_free(u->watch);
	fd_close(u->tables_fd);
	fd_close(u->done_fd);
	free(u);
}

void unwinding_make(struct unwinding *u, uint64_t space, struct image *image)
{
	image_unref(u->next.image);
	u->next = (struct unwinding_job){.space = space, .image = image_ref(image)};
	begin(u);
}
