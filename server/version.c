/* SPDX-License-Identifier: Apache-2.0 */
/* What `spvscoped --version` says: the analyzer is asked, since one of another build may lie there. Runs in main, before
 * anything else is started. */
#include "server/version.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Appends what it prints. 0, or -errno when it cannot be started. */
static int ask_program(const char *path, struct strbuf *text)
{
	const char *const argv[] = { path, "--version", NULL };
	posix_spawn_file_actions_t actions;
	char bytes[512];
	int fds[2], r;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	r = -posix_spawn(&pid, path, &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	fd_close(fds[1]);
	while (r == 0 && ((n = read(fds[0], bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR)))
		strbuf_append(text, bytes, n > 0 ? (size_t)n : 0);
	fd_close(fds[0]);
	if (r == 0)
		waitpid(pid, NULL, 0);
	return r;
}

void version_text(const char *analyzer_path, struct strbuf *text)
{
	int r;

	strbuf_puts(text, "spvscoped " SPVSCOPE_VERSION "\nanalyzers " SPVSCOPE_ANALYZERS "\n");
	r = ask_program(analyzer_path, text);
	if (r < 0)
		strbuf_printf(text, "no analyzer: %s: %s\n", analyzer_path, strerror(-r));
}
