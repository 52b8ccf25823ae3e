/* SPDX-License-Identifier: Apache-2.0 */
/* The memory limit of one run. Runs on a worker's only thread; makes only calls that the sandbox allows. */
#include "codegen/worker/memory_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "codegen/worker/alloc.h"

/* Free memory that stays with the process between runs: the next one finds its pages in place, and a fault saved is
 * 0.1 to 0.5 µs. Above it, free pages go back to the system when a run ends. */
#define KEEP_FREE_BYTES (64u << 20)

/* Field 6 of statm: pages of private writable memory and the stack. */
static int read_data_bytes(const struct memory_limit *m, uint64_t *ret)
{
	char text[128];

	ssize_t n = pread(m->statm_fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	char *at = text;
	for (int field = 1; field < 6; field++) {
		at = strchr(at, ' ');
		if (!at)
			return -EBADMSG;
		at++;
	}
	*ret = strtoull(at, NULL, 10) * (uint64_t)getpagesize();
	return 0;
}

/* What is free inside the heap is not held; without this a run after a big one could use that much more. Asked anew
 * only when the kernel counts another size: it walks the heap, some 10 µs. */
static void find_held(struct memory_limit *m)
{
	m->held_bytes = m->other_bytes + alloc_used_bytes();
}

/* 0 or -errno. */
static int give_back(struct memory_limit *m)
{
	alloc_give_back();
	int r = read_data_bytes(m, &m->data_bytes);
	if (r >= 0)
		find_held(m);
	return r;
}

int memory_limit_init(struct memory_limit *m)
{
	*m = (struct memory_limit){.statm_fd = -1};
	m->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (m->statm_fd < 0)
		return -errno;
	int r = read_data_bytes(m, &m->data_bytes);
	if (r < 0) {
		memory_limit_done(m);
		return r;
	}
	m->first_data_bytes = m->data_bytes;
	uint64_t taken_bytes = alloc_taken_bytes();
	m->other_bytes = m->data_bytes - (taken_bytes < m->data_bytes ? taken_bytes : m->data_bytes);
	find_held(m);
	m->first_held_bytes = m->held_bytes;
	return 0;
}

void memory_limit_done(struct memory_limit *m)
{
	m->statm_fd = fd_close(m->statm_fd);
}

static int set_soft_limit(rlim_t value)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_DATA, &limit) < 0)
		return -errno;
	limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
	return setrlimit(RLIMIT_DATA, &limit) < 0 ? -errno : 0;
}

/* Memory that is free between blocks counts against the limit as soon as a run cannot use it: it is of other sizes. Where
 * that is much of what the run may have, it goes back first; of what will not go, it gets half as much again. */
int memory_limit_begin(struct memory_limit *m, uint64_t bytes)
{
	uint64_t limit_bytes, least_bytes;

	if (bytes == 0)
		return 0;
	if (m->data_bytes > m->held_bytes && m->data_bytes - m->held_bytes > bytes / 4) {
		int r = give_back(m);
		if (r < 0)
			return r;
	}
	if (__builtin_add_overflow(m->held_bytes, bytes, &limit_bytes))
		return 0;
	least_bytes = m->data_bytes + bytes / 2;
	return set_soft_limit(limit_bytes > least_bytes ? limit_bytes : least_bytes);
}

int memory_limit_lift(struct memory_limit *m)
{
	(void)m;
	return set_soft_limit(RLIM_INFINITY);
}

bool memory_limit_settle(struct memory_limit *m)
{
	uint64_t data_bytes = 0;

	if (read_data_bytes(m, &data_bytes) < 0)
		return true;
	if (data_bytes == m->data_bytes)
		return false;
	m->data_bytes = data_bytes;
	if (data_bytes <= m->first_data_bytes + KEEP_FREE_BYTES)
		find_held(m);
	else if (give_back(m) < 0)
		return true;
	return m->held_bytes > m->first_held_bytes + MEMORY_MAX_GROWTH_BYTES;
}
