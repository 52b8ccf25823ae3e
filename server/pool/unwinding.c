/* SPDX-License-Identifier: Apache-2.0 */
/* One thread at a time that makes unwind tables, job after job. Functions named make_ run on it, all else on the loop's;
 * between the two lies a queue of tables that are made and not taken yet. */
#include "server/pool/unwinding.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "bpf/analyzer_types.h"
#include "bpf/unwind_cache.h"
#include "bpf/unwind_closure.h"
#include "bpf/unwind_files.h"
#include "codegen/tools/job_folder.h"

#define TARGET           "server::unwinding"
#define PROGRAMS_MAX     64
#define PROCESSES_MAX    8
#define MAPS_MAX_BYTES   (1u << 20)
#define OPENED_MAX       256 /* files of one process; the programs in the kernel know fewer of its mappings */
#define FOLDER_MAX_BYTES (256u << 20)
#define MADE_MAX         8 /* tables that wait to be taken; the thread pauses beyond, for they are up to 20 MiB each */

/* A file whose table has been made for whoever takes them now, and is there still. */
struct known {
	dev_t device;
	ino_t inode;
	struct timespec changed;
	size_t n_bytes; /* of the table; 0: there can be none */
};

struct made {
	int table_fd, image_fd;
};

/* What the thread is to do: one of the three. */
struct job {
	struct image *image; /* reference */
	const char *program; /* borrowed of `programs` */
	char *maps;          /* of a process; owned */
};

struct unwinding {
	struct loop *loop;
	char *folder;
	unwinding_made_fn made;
	unwinding_ready_fn ready;
	void *arg;
	int done_fd; /* eventfd that the loop watches */
	struct loop_source *watch;

	struct image *image;   /* of the newest template; reference */
	bool image_is_due;     /* its job has not been begun */
	char *programs[PROGRAMS_MAX];
	bool program_is_due[PROGRAMS_MAX];
	size_t n_programs;
	char *maps[PROCESSES_MAX]; /* of processes, that are due */
	size_t n_maps;
	uint64_t n_images;     /* numbers that were given away */
	bool is_being_taken, runs, again;
	bool has_taker;        /* somebody came up who takes them */
	struct job job;
	pthread_t thread;

	/* The thread's while it runs. */
	struct known *known; /* in the order in which they came */
	size_t n_known, known_capacity;
	size_t n_tables, n_table_bytes; /* of these */
	size_t n_made, n_kept, n_without;
	uint64_t n_rows, took_ns;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t room;
	struct made queue[MADE_MAX];
	size_t n_queued;
	bool ended, give_up;
};

/* ---- the thread ---- */

static bool make_is_news(struct unwinding *u, const struct stat *st)
{
	for (size_t i = 0; i < u->n_known; i++)
		if (u->known[i].device == st->st_dev && u->known[i].inode == st->st_ino &&
		    u->known[i].changed.tv_sec == st->st_ctim.tv_sec && u->known[i].changed.tv_nsec == st->st_ctim.tv_nsec)
			return false;
	return true;
}

/* The analyzer keeps so many and no more: what it gives up, the oldest, is made anew when a process has it. */
static void make_room(struct unwinding *u, size_t n_bytes)
{
	size_t n = 0;

	while (n < u->n_known && (u->n_tables >= ANALYZER_IMAGES || u->n_table_bytes + n_bytes > ANALYZER_IMAGES_BYTES)) {
		u->n_tables -= u->known[n].n_bytes > 0;
		u->n_table_bytes -= u->known[n++].n_bytes;
	}
	u->n_known -= n;
	if (n)
		memmove(u->known, u->known + n, u->n_known * sizeof(*u->known));
}

static void make_known(struct unwinding *u, const struct stat *st, size_t n_bytes)
{
	if (n_bytes)
		make_room(u, n_bytes);
	if (u->n_known == u->known_capacity) {
		size_t capacity = u->known_capacity ? 2 * u->known_capacity : 64;
		struct known *known = reallocarray(u->known, capacity, sizeof(*known));
		if (!known)
			return; /* it will be made again */
		u->known = known;
		u->known_capacity = capacity;
	}
	u->known[u->n_known++] = (struct known){st->st_dev, st->st_ino, st->st_ctim, n_bytes};
	u->n_tables += n_bytes > 0;
	u->n_table_bytes += n_bytes;
}

/* Takes both descriptors. */
static void make_put(struct unwinding *u, struct made made)
{
	pthread_mutex_lock(&u->lock);
	while (u->n_queued == MADE_MAX && !u->give_up)
		pthread_cond_wait(&u->room, &u->lock);
	if (u->give_up) {
		fd_close(made.table_fd);
		fd_close(made.image_fd);
	} else {
		u->queue[u->n_queued++] = made;
	}
	pthread_mutex_unlock(&u->lock);
	eventfd_write(u->done_fd, 1);
}

static void make_one(void *arg, const char *path, int image_fd)
{
	struct unwinding *u = arg;
	bool is_vdso = strcmp(path, "[vdso]") == 0, was_kept = false;
	struct unwind_table_head head;
	struct stat st = {0};
	int table_fd, r;

	if (__atomic_load_n(&u->give_up, __ATOMIC_RELAXED) || (!is_vdso && fstat(image_fd, &st) < 0) || !make_is_news(u, &st))
		return;
	r = unwind_cache_get(u->folder, image_fd, &head, &was_kept, &table_fd);
	if (r != -EAGAIN) /* it is being written, and will be another one */
		make_known(u, &st, r < 0 ? 0 : head.n_cells * sizeof(union unwind_cell));
	if (r < 0) {
		u->n_without += r != -ENOEXEC; /* which is nothing but data, or no program */
		return;
	}
	u->n_made++;
	u->n_kept += was_kept;
	u->n_rows += head.n_cells;
	make_put(u, (struct made){table_fd, is_vdso ? -1 : fcntl(image_fd, F_DUPFD_CLOEXEC, 0)});
}

/* The one place where tools write: what they have made is theirs to say, and not read here. */
static void make_opened(void *arg, const char *path, int image_fd)
{
	struct unwinding *u = arg;

	if (u->n_made < OPENED_MAX && !strstr(path, "/" JOB_FOLDERS_PREFIX))
		make_one(arg, path, image_fd);
}

static void make_program(struct unwinding *u, const char *path)
{
	struct unwind_closure closure;

	if (unwind_closure_find(path, &closure) < 0) {
		u->n_without++;
		return;
	}
	u->n_without += closure.n_missing;
	for (size_t i = 0; i < closure.n; i++) {
		_cleanup_fd_ int fd = open(closure.paths[i], O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (fd >= 0)
			make_one(u, closure.paths[i], fd);
	}
	unwind_closure_done(&closure);
}

static void *make_all(void *arg)
{
	struct unwinding *u = arg;
	uint64_t start_ns = clock_now_ns();

	prctl(PR_SET_NAME, "unwinding");
	if (u->folder)
		unwind_cache_tidy(u->folder, FOLDER_MAX_BYTES);
	if (u->job.image) {
		size_t len;
		const char *maps = image_maps(u->job.image, &len);
		u->n_without += unwind_files_of_maps(maps, len, make_one, u);
	} else if (u->job.maps) {
		u->n_without += unwind_files_of_maps(u->job.maps, strlen(u->job.maps), make_opened, u);
	} else {
		make_program(u, u->job.program);
	}
	u->took_ns = clock_now_ns() - start_ns;
	pthread_mutex_lock(&u->lock);
	u->ended = true;
	pthread_mutex_unlock(&u->lock);
	eventfd_write(u->done_fd, 1);
	return NULL;
}

/* ---- the loop ---- */

/* Signals are the main thread's. */
static int start_thread(struct unwinding *u)
{
	sigset_t all, before;
	int r;

	u->n_made = u->n_kept = u->n_without = 0;
	u->n_rows = 0;
	u->ended = false;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&u->thread, NULL, make_all, u);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static bool take_job(struct unwinding *u)
{
	if (u->image_is_due) {
		u->image_is_due = false;
		u->job = (struct job){.image = image_ref(u->image)};
		return true;
	}
	/* Not before: what a taker wants first is the workers' tables, and those of a program can take seconds. */
	for (size_t i = 0; i < u->n_programs && u->has_taker; i++)
		if (u->program_is_due[i]) {
			u->program_is_due[i] = false;
			u->job = (struct job){.program = u->programs[i]};
			return true;
		}
	if (u->n_maps) {
		u->job = (struct job){.maps = u->maps[0]};
		memmove(u->maps, u->maps + 1, --u->n_maps * sizeof(*u->maps));
		return true;
	}
	return false;
}

static void drop_job(struct unwinding *u)
{
	image_unref(TAKE_PTR(u->job.image));
	free(TAKE_PTR(u->job.maps));
}

static void begin(struct unwinding *u)
{
	int r;

	if (u->runs || u->is_being_taken)
		return;
	if (u->again) {
		u->again = false;
		u->n_known = u->n_tables = u->n_table_bytes = 0;
		u->image_is_due = u->image != NULL;
		for (size_t i = 0; i < u->n_programs; i++)
			u->program_is_due[i] = true;
	}
	if (!take_job(u))
		return;
	r = start_thread(u);
	u->runs = r >= 0;
	if (r < 0) {
		log_warn(TARGET, "no thread for the unwind tables: %s", strerror(-r));
		drop_job(u);
	}
}

static void end_job(struct unwinding *u)
{
	bool was_image = u->job.image != NULL;

	pthread_join(u->thread, NULL);
	u->runs = false;
	log_write(u->job.maps && !u->n_made ? LOG_DEBUG : LOG_INFO, TARGET,
		"unwind tables of %s: %zu files, %zu kept from before, %zu without, %llu rows, in %llu ms",
		was_image ? "the workers" : u->job.program ?: "what was opened at run time", u->n_made, u->n_kept, u->n_without, (unsigned long long)u->n_rows,
		(unsigned long long)(u->took_ns / NS_PER_MS));
	drop_job(u);
	begin(u);
	if (was_image && !unwinding_is_due(u))
		u->ready(u->arg);
}

/* Hands on the next table, or ends the job behind its last. */
static void deliver(struct unwinding *u)
{
	struct made next = {-1, -1};
	bool ended, found;

	if (!u->runs || u->is_being_taken)
		return;
	pthread_mutex_lock(&u->lock);
	found = u->n_queued;
	ended = u->ended;
	if (found) {
		next = u->queue[0];
		memmove(u->queue, u->queue + 1, --u->n_queued * sizeof(u->queue[0]));
		pthread_cond_signal(&u->room);
	}
	pthread_mutex_unlock(&u->lock);
	if (found) {
		u->is_being_taken = true;
		u->made(u->arg, ++u->n_images, &next.table_fd, &next.image_fd);
		fd_close(next.table_fd);
		fd_close(next.image_fd);
	} else if (ended) {
		end_job(u);
	}
}

static void on_done(void *arg, uint32_t events)
{
	struct unwinding *u = arg;
	eventfd_t n;

	(void)events;
	eventfd_read(u->done_fd, &n);
	deliver(u);
}

int unwinding_new(struct loop *loop, const char *folder, unwinding_made_fn made, unwinding_ready_fn ready, void *arg,
	struct unwinding **ret)
{
	struct unwinding *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->room, NULL);
	u->loop = loop;
	u->made = made;
	u->ready = ready;
	u->arg = arg;
	u->folder = folder ? strdup(folder) : NULL;
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
	pthread_mutex_lock(&u->lock);
	u->give_up = true;
	pthread_cond_signal(&u->room);
	pthread_mutex_unlock(&u->lock);
	if (u->runs)
		pthread_join(u->thread, NULL);
	for (size_t i = 0; i < u->n_queued; i++) {
		fd_close(u->queue[i].table_fd);
		fd_close(u->queue[i].image_fd);
	}
	for (size_t i = 0; i < u->n_programs; i++)
		free(u->programs[i]);
	for (size_t i = 0; i < u->n_maps; i++)
		free(u->maps[i]);
	drop_job(u);
	image_unref(u->image);
	loop_source_free(u->watch);
	fd_close(u->done_fd);
	pthread_cond_destroy(&u->room);
	pthread_mutex_destroy(&u->lock);
	free(u->known);
	free(u->folder);
	free(u);
}

void unwinding_add_image(struct unwinding *u, struct image *image)
{
	image_unref(u->image);
	u->image = image_ref(image);
	u->image_is_due = true;
	begin(u);
}

void unwinding_add_program(struct unwinding *u, const char *path)
{
	for (size_t i = 0; i < u->n_programs; i++)
		if (strcmp(u->programs[i], path) == 0)
			return;
	if (u->n_programs == PROGRAMS_MAX || !(u->programs[u->n_programs] = strdup(path)))
		return;
	u->program_is_due[u->n_programs++] = true;
	begin(u);
}

/* The text of /proc/PID/maps, NULL when it cannot be read; the caller's. */
static char *read_maps(int pid)
{
	_cleanup_strbuf_ struct strbuf maps = {0};
	char path[32], chunk[4096];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && maps.len < MAPS_MAX_BYTES && (n = read(fd, chunk, sizeof(chunk))) > 0)
		strbuf_append(&maps, chunk, (size_t)n);
	return maps.len && !maps.failed ? TAKE_PTR(maps.data) : NULL;
}

void unwinding_add_process(struct unwinding *u, int pid)
{
	if (u->n_maps == PROCESSES_MAX || !(u->maps[u->n_maps] = read_maps(pid)))
		return;
	u->n_maps++;
	begin(u);
}

void unwinding_again(struct unwinding *u)
{
	u->again = u->has_taker = true;
	begin(u);
}

void unwinding_taken(struct unwinding *u)
{
	u->is_being_taken = false;
	if (u->runs)
		eventfd_write(u->done_fd, 1); /* the next one from the loop, not from within */
}

bool unwinding_is_due(const struct unwinding *u)
{
	return u->image_is_due || (u->again && u->image) || (u->runs && u->job.image);
}
