/* SPDX-License-Identifier: Apache-2.0 */
/* Counting a tool's tasks. Runs in tool hosts, on their only thread.
 *
 * A host may open nothing in /proc once Landlock holds for it. Listing a folder that is open already, stat and getpgid are
 * what is left, and enough: the kernel gives /proc/PID/task a link for each thread, and two as to every folder. */
#include "codegen/tools/tasks.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define LINKS_OF_A_FOLDER 2

size_t tasks_of_machine(void)
{
	struct sysinfo info;

	return sysinfo(&info) < 0 ? 1024 : info.procs;
}

static size_t threads_of(int proc_fd, const char *pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%.20s/task", pid);
	if (fstatat(proc_fd, path, &st, 0) < 0) /* gone meanwhile */
		return 0;
	return st.st_nlink > LINKS_OF_A_FOLDER ? st.st_nlink - LINKS_OF_A_FOLDER : 1;
}

bool tasks_of_group_exceed(int proc_fd, pid_t group, size_t most)
{
	int fd = proc_fd > 0 ? fcntl(proc_fd, F_DUPFD_CLOEXEC, 4) : -1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	size_t n = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	rewinddir(dir); /* the position is that of the last look */
	while (n <= most && (e = readdir(dir))) {
		pid_t pid = (pid_t)atol(e->d_name);
		if (pid > 0 && getpgid(pid) == group)
			n += threads_of(proc_fd, e->d_name);
	}
	closedir(dir);
	return n > most;
}
