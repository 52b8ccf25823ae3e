/* SPDX-License-Identifier: Apache-2.0 */
/* The kept records in one SQLite database. Every call blocks; one thread at a time. The layout (tables, versions) is
 * private to records_disk.c. */
#ifndef SPVSCOPE_RECORDS_DISK_H
#define SPVSCOPE_RECORDS_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "server/records/record.h"
#include "server/records/records.h"

struct records_disk;

/* Makes state_dir (0700) and the database where they are missing. One that is damaged, of a newer version or not ours
 * is moved aside. 0 or -errno. */
int records_disk_open(const struct records_options *o, struct records_disk **ret);
void records_disk_close(struct records_disk *d); /* takes NULL */

/* Writes all in one transaction, durable when this returns; results[i] is 0 or the -errno of records[i]. One that fails
 * leaves the others be. */
void records_disk_put(struct records_disk *d, struct record *const *records, size_t n, int *results);
/* By compilation id or trace id; the reference is the caller's. 0, -ENOENT, or another -errno. */
int records_disk_get(struct records_disk *d, const char *id, struct record **ret);
/* The newest q->limit + 1 that match, so that the caller sees whether there are more. 0 or -errno. */
int records_disk_list(struct records_disk *d, const struct records_query *q, struct record_summary **ret_rows,
	size_t *ret_n_rows);
/* 1: deleted; 0: no such record; -errno. */
int records_disk_delete(struct records_disk *d, const char *id);
/* Deletes the oldest while there are too many, too big or too old ones, at most a few dozen a call. How many it
 * deleted; 0: all is within its bounds; -errno. */
int records_disk_expire(struct records_disk *d, uint64_t now_unix_ns);

uint64_t records_disk_count(const struct records_disk *d);
uint64_t records_disk_bytes(const struct records_disk *d); /* of the records; the file has some more */

void record_summaries_free(struct record_summary *rows, size_t n_rows);

#endif
