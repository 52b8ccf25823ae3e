/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of this very process: what is in them, that a walk by them finds our callers, and that unsound ones are refused. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "bpf/analyzer_types.h"
#include "bpf/spaces.h"
#include "bpf/unwind_tables.h"

static int make_tables(struct unwind_tables_head *ret_head)
{
	_cleanup_strbuf_ struct strbuf maps = {0};
	_cleanup_fd_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	char chunk[4096];
	int tables_fd = -1;
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		strbuf_append(&maps, chunk, (size_t)n);
	assert_int_equal(unwind_tables_make(maps.data, maps.len, ret_head, &tables_fd), 0);
	return tables_fd;
}

static long read_own(const void *arg, __u64 address, __u64 *ret)
{
	(void)arg;
	*ret = *(const __u64 *)address;
	return 0;
}

/* backtrace() is the compiler's own unwinder; both start in this function, or it starts below: a sanitizer has one that does. */
static __attribute__((noinline)) void compare_with_backtrace(const struct unwind_space *space)
{
	void *expected[64];
	int n_expected = backtrace(expected, 64), n = -1;
	struct unwind_frame f = {.fp = (uint64_t)__builtin_frame_address(0)};
	enum unwind_end end;
	__u32 gap = 0;

#if defined(__x86_64__)
	__asm__ volatile("lea 0(%%rip), %0; mov %%rsp, %1; mov %%rbp, %2" : "=r"(f.pc), "=r"(f.sp), "=r"(f.fp));
#else
	__asm__ volatile("adr %0, .; mov %1, sp; mov %2, x29; mov %3, x30"
		: "=r"(f.pc), "=r"(f.sp), "=r"(f.fp), "=r"(f.link));
#endif
	while ((end = unwind_advance(space, &f, &gap, read_own, NULL)) == UNWIND_GOES_ON) {
		for (int i = 0; n < 0 && i < n_expected; i++)
			n = (uint64_t)expected[i] == f.pc ? i - 1 : -1;
		assert_int_equal(f.pc, (uint64_t)expected[++n]);
	}
	assert_int_equal(end, UNWIND_COMPLETE);
	assert_int_equal(gap, 0);
	assert_true(n + 1 == n_expected && n >= 3);
}

static int compare(const void *a, const void *b)
{
	const struct unwind_space *space = *(const struct unwind_space *const *)a;

	(void)b;
	compare_with_backtrace(space);
	return 0;
}

static void a_walk_finds_our_callers(void **state)
{
	struct unwind_space *space = calloc(1, sizeof(*space)), *pair[2] = {space, space};
	struct unwind_tables_head head;
	_cleanup_fd_ int fd = make_tables(&head);

	(void)state;
	assert_non_null(space);
	assert_int_equal(unwind_tables_load(fd, space), 0);
	assert_int_equal(space->n_mappings, head.n_mappings);
	assert_int_equal(head.n_without, 0);
	compare_with_backtrace(space);
	qsort(pair, 2, sizeof(pair[0]), compare); /* through the C library */
	free(space);
}

/* One word of the file, changed. */
struct damage {
	const char *what;
	size_t at;
	uint32_t value;
};

static int damaged_copy(const void *data, size_t size, const struct damage *d, bool sealed)
{
	int fd = memfd_create("tables", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, data, size), size);
	if (d)
		assert_int_equal(pwrite(fd, &d->value, sizeof(d->value), (off_t)d->at), sizeof(d->value));
	if (sealed)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	return fd;
}

static void unsound_tables_are_refused(void **state)
{
	struct unwind_space *space = calloc(1, sizeof(*space));
	struct unwind_tables_head head;
	_cleanup_fd_ int fd = make_tables(&head);
	struct stat st;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	size_t size = (size_t)st.st_size, mappings = sizeof(head), pages = mappings + head.n_mappings * sizeof(struct unwind_mapping);
	size_t rows = pages + head.n_pages * 4;
	const struct damage damages[] = {
		{"another magic", offsetof(struct unwind_tables_head, magic), 1},
		{"another version", offsetof(struct unwind_tables_head, version), 99},
		{"more mappings than there are", offsetof(struct unwind_tables_head, n_mappings), head.n_mappings + 1},
		{"more mappings than fit", offsetof(struct unwind_tables_head, n_mappings), UINT32_MAX},
		{"more pages than fit", offsetof(struct unwind_tables_head, n_pages), UNWIND_PAGES_MAX + 1},
		{"more rows than there are", offsetof(struct unwind_tables_head, n_rows), head.n_rows + 1},
		{"fewer rows than there are", offsetof(struct unwind_tables_head, n_rows), head.n_rows - 1},
		{"a mapping that ends before it starts", mappings + 12, 0},
		{"mappings in disorder", mappings + 4, 0x7FFFu},
		{"a mapping's first page out of range", mappings + 20, head.n_pages},
		{"a mapping with more pages than there are", mappings + 20, head.n_pages - 1},
		{"a mapping of another part of its image", mappings + 16, 0x12345678},
		{"a page's row out of range", pages, head.n_rows},
		{"pages in disorder", pages, head.n_rows - 1},
		{"rows in disorder", rows + 8, 0},
		{"a row of a rule that does not exist", rows + 4, 0x000F0000},
	};
	const void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		_cleanup_fd_ int bad_fd = damaged_copy(data, size, &damages[i], true);
		int r = unwind_tables_load(bad_fd, space);
		if (r != -EINVAL)
			fail_msg("%s: %d", damages[i].what, r);
		assert_int_equal(space->n_mappings, 0);
	}
	_cleanup_fd_ int unsealed = damaged_copy(data, size, NULL, false), cut = damaged_copy(data, size - 8, NULL, true);
	_cleanup_fd_ int tiny = damaged_copy(data, 4, NULL, true), sound = damaged_copy(data, size, NULL, true);
	assert_int_equal(unwind_tables_load(unsealed, space), -EINVAL);
	assert_int_equal(unwind_tables_load(cut, space), -EINVAL);
	assert_int_equal(unwind_tables_load(tiny, space), -EINVAL);
	assert_int_equal(unwind_tables_load(-1, space), -EINVAL);
	assert_int_equal(unwind_tables_load(sound, space), 0);
	munmap((void *)data, size);
	free(space);
}

static void files_that_are_gone_or_changed_get_no_table(void **state)
{
	static const char maps[] =
		"400000-402000 r-xp 00000000 08:01 1 /nowhere/at/all\n"
		"500000-502000 r-xp 00000000 08:01 1 /proc/self/exe\n" /* another inode */
		"600000-602000 rw-p 00000000 08:01 1 /bin/sh\n"         /* no code */
		"700000-701000 r-xp 00000000 00:00 0 \n"
		"800000-801000 r-xp 00000000 08:01 7 /lib/x.so (deleted)\n"
		"this is no line of maps\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";
	struct unwind_space *space = calloc(1, sizeof(*space));
	struct unwind_tables_head head;
	struct unwind_row row;
	int fd = -1;

	(void)state;
	assert_int_equal(unwind_tables_make(maps, sizeof(maps) - 1, &head, &fd), 0);
	assert_int_equal(head.n_mappings, 4);
	assert_int_equal(head.n_without, 3);
	assert_int_equal(head.n_rows, 0);
	assert_int_equal(unwind_tables_load(fd, space), 0);
	assert_int_equal(unwind_find_row(space, 0x400010, &row), UNWIND_NO_ROW);
	assert_int_equal(unwind_find_row(space, 0x700010, &row), UNWIND_ANONYMOUS_CODE);
	assert_int_equal(unwind_find_row(space, 0x600010, &row), UNWIND_NO_MAPPING);
	fd_close(fd);
	free(space);
}

static void a_space_that_is_held_stays(void **state)
{
	struct unwind_tables_head head;
	_cleanup_fd_ int fd = make_tables(&head);
	struct spaces s = {.memory = calloc(ANALYZER_SPACES, sizeof(*s.memory))};
	uint32_t held[ANALYZER_SPACES];

	(void)state;
	assert_int_equal(spaces_take(&s, 0), ANALYZER_NO_SPACE);
	assert_int_equal(spaces_take(&s, 1), ANALYZER_NO_SPACE);
	assert_int_equal(spaces_load(&s, 0, fd), -EINVAL);
	for (uint64_t id = 1; id <= ANALYZER_SPACES; id++) {
		assert_int_equal(spaces_load(&s, id, fd), 0);
		held[id - 1] = spaces_take(&s, id);
		assert_true(held[id - 1] < ANALYZER_SPACES);
	}
	assert_int_equal(spaces_load(&s, 2, fd), -EEXIST);
	assert_int_equal(spaces_load(&s, 99, fd), -EBUSY);
	spaces_give(&s, held[1]);
	spaces_give(&s, ANALYZER_NO_SPACE);
	assert_int_equal(spaces_load(&s, 99, fd), 0);
	assert_int_equal(spaces_take(&s, 99), held[1]);
	assert_int_equal(spaces_take(&s, 2), ANALYZER_NO_SPACE);
	assert_int_equal(spaces_take(&s, 1), held[0]);
	free(s.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_finds_our_callers),
		cmocka_unit_test(unsound_tables_are_refused),
		cmocka_unit_test(files_that_are_gone_or_changed_get_no_table),
		cmocka_unit_test(a_space_that_is_held_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
