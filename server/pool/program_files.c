/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of files, and a symbolizer for each file that was asked about. Numbers are given in turn from 1, and anew when an
 * analyzer is started again, so several may stand for one file. */
#include "server/pool/program_files.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NUMBERS_MAX 16384u

struct program_file {
	char *path;
	dev_t device;
	ino_t inode;
	struct timespec changed;
	uint64_t size;
	struct symbolizer *names; /* the assembler's; made when first asked for */
	bool has_no_names;
	struct program_file *next;
};

struct program_files {
	pthread_mutex_t lock; /* of what follows; a file stays where it is */
	struct program_file *files;
	struct program_file **by_number;
	size_t n_numbers;
};

int program_files_new(struct program_files **ret)
{
	struct program_files *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	pthread_mutex_init(&f->lock, NULL);
	*ret = f;
	return 0;
}

void program_files_free(struct program_files *f)
{
	if (!f)
		return;
	while (f->files) {
		struct program_file *file = f->files;

		f->files = file->next;
		symbolizer_free(file->names);
		free(file->path);
		free(file);
	}
	free(f->by_number);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static struct program_file *find_file(const struct program_files *f, const struct stat *st)
{
	struct program_file *file = f->files;

	while (file && (file->device != st->st_dev || file->inode != st->st_ino ||
			       file->changed.tv_sec != st->st_ctim.tv_sec || file->changed.tv_nsec != st->st_ctim.tv_nsec))
		file = file->next;
	return file;
}

static struct program_file *new_file(int fd, const struct stat *st)
{
	char link[32], path[PATH_MAX];
	struct program_file *file;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return NULL;
	path[n] = '\0';
	file = calloc(1, sizeof(*file));
	if (!file || !(file->path = strdup(path))) {
		free(file);
		return NULL;
	}
	file->device = st->st_dev;
	file->inode = st->st_ino;
	file->changed = st->st_ctim;
	file->size = (uint64_t)st->st_size;
	return file;
}

static bool has_room(struct program_files *f, uint64_t number)
{
	size_t n = f->n_numbers ? f->n_numbers : 64;
	struct program_file **grown;

	while (n <= number)
		n *= 2;
	if (n == f->n_numbers)
		return true;
	grown = reallocarray(f->by_number, n, sizeof(*grown));
	if (!grown)
		return false;
	memset(grown + f->n_numbers, 0, (n - f->n_numbers) * sizeof(*grown));
	f->by_number = grown;
	f->n_numbers = n;
	return true;
}

void program_files_add(struct program_files *f, uint64_t number, int image_fd)
{
	struct program_file *file;
	struct stat st;

	if (number >= NUMBERS_MAX || fstat(image_fd, &st) < 0)
		return;
	pthread_mutex_lock(&f->lock);
	file = find_file(f, &st);
	if (!file && (file = new_file(image_fd, &st))) {
		file->next = f->files;
		f->files = file;
	}
	if (file && has_room(f, number))
		f->by_number[number] = file;
	pthread_mutex_unlock(&f->lock);
}

/* Another file may lie at that path by now, with the same number even; its names would be lies. */
static bool is_there_still(const struct program_file *file)
{
	struct stat st;

	return stat(file->path, &st) == 0 && file->device == st.st_dev && file->inode == st.st_ino &&
	       file->changed.tv_sec == st.st_ctim.tv_sec && file->changed.tv_nsec == st.st_ctim.tv_nsec;
}

bool program_files_lookup(struct program_files *f, uint64_t number, uint64_t offset, bool is_return_address,
	struct symbol *ret)
{
	struct program_file *file;

	pthread_mutex_lock(&f->lock);
	file = number < f->n_numbers ? f->by_number[number] : NULL;
	pthread_mutex_unlock(&f->lock);
	if (!file)
		return false;
	if (!file->names && !file->has_no_names)
		file->has_no_names = !is_there_still(file) ||
				     symbolizer_new_of_file(file->path, file->inode, file->size, &file->names) < 0;
	if (file->has_no_names)
		return false;
	*ret = symbolizer_lookup(file->names, offset, is_return_address);
	return true;
}
