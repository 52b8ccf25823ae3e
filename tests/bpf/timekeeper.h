/* SPDX-License-Identifier: Apache-2.0 */
/* What tests/bpf/timekeeper.c is told and tells. */
#ifndef SPVSCOPE_TESTS_TIMEKEEPER_H
#define SPVSCOPE_TESTS_TIMEKEEPER_H

#include <stdint.h>

#define TIMEKEEPER_FILE_BYTES (16u << 20)

/* A byte on its standard input. */
enum timekeeper_work {
	TIMEKEEPER_BURN,
	TIMEKEEPER_SLEEP,
	TIMEKEEPER_LOCK,
	TIMEKEEPER_MIGRATE,
	TIMEKEEPER_COMPETE,
	TIMEKEEPER_YIELD,
	TIMEKEEPER_N_CALM, /* up to here: what 1,000 runs are made of */
	TIMEKEEPER_READ = TIMEKEEPER_N_CALM,
	TIMEKEEPER_FAULT,
	TIMEKEEPER_FORK,
	TIMEKEEPER_KILL,
	TIMEKEEPER_LEAVE,
	TIMEKEEPER_EXEC,
};

/* What its own clocks say of its first thread in that run, on its standard output. */
struct timekeeper_run {
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
	uint64_t cpu_ns;           /* of CLOCK_THREAD_CPUTIME_ID */
	uint64_t run_delay_ns;     /* of /proc/thread-self/schedstat */
};

#endif
