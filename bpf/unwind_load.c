/* SPDX-License-Identifier: Apache-2.0 */
/* Takes in tables that an unprivileged process has made. Analyzer process, main thread. The programs in the kernel bound
 * every index themselves, so what is wrong here could only spoil stacks; it is refused all the same. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bpf/unwind_tables.h"

struct view {
	const struct unwind_tables_head *head;
	const struct unwind_mapping *mappings;
	const uint32_t *pages;
	const struct unwind_row *rows;
};

static bool divide(const void *data, size_t size, struct view *v)
{
	const struct unwind_tables_head *head = v->head = data;
	size_t expected = sizeof(*head);

	if (size < sizeof(*head) || head->magic != UNWIND_TABLES_MAGIC || head->version != UNWIND_TABLES_VERSION ||
	    head->n_mappings > UNWIND_MAPPINGS_MAX || head->n_pages > UNWIND_PAGES_MAX || head->n_rows > UNWIND_ROWS_MAX)
		return false;
	v->mappings = (const void *)((const char *)data + expected);
	expected += head->n_mappings * sizeof(*v->mappings);
	v->pages = (const void *)((const char *)data + expected);
	expected += head->n_pages * sizeof(*v->pages);
	v->rows = (const void *)((const char *)data + expected);
	return size == expected + head->n_rows * sizeof(*v->rows);
}

/* The mapping's pages lead to rows in order, which are for its own addresses. */
static bool is_sound_mapping(const struct view *v, const struct unwind_mapping *m)
{
	uint64_t n_pages = (m->end - m->start + (1u << UNWIND_PAGE_BITS) - 1) >> UNWIND_PAGE_BITS;
	const uint32_t *pages;

	if (m->first_page == UNWIND_NO_PAGES || m->first_page == UNWIND_ANONYMOUS)
		return true;
	if (m->first_page >= v->head->n_pages || n_pages >= v->head->n_pages - m->first_page)
		return false;
	pages = v->pages + m->first_page;
	for (uint64_t i = 0; i <= n_pages; i++)
		if (pages[i] >= v->head->n_rows || (i && pages[i] < pages[i - 1]))
			return false;
	if (v->rows[pages[0]].pc != m->image_start)
		return false;
	for (uint32_t i = pages[0]; i < pages[n_pages]; i++)
		if (v->rows[i].pc >= v->rows[i + 1].pc)
			return false;
	return true;
}

static bool is_sound(const struct view *v)
{
	for (uint32_t i = 0; i < v->head->n_mappings; i++) {
		const struct unwind_mapping *m = &v->mappings[i];
		if (m->start >= m->end || (i && m->start < v->mappings[i - 1].end) || !is_sound_mapping(v, m))
			return false;
	}
	for (uint32_t i = 0; i < v->head->n_rows; i++)
		if (UNWIND_CFA(v->rows[i].rules) >= UNWIND_CFA_N)
			return false;
	return true;
}

int unwind_tables_load(int fd, struct unwind_space *to)
{
	int seals = fcntl(fd, F_GET_SEALS), r = 0;
	struct view v;
	struct stat st;
	void *data;

	__atomic_store_n(&to->n_mappings, 0, __ATOMIC_SEQ_CST);
	/* What could still shrink or change under our eyes is not read. */
	if (seals < 0 || (seals & (F_SEAL_WRITE | F_SEAL_SHRINK)) != (F_SEAL_WRITE | F_SEAL_SHRINK) ||
	    fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(struct unwind_tables_head) ||
	    st.st_size > (off_t)(sizeof(struct unwind_tables_head) + sizeof(struct unwind_space)))
		return -EINVAL;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	if (divide(data, (size_t)st.st_size, &v) && is_sound(&v)) {
		memcpy(to->mappings, v.mappings, v.head->n_mappings * sizeof(*v.mappings));
		memcpy(to->pages, v.pages, v.head->n_pages * sizeof(*v.pages));
		memcpy(to->rows, v.rows, v.head->n_rows * sizeof(*v.rows));
		__atomic_store_n(&to->n_mappings, v.head->n_mappings, __ATOMIC_SEQ_CST);
	} else {
		r = -EINVAL;
	}
	munmap(data, (size_t)st.st_size);
	return r;
}
