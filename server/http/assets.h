/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer's files, read once from the built directory and served from memory. Loop thread only. */
#ifndef SPVSCOPE_ASSETS_H
#define SPVSCOPE_ASSETS_H

#include <stddef.h>

struct asset {
	char *name;               /* "index.html", "assets/logo.svg" */
	const char *content_type; /* static */
	char *data;
	size_t size;
	char etag[24];            /* quoted */
};

struct assets {
	struct asset *items; /* owned */
	size_t n;
};

/* Reads the files of root and of root/assets, at most 64 MiB in all. 0 also when there is no such directory, -errno
 * otherwise; what was read before stands. */
int assets_load(struct assets *a, const char *root);
void assets_done(struct assets *a);
/* "" is index.html. NULL: none. */
const struct asset *assets_find(const struct assets *a, const char *name);

#endif
