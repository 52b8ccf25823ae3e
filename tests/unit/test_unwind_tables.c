/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of this very process: that a walk by them finds our callers; that they are kept between runs; that unsound ones
 * are refused; and which files a program will have mapped. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "bpf/unwind_cache.h"
#include "bpf/unwind_closure.h"
#include "bpf/unwind_files.h"
#include "tests/unit/unwind_host.h"

static long read_own(const void *arg, __u64 address, __u64 *ret)
{
	(void)arg;
	*ret = *(const __u64 *)address;
	return 0;
}

/* backtrace() is the compiler's own unwinder; both start in this function, or it starts below: a sanitizer has one that does. */
static __attribute__((noinline)) void compare_with_backtrace(const struct host_space *space)
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
	while ((end = host_advance(space, &f, &gap, read_own, NULL)) == UNWIND_GOES_ON) {
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
	const struct host_space *space = *(const struct host_space *const *)a;

	(void)b;
	compare_with_backtrace(space);
	return 0;
}

static void a_walk_finds_our_callers(void **state)
{
	_cleanup_strbuf_ struct strbuf maps = {0};
	struct host_space *space, *pair[2];

	(void)state;
	host_read_maps("/proc/self/maps", &maps);
	space = pair[0] = pair[1] = host_space_new(maps.data);
	compare_with_backtrace(space);
	qsort(pair, 2, sizeof(pair[0]), compare); /* through the C library */
	host_space_free(space);
}

/* ---- a file that changes while its table is made ---- */

struct rewriter {
	int fd;
	const char *data;
	size_t size;
	bool stop;
};

/* As a compiler or cp does it, again and again. */
static void *rewrite(void *arg)
{
	struct rewriter *w = arg;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		assert_int_equal(ftruncate(w->fd, 0), 0);
		for (size_t at = 0; at < w->size; at += 65536)
			assert_true(pwrite(w->fd, w->data + at, w->size - at < 65536 ? w->size - at : 65536, (off_t)at) > 0);
	}
	return NULL;
}

static void a_file_that_is_written_meanwhile_harms_nobody(void **state)
{
	char folder[] = "/tmp/unwind-XXXXXX";
	_cleanup_fd_ int own_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), expected_fd = -1;
	struct rewriter w = {.fd = memfd_create("image", MFD_CLOEXEC)};
	struct unwind_table_head head, expected;
	unsigned n_made = 0, n_changed = 0;
	struct stat st;
	pthread_t thread;
	bool was_kept;
	int fd;

	(void)state;
	assert_int_equal(fstat(own_fd, &st), 0);
	w.size = (size_t)st.st_size;
	w.data = mmap(NULL, w.size, PROT_READ, MAP_PRIVATE, own_fd, 0);
	assert_true(w.data != MAP_FAILED);
	assert_int_equal(unwind_cache_get(NULL, own_fd, &expected, &was_kept, &expected_fd), 0);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(pthread_create(&thread, NULL, rewrite, &w), 0);
	for (unsigned i = 0; i < 100000 && n_changed < 100; i++) {
		int r = unwind_cache_get(folder, w.fd, &head, &was_kept, &fd);
		n_made += r >= 0;
		n_changed += r == -EAGAIN;
		if (r < 0)
			continue;
		assert_true(head.n_cells == expected.n_cells && head.sum == expected.sum); /* whole, or none */
		fd_close(fd);
	}
	__atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	print_message("# %u tables made, %u times the file changed\n", n_made, n_changed);
	assert_true(n_changed > 0);
	assert_int_equal(unwind_cache_get(folder, w.fd, &head, &was_kept, &fd), 0);
	assert_true(head.n_cells == expected.n_cells && head.sum == expected.sum);
	fd_close(fd);
	fd_close(w.fd);
	munmap((void *)w.data, w.size);
	assert_int_equal(unwind_cache_tidy(folder, 0), 0);
	assert_int_equal(rmdir(folder), 0);
}

static int own_table(struct unwind_table_head *ret_head)
{
	_cleanup_fd_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	bool was_kept;
	int table_fd = -1;

	assert_int_equal(unwind_cache_get(NULL, fd, ret_head, &was_kept, &table_fd), 0);
	return table_fd;
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
	struct unwind_table_head head;

	assert_int_equal(write(fd, data, size), size);
	if (d) {
		assert_int_equal(pwrite(fd, &d->value, sizeof(d->value), (off_t)d->at), sizeof(d->value));
		/* By one who knows how to sum. */
		union unwind_cell *copy = malloc(size);
		size_t n = (size - sizeof(head)) / sizeof(*copy);
		assert_int_equal(pread(fd, &head, sizeof(head), 0), sizeof(head));
		assert_int_equal(pread(fd, copy, n * sizeof(*copy), sizeof(head)), n * sizeof(*copy));
		head.sum = unwind_table_sum(copy, n);
		assert_int_equal(pwrite(fd, &head, sizeof(head), 0), sizeof(head));
		free(copy);
	}
	if (sealed)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	return fd;
}

static void unsound_tables_are_refused(void **state)
{
	struct unwind_table_head head;
	struct unwind_table table;
	_cleanup_fd_ int fd = own_table(&head);
	size_t cells = sizeof(head), size = sizeof(head) + head.n_cells * sizeof(union unwind_cell);

	(void)state;
	assert_int_equal(unwind_table_open(fd, &table), 0);
	uint32_t n_pages = table.cells[0].extent.n_pages;
	size_t pages = cells + 8, rows = pages + (n_pages + 1) * 8, last = size - 8;
	const struct damage damages[] = {
		{"another magic", offsetof(struct unwind_table_head, magic), 1},
		{"another version", offsetof(struct unwind_table_head, version), 99},
		{"another processor's", offsetof(struct unwind_table_head, is_arm), !UNWIND_ARM},
		{"more cells than there are", offsetof(struct unwind_table_head, n_cells), head.n_cells + 1},
		{"fewer cells than there are", offsetof(struct unwind_table_head, n_cells), head.n_cells - 1},
		{"more cells than fit", offsetof(struct unwind_table_head, n_cells), UINT32_MAX},
		{"a key without end", offsetof(struct unwind_table_head, key) + UNWIND_KEY_MAX - 4, UINT32_MAX},
		{"no pages", cells + 4, 0},
		{"more pages than there are", cells + 4, n_pages + 1},
		{"more pages than fit", cells + 4, UNWIND_PAGES_MAX + 1},
		{"the pages of another place", cells, table.cells[0].extent.first_page + 1},
		{"a first page without the first row", pages, n_pages + 3},
		{"a page's row out of range", pages + 8, head.n_cells},
		{"pages in disorder", pages + 8, 0},
		{"a page with something else", pages + 12, 1},
		{"a last page that is not the last row", rows - 8, head.n_cells - 2},
		{"rows in disorder", rows + 8, 0},
		{"the last row in disorder", last, 0},
		{"a row of a rule that does not exist", rows + 4, 0x000F0000},
	};
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		_cleanup_fd_ int bad_fd = damaged_copy(table.head, size, &damages[i], true);
		struct unwind_table bad;
		int r = unwind_table_open(bad_fd, &bad);
		if (r != -EINVAL)
			fail_msg("%s: %d", damages[i].what, r);
	}
	_cleanup_fd_ int unsealed = damaged_copy(table.head, size, NULL, false), cut = damaged_copy(table.head, size - 8, NULL, true);
	_cleanup_fd_ int tiny = damaged_copy(table.head, 4, NULL, true), sound = damaged_copy(table.head, size, NULL, true);
	struct unwind_table again;
	assert_int_equal(unwind_table_open(unsealed, &again), -EINVAL);
	assert_int_equal(unwind_table_open(cut, &again), -EINVAL);
	assert_int_equal(unwind_table_open(tiny, &again), -EINVAL);
	assert_int_equal(unwind_table_open(-1, &again), -EINVAL);
	assert_int_equal(unwind_table_open(sound, &again), 0);
	unwind_table_close(&again);
	unwind_table_close(&table);
}

/* ---- kept between runs ---- */

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "%s/spvscope-unwind-XXXXXX", getenv("TMPDIR") ?: "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	unwind_cache_tidy(folder, 0);
	return rmdir(folder);
}

static bool get(bool *ret_was_kept, struct unwind_table_head *ret_head)
{
	_cleanup_fd_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), table_fd = -1;
	struct unwind_table table;

	assert_int_equal(unwind_cache_get(folder, fd, ret_head, ret_was_kept, &table_fd), 0);
	assert_int_equal(unwind_table_open(table_fd, &table), 0);
	unwind_table_close(&table);
	return *ret_was_kept;
}

static void kept_path(const struct unwind_table_head *head, char path[256])
{
	snprintf(path, 256, "%s/%s.unwind", folder, head->key);
}

static void a_table_is_made_once_and_then_kept(void **state)
{
	struct unwind_table_head first, second;
	bool was_kept;

	(void)state;
	assert_false(get(&was_kept, &first));
	assert_true(get(&was_kept, &second));
	assert_memory_equal(&first, &second, sizeof(first));
	/* Of no use any more: it is made again. */
	assert_int_equal(unwind_cache_tidy(folder, 0), 0);
	assert_false(get(&was_kept, &second));
	assert_int_equal(unwind_cache_tidy(folder, 1u << 30), 0);
	assert_true(get(&was_kept, &second));
}

static void what_is_damaged_in_the_folder_is_made_anew(void **state)
{
	static const struct {
		const char *what;
		off_t at;
		unsigned char flip;
	} damages[] = {
		{"magic", 0, 1}, {"version", 4, 1}, {"number of cells", 12, 1}, {"key", 40, 1}, {"a cell", 200, 0x10},
	};
	struct unwind_table_head head;
	bool was_kept;
	char path[256];

	(void)state;
	get(&was_kept, &head);
	kept_path(&head, path);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		_cleanup_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
		unsigned char byte;
		assert_int_equal(pread(fd, &byte, 1, damages[i].at), 1);
		byte ^= damages[i].flip;
		assert_int_equal(pwrite(fd, &byte, 1, damages[i].at), 1);
		if (get(&was_kept, &head))
			fail_msg("damaged %s was believed", damages[i].what);
		assert_true(get(&was_kept, &head)); /* it was replaced */
	}
	assert_int_equal(truncate(path, 1000), 0);
	assert_false(get(&was_kept, &head));
	assert_int_equal(truncate(path, 0), 0);
	assert_false(get(&was_kept, &head));
	assert_int_equal(chmod(path, 0666), 0); /* anybody may have written it */
	assert_false(get(&was_kept, &head));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_false(get(&was_kept, &head));
	assert_true(get(&was_kept, &head));
}

static void half_written_files_are_tidied_up_when_they_are_old(void **state)
{
	char young[256], old[256];
	const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	(void)state;
	snprintf(young, sizeof(young), "%s/.new-1-1", folder);
	snprintf(old, sizeof(old), "%s/.new-2-2", folder);
	fd_close(open(young, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	fd_close(open(old, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0), 0);
	assert_int_equal(unwind_cache_tidy(folder, 1u << 30), 0);
	assert_int_equal(access(young, F_OK), 0);
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(unlink(young), 0);
}

/* ---- which files ---- */

struct found {
	const struct unwind_closure *closure;
	size_t n;
};

static int is_in_closure(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct found *f = arg;
	char real[4096];

	(void)size;
	if (!realpath(info->dlpi_name, real))
		return 0; /* ourselves, and the vDSO */
	for (size_t i = 0; i < f->closure->n; i++)
		if (strcmp(f->closure->paths[i], real) == 0) {
			f->n++;
			return 0;
		}
	fail_msg("%s is mapped and was not found", real);
	return 1;
}

static void the_libraries_of_a_program_are_found_without_running_it(void **state)
{
	struct unwind_closure closure;
	struct found found = {.closure = &closure};

	(void)state;
	assert_int_equal(unwind_closure_find("/proc/self/exe", &closure), 0);
	assert_int_equal(closure.n_missing, 0);
	dl_iterate_phdr(is_in_closure, &found);
	assert_true(found.n >= 3);
	unwind_closure_done(&closure);
	assert_int_equal(unwind_closure_find("/nowhere/at/all", &closure), -ENOENT);
	assert_int_equal(unwind_closure_find("/proc/self/maps", &closure), -ENOEXEC);
	assert_int_equal(closure.n, 0);
}

static void count_file(void *arg, const char *path, int fd)
{
	assert_true(fd >= 0 && *path);
	++*(size_t *)arg;
}

static void files_that_are_gone_or_changed_are_not_taken_for_what_is_mapped(void **state)
{
	static const char maps[] =
		"400000-402000 r-xp 00000000 08:01 1 /nowhere/at/all\n"
		"500000-502000 r-xp 00000000 08:01 1 /proc/self/exe\n" /* another inode */
		"600000-602000 rw-p 00000000 08:01 1 /bin/sh\n"         /* no code */
		"700000-701000 r-xp 00000000 00:00 0 \n"
		"800000-801000 r-xp 00000000 08:01 7 /lib/x.so (deleted)\n"
		"this is no line of maps\n"
		"7ff000000000-7ff000002000 r-xp 00000000 00:00 0 [vdso]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";
	size_t n = 0;

	(void)state;
	assert_int_equal(unwind_files_of_maps(maps, sizeof(maps) - 1, count_file, &n), 3);
	assert_int_equal(n, 1); /* the vDSO */
}

int main(void)
{
#define with_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_libraries_of_a_program_are_found_without_running_it), /* first: backtrace() opens another one */
		cmocka_unit_test(a_walk_finds_our_callers),
		cmocka_unit_test(a_file_that_is_written_meanwhile_harms_nobody),
		cmocka_unit_test(unsound_tables_are_refused),
		with_folder(a_table_is_made_once_and_then_kept),
		with_folder(what_is_damaged_in_the_folder_is_made_anew),
		with_folder(half_written_files_are_tidied_up_when_they_are_old),
		cmocka_unit_test(files_that_are_gone_or_changed_are_not_taken_for_what_is_mapped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
