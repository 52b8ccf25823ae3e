/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: closed, sealed, checked. Template and workers, each on its only thread; after confinement only
 * descriptors_fill and descriptors_check_seals are used. */
#include "codegen/worker/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

void descriptors_close_all_but(const int *keep, size_t n)
{
	unsigned from = 0;

	for (;;) {
		/* The lowest kept descriptor at or above from. */
		unsigned next = UINT_MAX;
		for (size_t i = 0; i < n; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next == UINT_MAX) {
			close_range(from, UINT_MAX, 0);
			return;
		}
		if (next > from)
			close_range(from, next - 1, 0);
		from = next + 1;
	}
}

int descriptors_fill(int fd, const struct strbuf *bytes)
{
	for (size_t done = 0; done < bytes->len;) {
		ssize_t n = write(fd, bytes->data + done, bytes->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0 ? -errno : 0;
}

int descriptors_seal(const char *name, const struct strbuf *bytes)
{
	_cleanup_fd_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	int r = descriptors_fill(fd, bytes);
	return r < 0 ? r : TAKE_FD(fd);
}

int descriptors_check_seals(int fd, int seals)
{
	int have = fcntl(fd, F_GET_SEALS);
	if (have < 0)
		return -errno;
	return (have & seals) == seals ? 0 : -EPERM;
}

int descriptors_set_blocking(int fd, int blocking)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;
	flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}
