/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/log.c and base/diag.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/log.h"

/* What fn writes to standard error, as a string. */
static const char *captured(void (*fn)(void))
{
	static char text[8192];
	int pipe_fds[2], saved = dup(STDERR_FILENO);
	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	close(pipe_fds[1]);
	fn();
	dup2(saved, STDERR_FILENO);
	close(saved);
	ssize_t n = read(pipe_fds[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(pipe_fds[0]);
	return text;
}

static void write_one(void)
{
	log_warn("server::pool", "worker %d died: %s", 7, "a\nb\x1b[31m");
}

static void write_long(void)
{
	char big[4000];
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_error("server", "%s", big);
}

static void write_debug(void)
{
	log_debug("server", "%s", "unseen");
}

static void a_message_is_one_line(void **state)
{
	(void)state;
	log_setup("tester", NULL, NULL);
	errno = ENOTTY;
	const char *line = captured(write_one);
	assert_non_null(strstr(line, "Z WARN  tester["));
	assert_non_null(strstr(line, "] server::pool: worker 7 died: a b [31m\n"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void a_long_message_is_cut_and_still_ends_its_line(void **state)
{
	(void)state;
	const char *line = captured(write_long);
	assert_true(strlen(line) < 2100);
	assert_string_equal(line + strlen(line) - 4, "...\n");
}

static bool only_debug_of_server(void *ctx, enum log_level level, const char *target)
{
	return level == LOG_DEBUG && !strcmp(target, ctx);
}

static void the_filter_decides(void **state)
{
	(void)state;
	char target[] = "server";
	assert_string_equal(captured(write_debug), "");
	assert_false(log_enabled(LOG_OFF, "x"));
	assert_true(log_enabled(LOG_INFO, "x"));
	log_setup("tester", only_debug_of_server, target);
	assert_non_null(strstr(captured(write_debug), "DEBUG tester["));
	assert_string_equal(captured(write_one), "");
	log_setup("tester", NULL, NULL);
}

static void a_diag_keeps_code_place_and_message(void **state)
{
	(void)state;
	struct diag d = {0};
	assert_int_equal(diag_set(&d, 3, "target.env", "no such \"%s\"", "x"), -EINVAL);
	assert_int_equal(d.code, 3);
	assert_string_equal(d.where, "target.env");
	assert_string_equal(d.message, "no such \"x\"");
	diag_set(&d, 4, NULL, "%s", "y");
	assert_string_equal(d.where, "");
	assert_int_equal(diag_set(NULL, 3, "x", "%s", "y"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_one_line),
		cmocka_unit_test(a_long_message_is_cut_and_still_ends_its_line),
		cmocka_unit_test(the_filter_decides),
		cmocka_unit_test(a_diag_keeps_code_place_and_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
