/* SPDX-License-Identifier: Apache-2.0 */
/* One list of what is in memory and what is on disk. Loop thread. */
#include "server/records/records_merge.h"

#include <string.h>

static void summarize(const struct record *record, struct record_summary *row)
{
	/* The words are borrowed for the time of the callback. */
	*row = (struct record_summary){
		.started_unix_ns = record->started_unix_ns, .duration_ns = record->duration_ns,
		.n_spans = record->n_spans, .n_samples = record->n_samples, .name = record->name,
		.language = record->language, .stage = record->stage, .status = record->status,
		.analyzer = record->analyzer, .kept = record->kept,
	};
	memcpy(row->id, record->id, sizeof(row->id));
	memcpy(row->trace_id, record->trace_id, sizeof(row->trace_id));
}

size_t records_merge(struct record *const *recent, size_t n_recent, const struct record_summary *kept, size_t n_kept,
	struct record_summary *rows)
{
	size_t i = 0, k = 0, n = 0;

	while (i < n_recent || k < n_kept) {
		bool twin = false;

		if (k >= n_kept || (i < n_recent && recent[i]->started_unix_ns >= kept[k].started_unix_ns)) {
			summarize(recent[i++], &rows[n++]);
			continue;
		}
		/* Its twin in memory, if any, has the same time and so stands just before. */
		for (size_t j = n; j > 0 && rows[j - 1].started_unix_ns == kept[k].started_unix_ns; j--)
			twin = twin || !strcmp(rows[j - 1].id, kept[k].id);
		if (!twin)
			rows[n++] = kept[k];
		k++;
	}
	return n;
}
