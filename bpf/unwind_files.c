/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of /proc/PID/maps to open files. */
#include "bpf/unwind_files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "bpf/unwind_tables.h"

#define DELETED " (deleted)"

struct line {
	uint64_t start, inode;
	bool executable;
	const char *path; /* in the line's text */
};

/* "start-end perms offset dev inode   path" */
static bool parse_line(const char *text, struct line *ret)
{
	char permissions[8];
	int at = 0;

	if (sscanf(text, "%" SCNx64 "-%*x %7s %*x %*x:%*x %" SCNu64 " %n", &ret->start, permissions, &ret->inode, &at) < 3 ||
	    !at)
		return false;
	ret->executable = strchr(permissions, 'x') != NULL;
	ret->path = text + at;
	return true;
}

/* Another file may lie at that path by now; its table would be a lie. */
static int open_file(const struct line *line)
{
	size_t len = strlen(line->path);
	struct stat st;

	if (strcmp(line->path, "[vdso]") == 0)
		return unwind_open_vdso();
	if (line->path[0] != '/' || (len > strlen(DELETED) && strcmp(line->path + len - strlen(DELETED), DELETED) == 0))
		return -1;
	_cleanup_fd_ int fd = open(line->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_ino != line->inode)
		return -1;
	return TAKE_FD(fd);
}

static bool is_of_file(const struct line *line)
{
	return line->executable && !(line->start >> 63) /* [vsyscall] is the kernel's */ &&
	       (line->path[0] == '/' || strcmp(line->path, "[vdso]") == 0) && strncmp(line->path, "//anon", 6) != 0;
}

size_t unwind_files_of_maps(const char *maps, size_t len, unwind_file_fn fn, void *arg)
{
	_cleanup_free_ char *text = strndup(maps, len);
	char *save = NULL, *last = NULL;
	size_t n_without = 0;

	for (char *at = text ? strtok_r(text, "\n", &save) : NULL; at; at = strtok_r(NULL, "\n", &save)) {
		struct line line;
		_cleanup_fd_ int fd = -1;
		if (!parse_line(at, &line) || !is_of_file(&line) || (last && strcmp(last, line.path) == 0))
			continue;
		last = (char *)line.path;
		fd = open_file(&line);
		if (fd >= 0)
			fn(arg, line.path, fd);
		else
			n_without++;
	}
	return n_without;
}
