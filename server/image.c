/* SPDX-License-Identifier: Apache-2.0 */
/* Memory maps of worker templates and their symbolizers. Created on the loop's thread, used on the assembler's. */
#include "server/image.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define IMAGE_MAPS_MAX_BYTES (1 << 20) /* some 10,000 mappings */

struct image {
	atomic_uint n_refs;
	struct symbolizer *symbolizer;
	size_t maps_len;
	char maps[];
};

int image_new(int maps_fd, struct image **ret)
{
	struct image *i;
	struct stat st;
	ssize_t n;

	if (fstat(maps_fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size > IMAGE_MAPS_MAX_BYTES)
		return -EBADMSG;
	i = calloc(1, sizeof(*i) + (size_t)st.st_size + 1);
	if (!i)
		return -ENOMEM;
	n = pread(maps_fd, i->maps, (size_t)st.st_size, 0);
	if (n < 0) {
		n = -errno;
		free(i);
		return (int)n;
	}
	i->maps_len = (size_t)n;
	atomic_init(&i->n_refs, 1);
	*ret = i;
	return 0;
}

struct image *image_ref(struct image *i)
{
	if (i)
		atomic_fetch_add_explicit(&i->n_refs, 1, memory_order_relaxed);
	return i;
}

void image_unref(struct image *i)
{
	/* acquire and release: what the last user wrote is seen by the one who frees */
	if (!i || atomic_fetch_sub_explicit(&i->n_refs, 1, memory_order_acq_rel) != 1)
		return;
	symbolizer_free(i->symbolizer);
	free(i);
}

struct symbolizer *image_symbolizer(struct image *i)
{
	if (!i->symbolizer && symbolizer_new(i->maps, i->maps_len, &i->symbolizer) < 0)
		return NULL;
	return i->symbolizer;
}
