/* SPDX-License-Identifier: Apache-2.0 */
/* How each measuring program tells its figures: one line of JSON, times in nanoseconds. */
#ifndef SPVSCOPE_BENCH_STATISTICS_H
#define SPVSCOPE_BENCH_STATISTICS_H

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline int statistics_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The nearest-rank percentile of sorted values. */
static inline uint64_t statistics_percentile(const uint64_t *sorted, size_t n, double share)
{
	size_t rank = (size_t)(share * (double)n + 0.999999);

	return n == 0 ? 0 : sorted[rank == 0 ? 0 : rank > n ? n - 1 : rank - 1];
}

/* Sorts times_ns. elapsed_ns: of the whole measurement, for the rate. */
static inline void statistics_print(uint64_t *times_ns, size_t n, uint64_t elapsed_ns)
{
	qsort(times_ns, n, sizeof(*times_ns), statistics_compare);
	printf("{\"n\":%zu,\"min_ns\":%" PRIu64 ",\"p50_ns\":%" PRIu64 ",\"p99_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64
	       ",\"per_second\":%.2f}\n", n, n ? times_ns[0] : 0, statistics_percentile(times_ns, n, 0.50),
		statistics_percentile(times_ns, n, 0.99), n ? times_ns[n - 1] : 0,
		elapsed_ns ? (double)n * 1e9 / (double)elapsed_ns : 0.0);
}

#endif
