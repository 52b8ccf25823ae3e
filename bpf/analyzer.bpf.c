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
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct analyzer_identity);
} identities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ANALYZER_RING_BYTES);
} ring SEC(".maps");

/* The unwind tables, filled by the process, which maps them; both objects share them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ANALYZER_SPACES);
	__type(key, __u32);
	__type(value, struct unwind_space);
} spaces SEC(".maps");

/* Where a sample is put together; what goes to the ring is as long as its stack is deep. One a CPU, and nothing that is
 * sampled interrupts a sample. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ring_sample);
} sample_room SEC(".maps");

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
	head->span_id = 0;
	head->span_state = THREAD_SPAN_UNTOLD;
	head->reserved = 0;
}

/* ---- the walk ---- */

/* A walk under way. It lies on the program's stack, where the kernel's loop hands it from turn to turn. */
struct walk {
	struct unwind_frame frame;
	__u32 space; /* index in `spaces`; ANALYZER_NO_SPACE finds none */
	__u32 n_ips;
	__u32 gap, end; /* enum unwind_end */
};

static long read_user(const void *arg, __u64 address, __u64 *ret)
{
	return bpf_probe_read_user(ret, sizeof(*ret), (const void *)address);
}

/* Notes a frame and goes on to its caller. 1 ends the loop. */
static __always_inline long walk_frame(struct walk *w, __u64 *ip)
{
	const struct unwind_space *space = bpf_map_lookup_elem(&spaces, &w->space);

	*ip = w->frame.pc;
	w->n_ips++;
	w->end = unwind_advance(space, &w->frame, &w->gap, read_user, 0);
	return w->end != UNWIND_GOES_ON;
}

typedef long (*walk_turn_fn)(__u32 turn, struct walk *w);

/* The user stack, from the registers that the task has in user space. The turn says where addresses go. Returns how it
 * ended, as an enum unwind_end. */
static __always_inline __u32 walk_stack(struct walk *w, const struct owner *owner, walk_turn_fn turn)
{
	w->space = owner->slot->space;
	w->n_ips = w->gap = w->end = 0;
	bpf_loop(ANALYZER_STACK_FRAMES, turn, w, 0);
	if (w->n_ips > ANALYZER_STACK_FRAMES) /* it is not; the verifier does not know */
		w->n_ips = ANALYZER_STACK_FRAMES;
	return unwind_result(w->end == UNWIND_GOES_ON ? UNWIND_TOO_DEEP : w->end, w->gap);
}

static long walk_sample_turn(__u32 turn, struct walk *w)
{
	__u32 zero = 0;
	struct ring_sample *sample = bpf_map_lookup_elem(&sample_room, &zero);

	return sample ? walk_frame(w, &sample->ips[turn & (ANALYZER_STACK_FRAMES - 1)]) : 1;
}

static __always_inline void walk_from_task(struct walk *w, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	w->frame = (struct unwind_frame)FRAME_OF_TASK(regs);
}

SEC("perf_event")
int on_sample(struct sample_context *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0;
	struct ring_sample *sample = bpf_map_lookup_elem(&sample_room, &zero);
	struct owner owner;
	struct walk walk = {0};

	if (!sample || !owner_of(task, &owner)) {
		__sync_fetch_and_add(&analyzer_shared.strangers, 1);
		return 0;
	}
	fill_head(&sample->head, RING_SAMPLE, &owner, bpf_get_current_pid_tgid());
	read_active_span(&sample->head, task, owner.slot->thread_context);
	sample->in_kernel = CONTEXT_IN_KERNEL(&ctx->regs);
	/* All from the context first: were it one or the other, the compiler would choose between two pointers, and the
	 * verifier lets nobody compute one into the context. */
	walk.frame = (struct unwind_frame)FRAME_OF_CONTEXT(&ctx->regs);
	barrier();
	if (sample->in_kernel)
		walk_from_task(&walk, task);
	sample->stack_end = walk_stack(&walk, &owner, walk_sample_turn);
	sample->head.n_ips = walk.n_ips;
	if (bpf_ringbuf_output(&ring, sample, __builtin_offsetof(struct ring_sample, ips) + walk.n_ips * sizeof(__u64),
		    BPF_RB_NO_WAKEUP)) {
		__sync_fetch_and_add(&owner.slot->lost, 1);
		return 0;
	}
	__sync_fetch_and_add(&owner.slot->samples, 1);
	return 0;
}

#ifdef ANALYZER_DEBUG
#include "analyzer_debug.bpf.h"
#endif
