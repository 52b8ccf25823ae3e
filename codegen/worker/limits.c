/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits that hold for a worker's whole life; the memory limit of one run is memory_limit.c's. Applied on a
 * worker's only thread. */
#include "codegen/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"

#ifndef WORKER_SANITIZED
#define WORKER_SANITIZED 0
#endif

static const struct limit {
	int resource;
	const char *name;
	rlim_t value;
	const char *why;
} limits[] = {
	/* 0 would still feed a core_pattern that is a pipe, and a crash would take a second; 1 is what the kernel
	 * documents as "not even then", and no core file is as small. */
	{RLIMIT_CORE, "core", 1, "a crash is a result, not a file; it is to be told in milliseconds"},
	{RLIMIT_FSIZE, "file size", SANDBOX_MAX_FILE_BYTES, "bounds the memfd that a result is written to"},
#if !WORKER_SANITIZED /* a sanitizer's shadow counts too */
	{RLIMIT_DATA, "private memory", SANDBOX_MAX_DATA_BYTES, "what a run may have is set lower, run by run"},
#endif
	{RLIMIT_STACK, "stack", SANDBOX_MAX_STACK_BYTES, "endless recursion ends as SIGSEGV, early"},
	{RLIMIT_NOFILE, "descriptors", SANDBOX_MAX_FDS, "a worker needs eight; each may hold a result"},
	{RLIMIT_MEMLOCK, "locked memory", 0, "nothing is pinned"},
	{RLIMIT_MSGQUEUE, "message queues", 0, "none are used"},
	{RLIMIT_NICE, "nice", 0, "no priority is raised"},
	{RLIMIT_RTPRIO, "real-time priority", 0, "no priority is raised"},
};

/* When the whole machine is short of memory, a worker is what can be spared: its death is one request's result. */
void limits_volunteer_for_oom(void)
{
	_cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1000", 4) < 0) {
		/* A wish, not a wall. */
	}
}

int limits_apply(void)
{
	limits_volunteer_for_oom();
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit now;
		if (getrlimit(limits[i].resource, &now) < 0)
			return -errno;
		rlim_t value = limits[i].value < now.rlim_max ? limits[i].value : now.rlim_max;
		struct rlimit want = {.rlim_cur = value, .rlim_max = value};
		if (setrlimit(limits[i].resource, &want) < 0)
			return -errno;
	}
	return 1;
}

void limits_describe(FILE *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		fprintf(out, "  %-20s %12llu  %s\n", limits[i].name,
			(unsigned long long)limits[i].value, limits[i].why);
}
