/* SPDX-License-Identifier: Apache-2.0 */
/* symbols.c on this very process: its own functions, the C library's, the vDSO's, and addresses that have no name. */
#include "tests/unit/cmocka_head.h"

#include <execinfo.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/demangle.h"
#include "bpf/symbols.h"

static struct symbolizer *symbolizer_of_self(void)
{
	struct symbolizer *s = NULL;
	static char maps[256 << 10];
	FILE *f = fopen("/proc/self/maps", "re");
	size_t n;

	assert_non_null(f);
	n = fread(maps, 1, sizeof(maps), f);
	fclose(f);
	assert_int_equal(symbolizer_new(maps, n, &s), 0);
	return s;
}

__attribute__((noinline, noclone)) static int a_named_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 3;
}

static void a_function_of_ours_has_its_name_and_module(void **state)
{
	struct symbolizer *s = symbolizer_of_self();
	struct symbol symbol = symbolizer_lookup(s, (uint64_t)(uintptr_t)a_named_function, false);

	(void)state;
	assert_string_equal(symbol.name, "a_named_function");
	assert_string_equal(symbol.module, "test_symbols");
	assert_false(symbol.outermost);
	symbolizer_free(s);
}

static void a_return_address_belongs_to_the_call_before_it(void **state)
{
	struct symbolizer *s = symbolizer_of_self();
	uint64_t start = (uint64_t)(uintptr_t)a_named_function;

	(void)state;
	assert_string_not_equal(symbolizer_lookup(s, start, true).name, "a_named_function");
	assert_string_equal(symbolizer_lookup(s, start + 1, true).name, "a_named_function");
	symbolizer_free(s);
}

static void equal_names_have_equal_pointers(void **state)
{
	struct symbolizer *s = symbolizer_of_self();
	uint64_t start = (uint64_t)(uintptr_t)a_named_function;
	const char *name = symbolizer_lookup(s, start, false).name;

	(void)state;
	assert_ptr_equal(name, symbolizer_lookup(s, start + 1, false).name);
	/* Through many growths of the tables. */
	for (uint64_t i = 1; i < 5000; i++)
		symbolizer_lookup(s, i, false);
	assert_ptr_equal(name, symbolizer_lookup(s, start, false).name);
	symbolizer_free(s);
}

static void an_address_outside_of_all_symbols_is_module_and_offset(void **state)
{
	struct symbolizer *s = symbolizer_of_self();
	/* The ELF head of our own image is in no function. */
	extern const char __ehdr_start[];
	struct symbol symbol = symbolizer_lookup(s, (uint64_t)(uintptr_t)__ehdr_start + 0x20, false);

	(void)state;
	assert_string_equal(symbol.name, "test_symbols+0x20");
	assert_string_equal(symbol.module, "test_symbols");
	symbolizer_free(s);
}

/* A function of one instruction, 64 bytes that no symbol covers, and another one. */
__asm__(".pushsection .text\n"
	".globl before_the_gap\n"
	".type before_the_gap, %function\n"
	"before_the_gap: ret\n"
	".size before_the_gap, . - before_the_gap\n"
	".globl the_gap\n" /* without a type or a size: no function */
	"the_gap: .skip 64, 0\n"
	".globl behind_the_gap\n"
	".type behind_the_gap, %function\n"
	"behind_the_gap: ret\n"
	".size behind_the_gap, . - behind_the_gap\n"
	".popsection\n");
extern const char before_the_gap[], the_gap[], behind_the_gap[], __ehdr_start[];

static void an_address_behind_a_function_has_not_its_name(void **state)
{
	struct symbolizer *s = symbolizer_of_self();
	struct symbol symbol;

	(void)state;
	assert_string_equal(symbolizer_lookup(s, (uint64_t)(uintptr_t)before_the_gap, false).name, "before_the_gap");
	for (unsigned i = 0; i < 64; i++) {
		uint64_t address = (uint64_t)(uintptr_t)the_gap + i;
		char expected[64];

		symbol = symbolizer_lookup(s, address, false);
		snprintf(expected, sizeof(expected), "test_symbols+0x%zx", (size_t)(address - (uint64_t)(uintptr_t)__ehdr_start));
		assert_string_equal(symbol.name, expected);
		assert_false(symbol.named);
	}
	/* The call that ends a function returns behind it, and is the function's all the same. */
	assert_string_equal(symbolizer_lookup(s, (uint64_t)(uintptr_t)the_gap, true).name, "before_the_gap");
	assert_string_equal(symbolizer_lookup(s, (uint64_t)(uintptr_t)behind_the_gap, false).name, "behind_the_gap");
	symbolizer_free(s);
}

static void what_is_mapped_nowhere_or_has_no_file_says_so(void **state)
{
	void *anonymous = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct symbolizer *s = symbolizer_of_self();

	(void)state;
	assert_string_equal(symbolizer_lookup(s, (uint64_t)(uintptr_t)anonymous + 5, false).name, "[anon]");
	assert_string_equal(symbolizer_lookup(s, 16, false).name, "[unknown]");
	assert_string_equal(symbolizer_lookup(s, 0, true).name, "[kernel]");
	assert_string_equal(symbolizer_lookup(s, 0xFFFFFFFF81000000, false).module, "[kernel]");
	symbolizer_free(s);
	munmap(anonymous, 1 << 20);
}

static void the_vdso_has_names(void **state)
{
	struct symbolizer *s = symbolizer_of_self();
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	bool found = false;

	(void)state;
	for (uint64_t at = vdso; vdso && at < vdso + 4096 && !found; at += 8) {
		struct symbol symbol = symbolizer_lookup(s, at, false);
		assert_string_equal(symbol.module, "[vdso]");
		found = strstr(symbol.name, "vdso") && !strchr(symbol.name, '+');
	}
	assert_true(found || !vdso);
	symbolizer_free(s);
}

static void a_file_that_was_replaced_gives_no_names(void **state)
{
	char maps[512];
	struct symbolizer *s = NULL;
	struct symbol symbol;

	(void)state;
	/* The path is real, the inode is not. */
	snprintf(maps, sizeof(maps), "1000-ffff000 r-xp 00000000 00:00 1   /proc/self/exe\n"
		"20000000-20001000 r-xp 00003000 08:01 12   /usr/bin/gone (deleted)\n");
	assert_int_equal(symbolizer_new(maps, strlen(maps), &s), 0);
	symbol = symbolizer_lookup(s, 0x1234, false);
	assert_string_equal(symbol.name, "exe+0x234");
	symbol = symbolizer_lookup(s, 0x20000010, false);
	assert_string_equal(symbol.name, "gone+0x3010");
	assert_string_equal(symbol.module, "gone");
	symbolizer_free(s);
}

static void broken_maps_are_no_crash(void **state)
{
	static const char *const broken[] = {"", "\n\n", "zzz", "1000-", "1000-2000 r-xp", "1000-2000 r-xp 0 0:0",
		"1000-2000 r-xp 00000000 00:00 0", "5-4 r 0 0:0 0 x\n1-2", "ffffffffffffffff-0 r-xp 0 0:0 0 /x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct symbolizer *s = NULL;
		assert_int_equal(symbolizer_new(broken[i], strlen(broken[i]), &s), 0);
		assert_non_null(symbolizer_lookup(s, 0x1500, true).name);
		symbolizer_free(s);
	}
}

/* Whether the walk comes to a frame that is known as the outermost. */
static bool reaches_outermost(void **frames, const char *name)
{
	struct symbolizer *s = symbolizer_of_self();
	bool reached = false;

	for (intptr_t i = 0; i < (intptr_t)frames[0]; i++) {
		struct symbol symbol = symbolizer_lookup(s, (uint64_t)(uintptr_t)frames[i + 1], true);
		reached |= symbol.outermost && strcmp(symbol.name, name) == 0;
	}
	symbolizer_free(s);
	return reached;
}

static void the_outermost_frames_are_known_without_the_c_librarys_local_names(void **state)
{
	void *frames[64] = {0};

	(void)state;
	frames[0] = (void *)(intptr_t)backtrace(frames + 1, 63);
	assert_true(reaches_outermost(frames, "_start"));
	assert_true(reaches_outermost(frames, "__libc_start_call_main"));
}

/* The line of our mappings that an address lies in, as file and place in it. */
static bool find_in_file(uint64_t address, char path[4096], uint64_t *ret_inode, uint64_t *ret_offset)
{
	char line[8192];
	bool found = false;
	FILE *f = fopen("/proc/self/maps", "re");

	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f)) {
		uint64_t start, end, offset;
		found = sscanf(line, "%lx-%lx %*s %lx %*s %lu %4095s", &start, &end, &offset, ret_inode, path) == 5 &&
			address >= start && address < end;
		*ret_offset = address - start + offset;
	}
	fclose(f);
	return found;
}

static void a_file_by_itself_gives_the_names_that_its_process_has(void **state)
{
	const uint64_t addresses[] = {(uint64_t)(uintptr_t)a_named_function, (uint64_t)(uintptr_t)a_named_function + 2,
		(uint64_t)(uintptr_t)qsort + 8, (uint64_t)(uintptr_t)&fopen,
		getauxval(AT_SYSINFO_EHDR) + 0x600};
	struct symbolizer *process = symbolizer_of_self();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct symbol by_process = symbolizer_lookup(process, addresses[i], false), by_file;
		struct symbolizer *file = NULL;
		char path[4096];
		uint64_t inode = 0, offset = 0;

		assert_true(find_in_file(addresses[i], path, &inode, &offset));
		assert_int_equal(symbolizer_new_of_file(path, inode, path[0] == '[' ? 8192 : 1 << 28, &file), 0);
		by_file = symbolizer_lookup(file, offset, false);
		assert_string_equal(by_file.name, by_process.name);
		assert_string_equal(by_file.module, by_process.module);
		assert_int_equal(by_file.offset, by_process.offset);
		assert_int_equal(by_file.named, by_process.named);
		symbolizer_free(file);
	}
	symbolizer_free(process);
}

/* Its names were asked for, and are kept. Mapped, it would end us by SIGBUS. */
static void a_file_that_is_shortened_later_ends_nobody(void **state)
{
	char path[] = "/tmp/symbols-XXXXXX";
	_cleanup_fd_ int own_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = mkstemp(path);
	char own_path[4096], chunk[65536];
	uint64_t inode = 0, offset = 0;
	struct symbolizer *file = NULL;
	struct stat st;
	ssize_t n;

	(void)state;
	while ((n = read(own_fd, chunk, sizeof(chunk))) > 0)
		assert_int_equal(write(fd, chunk, (size_t)n), n);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(find_in_file((uint64_t)(uintptr_t)a_named_function, own_path, &inode, &offset));
	assert_int_equal(symbolizer_new_of_file(path, st.st_ino, (uint64_t)st.st_size, &file), 0);
	assert_string_equal(symbolizer_lookup(file, offset, false).name, "a_named_function");
	assert_int_equal(ftruncate(fd, 0), 0);
	for (uint64_t at = 0; at < (uint64_t)st.st_size; at += 61)
		assert_non_null(symbolizer_lookup(file, at, false).name);
	assert_string_equal(symbolizer_lookup(file, offset + 1, false).name, "a_named_function");
	symbolizer_free(file);
	assert_int_equal(unlink(path), 0);
}

static void cxx_names_are_read_and_others_left_alone(void **state)
{
	char *name = demangle("_ZN7glslang7TShader5parseEPK16TBuiltInResourcei");

	(void)state;
	assert_string_equal(name, "glslang::TShader::parse(TBuiltInResource const*, int)");
	free(name);
	assert_null(demangle("main"));
	assert_null(demangle("i"));
	assert_null(demangle(""));
	assert_null(demangle("_Znonsense%"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_of_ours_has_its_name_and_module),
		cmocka_unit_test(a_return_address_belongs_to_the_call_before_it),
		cmocka_unit_test(equal_names_have_equal_pointers),
		cmocka_unit_test(an_address_outside_of_all_symbols_is_module_and_offset),
		cmocka_unit_test(an_address_behind_a_function_has_not_its_name),
		cmocka_unit_test(what_is_mapped_nowhere_or_has_no_file_says_so),
		cmocka_unit_test(the_vdso_has_names),
		cmocka_unit_test(a_file_that_was_replaced_gives_no_names),
		cmocka_unit_test(broken_maps_are_no_crash),
		cmocka_unit_test(the_outermost_frames_are_known_without_the_c_librarys_local_names),
		cmocka_unit_test(a_file_by_itself_gives_the_names_that_its_process_has),
		cmocka_unit_test(a_file_that_is_shortened_later_ends_nobody),
		cmocka_unit_test(cxx_names_are_read_and_others_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
