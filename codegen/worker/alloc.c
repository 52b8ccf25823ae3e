/* SPDX-License-Identifier: Apache-2.0 */
/* malloc and its family as the executable's own symbols, over the C library's internal ones. The heap stays the C
 * library's, hence free needs no stand-in. Runs on any thread of the template and the workers; counters are the
 * thread's own. */
#include "codegen/worker/alloc.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifndef WORKER_SANITIZED
#define WORKER_SANITIZED 0
#endif

static struct {
	void (*fn)(void *ctx);
	void *ctx;
} refusal;

void alloc_on_refusal(void (*fn)(void *ctx), void *ctx)
{
	refusal.fn = NULL;
	refusal.ctx = ctx;
	refusal.fn = fn;
}

bool alloc_is_counted(void)
{
	return !WORKER_SANITIZED;
}

#if WORKER_SANITIZED

/* A refusal is NULL, as the C library's, and bad_alloc from there; by default the process ends at once. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

void alloc_read_thread(uint64_t *ret_bytes, uint64_t *ret_calls)
{
	*ret_bytes = 0;
	*ret_calls = 0;
}

#else

static __thread uint64_t thread_bytes, thread_calls;

void alloc_read_thread(uint64_t *ret_bytes, uint64_t *ret_calls)
{
	*ret_bytes = thread_bytes;
	*ret_calls = thread_calls;
}

/* The entry points that glibc exports for those who replace malloc. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *memalign(size_t alignment, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);

static inline void *counted(void *p, size_t size)
{
	if (__builtin_expect(p == NULL, 0)) {
		if (refusal.fn)
			refusal.fn(refusal.ctx);
		return NULL;
	}
	thread_bytes += size;
	thread_calls++;
	return p;
}

/* glslang takes its memory in pages of 8 KiB and in places reads beyond what it wrote there (a #pragma with too few
 * tokens). From a recycled page it would read what an earlier source left, so that the same source crashes in one worker
 * and passes in the next. Each page is therefore filled anew with a byte that is no valid pointer: what comes of such a
 * source is the same every time, and nothing of another source can be read. Pages are written to the end anyway. */
#define POOL_PAGE_BYTES 8192u
#define POOL_PAGE_FILL  0xa5

void *malloc(size_t size)
{
	void *p = counted(__libc_malloc(size), size);

	if (size == POOL_PAGE_BYTES && p)
		memset(p, POOL_PAGE_FILL, size);
	return p;
}

void *calloc(size_t n, size_t size)
{
	/* On overflow the C library refuses, and what was counted is nothing. */
	return counted(__libc_calloc(n, size), n * size);
}

void *realloc(void *p, size_t size)
{
	if (p && size == 0)
		return __libc_realloc(p, 0); /* frees; NULL is no refusal */
	return counted(__libc_realloc(p, size), size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

void *memalign(size_t alignment, size_t size)
{
	return counted(__libc_memalign(alignment, size), size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return counted(__libc_memalign(alignment, size), size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
		return EINVAL;
	int saved_errno = errno;
	void *p = counted(__libc_memalign(alignment, size), size);
	errno = saved_errno;
	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

#define PAGE_BYTES 4096u /* of every architecture that the analyzer runs on, or a divisor of it */

void *valloc(size_t size)
{
	return memalign(PAGE_BYTES, size);
}

void *pvalloc(size_t size)
{
	size_t rounded;
	if (__builtin_add_overflow(size, PAGE_BYTES - 1, &rounded)) {
		errno = ENOMEM;
		return NULL;
	}
	return memalign(PAGE_BYTES, rounded & ~(size_t)(PAGE_BYTES - 1));
}

#endif
