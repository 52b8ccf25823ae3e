/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an address space's unwind tables. Belongs to one unprivileged thread. */
#include "bpf/unwind_tables.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "bpf/unwind_rows.h"

#define PAGE_BYTES (1u << UNWIND_PAGE_BITS)
#define DELETED    " (deleted)"

struct making {
	struct unwind_mapping mappings[UNWIND_MAPPINGS_MAX];
	uint32_t *pages; /* UNWIND_PAGES_MAX, owned */
	struct unwind_rows rows;
	struct unwind_tables_head head;
};

struct line {
	uint64_t start, end, offset, inode;
	bool executable;
	char *path; /* in the line's text */
};

/* "start-end perms offset dev inode   path" */
static bool parse_line(char *text, struct line *ret)
{
	char permissions[8];
	int at = 0;

	if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*x:%*x %" SCNu64 " %n", &ret->start, &ret->end,
		    permissions, &ret->offset, &ret->inode, &at) < 5 || !at)
		return false;
	ret->executable = strchr(permissions, 'x') != NULL;
	ret->path = text + at;
	return ret->start < ret->end;
}

/* The kernel gives every process the same vDSO, so ours is theirs. */
static int open_vdso(const struct line *line)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	size_t size = line->end - line->start;
	_cleanup_fd_ int fd = image ? memfd_create("vdso", MFD_CLOEXEC) : -1;

	if (fd < 0 || write(fd, image, size) != (ssize_t)size)
		return -1;
	return TAKE_FD(fd);
}

/* Another file may lie at that path by now; its tables would be lies. */
static int open_image(const struct line *line)
{
	size_t len = strlen(line->path);
	struct stat st;

	if (strcmp(line->path, "[vdso]") == 0)
		return open_vdso(line);
	if (line->path[0] != '/' || (len > strlen(DELETED) && strcmp(line->path + len - strlen(DELETED), DELETED) == 0))
		return -1;
	_cleanup_fd_ int fd = open(line->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_ino != line->inode)
		return -1;
	return TAKE_FD(fd);
}

/* The image's own address of the mapping's first byte. */
static bool find_image_start(int fd, uint64_t offset, uint64_t *ret)
{
	bool found = false;
	size_t n = 0;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && elf_getphdrnum(elf, &n) == 0)
		for (size_t i = 0; i < n && !found; i++) {
			GElf_Phdr ph;
			uint64_t first;
			if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
				continue;
			first = ph.p_offset & ~(uint64_t)(PAGE_BYTES - 1); /* the kernel maps whole pages */
			found = offset >= first && offset < ph.p_offset + ph.p_filesz;
			*ret = ph.p_vaddr - ph.p_offset + offset;
		}
	elf_end(elf);
	return found;
}

/* For each page the row in force at its first byte, and at the end the last row. */
static void index_pages(struct making *m, size_t first_row, uint64_t image_start, uint32_t n_pages)
{
	size_t at = first_row;

	for (uint32_t i = 0; i < n_pages; i++) {
		while (at + 1 < m->rows.n_rows && m->rows.rows[at + 1].pc <= image_start + (uint64_t)i * PAGE_BYTES)
			at++;
		m->pages[m->head.n_pages++] = (uint32_t)at;
	}
	m->pages[m->head.n_pages++] = (uint32_t)m->rows.n_rows - 1;
}

/* 0, or -errno when this mapping gets no table. */
static int add_table(struct making *m, const struct line *line, struct unwind_mapping *mapping)
{
	size_t first_row = m->rows.n_rows, unsupported = m->rows.n_unsupported;
	uint64_t image_start, size = line->end - line->start, n_pages = (size + PAGE_BYTES - 1) / PAGE_BYTES;
	_cleanup_fd_ int fd = open_image(line);
	int r;

	if (fd < 0 || !find_image_start(fd, line->offset, &image_start))
		return -ENOENT;
	if (m->head.n_pages + n_pages + 1 > UNWIND_PAGES_MAX)
		return -ENOSPC;
	r = unwind_rows_append(&m->rows, fd, image_start, image_start + size);
	if (r >= 0 && m->rows.n_rows > UNWIND_ROWS_MAX)
		r = -ENOSPC;
	if (r < 0) {
		m->rows.n_rows = first_row;
		m->rows.n_unsupported = unsupported;
		return r;
	}
	mapping->image_start = (uint32_t)image_start;
	mapping->first_page = m->head.n_pages;
	index_pages(m, first_row, image_start, (uint32_t)n_pages);
	return 0;
}

/* In the order of /proc/PID/maps, which is that of addresses. */
static void add_line(struct making *m, const struct line *line)
{
	struct unwind_mapping *mapping = &m->mappings[m->head.n_mappings];

	if (!line->executable || line->start >> 63) /* [vsyscall] is the kernel's */
		return;
	if (m->head.n_mappings == UNWIND_MAPPINGS_MAX) {
		m->head.n_without++;
		return;
	}
	*mapping = (struct unwind_mapping){.start = line->start, .end = line->end, .first_page = UNWIND_NO_PAGES};
	if (!*line->path || strncmp(line->path, "[anon", 5) == 0 || strncmp(line->path, "//anon", 6) == 0)
		mapping->first_page = UNWIND_ANONYMOUS;
	else if (add_table(m, line, mapping) < 0)
		m->head.n_without++;
	m->head.n_mappings++;
}

static int write_all(int fd, const void *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = write(fd, (const char *)data + at, size - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	return 0;
}

static int seal(const struct making *m, int *ret_fd)
{
	_cleanup_fd_ int fd = memfd_create("spvscope-unwind", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, &m->head, sizeof(m->head));
	if (r >= 0)
		r = write_all(fd, m->mappings, m->head.n_mappings * sizeof(m->mappings[0]));
	if (r >= 0)
		r = write_all(fd, m->pages, m->head.n_pages * sizeof(m->pages[0]));
	if (r >= 0)
		r = write_all(fd, m->rows.rows, m->head.n_rows * sizeof(m->rows.rows[0]));
	if (r >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		r = -errno;
	if (r >= 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

static void making_done(struct making *m)
{
	free(m->pages);
	unwind_rows_done(&m->rows);
}

int unwind_tables_make(const char *maps, size_t maps_len, struct unwind_tables_head *ret_head, int *ret_fd)
{
	_cleanup_(making_done) struct making m = {
		.head = {.magic = UNWIND_TABLES_MAGIC, .version = UNWIND_TABLES_VERSION},
		.pages = calloc(UNWIND_PAGES_MAX, sizeof(*m.pages)),
	};
	_cleanup_free_ char *text = strndup(maps, maps_len);
	char *save = NULL;
	int r;

	if (!text || !m.pages)
		return -ENOMEM;
	for (char *at = strtok_r(text, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		struct line line;
		if (parse_line(at, &line))
			add_line(&m, &line);
	}
	m.head.n_rows = (uint32_t)m.rows.n_rows;
	r = seal(&m, ret_fd);
	if (r >= 0)
		*ret_head = m.head;
	return r;
}
