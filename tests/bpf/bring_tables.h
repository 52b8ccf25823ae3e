/* SPDX-License-Identifier: Apache-2.0 */
/* Unwind tables for the analyzer, as the front brings them. For tests that link the unwind library. */
#ifndef SPVSCOPE_TESTS_BRING_TABLES_H
#define SPVSCOPE_TESTS_BRING_TABLES_H

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/unwind_cache.h"
#include "bpf/unwind_files.h"
#include "tests/bpf/analyzer_front.h"
#include "tests/unit/cmocka_head.h"

static inline void bring_table(void *arg, const char *path, int image_fd)
{
	struct front *f = arg;
	struct unwind_table_head head;
	_cleanup_fd_ int table_fd = -1;
	bool was_kept;
	int r = unwind_cache_get(NULL, image_fd, &head, &was_kept, &table_fd);

	if (r == -ENOEXEC)
		return; /* nothing but data */
	assert_int_equal(r, 0);
	assert_int_equal(front_send_table(f, ++f->n_images, table_fd, strcmp(path, "[vdso]") == 0 ? -1 : image_fd), 0);
}

/* The tables of all that it has mapped. */
static inline void bring_tables(struct front *f, const struct burner *b)
{
	uint64_t start_ns = clock_now_ns(), n = f->n_images;

	assert_int_equal(unwind_files_of_maps(b->maps, b->maps_len, bring_table, f), 0);
	print_message("# %lu tables in %.1f ms\n", f->n_images - n, (double)(clock_now_ns() - start_ns) / 1e6);
}

#endif
