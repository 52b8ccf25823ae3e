/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound clean-up: locals marked _cleanup_(f) are released when they leave scope; TAKE_PTR and TAKE_FD hand
 * them on. For every process and thread. */
#ifndef SPVSCOPE_BASE_CLEANUP_H
#define SPVSCOPE_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define TAKE_GENERIC(var, type, nullvalue)                                                         \
	({                                                                                         \
		type *_take_p = &(var);                                                            \
		type _take_v = *_take_p;                                                           \
		*_take_p = (nullvalue);                                                            \
		_take_v;                                                                           \
	})
#define TAKE_PTR(ptr) TAKE_GENERIC(ptr, __typeof__(ptr), NULL)
#define TAKE_FD(fd)   TAKE_GENERIC(fd, int, -1)

static inline void freep(void *p)
{
	free(*(void **)p);
}

/* Closes fd when it is one; always returns -1, so that `fd = fd_close(fd)` leaves no stale number. */
static inline int fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
	return -1;
}

static inline void fd_closep(int *fd)
{
	fd_close(*fd);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_fd_   _cleanup_(fd_closep)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
