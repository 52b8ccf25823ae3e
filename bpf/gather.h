/* SPDX-License-Identifier: Apache-2.0 */
/* The records of one session in memory, as bpf/protocol.h lays them out, until they are handed over in the order of
 * time. Zero-initialized is empty. Analyzer process, main thread. */
#ifndef SPVSCOPE_ANALYZER_GATHER_H
#define SPVSCOPE_ANALYZER_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/protocol.h"

struct gather {
	char *data; /* owned */
	size_t len, capacity;
	uint64_t last_time_ns;
	uint64_t n_records, n_samples, n_events; /* the first: of all types */
	bool disordered; /* a record came behind a later one, from another CPU */
};

void gather_done(struct gather *g);
/* Room for a record of head_bytes and n_ips addresses behind it, its head filled; NULL when out of memory or beyond
 * ANALYZER_HANDOVER_MAX_BYTES. Valid until the next call. */
void *gather_append(struct gather *g, enum analyzer_record_type type, size_t head_bytes, uint32_t n_ips,
	uint64_t time_ns);
/* All records in order of time: the gather's own memory, valid until the next call, or when they are many a sealed memfd of
 * the caller's. 0 (with neither when there are none) or -errno. */
int gather_hand_over(struct gather *g, struct analyzer_handover *ret);
/* The same in memory of the caller's, who frees *ret_data: all records so far, in order of time. Then there are none.
 * 0, -ENODATA when there are none, or -ENOMEM. */
int gather_take(struct gather *g, char **ret_data, size_t *ret_len);

#endif
