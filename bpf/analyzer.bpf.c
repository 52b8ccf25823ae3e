/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The analyzer's programs in the kernel. Built twice: as it stands it is the release object, which samples stacks and tells
 * when threads are off their CPU; with ANALYZER_DEBUG the debug object, which tells events besides. They run in the
 * context of the task that is analyzed (the sample in a timer interrupt), and write only to the ring, the counters and
 * the tasks' own storage. A part a theme:
 *
 *   identity     whose a task is           scheduler       off the CPU and back, forks
 *   walk         the user stack            sample          on the CPU
 *   death        where it was ended        analyzer_debug  events, with ANALYZER_DEBUG only
 *
 * Nothing wakes the reader: the process empties the ring by its own clock and at the end of a session, so that a sample
 * costs the analyzed thread no wake-up. */
#include <asm-generic/errno.h>
#include <linux/bpf.h>

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "analyzer_types.h"
#include "thread_context.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#ifdef ANALYZER_DEBUG
#define BUILT_AS_DEBUG 1
#else
#define BUILT_AS_DEBUG 0
#endif

const volatile struct analyzer_layout analyzer_layout SEC(".rodata.layout") = {
	.version = ANALYZER_LAYOUT_VERSION,
	.debug = BUILT_AS_DEBUG,
};

/* The only variable that is written: the process maps .bss and takes it for this. */
struct analyzer_shared analyzer_shared;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ANALYZER_RING_BYTES);
} ring SEC(".maps");

#include "identity.bpf.h"
#include "walk.bpf.h"
#ifdef ANALYZER_DEBUG
#include "analyzer_debug.bpf.h"
#endif
#include "scheduler.bpf.h"
#include "death.bpf.h"
#include "sample.bpf.h"
