/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of the analyzer process, by the raw system calls: main thread, before anything else runs. */
#include "bpf/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NEEDED_CAPABILITIES (1ull << CAP_BPF | 1ull << CAP_PERFMON)
#define NOBODY              65534 /* owns nothing, and needs no entry in the user database */

static int capabilities_read(uint64_t *ret_effective, uint64_t *ret_permitted)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	*ret_effective = (uint64_t)data[1].effective << 32 | data[0].effective;
	*ret_permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	return 0;
}

static int capabilities_write(uint64_t mask)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(mask >> (32 * i));
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

bool privileges_suffice(void)
{
	uint64_t effective = 0, permitted = 0;
	return capabilities_read(&effective, &permitted) >= 0 &&
	       (effective & NEEDED_CAPABILITIES) == NEEDED_CAPABILITIES;
}

/* Capabilities survive the change of user only while PR_SET_KEEPCAPS is set; capset then narrows them. */
static int leave_root(void)
{
	if (geteuid() != 0 && getuid() != 0)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int privileges_drop(void)
{
	uint64_t effective = 0, permitted = 0;
	int r = capabilities_read(&effective, &permitted);

	if (r < 0)
		return r;
	/* The bounding set can be narrowed only by who has CAP_SETPCAP; no_new_privs below closes the same door. */
	for (unsigned long cap = 0; cap < 64 && permitted & 1ull << CAP_SETPCAP; cap++)
		if (!(NEEDED_CAPABILITIES >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	/* A root that lacks CAP_SETUID (in a container) stays who it is, with its capabilities gone. */
	if (permitted & 1ull << CAP_SETUID && permitted & 1ull << CAP_SETGID) {
		r = leave_root();
		if (r < 0)
			return r;
	}
	r = capabilities_write(permitted & NEEDED_CAPABILITIES);
	if (r < 0)
		return r;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* linux/landlock.h is younger than what this may be built with. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self  446
#endif
#define LANDLOCK_ALL_OF_ABI_1 ((1ull << 13) - 1) /* execute, write, read, list, remove, and the makes */

int privileges_close_files(void)
{
	uint64_t handled = LANDLOCK_ALL_OF_ABI_1;
	_cleanup_fd_ int fd = -1;

#ifdef __SANITIZE_ADDRESS__
	return 0; /* its leak checker opens files at the end */
#endif
	fd = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0u);
	if (fd < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	return syscall(SYS_landlock_restrict_self, fd, 0u) < 0 ? -errno : 1;
}

static void own_path(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	if (n <= 0)
		n = snprintf(path, size, "spvscope-analyzer");
	path[n] = 0;
}

static bool can_read(const char *path)
{
	return access(path, R_OK) == 0;
}

static void explain_capabilities(uint64_t missing, char *text, size_t size)
{
	char path[256];
	const char *which = missing == 1ull << CAP_BPF ? "the capability CAP_BPF"
		: missing == 1ull << CAP_PERFMON ? "the capability CAP_PERFMON" : "the capabilities CAP_BPF and CAP_PERFMON";

	own_path(path, sizeof(path));
	snprintf(text, size, "the analyzer lacks %s; grant with: sudo setcap cap_bpf,cap_perfmon+ep %s", which, path);
}

void privileges_explain(const char *what, int error, char *text, size_t size)
{
	uint64_t effective = 0, permitted = 0;
	int code = error < 0 ? -error : error;

	capabilities_read(&effective, &permitted);
	if (NEEDED_CAPABILITIES & ~effective)
		explain_capabilities(NEEDED_CAPABILITIES & ~effective, text, size);
	else if (!can_read("/sys/kernel/btf/vmlinux"))
		snprintf(text, size, "%s failed (%s): this kernel gives no type information in /sys/kernel/btf/vmlinux; "
			"run one that is built with CONFIG_DEBUG_INFO_BTF=y", what, strerror(code));
	else if (code == EPERM || code == EACCES)
		snprintf(text, size, "%s was refused (%s) although CAP_BPF and CAP_PERFMON are there: a security "
			"module, a container's seccomp filter or kernel lockdown forbids it; allow bpf(2) and "
			"perf_event_open(2), or try: sudo sysctl kernel.perf_event_paranoid=2", what, strerror(code));
	else if (code == ENOSYS)
		snprintf(text, size, "%s failed: this kernel is built without it (CONFIG_BPF_SYSCALL, "
			"CONFIG_PERF_EVENTS)", what);
	else
		snprintf(text, size, "%s failed: %s", what, strerror(code));
}
