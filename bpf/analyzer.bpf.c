/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The analyzer's programs in the kernel. Built twice: as it stands it is the release object, which samples stacks; with
 * ANALYZER_DEBUG the debug object, which tells events besides. They run in the context of the task that is analyzed
 * (the sample in a timer interrupt), and write only to the ring, the counters and the task's own storage.
 *
 * Nothing wakes the reader: the process empties the ring by its own clock and at the end of a session, so that a sample
 * costs the analyzed thread no wake-up. */
#include <linux/bpf.h>

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "analyzer_types.h"

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
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct analyzer_identity);
} identities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ANALYZER_RING_BYTES);
} ring SEC(".maps");

struct owner {
	struct analyzer_slot *slot;
	__u32 index;
	__u32 generation;
};

/* Whose task this is. False for all but enabled sessions; storage sits on the thread group's leader, so that threads
 * which start later belong to it too. */
static __always_inline int owner_of(struct task_struct *task, struct owner *ret)
{
	struct task_struct *leader = task->group_leader;
	struct analyzer_identity *identity = bpf_task_storage_get(&identities, leader, 0, 0);
	__u32 index;

	if (!identity)
		return 0;
	index = identity->slot;
	if (index >= ANALYZER_SLOTS)
		return 0;
	ret->slot = &analyzer_shared.slots[index];
	ret->index = index;
	ret->generation = identity->generation;
	return ret->slot->generation == identity->generation && ret->slot->enabled;
}

static __always_inline void fill_head(struct ring_head *head, __u32 type, const struct owner *owner, __u64 pid_tgid)
{
	head->type = type;
	head->slot = owner->index;
	head->generation = owner->generation;
	head->n_ips = 0;
	head->time_ns = bpf_ktime_get_ns();
	head->pid = pid_tgid >> 32;
	head->tid = (__u32)pid_tgid;
}

/* The user stack as the frame pointers tell it. Returns how it ended. */
static __always_inline __u32 walk_stack(void *ctx, __u64 *ips, __u32 *ret_n_ips)
{
	long bytes = bpf_get_stack(ctx, ips, ANALYZER_STACK_FRAMES * sizeof(__u64), BPF_F_USER_STACK);

	if (bytes <= 0) {
		*ret_n_ips = 0;
		return RING_STACK_BAD_READ;
	}
	*ret_n_ips = (__u32)bytes / sizeof(__u64);
	return *ret_n_ips >= ANALYZER_STACK_FRAMES ? RING_STACK_TOO_DEEP : RING_STACK_ENDED;
}

SEC("perf_event")
int on_sample(struct sample_context *ctx)
{
	struct owner owner;
	struct ring_sample *sample;

	if (!owner_of(bpf_get_current_task_btf(), &owner)) {
		__sync_fetch_and_add(&analyzer_shared.strangers, 1);
		return 0;
	}
	/* A record of full size, for the verifier wants a constant; the rest of a shallow one is not written. */
	sample = bpf_ringbuf_reserve(&ring, sizeof(*sample), 0);
	if (!sample) {
		__sync_fetch_and_add(&owner.slot->lost, 1);
		return 0;
	}
	fill_head(&sample->head, RING_SAMPLE, &owner, bpf_get_current_pid_tgid());
	sample->in_kernel = CONTEXT_IN_KERNEL(&ctx->regs);
	sample->stack_end = walk_stack(ctx, sample->ips, &sample->head.n_ips);
	__sync_fetch_and_add(&owner.slot->samples, 1);
	bpf_ringbuf_submit(sample, BPF_RB_NO_WAKEUP);
	return 0;
}

#ifdef ANALYZER_DEBUG
#include "analyzer_debug.bpf.h"
#endif
