/* SPDX-License-Identifier: Apache-2.0 */
/* What processes have mapped, and names by it. A process that calls exec or loads a library begins a new era; an address
 * is looked up in the newest era that knows it, since samples are named soon after they were taken. The thread that uses
 * the analyzer. */
#include "bpf/library/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* "start-end perms offset dev inode   path" */
static bool is_code(const char *line, size_t len)
{
	const char *permissions = memchr(line, ' ', len);
	return permissions && permissions + 4 < line + len && permissions[3] == 'x';
}

/* Keeps the lines of files, and of anonymous memory those of code: the others have no part in stacks. *ret_sum is over
 * the lines of code alone, since files of data come and go. */
static size_t keep_what_is_of_use(char *text, size_t len, uint64_t *ret_sum)
{
	uint64_t sum = 0xCBF29CE484222325ull;
	size_t kept = 0;

	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t line = end ? (size_t)(end - (text + at)) + 1 : len - at;
		bool code = is_code(text + at, line);
		for (size_t i = 0; code && i < line; i++)
			sum = (sum ^ (unsigned char)text[at + i]) * 0x100000001B3ull;
		if (code || memchr(text + at, '/', line)) {
			memmove(text + kept, text + at, line);
			kept += line;
		}
		at += line;
	}
	*ret_sum = sum;
	return kept;
}

static struct names_process *find_process(const struct names *n, uint32_t pid)
{
	for (size_t i = 0; i < n->n_processes; i++)
		if (n->processes[i].pid == pid)
			return &n->processes[i];
	return NULL;
}

static struct names_process *add_process(struct names *n, uint32_t pid)
{
	struct names_process *processes = reallocarray(n->processes, n->n_processes + 1, sizeof(*processes));

	if (!processes)
		return NULL;
	n->processes = processes;
	processes[n->n_processes] = (struct names_process){.pid = pid};
	return &processes[n->n_processes++];
}

/* Takes the text. */
static int add_era(struct names_process *p, char *maps, size_t len, uint64_t sum)
{
	struct names_era *eras = reallocarray(p->eras, p->n_eras + 1, sizeof(*eras));

	if (!eras) {
		free(maps);
		return -ENOMEM;
	}
	p->eras = eras;
	eras[p->n_eras++] = (struct names_era){.maps = maps, .maps_len = len, .code_sum = sum};
	return 0;
}

int names_refresh(struct names *n, uint32_t pid, char **ret_maps, size_t *ret_maps_len)
{
	struct names_process *p = find_process(n, pid);
	const struct names_era *last = p && p->n_eras ? &p->eras[p->n_eras - 1] : NULL;
	_cleanup_free_ char *text = NULL, *whole = NULL;
	size_t len = 0, whole_len;
	uint64_t sum;
	int r = read_maps(pid, &text, &len);

	if (r < 0)
		return r;
	whole_len = len;
	if (ret_maps && !(whole = strdup(text)))
		return -ENOMEM;
	len = keep_what_is_of_use(text, len, &sum);
	if (!last || last->code_sum != sum) {
		p = p ?: add_process(n, pid);
		r = p ? add_era(p, TAKE_PTR(text), len, sum) : -ENOMEM;
	}
	if (r >= 0 && ret_maps) {
		*ret_maps = TAKE_PTR(whole);
		*ret_maps_len = whole_len;
	}
	return r;
}

bool names_have_same_code(const struct names *n, uint32_t pid, uint32_t other_pid)
{
	const struct names_process *p = find_process(n, pid), *q = find_process(n, other_pid);

	return p && q && p->n_eras && q->n_eras && p->eras[p->n_eras - 1].code_sum == q->eras[q->n_eras - 1].code_sum;
}

int names_find(struct names *n, uint32_t pid, uint64_t address, bool is_return_address, struct symbol *ret)
{
	const struct names_process *p = find_process(n, pid);

	if (!p || !p->n_eras)
		return -ENOENT;
	for (size_t i = p->n_eras; i-- > 0;) {
		struct names_era *era = &p->eras[i];
		int r = era->symbolizer ? 0 : symbolizer_new(era->maps, era->maps_len, &era->symbolizer);
		if (r < 0)
			return r;
		if (i == 0 || symbolizer_knows(era->symbolizer, address - is_return_address)) {
			*ret = symbolizer_lookup(era->symbolizer, address, is_return_address);
			return 0;
		}
	}
	return -ENOENT;
}

void names_done(struct names *n)
{
	for (size_t i = 0; i < n->n_processes; i++) {
		struct names_process *p = &n->processes[i];
		for (size_t j = 0; j < p->n_eras; j++) {
			symbolizer_free(p->eras[j].symbolizer);
			free(p->eras[j].maps);
		}
		free(p->eras);
	}
	free(n->processes);
	*n = (struct names){0};
}
