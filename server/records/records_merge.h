/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the store: one list of what is in memory and what is on disk. */
#ifndef SPVSCOPE_RECORDS_MERGE_H
#define SPVSCOPE_RECORDS_MERGE_H

#include <stddef.h>

#include "server/records/record.h"
#include "server/records/records.h"

/* Newest first out of what memory has and what disk gave; a kept recent record is in both and counts once. rows has
 * room for all of both. */
size_t records_merge(struct record *const *recent, size_t n_recent, const struct record_summary *kept, size_t n_kept,
	struct record_summary *rows);

#endif
