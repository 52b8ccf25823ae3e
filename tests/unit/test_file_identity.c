/* SPDX-License-Identifier: Apache-2.0 */
/* base/file_identity.c: what changes it and what does not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file_identity.h"

static char folder[] = "/tmp/spvscope-identity-XXXXXX";
static char path[sizeof(folder) + 8];

/* Until the change time is another: it is as coarse as the kernel's tick. */
static void write_file(const char *text)
{
	struct stat before = {0}, now;

	stat(path, &before);
	do {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(text, f);
		fclose(f);
		assert_int_equal(stat(path, &now), 0);
	} while (now.st_ctim.tv_sec == before.st_ctim.tv_sec && now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a", folder);
	write_file("one");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void a_file_that_is_left_alone_stays_itself(void **state)
{
	char a[FILE_IDENTITY_MAX], b[FILE_IDENTITY_MAX];

	(void)state;
	assert_int_equal(file_identity(path, a, sizeof(a)), 0);
	assert_int_equal(file_identity(path, b, sizeof(b)), 0);
	assert_string_equal(a, b);
	assert_int_equal(file_identity_mix(1, path), file_identity_mix(1, path));
	assert_int_not_equal(file_identity_mix(1, path), file_identity_mix(2, path));
}

static void other_contents_of_the_same_size_and_time_are_another(void **state)
{
	char a[FILE_IDENTITY_MAX], b[FILE_IDENTITY_MAX];
	uint64_t of_file = file_identity_mix(1, path), of_folder = file_identity_mix(1, folder);
	struct stat st;

	(void)state;
	file_identity(path, a, sizeof(a));
	stat(path, &st);
	write_file("two");
	utimensat(AT_FDCWD, path, (const struct timespec[]){st.st_atim, st.st_mtim}, 0); /* as cp -p would */
	file_identity(path, b, sizeof(b));
	assert_string_not_equal(a, b);
	assert_int_not_equal(of_file, file_identity_mix(1, path));
	assert_int_not_equal(of_folder, file_identity_mix(1, folder));
}

static void a_file_that_is_not_there_has_none(void **state)
{
	char a[FILE_IDENTITY_MAX] = "x";

	(void)state;
	assert_int_equal(file_identity("/nowhere/at/all", a, sizeof(a)), -2);
	assert_string_equal(a, "");
	assert_int_not_equal(file_identity_mix(1, "/nowhere/at/all"), file_identity_mix(1, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_is_left_alone_stays_itself),
		cmocka_unit_test(other_contents_of_the_same_size_and_time_are_another),
		cmocka_unit_test(a_file_that_is_not_there_has_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
