/* SPDX-License-Identifier: Apache-2.0 */
/* Files with code, their tables and their names. The thread that uses the analyzer. */
#include "bpf/library/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "bpf/unwind_cache.h"
#include "bpf/unwind_closure.h"
#include "bpf/unwind_files.h"
#include "bpf/unwind_tables.h"

#define VDSO "[vdso]"

void library_files_done(struct library_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		symbolizer_free(f->files[i].names);
		free(f->files[i].path);
	}
	free(f->files);
	free(f->cache_dir);
	*f = (struct library_files){0};
}

uint64_t library_files_number(const struct library_files *f, const char *path, ino_t inode)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->files[i].inode == inode && strcmp(f->files[i].path, path) == 0)
			return i + 1;
	return 0;
}

const struct library_file *library_files_get(const struct library_files *f, uint64_t number)
{
	return number && number <= f->n ? &f->files[number - 1] : NULL;
}

/* Its number, or -ENOMEM. */
static int add(struct library_files *f, const char *path, const struct stat *st)
{
	struct library_file *files = reallocarray(f->files, f->n + 1, sizeof(*files));
	char *copy = strdup(path);

	if (files)
		f->files = files;
	if (!files || !copy) {
		free(copy);
		return -ENOMEM;
	}
	files[f->n++] = (struct library_file){
		.path = copy,
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
	};
	return (int)f->n;
}

int library_files_bring(struct library_files *f, const char *path, int fd)
{
	bool was_kept, is_vdso = strcmp(path, VDSO) == 0;
	struct unwind_table_head head;
	_cleanup_fd_ int table_fd = -1;
	struct stat st;
	int number;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (is_vdso)
		st.st_dev = st.st_ino = 0; /* fd is a copy of it */
	number = (int)library_files_number(f, path, st.st_ino) ?: add(f, path, &st);
	if (number < 0 || sessions_has_table(f->sessions, is_vdso ? -1 : fd))
		return number;
	if (unwind_cache_get(f->cache_dir, fd, &head, &was_kept, &table_fd) >= 0)
		sessions_load_table(f->sessions, (uint64_t)number, table_fd, is_vdso ? -1 : fd);
	return number;
}

static void bring(void *arg, const char *path, int fd)
{
	library_files_bring(arg, path, fd);
}

void library_files_bring_mapped(struct library_files *f, const char *maps, size_t len)
{
	unwind_files_of_maps(maps, len, bring, f);
}

/* "#!/bin/sh -e": the program that runs a script. False when it is none. */
static bool find_interpreter(const char *script, char *path, size_t size)
{
	_cleanup_fd_ int fd = open(script, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char line[256];
	ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;
	char *start, *save;

	if (n < 2 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = 0;
	start = strtok_r(line + 2, " \t\n", &save);
	if (!start || strlen(start) >= size)
		return false;
	strcpy(path, start);
	return true;
}

/* It is mapped into every program. */
static void bring_vdso(struct library_files *f)
{
	_cleanup_fd_ int fd = unwind_open_vdso();

	if (fd >= 0)
		library_files_bring(f, VDSO, fd);
}

void library_files_bring_program(struct library_files *f, const char *path)
{
	struct unwind_closure closure = {0};
	char interpreter[256];
	int r = unwind_closure_find(path, &closure);

	if (r == -ENOEXEC && find_interpreter(path, interpreter, sizeof(interpreter)))
		r = unwind_closure_find(interpreter, &closure);
	for (size_t i = 0; r >= 0 && i < closure.n; i++) {
		_cleanup_fd_ int fd = open(closure.paths[i], O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (fd >= 0)
			library_files_bring(f, closure.paths[i], fd);
	}
	unwind_closure_done(&closure);
	bring_vdso(f);
}

int library_files_name(struct library_files *f, uint64_t number, uint64_t offset, bool is_return_address,
	struct symbol *ret)
{
	struct library_file *file = &f->files[number - 1];
	int r = file->names ? 0 : symbolizer_new_of_file(file->path, file->inode, file->size, &file->names);

	if (r >= 0)
		*ret = symbolizer_lookup(file->names, offset, is_return_address);
	return r;
}
