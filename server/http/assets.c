/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the viewer's files at start. */
#include "server/http/assets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAX_TOTAL_BYTES (64u << 20)

/* Files of other kinds (source maps, notes of the bundler) are not served. */
static const struct {
	const char *ending, *content_type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".ico", "image/x-icon" },
	{ ".woff2", "font/woff2" },
	{ ".json", "application/json" },
	{ ".txt", "text/plain; charset=utf-8" },
};

static const char *content_type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(types); i++)
		if (strcmp(dot, types[i].ending) == 0)
			return types[i].content_type;
	return NULL;
}

/* FNV-1a: tells versions of a file apart, nothing more. */
static uint64_t hash(const char *data, size_t size)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)data[i]) * 0x100000001b3ull;
	return h;
}

static int read_file(int dir_fd, const char *name, char **ret, size_t *ret_size)
{
	_cleanup_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	struct stat st;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	if (st.st_size > MAX_TOTAL_BYTES)
		return -EFBIG;
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, data + n, (size_t)st.st_size - n);

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*ret = TAKE_PTR(data);
	*ret_size = n;
	return 0;
}

static int add(struct assets *a, int dir_fd, const char *prefix, const char *name, size_t *total)
{
	struct asset asset = { .content_type = content_type_of(name) };
	int r;

	if (!asset.content_type || name[0] == '.')
		return 0;
	r = read_file(dir_fd, name, &asset.data, &asset.size);
	if (r < 0)
		return r == -EISDIR ? 0 : r;
	*total += asset.size;
	struct asset *grown = *total <= MAX_TOTAL_BYTES ? reallocarray(a->items, a->n + 1, sizeof *grown) : NULL;
	if (grown)
		a->items = grown;
	if (!grown || asprintf(&asset.name, "%s%s", prefix, name) < 0) {
		free(asset.data);
		return *total > MAX_TOTAL_BYTES ? -EFBIG : -ENOMEM;
	}
	snprintf(asset.etag, sizeof asset.etag, "\"%016llx\"", (unsigned long long)hash(asset.data, asset.size));
	a->items[a->n++] = asset;
	return 0;
}

static int load_dir(struct assets *a, const char *path, const char *prefix, size_t *total)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (r >= 0 && (entry = readdir(dir)))
		r = add(a, dirfd(dir), prefix, entry->d_name, total);
	closedir(dir);
	return r;
}

int assets_load(struct assets *a, const char *root)
{
	_cleanup_free_ char *sub = NULL;
	size_t total = 0;
	int r = load_dir(a, root, "", &total);

	if (r < 0)
		return r;
	if (asprintf(&sub, "%s/assets", root) < 0) {
		sub = NULL;
		return -ENOMEM;
	}
	return load_dir(a, sub, "assets/", &total);
}

void assets_done(struct assets *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->items[i].name);
		free(a->items[i].data);
	}
	free(a->items);
	*a = (struct assets){ 0 };
}

const struct asset *assets_find(const struct assets *a, const char *name)
{
	if (!name[0])
		name = "index.html";
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i].name, name) == 0)
			return &a->items[i];
	return NULL;
}
