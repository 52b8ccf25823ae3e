/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: everything that the kernel's version can restrict is restricted, with no exception. A second wall behind
 * the system call list. The calls are raw because the C library has no wrappers, and the constants stand here because
 * older kernel headers lack the newer ones (Documentation/userspace-api/landlock.rst of Linux). Applied on a worker's
 * only thread. */
#include "codegen/worker/sandbox.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self  446
#endif

#define CREATE_RULESET_VERSION 1u

/* What each version brought, as masks of the rights that it handles. */
#define FS_ABI_1 ((1ull << 13) - 1) /* execute, write, read, list, remove, and the makes */
#define FS_REFER    (1ull << 13)    /* 2: move between directories */
#define FS_TRUNCATE (1ull << 14)    /* 3 */
#define FS_IOCTL    (1ull << 15)    /* 5: ioctl on devices opened later */
#define NET_TCP     3ull            /* 4: bind, connect */
#define SCOPE_ALL   3ull            /* 6: abstract sockets, signals */

struct ruleset {
	uint64_t handled_fs, handled_net, scoped;
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	return abi < 0 ? 0 : (int)abi;
}

int landlock_apply(void)
{
	int abi = landlock_abi();
	if (abi == 0)
		return 0;

	struct ruleset rules = {.handled_fs = FS_ABI_1};
	size_t size = sizeof(rules.handled_fs);
	if (abi >= 2)
		rules.handled_fs |= FS_REFER;
	if (abi >= 3)
		rules.handled_fs |= FS_TRUNCATE;
	if (abi >= 4) {
		rules.handled_net = NET_TCP;
		size = offsetof(struct ruleset, scoped);
	}
	if (abi >= 5)
		rules.handled_fs |= FS_IOCTL;
	if (abi >= 6) {
		rules.scoped = SCOPE_ALL;
		size = sizeof(rules);
	}
	_cleanup_fd_ int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0u);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_landlock_restrict_self, fd, 0u) < 0)
		return -errno;
	return 1;
}
