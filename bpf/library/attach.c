/* SPDX-License-Identifier: Apache-2.0 */
/* Attaching to a process: unwind tables for what it has mapped, a session, and an end to both. The thread that uses the
 * analyzer. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/library/private.h"
#include "bpf/library/tasks.h"

#define DEFAULT_FREQUENCY_HZ 4999
#define KNOWN_FLAGS          (SPVSCOPE_ATTACH_TREE | SPVSCOPE_ATTACH_PAUSED)

/* "Pid:\t1234": the number that it has here, -1 when it has ended. */
static int pid_of_pidfd(int pidfd, pid_t *ret)
{
	char path[64], line[128];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	if (!f)
		return -EBADF;
	while (fgets(line, sizeof(line), f) && sscanf(line, "Pid: %d", &pid) != 1)
		;
	fclose(f);
	if (pid <= 0)
		return pid < 0 ? -ESRCH : -EBADF;
	*ret = pid;
	return 0;
}

static int begin(struct spvscope_attachment *at, int pidfd, uint32_t session_flags)
{
	struct spvscope_analyzer *a = at->analyzer;
	enum analyzer_kind kind;
	int r = 0;

	at->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
	if (at->pidfd < 0)
		return library_fail(a, -errno, "no descriptor: %s", strerror(errno));
	if (!(session_flags & SESSION_AT_EXEC)) /* else it will have other files */
		r = names_bring_mapped(&at->names, (uint32_t)at->pid);
	if (r < 0)
		return library_fail(a, r, "what pid %d has mapped cannot be read: %s", (int)at->pid, strerror(-r));
	r = session_attach(a->sessions, a->n_sessions + 1, at->pid, at->pidfd, spvscope_analyzer_loaded_kind(a),
		at->frequency_hz, 0, session_flags, &kind, a->error, sizeof(a->error));
	if (r < 0)
		return r;
	at->session = ++a->n_sessions;
	r = tasks_add(at);
	if (r < 0)
		return library_fail(a, r, "the threads and children of pid %d: %s", (int)at->pid, strerror(-r));
	return at->flags & SPVSCOPE_ATTACH_PAUSED ? 0 : spvscope_attachment_resume(at);
}

int library_attach(struct spvscope_analyzer *a, int pidfd, const struct spvscope_attach_opts *opts, uint32_t session_flags,
	struct spvscope_attachment **ret)
{
	struct spvscope_attach_opts o = {0};
	struct spvscope_attachment *at;
	int r = a && ret ? 0 : -EINVAL;
	pid_t pid = 0;

	if (r < 0)
		return r;
	r = library_take_opts(&o, sizeof(o), opts);
	if (r < 0 || o.flags & ~KNOWN_FLAGS)
		return library_fail(a, r < 0 ? r : -EINVAL, "options that this library does not know");
	r = pid_of_pidfd(pidfd, &pid);
	if (r < 0)
		return library_fail(a, r, r == -ESRCH ? "the process has ended" : "descriptor %d is no pidfd", pidfd);
	at = calloc(1, sizeof(*at));
	if (!at)
		return library_fail(a, -ENOMEM, "out of memory");
	at->analyzer = a;
	at->pid = pid;
	at->pidfd = -1;
	at->names.files = &a->files;
	at->flags = o.flags;
	at->frequency_hz = o.frequency_hz ?: DEFAULT_FREQUENCY_HZ;
	at->next = a->attachments;
	a->attachments = at;
	if (!(o.flags & SPVSCOPE_ATTACH_TREE))
		session_flags |= SESSION_ALONE;
	if (o.flags & SPVSCOPE_ATTACH_PAUSED)
		session_flags &= ~SESSION_AT_EXEC; /* it begins when it is told to */
	r = begin(at, pidfd, session_flags);
	if (r < 0)
		spvscope_attachment_detach(at);
	else
		*ret = at;
	return r;
}

int spvscope_analyzer_attach_pidfd(struct spvscope_analyzer *a, int pidfd, const struct spvscope_attach_opts *opts,
	struct spvscope_attachment **ret)
{
	return library_attach(a, pidfd, opts, 0, ret);
}

int spvscope_analyzer_attach(struct spvscope_analyzer *a, pid_t pid, const struct spvscope_attach_opts *opts,
	struct spvscope_attachment **ret)
{
	_cleanup_fd_ int pidfd = -1;

	if (!a || pid <= 0)
		return -EINVAL;
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return library_fail(a, errno == EINVAL ? -ESRCH : -errno, "pid %d: %s", (int)pid, strerror(errno));
	return spvscope_analyzer_attach_pidfd(a, pidfd, opts, ret);
}

int spvscope_attachment_pause(struct spvscope_attachment *at)
{
	uint64_t time_ns;
	int r;

	if (!at)
		return -EINVAL;
	r = session_disable(at->analyzer->sessions, at->session, &time_ns);
	at->running = false;
	return r;
}

int spvscope_attachment_resume(struct spvscope_attachment *at)
{
	uint64_t time_ns;
	int r;

	if (!at)
		return -EINVAL;
	r = session_enable(at->analyzer->sessions, at->session, &time_ns);
	if (r < 0)
		return library_fail(at->analyzer, r, "sampling cannot begin: %s", strerror(-r));
	at->running = true;
	return 0;
}

void spvscope_attachment_detach(struct spvscope_attachment *at)
{
	struct spvscope_attachment **link;
	struct analyzer_handover handover = {.fd = -1};
	struct analyzer_counters counters;

	if (!at)
		return;
	for (link = &at->analyzer->attachments; *link != at; link = &(*link)->next)
		;
	*link = at->next;
	if (at->session) {
		session_finish(at->analyzer->sessions, at->session, &counters, &handover);
		session_release(at->analyzer->sessions, at->session);
	}
	fd_close(handover.fd);
	fd_close(at->pidfd);
	names_done(&at->names);
	free(at);
}
