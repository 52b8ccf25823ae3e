/* SPDX-License-Identifier: Apache-2.0 */
/* What processes have mapped, and names by it. Records come in the order of time, so that the newest mapping that an
 * address lies in is the one that it was sampled in. The thread that uses the analyzer. */
#include "bpf/library/names.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FIRST_BYTES 16384u

static int read_maps(uint32_t pid, char **ret, size_t *ret_len)
{
	char path[64];
	_cleanup_free_ char *text = NULL;
	size_t len = 0, capacity = 0;
	_cleanup_fd_ int fd = -1;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	for (;;) {
		if (len + 1 >= capacity) {
			char *larger = realloc(text, capacity = capacity ? capacity * 2 : FIRST_BYTES);
			if (!larger)
				return -ENOMEM;
			text = larger;
		}
		ssize_t n = read(fd, text + len, capacity - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (!len)
		return -ESRCH; /* a process that is ending has nothing mapped */
	text[len] = 0;
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

/* The number of the file that is mapped from that address on; 0 when the text does not say, or it is not known. */
static uint64_t find_file(const struct library_files *files, const char *maps, uint64_t address)
{
	for (const char *line = maps; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		uint64_t start, inode;
		char path[4096];
		if (sscanf(line, "%" SCNx64 "-%*x %*s %*x %*x:%*x %" SCNu64 " %4095[^\n]", &start, &inode, path) == 3 &&
		    start == address)
			return library_files_number(files, path, inode);
	}
	return 0;
}

/* A file that there is no table for: the process says which it is. */
static uint64_t bring_file(struct names *n, uint32_t pid, uint64_t start)
{
	_cleanup_free_ char *maps = NULL;
	size_t len;

	if (read_maps(pid, &maps, &len) < 0)
		return 0;
	library_files_bring_mapped(n->files, maps, len);
	return find_file(n->files, maps, start);
}

int names_bring_mapped(struct names *n, uint32_t pid)
{
	_cleanup_free_ char *maps = NULL;
	size_t len;
	int r = read_maps(pid, &maps, &len);

	if (r >= 0)
		library_files_bring_mapped(n->files, maps, len);
	return r;
}

static struct names_process *process_of(struct names *n, uint32_t pid)
{
	struct names_process *processes;

	for (size_t i = 0; i < n->n; i++)
		if (n->processes[i].pid == pid)
			return &n->processes[i];
	processes = reallocarray(n->processes, n->n + 1, sizeof(*processes));
	if (!processes)
		return NULL;
	n->processes = processes;
	processes[n->n] = (struct names_process){.pid = pid};
	return &processes[n->n++];
}

/* Takes away one that is told again, which is then the newest; its file is not looked for again. */
static bool is_told_again(struct names_process *p, const struct analyzer_mapping *record, struct names_mapping *ret)
{
	for (size_t i = p->n; i-- > 0;) {
		struct names_mapping *m = &p->mappings[i];
		if (m->start != record->start || m->end != record->end || m->file_offset != record->file_offset ||
		    (record->image && m->file != record->image) || strcmp(m->name, record->name) != 0)
			continue;
		*ret = *m;
		memmove(m, m + 1, (--p->n - i) * sizeof(*m));
		return true;
	}
	return false;
}

int names_take(struct names *n, const struct analyzer_mapping *record)
{
	struct names_process *p = process_of(n, record->pid);
	struct names_mapping *mappings, m = {0};

	if (!p)
		return -ENOMEM;
	mappings = reallocarray(p->mappings, p->n + 1, sizeof(*mappings));
	if (!mappings)
		return -ENOMEM;
	p->mappings = mappings;
	if (!is_told_again(p, record, &m)) {
		m = (struct names_mapping){
			.start = record->start,
			.end = record->end,
			.file_offset = record->file_offset,
			.file = record->image,
			.name = strndup(record->name, sizeof(record->name)),
		};
		if (!m.name)
			return -ENOMEM;
		if (!m.file && *m.name)
			m.file = bring_file(n, record->pid, record->start);
	}
	mappings[p->n++] = m;
	return 0;
}

static int name_in(struct names *n, const struct names_mapping *m, uint64_t address, bool is_return_address,
	struct symbol *ret)
{
	const struct library_file *file = library_files_get(n->files, m->file);
	uint64_t offset = address - m->start + m->file_offset;

	if (file && strcmp(file->path, "[vdso]") == 0)
		offset = address - m->start; /* it has no file that it could lie in the middle of */
	if (file)
		return library_files_name(n->files, m->file, offset, is_return_address, ret);
	*ret = (struct symbol){.module = *m->name ? m->name : "[anon]", .offset = offset - is_return_address};
	return 0;
}

int names_find(struct names *n, uint32_t pid, uint64_t address, bool is_return_address, struct symbol *ret)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct names_process *p = &n->processes[i];
		if (p->pid != pid)
			continue;
		for (size_t j = p->n; j-- > 0;)
			if (address - is_return_address >= p->mappings[j].start && address - is_return_address < p->mappings[j].end)
				return name_in(n, &p->mappings[j], address, is_return_address, ret);
		*ret = (struct symbol){.module = "[unknown]", .offset = address};
		return 0;
	}
	return -ENOENT;
}

void names_done(struct names *n)
{
	for (size_t i = 0; i < n->n; i++) {
		for (size_t j = 0; j < n->processes[i].n; j++)
			free((char *)n->processes[i].mappings[j].name);
		free(n->processes[i].mappings);
	}
	free(n->processes);
	*n = (struct names){0};
}
