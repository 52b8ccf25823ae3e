/* SPDX-License-Identifier: Apache-2.0 */
/* Reads tables that another process has made, and trusts none of them. In the analyzer, on its main thread, and where the
 * tables are kept, on any. The programs in the kernel bound every index themselves, so what is wrong here could only
 * spoil stacks; it is refused all the same. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bpf/unwind_tables.h"

/* Not against those who would forge it: they could as well forge the rows. */
uint64_t unwind_table_sum(const union unwind_cell *cells, size_t n)
{
	uint64_t sum = 0xCBF29CE484222325u;

	for (size_t i = 0; i < n; i++) {
		uint64_t word;
		memcpy(&word, &cells[i], sizeof(word));
		sum = (sum ^ word) * 0x100000001B3u;
		sum ^= sum >> 29;
	}
	return sum;
}

static bool are_sound_pages(const union unwind_cell *cells, uint32_t n_pages, uint32_t first_row, uint32_t n_cells)
{
	uint32_t last = first_row;

	for (uint32_t i = 1; i < first_row; i++) {
		if (cells[i].page.row < last || cells[i].page.row >= n_cells || cells[i].page.reserved)
			return false;
		last = cells[i].page.row;
	}
	return first_row == n_pages + 2 && cells[1].page.row == first_row && last == n_cells - 1;
}

static bool are_sound_rows(const union unwind_cell *cells, uint32_t first_row, uint32_t n_cells)
{
	if (cells[first_row].row.at != (uint64_t)cells[0].extent.first_page << UNWIND_PAGE_BITS)
		return false;
	for (uint32_t i = first_row; i < n_cells; i++)
		if (UNWIND_CFA(cells[i].row.rules) >= UNWIND_CFA_N ||
		    (i > first_row && cells[i].row.at <= cells[i - 1].row.at))
			return false;
	return true;
}

bool unwind_table_is_sound(const void *data, size_t size)
{
	const struct unwind_table_head *head = data;
	const union unwind_cell *cells = (const void *)(head + 1);
	uint32_t n_pages;

	if (size < sizeof(*head) + 4 * sizeof(*cells) || head->magic != UNWIND_TABLE_MAGIC ||
	    head->version != UNWIND_TABLE_VERSION || head->is_arm != UNWIND_ARM || head->n_cells > UNWIND_CELLS_MAX ||
	    size != sizeof(*head) + head->n_cells * sizeof(*cells) || head->key[UNWIND_KEY_MAX - 1])
		return false;
	n_pages = cells[0].extent.n_pages;
	if (n_pages < 1 || n_pages > UNWIND_PAGES_MAX || n_pages + 2 >= head->n_cells)
		return false;
	return are_sound_pages(cells, n_pages, n_pages + 2, head->n_cells) &&
	       are_sound_rows(cells, n_pages + 2, head->n_cells) &&
	       head->sum == unwind_table_sum(cells, head->n_cells);
}

int unwind_table_open(int fd, struct unwind_table *ret)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *data;

	/* What could still shrink or change under our eyes is not read. */
	if (seals < 0 || (seals & (F_SEAL_WRITE | F_SEAL_SHRINK)) != (F_SEAL_WRITE | F_SEAL_SHRINK) ||
	    fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(struct unwind_table_head) ||
	    st.st_size > (off_t)(sizeof(struct unwind_table_head) + UNWIND_CELLS_MAX * sizeof(union unwind_cell)))
		return -EINVAL;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	if (!unwind_table_is_sound(data, (size_t)st.st_size)) {
		munmap(data, (size_t)st.st_size);
		return -EINVAL;
	}
	*ret = (struct unwind_table){.head = data, .size = (size_t)st.st_size,
		.cells = (const void *)((const struct unwind_table_head *)data + 1)};
	return 0;
}

void unwind_table_close(struct unwind_table *t)
{
	if (t->head)
		munmap((void *)t->head, t->size);
	*t = (struct unwind_table){0};
}
