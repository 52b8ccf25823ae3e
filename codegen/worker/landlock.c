/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: everything that the kernel's version can restrict is restricted, for a worker with no exception. A second
 * wall behind the system call list. The calls are raw because the C library has no wrappers, and the constants stand here
 * because older kernel headers lack the newer ones (Documentation/userspace-api/landlock.rst of Linux). Applied on a
 * worker's only thread; with exceptions, on a tool host's and on the tools that it starts. */
#include "codegen/worker/sandbox.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH      1

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

/* Rights that a single file can have; a rule on a file with any other is refused. */
#define FS_OF_FILES (LANDLOCK_EXECUTE | LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE | FS_TRUNCATE | FS_IOCTL)

static struct ruleset restrictable(int abi, size_t *ret_size)
{
	struct ruleset rules = {.handled_fs = FS_ABI_1};

	*ret_size = sizeof(rules.handled_fs);
	if (abi >= 2)
		rules.handled_fs |= FS_REFER;
	if (abi >= 3)
		rules.handled_fs |= FS_TRUNCATE;
	if (abi >= 4) {
		rules.handled_net = NET_TCP;
		*ret_size = offsetof(struct ruleset, scoped);
	}
	if (abi >= 5)
		rules.handled_fs |= FS_IOCTL;
	if (abi >= 6) {
		rules.scoped = SCOPE_ALL;
		*ret_size = sizeof(rules);
	}
	return rules;
}

static int add_path(int ruleset_fd, uint64_t handled, const struct landlock_path *path)
{
	struct {
		uint64_t allowed;
		int32_t parent_fd;
	} __attribute__((packed)) rule = {.allowed = path->rights, .parent_fd = path->fd};
	struct stat st;

	if (fstat(path->fd, &st) < 0)
		return -errno;
	if (path->rights & LANDLOCK_WRITE_FILE)
		rule.allowed |= FS_TRUNCATE;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= FS_OF_FILES;
	rule.allowed &= handled;
	return syscall(SYS_landlock_add_rule, ruleset_fd, RULE_PATH_BENEATH, &rule, 0u) < 0 ? -errno : 0;
}

int landlock_prepare(const struct landlock_path *paths, size_t n)
{
	int abi = landlock_abi();
	size_t size;

	if (abi == 0)
		return -EOPNOTSUPP;
	struct ruleset rules = restrictable(abi, &size);
	_cleanup_fd_ int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0u);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		int r = add_path(fd, rules.handled_fs, &paths[i]);
		if (r < 0)
			return r;
	}
	return TAKE_FD(fd);
}

int landlock_restrict(int ruleset_fd)
{
	return syscall(SYS_landlock_restrict_self, ruleset_fd, 0u) < 0 ? -errno : 0;
}

int landlock_apply(void)
{
	_cleanup_fd_ int fd = landlock_prepare(NULL, 0);

	if (fd == -EOPNOTSUPP)
		return 0;
	if (fd < 0)
		return fd;
	int r = landlock_restrict(fd);
	return r < 0 ? r : 1;
}
