/* SPDX-License-Identifier: Apache-2.0 */
/* The records that are held in memory, bounded by count and bytes; the least recently used goes first. Loop thread
 * only. */
#ifndef SPVSCOPE_RECORDS_MEMORY_H
#define SPVSCOPE_RECORDS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/records/record.h"
#include "server/records/records.h"

struct records_memory;

struct records_memory *records_memory_new(uint64_t max_count, uint64_t max_bytes); /* NULL when out of memory */
void records_memory_free(struct records_memory *m); /* takes NULL */

/* Takes a reference of its own; replaces a record of the same id. Others make room, never the one just put. 0 or
 * -ENOMEM. */
int records_memory_put(struct records_memory *m, struct record *record);
/* By compilation id or trace id; borrowed; counts as a use. NULL: not here. */
struct record *records_memory_get(struct records_memory *m, const char *id);
bool records_memory_remove(struct records_memory *m, const char *id);

/* The records that a query asks for, newest first, all of them whatever its limit; borrowed until the next change.
 * *ret_records is the caller's to free. 0 or -ENOMEM. */
int records_memory_query(struct records_memory *m, const struct records_query *q, struct record ***ret_records,
	size_t *ret_n);

uint64_t records_memory_count(const struct records_memory *m);
uint64_t records_memory_bytes(const struct records_memory *m);
uint64_t records_memory_evicted(const struct records_memory *m);

#endif
