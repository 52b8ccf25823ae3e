/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of unwind tables. A file is written under a name of its own and then renamed, so that whoever opens it by
 * its key finds all of it; it is believed only when it is whole and sound, and only if it is our own. */
#include "bpf/unwind_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SUFFIX          ".unwind"
#define HALF_WRITTEN    ".new-"
#define NAME_MAX_BYTES  (UNWIND_KEY_MAX + sizeof(SUFFIX))
#define STALE_S         3600 /* nobody writes for an hour */
#define TABLE_MAX_BYTES (sizeof(struct unwind_table_head) + UNWIND_CELLS_MAX * sizeof(union unwind_cell))

static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Copies all that is left of a file to another. */
static int copy(int from, int to, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = sendfile(to, from, NULL, size - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	return 0;
}

/* A copy that nobody changes any more is what is checked and used. */
static int read_kept(int dir_fd, const char *name, const char *key, struct unwind_table_head *ret_head, int *ret_fd)
{
	_cleanup_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), memfd = -1;
	const struct timespec used[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
	struct unwind_table table;
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH) ||
	    st.st_size > (off_t)TABLE_MAX_BYTES)
		return -EPERM;
	memfd = memfd_create("spvscope-unwind", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	r = memfd < 0 ? -errno : copy(fd, memfd, (size_t)st.st_size);
	if (r < 0)
		return r;
	if (fcntl(memfd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	r = unwind_table_open(memfd, &table);
	if (r < 0)
		return r;
	*ret_head = *table.head;
	unwind_table_close(&table);
	if (memcmp(ret_head->key, key, UNWIND_KEY_MAX) != 0)
		return -EINVAL;
	futimens(fd, used);
	*ret_fd = TAKE_FD(memfd);
	return 0;
}

static void keep(int dir_fd, const char *name, int table_fd)
{
	char half[64];
	struct timespec now;
	struct stat st;
	int fd;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(half, sizeof(half), HALF_WRITTEN "%d-%lx%09lx", (int)gettid(), (long)now.tv_sec, now.tv_nsec);
	fd = openat(dir_fd, half, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (fstat(table_fd, &st) < 0 || lseek(table_fd, 0, SEEK_SET) < 0 || copy(table_fd, fd, (size_t)st.st_size) < 0 ||
	    renameat(dir_fd, half, dir_fd, name) < 0)
		unlinkat(dir_fd, half, 0);
	fd_close(fd);
}

int unwind_cache_get(const char *dir, int image_fd, struct unwind_table_head *ret_head, bool *ret_was_kept, int *ret_fd)
{
	_cleanup_fd_ int dir_fd = dir ? open_dir(dir) : -1;
	char key[UNWIND_KEY_MAX], name[NAME_MAX_BYTES];
	struct stat before, after;
	int r = fstat(image_fd, &before) < 0 ? -errno : unwind_table_key(image_fd, key);

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%s" SUFFIX, key);
	*ret_was_kept = dir_fd >= 0 && read_kept(dir_fd, name, key, ret_head, ret_fd) >= 0;
	if (*ret_was_kept)
		return 0;
	r = unwind_table_make(image_fd, key, ret_head, ret_fd);
	/* Of a file that is being written it is a table of something that never was, and its key may be the one before. */
	if (fstat(image_fd, &after) < 0 || before.st_ctim.tv_sec != after.st_ctim.tv_sec ||
	    before.st_ctim.tv_nsec != after.st_ctim.tv_nsec || before.st_size != after.st_size) {
		if (r >= 0)
			fd_close(*ret_fd);
		return -EAGAIN;
	}
	if (r >= 0 && dir_fd >= 0)
		keep(dir_fd, name, *ret_fd);
	return r;
}

/* ---- tidying ---- */

struct kept {
	char name[NAME_MAX_BYTES];
	struct timespec used;
	size_t size;
};

struct listing {
	struct kept *files; /* owned */
	size_t n, capacity;
};

static int compare_used(const void *a, const void *b)
{
	const struct timespec *x = &((const struct kept *)a)->used, *y = &((const struct kept *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	return x->tv_nsec < y->tv_nsec ? 1 : x->tv_nsec > y->tv_nsec ? -1 : 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), n_end = strlen(end);
	return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

static int list_file(struct listing *l, const char *name, const struct stat *st)
{
	size_t len = strlen(name);

	if (len >= NAME_MAX_BYTES)
		return 0; /* none of ours */
	if (l->n == l->capacity) {
		size_t capacity = l->capacity ? 2 * l->capacity : 64;
		struct kept *files = reallocarray(l->files, capacity, sizeof(*files));
		if (!files)
			return -ENOMEM;
		l->files = files;
		l->capacity = capacity;
	}
	l->files[l->n] = (struct kept){.used = st->st_mtim, .size = (size_t)st->st_size};
	memcpy(l->files[l->n++].name, name, len + 1);
	return 0;
}

static int list(DIR *dir, struct listing *l)
{
	time_t now = time(NULL);
	struct dirent *entry;
	struct stat st;
	int r = 0;

	while (r >= 0 && (entry = readdir(dir))) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (strncmp(entry->d_name, HALF_WRITTEN, strlen(HALF_WRITTEN)) == 0 && st.st_mtime < now - STALE_S)
			unlinkat(dirfd(dir), entry->d_name, 0);
		else if (ends_with(entry->d_name, SUFFIX))
			r = list_file(l, entry->d_name, &st);
	}
	return r;
}

int unwind_cache_tidy(const char *dir, size_t max_bytes)
{
	struct listing l = {0};
	size_t total = 0;
	DIR *d;
	int r;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	d = opendir(dir);
	if (!d)
		return -errno;
	r = list(d, &l);
	if (r >= 0 && l.n)
		qsort(l.files, l.n, sizeof(*l.files), compare_used);
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		total += l.files[i].size;
		if (total > max_bytes)
			unlinkat(dirfd(d), l.files[i].name, 0);
	}
	free(l.files);
	closedir(d);
	return r;
}
