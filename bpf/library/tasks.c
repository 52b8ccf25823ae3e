/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and children that are there already, out of /proc. An event follows whom its task starts later. The thread that
 * uses the analyzer. */
#include "bpf/library/tasks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* One that has ended meanwhile is no failure. */
static int unless_gone(int r)
{
	return r == -ESRCH || r == -ENOENT || r == -EEXIST ? 0 : r;
}

typedef int (*task_fn)(struct spvscope_attachment *at, pid_t pid, pid_t tid);

/* Calls fn for each thread until one fails. */
static int each_thread(struct spvscope_attachment *at, pid_t pid, task_fn fn)
{
	_cleanup_(closedirp) DIR *dir = NULL;
	char path[64];
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return unless_gone(-errno);
	for (const struct dirent *d; r >= 0 && (d = readdir(dir));)
		if (d->d_name[0] != '.')
			r = fn(at, pid, (pid_t)strtol(d->d_name, NULL, 10));
	return r;
}

static int add_thread(struct spvscope_attachment *at, pid_t pid, pid_t tid)
{
	if (tid == pid)
		return 0; /* the first one is there */
	return unless_gone(session_add(at->analyzer->sessions, at->session, tid, -1, false));
}

static int add_tree(struct spvscope_attachment *at, pid_t pid);

static int add_process(struct spvscope_attachment *at, pid_t pid)
{
	_cleanup_fd_ int pidfd = pidfd_open(pid, 0);
	int r;

	if (pidfd < 0)
		return unless_gone(-errno);
	r = names_bring_mapped(&at->names, (uint32_t)pid);
	if (r < 0)
		return unless_gone(r);
	r = session_add(at->analyzer->sessions, at->session, pid, pidfd, false);
	if (r < 0)
		return unless_gone(r); /* it was forked while we looked: it is followed, and so are its own */
	return add_tree(at, pid);
}

/* The children that a thread has forked: "12 13 14 ". Needs a kernel with CONFIG_PROC_CHILDREN, which is the usual one. */
static int add_children(struct spvscope_attachment *at, pid_t pid, pid_t tid)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char path[64];
	int child, r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)tid);
	f = fopen(path, "re");
	while (f && r >= 0 && fscanf(f, "%d", &child) == 1)
		r = add_process(at, child);
	return r;
}

/* A process's own threads, then its children. */
static int add_tree(struct spvscope_attachment *at, pid_t pid)
{
	int r = each_thread(at, pid, add_thread);

	if (r >= 0 && at->flags & SPVSCOPE_ATTACH_TREE)
		r = each_thread(at, pid, add_children);
	return r;
}

int tasks_add(struct spvscope_attachment *at)
{
	return add_tree(at, at->pid);
}
