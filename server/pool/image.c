/* SPDX-License-Identifier: Apache-2.0 */
/* Memory maps of worker templates and their symbolizers. Created on the loop's thread, used on the assembler's.
 *
 * A front that has changed user may not be able to open the worker's program by its path. It was opened before that
 * (spawn_remember), so in the copy of the map that the symbolizer gets, the path is replaced by /proc/self/fd/N. What
 * the symbolizer then calls "N" is given its own name back. */
#include "server/pool/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "server/child.h"

#define IMAGE_MAPS_MAX_BYTES (1 << 20) /* some 10,000 mappings */

struct image {
	atomic_uint n_refs;
	struct symbolizer *symbolizer;
	bool has_no_symbolizer;
	struct strbuf maps;      /* text, as the symbolizer gets it */
	char alias[16];          /* "N"; empty when nothing was replaced */
	size_t alias_len;
	const char *real_name;   /* base name of the program that it stands for; lives for ever */
	char repaired[256];
};

static bool is_readable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_PATH);
}

/* A program of ours that is out of reach by its path and open all the same. */
static const char *find_unreachable(int *ret_fd)
{
	const char *path;

	for (size_t i = 0; (path = spawn_remembered(i, ret_fd)); i++)
		if (access(path, R_OK) < 0 && is_readable(*ret_fd) && strstr(path, "worker"))
			return path;
	return NULL;
}

/* Lines end with the path, where there is one. */
static void replace_path(struct image *i, const char *maps, const char *path, int fd)
{
	size_t path_len = strlen(path);
	const char *slash = strrchr(path, '/');

	for (const char *line = maps; *line;) {
		const char *end = strchrnul(line, '\n');
		const char *found = memmem(line, (size_t)(end - line), path, path_len);

		if (found && found + path_len == end)
			strbuf_printf(&i->maps, "%.*s/proc/self/fd/%d\n", (int)(found - line), line, fd);
		else
			strbuf_printf(&i->maps, "%.*s\n", (int)(end - line), line);
		line = *end ? end + 1 : end;
	}
	i->alias_len = (size_t)snprintf(i->alias, sizeof(i->alias), "%d", fd);
	i->real_name = slash ? slash + 1 : path;
}

int image_new(int maps_fd, struct image **ret)
{
	_cleanup_free_ char *maps = NULL;
	const char *unreachable;
	struct image *i;
	struct stat st;
	ssize_t n;
	int fd;

	if (fstat(maps_fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size > IMAGE_MAPS_MAX_BYTES)
		return -EBADMSG;
	maps = calloc(1, (size_t)st.st_size + 1);
	i = calloc(1, sizeof(*i));
	n = maps ? pread(maps_fd, maps, (size_t)st.st_size, 0) : -1;
	if (!i || n <= 0) {
		free(i);
		return maps && n <= 0 ? -EBADMSG : -ENOMEM;
	}
	atomic_init(&i->n_refs, 1);
	unreachable = find_unreachable(&fd);
	if (unreachable)
		replace_path(i, maps, unreachable, fd);
	else
		strbuf_puts(&i->maps, maps);
	if (i->maps.failed) {
		image_unref(i);
		return -ENOMEM;
	}
	*ret = i;
	return 0;
}

struct image *image_ref(struct image *i)
{
	if (i)
		atomic_fetch_add_explicit(&i->n_refs, 1, memory_order_relaxed);
	return i;
}

void image_unref(struct image *i)
{
	/* acquire and release: what the last user wrote is seen by the one who frees */
	if (!i || atomic_fetch_sub_explicit(&i->n_refs, 1, memory_order_acq_rel) != 1)
		return;
	symbolizer_free(i->symbolizer);
	strbuf_done(&i->maps);
	free(i);
}

const char *image_maps(const struct image *i, size_t *ret_len)
{
	*ret_len = i->maps.len;
	return i->maps.data;
}

bool image_lookup(struct image *i, uint64_t address, bool is_return_address, struct symbol *ret)
{
	if (!i->symbolizer && !i->has_no_symbolizer)
		i->has_no_symbolizer = symbolizer_new(i->maps.data, i->maps.len, &i->symbolizer) < 0;
	if (i->has_no_symbolizer)
		return false;
	*ret = symbolizer_lookup(i->symbolizer, address, is_return_address);
	if (!i->alias_len || strcmp(ret->module, i->alias) != 0)
		return true;
	ret->module = i->real_name;
	/* "N+0x1234" where there is no symbol */
	if (strncmp(ret->name, i->alias, i->alias_len) == 0 && ret->name[i->alias_len] == '+') {
		snprintf(i->repaired, sizeof(i->repaired), "%s%s", i->real_name, ret->name + i->alias_len);
		ret->name = i->repaired;
	}
	return true;
}
