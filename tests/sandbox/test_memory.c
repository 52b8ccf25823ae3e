/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codegen/worker/alloc.c and memory_limit.c: this program counts and is limited as a worker is. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/worker/alloc.h"
#include "codegen/worker/memory_limit.h"

static struct reading {
	uint64_t bytes, calls;
} read_counters(void)
{
	struct reading r;
	alloc_read_thread(&r.bytes, &r.calls);
	return r;
}

/* The compiler must not see through an allocation that is never used. */
static void *keep(void *p)
{
	__asm__ volatile("" : "+r"(p));
	return p;
}

static void assert_counted(struct reading before, uint64_t bytes, uint64_t calls)
{
	struct reading after = read_counters();
	if (!alloc_is_counted())
		bytes = calls = 0;
	assert_int_equal(after.bytes - before.bytes, bytes);
	assert_int_equal(after.calls - before.calls, calls);
}

static void every_way_to_allocate_is_counted(void **state)
{
	(void)state;
	void *p = NULL;
	struct reading before = read_counters();
	free(keep(malloc(100)));
	assert_counted(before, 100, 1);
	before = read_counters();
	free(keep(calloc(10, 7)));
	assert_counted(before, 70, 1);
	before = read_counters();
	p = keep(realloc(keep(malloc(10)), 20));
	free(keep(reallocarray(p, 3, 10)));
	assert_counted(before, 60, 3);
	before = read_counters();
	assert_int_equal(posix_memalign(&p, 64, 128), 0);
	assert_int_equal((uintptr_t)p % 64, 0);
	free(p);
	free(keep(aligned_alloc(64, 64)));
	free(keep(memalign(32, 16)));
	assert_counted(before, 208, 3);
	before = read_counters();
	free(keep(strdup("twelve bytes")));
	assert_counted(before, 13, 1);
}

static unsigned n_refusals;

static void count_refusal(void *ctx)
{
	(void)ctx;
	n_refusals++;
}

static void wrong_sizes_are_refused_as_the_c_library_does(void **state)
{
	(void)state;
	void *p = (void *)1;
	if (!alloc_is_counted())
		skip(); /* a sanitizer's allocator ends the program here */
	volatile size_t huge = SIZE_MAX / 2;
	n_refusals = 0;
	alloc_on_refusal(count_refusal, NULL);
	assert_null(keep(malloc(huge)));
	assert_null(keep(calloc(huge, 4)));
	alloc_on_refusal(NULL, NULL);
	assert_int_equal(n_refusals, 2);
	errno = 0;
	assert_null(keep(reallocarray(NULL, huge, 4)));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(posix_memalign(&p, 3, 8), EINVAL);
	assert_ptr_equal(p, (void *)1);
}

#define MIB ((size_t)1 << 20)

static bool is_filled_with(const unsigned char *p, unsigned char byte)
{
	for (size_t i = 0; i < 8192; i++)
		if (p[i] != byte)
			return false;
	return true;
}

/* From a thread's first alloc_tidy on, blocks of the size of glslang's pages stay at hand. */
static void a_pool_page_never_shows_what_it_held_before(void **state)
{
	unsigned char *p[300];
	(void)state;
	if (!alloc_is_counted())
		skip();
	alloc_tidy();
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 300; i++) {
			p[i] = keep(malloc(8192));
			assert_true(is_filled_with(p[i], 0xa5));
			memset(p[i], 's', 8192);
			for (size_t j = 0; j < i; j++)
				assert_ptr_not_equal(p[i], p[j]);
		}
		for (size_t i = 0; i < 300; i++)
			free(p[i]);
		if (round == 0) {
			/* Not tidied: the next to be taken still holds something, and is filled then. */
			p[0] = keep(malloc(8192));
			assert_true(is_filled_with(p[0], 0xa5));
			free(p[0]);
		} else {
			alloc_tidy();
		}
	}
}

static void blocks_of_other_sizes_are_not_taken_for_pages(void **state)
{
	(void)state;
	if (!alloc_is_counted())
		skip();
	alloc_tidy();
	free(keep(malloc(8100)));
	free(keep(malloc(8300)));
	free(keep(aligned_alloc(4096, 8192))); /* has room for a page, so it may be one */
	unsigned char *p = keep(malloc(8192));
	assert_true(is_filled_with(p, 0xa5));
	memset(p, 0, 8192);
	free(p);
	free(NULL);
}

static void a_run_may_use_its_limit_and_not_more(void **state)
{
	(void)state;
	_cleanup_(memory_limit_done) struct memory_limit limit;
	void *blocks[64];
	size_t n = 0;

	if (!alloc_is_counted())
		skip(); /* a sanitizer's allocator takes memory as it likes */
	assert_int_equal(memory_limit_init(&limit), 0);
	assert_int_equal(memory_limit_begin(&limit, 32 * MIB), 0);
	n_refusals = 0;
	alloc_on_refusal(count_refusal, NULL);
	while (n < ARRAY_SIZE(blocks) && (blocks[n] = malloc(MIB)))
		n++;
	alloc_on_refusal(NULL, NULL);
	assert_int_equal(memory_limit_lift(&limit), 0);
	assert_in_range(n, 28, 32);
	assert_int_equal(n_refusals, 1);
	/* There is memory again to say so. */
	void *more = malloc(64 * MIB);
	assert_non_null(more);
	free(more);
	while (n > 0)
		free(blocks[--n]);
	assert_false(memory_limit_settle(&limit));
}

/* What a big run leaves free in the heap is not a gift to the next. */
static void the_limit_holds_after_a_big_run_too(void **state)
{
	(void)state;
	_cleanup_(memory_limit_done) struct memory_limit limit;
	void *blocks[512], *pin;
	size_t n = 0;

	if (!alloc_is_counted())
		skip();
	assert_int_equal(memory_limit_init(&limit), 0);
	for (size_t i = 0; i < 60; i++)
		blocks[i] = malloc(MIB);
	pin = malloc(100); /* so that what is around it cannot go back */
	for (size_t i = 0; i < 60; i++)
		free(blocks[i]);
	assert_false(memory_limit_settle(&limit));
	assert_int_equal(memory_limit_begin(&limit, 100 * MIB), 0);
	while (n < ARRAY_SIZE(blocks) && (blocks[n] = malloc(MIB)))
		n++;
	assert_int_equal(memory_limit_lift(&limit), 0);
	assert_in_range(n, 90, 101);
	while (n > 0)
		free(blocks[--n]);
	free(pin);
}

/* Small blocks all over leave memory that big ones cannot use. */
static void a_run_gets_most_of_its_limit_after_one_of_other_sizes(void **state)
{
	(void)state;
	_cleanup_(memory_limit_done) struct memory_limit limit;
	static void *blocks[500000];
	size_t n = 0;

	if (!alloc_is_counted())
		skip();
	assert_int_equal(memory_limit_init(&limit), 0);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i] = malloc(100);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		if (i % 1000)
			free(blocks[i]);
	assert_false(memory_limit_settle(&limit));
	assert_int_equal(memory_limit_begin(&limit, 16 * MIB), 0);
	void *big = malloc(6 * MIB);
	assert_int_equal(memory_limit_lift(&limit), 0);
	assert_non_null(big);
	free(big);
	for (; n < ARRAY_SIZE(blocks); n += 1000)
		free(blocks[n]);
}

static void no_limit_is_no_limit(void **state)
{
	(void)state;
	_cleanup_(memory_limit_done) struct memory_limit limit;
	assert_int_equal(memory_limit_init(&limit), 0);
	assert_int_equal(memory_limit_begin(&limit, 0), 0);
	void *p = keep(malloc(128 * MIB));
	assert_non_null(p);
	free(p);
	assert_int_equal(memory_limit_begin(&limit, UINT64_MAX), 0);
	assert_int_equal(memory_limit_lift(&limit), 0);
}

static void a_process_that_has_grown_far_is_to_end(void **state)
{
	(void)state;
	_cleanup_(memory_limit_done) struct memory_limit limit;
	if (!alloc_is_counted())
		skip();
	assert_int_equal(memory_limit_init(&limit), 0);
	void *leaked = keep(malloc(MEMORY_MAX_GROWTH_BYTES / 2));
	assert_false(memory_limit_settle(&limit));
	void *more = keep(malloc(MEMORY_MAX_GROWTH_BYTES));
	assert_true(memory_limit_settle(&limit));
	free(leaked);
	free(more);
	assert_false(memory_limit_settle(&limit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_allocate_is_counted),
		cmocka_unit_test(wrong_sizes_are_refused_as_the_c_library_does),
		cmocka_unit_test(a_pool_page_never_shows_what_it_held_before),
		cmocka_unit_test(blocks_of_other_sizes_are_not_taken_for_pages),
		cmocka_unit_test(a_run_may_use_its_limit_and_not_more),
		cmocka_unit_test(the_limit_holds_after_a_big_run_too),
		cmocka_unit_test(a_run_gets_most_of_its_limit_after_one_of_other_sizes),
		cmocka_unit_test(no_limit_is_no_limit),
		cmocka_unit_test(a_process_that_has_grown_far_is_to_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
