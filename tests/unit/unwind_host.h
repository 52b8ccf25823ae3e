/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of an address space as the walk has them, put together for tests that walk on the host. */
#ifndef SPVSCOPE_TESTS_UNWIND_HOST_H
#define SPVSCOPE_TESTS_UNWIND_HOST_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "bpf/unwind_cache.h"
#include "tests/unit/cmocka_head.h"

struct host_space {
	struct unwind_space space;
	struct unwind_table tables[UNWIND_MAPPINGS_MAX]; /* by number of the mapping */
};

static inline const union unwind_cell *host_cell(const void *table, __u32 index)
{
	const struct unwind_table *t = table;
	return index < t->head->n_cells ? &t->cells[index] : NULL;
}

static inline enum unwind_end host_find_row(const struct host_space *h, __u64 pc, struct unwind_row *ret)
{
	const struct unwind_mapping *m = unwind_find_mapping(&h->space, pc);

	if (!m)
		return UNWIND_NO_MAPPING;
	if (m->image >= UNWIND_MAPPINGS_MAX)
		return m->image == UNWIND_ANONYMOUS ? UNWIND_ANONYMOUS_CODE : UNWIND_NO_TABLE;
	return unwind_find_row(&h->tables[m->image], host_cell, ((__u64)m->file_page << UNWIND_PAGE_BITS) + (pc - m->start), ret);
}

/* One frame further, as the programs in the kernel do it. */
static inline enum unwind_end host_advance(const struct host_space *h, struct unwind_frame *f, __u32 *gap,
	unwind_read_fn read, const void *arg)
{
	struct unwind_row row = {0};
	enum unwind_end found = host_find_row(h, f->pc - f->is_return, &row);

	unwind_cross_gap(found, &row, gap);
	return unwind_step(f, &row, read, arg);
}

static inline void host_read_maps(const char *path, struct strbuf *ret)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[4096];
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		strbuf_append(ret, chunk, (size_t)n);
	assert_false(ret->failed);
}

static inline void host_take_line(struct host_space *h, const char *line)
{
	unsigned long start, end, offset;
	char permissions[8], path[512] = "";
	struct unwind_table_head head;
	_cleanup_fd_ int image_fd = -1, table_fd = -1;
	__u32 n = h->space.n_mappings;
	bool was_kept;

	assert_true(sscanf(line, "%lx-%lx %7s %lx %*s %*s %511s", &start, &end, permissions, &offset, path) >= 4);
	if (!strchr(permissions, 'x') || start >> 63)
		return;
	assert_true(n < UNWIND_MAPPINGS_MAX);
	h->space.mappings[n] = (struct unwind_mapping){start, end, (__u32)(offset >> UNWIND_PAGE_BITS), UNWIND_ANONYMOUS};
	h->space.n_mappings = n + 1;
	image_fd = strcmp(path, "[vdso]") == 0 ? unwind_open_vdso() : open(path, O_RDONLY | O_CLOEXEC);
	if (image_fd < 0)
		return;
	assert_int_equal(unwind_cache_get(NULL, image_fd, &head, &was_kept, &table_fd), 0);
	assert_int_equal(unwind_table_open(table_fd, &h->tables[n]), 0);
	h->space.mappings[n].image = n;
}

/* The maps of some process, which must still have the files where it says; host_space_free frees. */
static inline struct host_space *host_space_new(const char *maps)
{
	struct host_space *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	for (const char *line = maps; *line; line = strchr(line, '\n') + 1)
		host_take_line(h, line);
	return h;
}

static inline void host_space_free(struct host_space *h)
{
	for (size_t i = 0; i < UNWIND_MAPPINGS_MAX; i++)
		unwind_table_close(&h->tables[i]);
	free(h);
}

#endif
