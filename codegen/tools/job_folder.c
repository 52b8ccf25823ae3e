/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of jobs on disk. The root is made and swept by the template, which has one thread; the rest runs in tool hosts. */
#include "codegen/tools/job_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAX_OUTPUT_BYTES (256ll << 20)

/* Empties the folder that fd is of, and closes it. Follows no link. Depth is that of names, which have a limit. */
static void empty_and_close(int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		close(fd);
		return;
	}
	while ((e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), e->d_name, 0) == 0 || (errno != EISDIR && errno != EPERM))
			continue;
		int child = openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0)
			empty_and_close(child);
		unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

static void remove_tree(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		empty_and_close(fd);
	rmdir(path);
}

/* ---- the template's ---- */

static char root[PATH_MAX];

static const char *parent_of_roots(void)
{
	const char *tmp = getenv("TMPDIR");

	return tmp && tmp[0] == '/' ? tmp : "/tmp";
}

/* Of this user, and named after a process that is gone. */
static void sweep(const char *parent)
{
	_cleanup_free_ char *prefix = NULL;
	DIR *dir = opendir(parent);
	struct dirent *e;

	if (!dir)
		return;
	if (asprintf(&prefix, JOB_FOLDERS_PREFIX "%u-", (unsigned)getuid()) < 0)
		prefix = NULL;
	while (prefix && (e = readdir(dir))) {
		char path[PATH_MAX];
		struct stat st;

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		pid_t pid = (pid_t)strtol(e->d_name + strlen(prefix), NULL, 10);
		if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", parent, e->d_name) < (int)sizeof(path) &&
			lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid())
			remove_tree(path);
	}
	closedir(dir);
}

int job_folders_root(const char **ret)
{
	const char *parent = parent_of_roots();

	if (!root[0]) {
		char path[PATH_MAX];

		sweep(parent);
		if (snprintf(path, sizeof(path), "%s/" JOB_FOLDERS_PREFIX "%u-%d-XXXXXX", parent, (unsigned)getuid(), getpid()) >=
			(int)sizeof(path))
			return -ENAMETOOLONG;
		if (!mkdtemp(path))
			return -errno;
		/* Without links, for rules are about what a path leads to and messages show it. */
		if (!realpath(path, root))
			return -errno;
	}
	*ret = root;
	return 0;
}

void job_folders_remove_root(void)
{
	if (root[0])
		remove_tree(root);
	root[0] = '\0';
}

void job_folders_remove(const char *from, unsigned long long worker_id)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%llu", from, worker_id) < (int)sizeof(path))
		remove_tree(path);
}

/* ---- a host's ---- */

int job_folder_make(struct job_folder *f, const char *from, unsigned long long worker_id)
{
	f->fd = -1;
	if (snprintf(f->path, sizeof(f->path), "%s/%llu", from, worker_id) >= (int)sizeof(f->path))
		return -ENAMETOOLONG;
	if (mkdir(f->path, 0700) < 0)
		return -errno;
	f->fd = open(f->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return f->fd < 0 ? -errno : 0;
}

/* Relative, of plain parts only: then nothing that is made can lie elsewhere, for the folder begins empty. */
static bool name_stays_inside(const char *name)
{
	if (name[0] == '\0' || name[0] == '/' || strlen(name) >= PATH_MAX)
		return false;
	for (const char *at = name; *at;) {
		size_t len = strcspn(at, "/");

		if (len == 0 || len > NAME_MAX || strncmp(at, "..", len > 2 ? len : 2) == 0 ||
			strncmp(at, ".", len > 1 ? len : 1) == 0)
			return false;
		at += len;
		if (*at == '/' && *++at == '\0')
			return false;
	}
	return true;
}

static int make_folders(const struct job_folder *f, const char *name)
{
	char path[PATH_MAX];

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(path, name, (size_t)(slash - name));
		path[slash - name] = '\0';
		if (mkdirat(f->fd, path, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int write_file(const struct job_folder *f, const char *name, const void *data, size_t size)
{
	if (!name_stays_inside(name))
		return -EINVAL;
	int r = make_folders(f, name);
	if (r < 0)
		return r;
	_cleanup_fd_ int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int job_folder_fill(const struct job_folder *f, const struct host_request *q)
{
	int r = 0;

	for (size_t i = 0; i < q->n_files && r == 0; i++)
		r = write_file(f, q->files[i].name, q->files[i].data, q->files[i].size);
	for (size_t i = 0; i < q->n_outputs && r == 0; i++)
		r = write_file(f, q->outputs[i], NULL, 0);
	return r;
}

int job_folder_read(const struct job_folder *f, const char *name, char **ret, size_t *ret_size)
{
	_cleanup_fd_ int fd = openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	size_t done = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > MAX_OUTPUT_BYTES)
		return -EFBIG;
	_cleanup_free_ char *data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	while (done < (size_t)st.st_size) {
		ssize_t n = read(fd, data + done, (size_t)st.st_size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	data[done] = '\0';
	*ret = TAKE_PTR(data);
	*ret_size = done;
	return 0;
}

void job_folder_empty(const struct job_folder *f)
{
	int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		empty_and_close(fd);
}

void job_folder_remove(struct job_folder *f)
{
	if (f->fd < 0)
		return;
	job_folder_empty(f);
	f->fd = fd_close(f->fd);
	rmdir(f->path);
}
