/* SPDX-License-Identifier: Apache-2.0 */
/* What the analyzer process may do and has at hand, seen from outside: two capabilities, no user, no file of a worker. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/privileges.h"
#include "tests/bpf/analyzer_front.h"
#include "tests/unit/cmocka_head.h"

#define NEEDED (1ull << CAP_BPF | 1ull << CAP_PERFMON)
#define NOBODY 65534

/* A line "Name:\tvalue…" of /proc/PID/status. */
static void read_status(pid_t pid, const char *name, char *value, size_t size)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	value[0] = 0;
	while (fgets(line, sizeof(line), f)) {
		size_t len = strlen(name);
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			snprintf(value, size, "%s", line + len + 1 + strspn(line + len + 1, " \t"));
	}
	fclose(f);
	value[strcspn(value, "\n")] = 0;
	assert_true(value[0]);
}

static uint64_t status_mask(pid_t pid, const char *name)
{
	char value[64];

	read_status(pid, name, value, sizeof(value));
	return strtoull(value, NULL, 16);
}

static void it_keeps_two_capabilities_and_drops_the_rest(void **state)
{
	struct front *f = *state;
	char value[64];

	front_need(f);
	assert_int_equal(status_mask(f->pid, "CapEff"), NEEDED);
	assert_int_equal(status_mask(f->pid, "CapPrm"), NEEDED);
	assert_int_equal(status_mask(f->pid, "CapInh"), 0);
	assert_int_equal(status_mask(f->pid, "CapAmb"), 0);
	read_status(f->pid, "NoNewPrivs", value, sizeof(value));
	assert_string_equal(value, "1");
	if (geteuid() != 0)
		return;
	assert_int_equal(status_mask(f->pid, "CapBnd") & ~NEEDED, 0);
	read_status(f->pid, "Uid", value, sizeof(value));
	assert_string_equal(value, "65534\t65534\t65534\t65534");
	read_status(f->pid, "Gid", value, sizeof(value));
	assert_string_equal(value, "65534\t65534\t65534\t65534");
}

static void one_capability_alone_is_not_enough_and_it_says_which_is_missing(void **state)
{
	uint64_t effective = 0;
	int status;
	pid_t pid;

	(void)state;
	effective = status_mask(getpid(), "CapEff");
	if ((effective & NEEDED) != NEEDED) {
		print_message("# skipped: this test has not the capabilities that it would take away\n");
		skip();
	}
	pid = fork();
	if (pid == 0) {
		char text[512];
		struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
		struct __user_cap_data_struct data[2] = {{0}};
		data[CAP_PERFMON / 32].effective = data[CAP_PERFMON / 32].permitted = 1u << CAP_PERFMON % 32;
		if (syscall(SYS_capset, &head, data) < 0 || privileges_suffice())
			_exit(2);
		privileges_explain("loading", -EPERM, text, sizeof(text));
		_exit(strstr(text, "lacks the capability CAP_BPF;") && strstr(text, "sudo setcap cap_bpf,cap_perfmon+ep /") ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The file is mapped in the process or open there. */
static bool has_file(pid_t pid, const char *needle)
{
	char path[64], line[4096];
	bool found = false;
	DIR *fds;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, needle) != NULL;
	fclose(maps);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	assert_non_null(fds);
	for (const struct dirent *d; (d = readdir(fds));) {
		ssize_t n = readlinkat(dirfd(fds), d->d_name, line, sizeof(line) - 1);
		line[n > 0 ? n : 0] = 0;
		found |= strstr(line, needle) != NULL;
	}
	closedir(fds);
	return found;
}

/* Descriptors that are files of a file system; memory has no name there. */
static unsigned count_files(pid_t pid)
{
	char path[64], target[4096];
	unsigned n_files = 0;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	assert_non_null(fds);
	for (const struct dirent *d; (d = readdir(fds));) {
		struct stat st;
		ssize_t n = readlinkat(dirfd(fds), d->d_name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		/* The first three are whatever the test was started with. */
		if (atoi(d->d_name) > 2 && fstatat(dirfd(fds), d->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) && st.st_nlink) {
			print_message("# %s is open\n", target);
			n_files++;
		}
	}
	closedir(fds);
	return n_files;
}

static void it_has_no_file_of_a_worker_open_while_it_analyzes(void **state)
{
	struct front *f = *state;
	struct burner b;

	front_need(f);
	burner_start(&b, f, true, "burn");
	assert_int_equal(front_ask(f, ANALYZER_ATTACH, 1, b.pid, ANALYZER_RELEASE, 4999, NULL).error, 0);
	assert_int_equal(front_ask(f, ANALYZER_ENABLE, 1, 0, 0, 0, NULL).error, 0);
	assert_true(has_file(b.pid, "burner")); /* the look itself works */
	assert_false(has_file(f->pid, "burner"));
	assert_false(has_file(f->pid, "libdw"));
	assert_int_equal(count_files(f->pid), 0);
	assert_int_equal(front_ask(f, ANALYZER_DETACH, 1, 0, 0, 0, NULL).error, 0);
	burner_end(&b);
}

static void files_that_are_closed_stay_closed(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || open("/proc/self/exe", O_RDONLY | O_CLOEXEC) < 0)
			_exit(2);
		int r = privileges_close_files();
		if (r <= 0)
			_exit(r == 0 ? 77 : 3);
		if (open("/proc/self/exe", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
			_exit(4);
		if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
			_exit(5);
		execl("/proc/self/exe", "again", NULL);
		_exit(errno == EACCES ? 0 : 6);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("# skipped: this kernel has no Landlock\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_front(it_keeps_two_capabilities_and_drops_the_rest),
		with_front(it_has_no_file_of_a_worker_open_while_it_analyzes),
		cmocka_unit_test(one_capability_alone_is_not_enough_and_it_says_which_is_missing),
		cmocka_unit_test(files_that_are_closed_stay_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
