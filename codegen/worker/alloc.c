/* SPDX-License-Identifier: Apache-2.0 */
/* malloc and its family as the executable's own symbols, over mimalloc: it takes a tenth off a compile
 * in a loop against the C library's, since thousands of small blocks of a size lie side by side. Runs on any
 * thread of the template and the workers; counters and kept pages are the thread's own. */
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

void alloc_tidy(void)
{
}

uint64_t alloc_used_bytes(void)
{
	return 0;
}

uint64_t alloc_taken_bytes(void)
{
	return 0;
}

void alloc_give_back(void)
{
}

#else

#include <mimalloc.h>

static __thread uint64_t thread_bytes, thread_calls;

void alloc_read_thread(uint64_t *ret_bytes, uint64_t *ret_calls)
{
	*ret_bytes = thread_bytes;
	*ret_calls = thread_calls;
}

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
 * source is the same every time, and nothing of another source can be read.
 *
 * Filling the pages of a small compile takes a twentieth of its time. So pages that are freed are kept, and filled
 * between runs, when nobody waits. */
#define POOL_PAGE_BYTES 8192u
#define POOL_PAGE_FILL  0xa5
#define POOL_PAGES_KEPT 256u /* 2 MiB: a compile of 10 ms */

static __thread struct {
	bool kept;        /* alloc_tidy has been called */
	unsigned n;
	unsigned n_clean; /* of them, the first ones, are filled */
	void *at[POOL_PAGES_KEPT];
} pool_pages;

static void *fill_page(void *p)
{
	return p ? memset(p, POOL_PAGE_FILL, POOL_PAGE_BYTES) : NULL;
}

static void *take_page(void)
{
	if (pool_pages.n == 0)
		return fill_page(mi_malloc(POOL_PAGE_BYTES));
	void *p = pool_pages.at[--pool_pages.n];
	if (pool_pages.n >= pool_pages.n_clean)
		return fill_page(p);
	pool_pages.n_clean = pool_pages.n;
	return p;
}

void alloc_tidy(void)
{
	pool_pages.kept = true;
	while (pool_pages.n_clean < pool_pages.n)
		fill_page(pool_pages.at[pool_pages.n_clean++]);
}

static bool add_area(const mi_heap_t *heap, const mi_heap_area_t *area, void *block, size_t block_size, void *arg)
{
	uint64_t *used_bytes = arg;

	(void)heap;
	(void)block;
	(void)block_size;
	*used_bytes += area->used * area->block_size;
	return true;
}

uint64_t alloc_used_bytes(void)
{
	uint64_t used_bytes = 0;

	mi_heap_visit_blocks(mi_heap_get_default(), false, add_area, &used_bytes);
	return used_bytes;
}

uint64_t alloc_taken_bytes(void)
{
	size_t committed, unused;

	mi_process_info(&unused, &unused, &unused, &unused, &unused, &committed, &unused, &unused);
	return committed;
}

void alloc_give_back(void)
{
	while (pool_pages.n > 0)
		mi_free(pool_pages.at[--pool_pages.n]);
	pool_pages.n_clean = 0;
	mi_collect(true);
}

#if MI_MALLOC_VERSION < 210
#define OPTION_GIVE_BACK_DELAY mi_option_decommit_delay
#else
#define OPTION_GIVE_BACK_DELAY mi_option_purge_delay
#endif
#define GIVE_BACK_DELAY_MS 60000 /* by default 25: a worker that was idle for as long had each page to fault in again */

/* Memory is taken from the system as it is needed: the limit of a run counts what is writable, and eagerly that would be
 * 32 MiB at a time. What is free stays: what is too much of it goes back between runs (memory_limit.c). Before the
 * libraries' own constructors, which allocate. */
static void set_options(void)
{
	mi_option_disable(mi_option_eager_commit);
	mi_option_set(OPTION_GIVE_BACK_DELAY, GIVE_BACK_DELAY_MS);
}

__attribute__((section(".preinit_array"), used)) static void (*const at_start)(void) = set_options;

void *malloc(size_t size)
{
	return counted(size == POOL_PAGE_BYTES ? take_page() : mi_malloc(size), size);
}

void free(void *p)
{
	/* A block of exactly a page's room, whoever asked for it, is as good as a page. */
	if (p && pool_pages.kept && pool_pages.n < POOL_PAGES_KEPT &&
		mi_usable_size(p) == POOL_PAGE_BYTES)
		pool_pages.at[pool_pages.n++] = p;
	else
		mi_free(p);
}

void *calloc(size_t n, size_t size)
{
	/* On overflow it is refused, and what was counted is nothing. */
	return counted(mi_calloc(n, size), n * size);
}

void *realloc(void *p, size_t size)
{
	return counted(mi_realloc(p, size), size);
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
	return counted(mi_malloc_aligned(size, alignment), size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return counted(mi_malloc_aligned(size, alignment), size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
		return EINVAL;
	int saved_errno = errno;
	void *p = counted(mi_malloc_aligned(size, alignment), size);
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
