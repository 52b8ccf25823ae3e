/* SPDX-License-Identifier: Apache-2.0 */
/* Times a command as a process, from spawn to exit, several times over: process_time SECONDS MAX_RUNS COMMAND…
 * What a build pays that starts a compiler for each shader. Ends with status 1 when the command does. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/bench/statistics.h"

extern char **environ;

static int run_once(char **argv, const posix_spawn_file_actions_t *actions)
{
	int status, error;
	pid_t pid;

	error = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);
	if (error)
		return error;
	if (waitpid(pid, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : ECHILD;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	uint64_t *times, begun, deadline;
	size_t n = 0, max;

	if (argc < 4) {
		fprintf(stderr, "usage: process_time SECONDS MAX_RUNS COMMAND…\n");
		return 2;
	}
	max = strtoul(argv[2], NULL, 10);
	times = calloc(max + 1, sizeof(*times));
	if (!times)
		return 1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	run_once(&argv[3], &actions); /* the first reads the files in */

	begun = clock_now_ns();
	deadline = begun + (uint64_t)(strtod(argv[1], NULL) * 1e9);
	while (n < max && (n < 3 || clock_now_ns() < deadline)) {
		uint64_t start = clock_now_ns();
		int error = run_once(&argv[3], &actions);

		if (error) {
			fprintf(stderr, "process_time: %s: %s\n", argv[3],
				error == ECHILD ? "ended with an error" : strerror(error));
			return 1;
		}
		times[n++] = clock_now_ns() - start;
	}
	statistics_print(times, n, clock_now_ns() - begun);
	posix_spawn_file_actions_destroy(&actions);
	free(times);
	return 0;
}
