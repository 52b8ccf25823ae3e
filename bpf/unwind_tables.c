/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an image's unwind table. Belongs to one unprivileged thread. */
#include "bpf/unwind_tables.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/unwind_rows.h"

#define PAGE_BYTES     (1u << UNWIND_PAGE_BITS)
#define VDSO_MAX_BYTES (64u << 10)
#define FILE_MAX_BYTES (512u << 20) /* LLVM's library has 120 MB */

static uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * 0x100000001B3u;
	return sum ^ sum >> 29;
}

/* Where the code lies in the file and in the image. */
static uint64_t sum_segments(Elf *elf)
{
	uint64_t sum = 0xCBF29CE484222325u;
	size_t n = 0;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD && ph.p_flags & PF_X)
			sum = mix(mix(mix(sum, ph.p_offset), ph.p_vaddr), ph.p_filesz);
	}
	return sum;
}

int unwind_table_key(int image_fd, char ret[UNWIND_KEY_MAX])
{
	const unsigned char *id;
	const void *bytes = NULL;
	ssize_t n_id;
	struct stat st;
	Elf *elf;
	int n = 0;

	elf_version(EV_CURRENT);
	elf = elf_begin(image_fd, ELF_C_READ, NULL); /* not mapped: whoever shortens the file would end this process */
	if (!elf || elf_kind(elf) != ELF_K_ELF || fstat(image_fd, &st) < 0) {
		elf_end(elf);
		return -ENOEXEC;
	}
	memset(ret, 0, UNWIND_KEY_MAX);
	n_id = dwelf_elf_gnu_build_id(elf, &bytes);
	id = bytes;
	for (ssize_t i = 0; i < n_id && i < 32; i++)
		n += snprintf(ret + n, UNWIND_KEY_MAX - (size_t)n, "%02x", id[i]);
	if (n_id <= 0)
		n = snprintf(ret, UNWIND_KEY_MAX, "file-%jx-%jx-%jx-%jx.%09lx", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
			(uintmax_t)st.st_size, (uintmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	snprintf(ret + n, UNWIND_KEY_MAX - (size_t)n, "-%016" PRIx64, sum_segments(elf));
	elf_end(elf);
	return 0;
}

int unwind_open_vdso(void)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	_cleanup_fd_ int fd = image ? memfd_create("vdso", MFD_CLOEXEC) : -1;
	size_t n = 0;

	if (fd < 0)
		return image ? -errno : -ENOENT;
	/* It does not say how long it is: page by page, by the kernel, which stops where it ends. */
	while (n < VDSO_MAX_BYTES && write(fd, image + n, PAGE_BYTES) == PAGE_BYTES)
		n += PAGE_BYTES;
	return n ? TAKE_FD(fd) : -EIO;
}

/* The table in one piece, sized once its rows are known. */
static int lay_out(const struct unwind_rows *r, union unwind_cell **ret, uint32_t *ret_n)
{
	uint32_t first_page = r->rows[0].at >> UNWIND_PAGE_BITS;
	uint32_t n_pages = (uint32_t)(((uint64_t)r->rows[r->n_rows - 1].at + PAGE_BYTES - 1) >> UNWIND_PAGE_BITS) - first_page;
	bool starts_amid = r->rows[0].at % PAGE_BYTES;
	size_t first_row = (size_t)n_pages + 2, n = first_row + starts_amid + r->n_rows, at = first_row;
	union unwind_cell *cells;

	if (r->n_rows < 2 || n_pages < 1)
		return -ENOEXEC; /* no code to speak of: some libraries are all data */
	if (n_pages > UNWIND_PAGES_MAX || n > UNWIND_CELLS_MAX)
		return -EFBIG;
	cells = calloc(n, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	cells[0].extent = (struct unwind_extent){.first_page = first_page, .n_pages = n_pages};
	cells[first_row].row = (struct unwind_row){.at = first_page << UNWIND_PAGE_BITS, .rules = UNWIND_CFA_NONE};
	memcpy(&cells[first_row + starts_amid], r->rows, r->n_rows * sizeof(*cells));
	for (uint32_t i = 0; i < n_pages; i++) {
		while (at + 1 < n && cells[at + 1].row.at <= ((uint64_t)first_page + i) << UNWIND_PAGE_BITS)
			at++;
		cells[1 + i].page.row = (uint32_t)at;
	}
	cells[1 + n_pages].page.row = (uint32_t)n - 1;
	*ret = cells;
	*ret_n = (uint32_t)n;
	return 0;
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

static int seal(const struct unwind_table_head *head, const union unwind_cell *cells, int *ret_fd)
{
	_cleanup_fd_ int fd = memfd_create("spvscope-unwind", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, head, sizeof(*head));
	if (r >= 0)
		r = write_all(fd, cells, head->n_cells * sizeof(*cells));
	if (r >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		r = -errno;
	if (r >= 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

/* A copy of the file for ourselves, to be mapped: one that is shortened while it is read would end this process. */
static int copy_file(int image_fd)
{
	_cleanup_fd_ int fd = memfd_create("spvscope-image", MFD_CLOEXEC);
	struct stat st;
	off_t at = 0;

	if (fd < 0 || fstat(image_fd, &st) < 0)
		return -errno;
	if (st.st_size > (off_t)FILE_MAX_BYTES)
		return -EFBIG;
	while (at < st.st_size) {
		ssize_t n = sendfile(fd, image_fd, &at, (size_t)(st.st_size - at));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EAGAIN; /* it has become shorter */
	}
	return TAKE_FD(fd);
}

int unwind_table_make(int image_fd, const char key[UNWIND_KEY_MAX], struct unwind_table_head *ret_head, int *ret_fd)
{
	_cleanup_(unwind_rows_done) struct unwind_rows rows = {0};
	_cleanup_free_ union unwind_cell *cells = NULL;
	struct unwind_table_head head = {.magic = UNWIND_TABLE_MAGIC, .version = UNWIND_TABLE_VERSION, .is_arm = UNWIND_ARM};
	_cleanup_fd_ int copy_fd = copy_file(image_fd);
	int r = copy_fd < 0 ? copy_fd : unwind_rows_read(&rows, copy_fd);

	if (r < 0)
		return r;
	if (!rows.n_rows)
		return -ENOEXEC;
	r = lay_out(&rows, &cells, &head.n_cells);
	if (r < 0)
		return r;
	memcpy(head.key, key, UNWIND_KEY_MAX);
	head.n_unsupported = (uint32_t)rows.n_unsupported;
	head.sum = unwind_table_sum(cells, head.n_cells);
	r = seal(&head, cells, ret_fd);
	if (r >= 0)
		*ret_head = head;
	return r;
}
