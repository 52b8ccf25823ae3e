/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of server/config.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "server/config.h"

static int load(struct config *c, char *error, size_t size, int argc, const char **argv)
{
	memset(c, 0, sizeof *c);
	error[0] = '\0';
	return config_load(c, argc, (char **)(uintptr_t)argv, error, size);
}

/* A file with this text; the caller unlinks and frees. */
static char *file_of(const char *text)
{
	char *path = strdup("/tmp/test_config.XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void defaults_are_those_that_help_tells(void **state)
{
	(void)state;
	_cleanup_(config_done) struct config c;
	char error[512];
	const char *argv[] = { "spvscoped", "--config", "/dev/null" };

	assert_int_equal(load(&c, error, sizeof error, 3, argv), 0);
	assert_string_equal(c.listen.items[0], "127.0.0.1:7230");
	assert_int_equal(c.max_queued, 1024);
	assert_int_equal(c.worker_max_rss_bytes, 512u << 20);
	assert_int_equal(c.keep_bytes, 2ull << 30);
	assert_int_equal(c.socket_mode, 0660);
	assert_true(c.analyzer);
	assert_int_equal(c.isolation, ISOLATION_WORKER);
	assert_non_null(c.state_dir);
}

static void the_command_line_goes_before_the_file(void **state)
{
	(void)state;
	_cleanup_(config_done) struct config c;
	char error[512];
	_cleanup_free_ char *path = file_of("# comment\n\n queue = 5\nlisten=127.0.0.1:1\nworkers = 3\r\nanalyzer = off\n");
	const char *argv[] = { "spvscoped", "--config", path, "--queue=7", "--listen", "127.0.0.1:0" };
	int r = load(&c, error, sizeof error, 6, argv);

	unlink(path);
	if (r != 0)
		fail_msg("%s", error);
	assert_int_equal(c.max_queued, 7);
	assert_int_equal(c.n_workers, 3);
	assert_int_equal(c.listen.n, 1);
	assert_string_equal(c.listen.items[0], "127.0.0.1:0");
	assert_false(c.analyzer);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *option, *value, *says;
	} rows[] = {
		{ "--nonsense", "1", "--nonsense" }, { "--queue", "0", "queue takes a number from 1" },
		{ "--queue", "x", "'x'" }, { "--keep-bytes", "1T", "'1T'" }, { "--analyzer", "maybe", "on or off" },
		{ "--isolation", "vm", "worker or request" }, { "--socket-mode", "9", "octal" },
		{ "--trace", "a=loud", "loud" }, { "--listen", "0.0.0.0:1", "needs --token" },
		{ "--listen", "[::]:1", "needs --token" }, { "--token", "short", "16 to 512" }, { "--help=x", "", "no value" },
		{ "--config", "/nonexistent/file", "/nonexistent/file" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(config_done) struct config c;
		char error[512];
		const char *argv[] = { "spvscoped", rows[i].option, rows[i].value };

		if (load(&c, error, sizeof error, rows[i].value[0] ? 3 : 2, argv) >= 0 || !strstr(error, rows[i].says))
			fail_msg("%s %s: %s", rows[i].option, rows[i].value, error);
	}
}

static void a_wrong_line_of_the_file_is_named(void **state)
{
	(void)state;
	_cleanup_(config_done) struct config c;
	char error[512];
	_cleanup_free_ char *path = file_of("queue = 5\nnonsense = 1\n");
	const char *argv[] = { "spvscoped", "--config", path };
	int r = load(&c, error, sizeof error, 3, argv);

	unlink(path);
	assert_int_equal(r, -EINVAL);
	assert_non_null(strstr(error, ":2: there is no option 'nonsense'"));
}

static void the_filter_comes_from_the_option_else_the_environment(void **state)
{
	(void)state;
	char error[512];
	const char *argv[] = { "spvscoped", "--config", "/dev/null", "--trace", "warn" };

	setenv("SPVSCOPE_LOG", "debug", 1);
	for (int argc = 3; argc <= 5; argc += 2) {
		_cleanup_(config_done) struct config c;

		assert_int_equal(load(&c, error, sizeof error, argc, argv), 0);
		assert_int_equal(c.trace_filter.default_level, argc == 3 ? SPVSCOPE_LEVEL_DEBUG : SPVSCOPE_LEVEL_WARN);
	}
	unsetenv("SPVSCOPE_LOG");
}

static void a_token_file_is_read_to_its_first_line(void **state)
{
	(void)state;
	_cleanup_(config_done) struct config c;
	char error[512];
	_cleanup_free_ char *path = file_of("0123456789abcdef\nrest\n");
	const char *argv[] = { "spvscoped", "--config", "/dev/null", "--token-file", path, "--listen", "0.0.0.0:0" };
	int r = load(&c, error, sizeof error, 7, argv);

	unlink(path);
	assert_int_equal(r, 0);
	assert_string_equal(c.token, "0123456789abcdef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_that_help_tells),
		cmocka_unit_test(the_command_line_goes_before_the_file),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_wrong_line_of_the_file_is_named),
		cmocka_unit_test(the_filter_comes_from_the_option_else_the_environment),
		cmocka_unit_test(a_token_file_is_read_to_its_first_line),
	};
	unsetenv("SPVSCOPE_LOG");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
