/* SPDX-License-Identifier: Apache-2.0 */
/* What the template and its workers do with whole descriptors. */
#ifndef SPVSCOPE_WORKER_DESCRIPTORS_H
#define SPVSCOPE_WORKER_DESCRIPTORS_H

#include <stddef.h>

#include "base/strbuf.h"

#define DESCRIPTORS_MAX_KEPT 8

/* Closes every descriptor but the n of keep[]; negative ones among them are passed over, the order is free. */
void descriptors_close_all_but(const int *keep, size_t n);
/* Writes these bytes to an empty memfd and seals it against every change. 0 or -errno. */
int descriptors_fill(int fd, const struct strbuf *bytes);
/* A memfd with these bytes, sealed against every change. The descriptor, or -errno. */
int descriptors_seal(const char *name, const struct strbuf *bytes);
/* Does fd have at least these seals (F_SEAL_…)? */
int descriptors_check_seals(int fd, int seals);
/* 0 or -errno. */
int descriptors_set_blocking(int fd, int blocking);

#endif
