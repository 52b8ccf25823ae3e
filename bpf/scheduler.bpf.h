/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* When threads leave their CPU, why, and when they are woken and come back; and who is forked. Included by analyzer.bpf.c
 * alone. These run for every task of the machine while they are attached: they leave at once while no session is
 * attached, and after one look at the storage of a task that is none of ours. */
#ifndef SPVSCOPE_SCHEDULER_BPF_H
#define SPVSCOPE_SCHEDULER_BPF_H

/* Less is the noise between the scheduler's clock and ours. */
#define STOLEN_LEAST_NS 3000

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct analyzer_thread);
} threads SEC(".maps");

/* A CPU's clock and what the hypervisor had taken by it. */
struct cpu_account {
	__u64 clock_ns, stolen_ns;
};

/* Of the CPU where a task runs; zero where the kernel does not tell. */
static __always_inline struct cpu_account cpu_account_of(struct task_struct *task)
{
	struct cpu_account account = {0};
	struct rq *rq;

	if (!bpf_core_field_exists(struct cfs_rq, rq) || !bpf_core_field_exists(struct rq, prev_steal_time_rq))
		return account;
	rq = BPF_CORE_READ(task, se.cfs_rq, rq);
	account.clock_ns = BPF_CORE_READ(rq, clock);
	account.stolen_ns = BPF_CORE_READ(rq, prev_steal_time_rq);
	return account;
}

/* What is known of a thread for this session, made when it is not there; NULL when there is no memory. */
static __always_inline struct analyzer_thread *thread_of(struct task_struct *task, const struct owner *owner)
{
	struct analyzer_thread *thread = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!thread) {
		__sync_fetch_and_add(&owner->slot->lost_intervals, 1);
		return NULL;
	}
	if (thread->generation != owner->identity->generation) {
		__builtin_memset(thread, 0, sizeof(*thread));
		thread->generation = owner->identity->generation;
		thread->state = RING_OFF_UNKNOWN;
		thread->syscall = -1;
	}
	return thread;
}

static __always_inline void tell_stolen(struct task_struct *task, const struct owner *owner,
	struct analyzer_thread *thread, __u64 now_ns, __u64 stolen_ns)
{
	struct ring_stolen *stolen = bpf_ringbuf_reserve(&ring, sizeof(*stolen), 0);

	if (!stolen)
		return; /* it is told when the thread leaves */
	fill_head(&stolen->head, RING_STOLEN, owner, task);
	stolen->head.time_ns = now_ns;
	stolen->from_ns = thread->checked_ns;
	stolen->stolen_ns = stolen_ns;
	bpf_ringbuf_submit(stolen, BPF_RB_NO_WAKEUP);
	thread->stolen_ns += stolen_ns;
}

/* At a sample. Ticks bring the CPU's account up to date, so this tells of the time up to the last one. */
static __always_inline void tell_stolen_so_far(struct task_struct *task, const struct owner *owner)
{
	struct analyzer_thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
	struct cpu_account now = cpu_account_of(task);
	__u64 stolen_ns, up_to_ns;

	if (!thread || thread->generation != owner->identity->generation || !thread->on_ns)
		return;
	stolen_ns = now.stolen_ns - thread->cpu_stolen_ns;
	up_to_ns = thread->on_ns + (now.clock_ns - thread->cpu_clock_ns);
	if (up_to_ns <= thread->checked_ns)
		return;
	if (stolen_ns >= STOLEN_LEAST_NS)
		tell_stolen(task, owner, thread, up_to_ns, stolen_ns);
	thread->cpu_stolen_ns = now.stolen_ns;
	thread->checked_ns = up_to_ns;
}

/* When it leaves, by its CPU clock, which is exact then: what is not told yet. */
static __always_inline void tell_rest_stolen(struct task_struct *task, const struct owner *owner,
	struct analyzer_thread *thread, __u64 now_ns)
{
	__s64 rest_ns = (__s64)(now_ns - thread->on_ns) - (__s64)(task->se.sum_exec_runtime - thread->ran_ns) -
		(__s64)thread->stolen_ns;

	if (rest_ns >= STOLEN_LEAST_NS)
		tell_stolen(task, owner, thread, now_ns, rest_ns);
}

static __always_inline __u32 off_state(struct task_struct *task, int preempted, __u32 state)
{
	if (preempted || !state)
		return RING_OFF_PREEMPTED;
	if (state & TASK_STATE_DEAD)
		return RING_OFF_ENDED;
	if (state & TASK_STATE_STOPPED)
		return RING_OFF_STOPPED;
	if (state & TASK_STATE_UNINTERRUPTIBLE)
		return BPF_CORE_READ_BITFIELD(task, in_iowait) ? RING_OFF_IO : RING_OFF_UNINTERRUPTIBLE;
	return RING_OFF_INTERRUPTIBLE;
}

static __always_inline void tell_off(struct task_struct *task, const struct owner *owner,
	const struct analyzer_thread *thread)
{
	struct analyzer_room *room = room_of(ROOM_SWITCH);
	struct ring_off *off;
	struct walk walk = {0};

	if (!room)
		return;
	off = ROOM_RECORD(room, ring_off);
	fill_head(&off->head, RING_OFF, owner, task);
	off->head.time_ns = thread->off_ns;
	off->state = thread->state;
	off->syscall = thread->syscall;
	off->stack_end = UNWIND_COMPLETE;
	off->reserved = 0;
	if (thread->state != RING_OFF_ENDED) { /* it has no memory any more */
		walk_from_task(&walk, task);
		off->stack_end = walk_stack(&walk, owner, ROOM_SWITCH);
		read_active_span(&off->head, task, owner->identity->thread_context);
	}
	off->head.n_ips = walk.n_ips;
	if (ring_put(off, sizeof(*off), walk.n_ips))
		__sync_fetch_and_add(&owner->slot->lost_stacks, 1);
}

static __always_inline void leave(struct task_struct *task, int preempted, __u32 state)
{
	struct analyzer_thread *thread;
	struct owner owner;
	struct pt_regs *regs;

	if (!attached_owner_of(task, &owner))
		return;
	thread = thread_of(task, &owner);
	if (!thread)
		return;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	thread->off_ns = bpf_ktime_get_ns();
	thread->state = off_state(task, preempted, state);
	thread->syscall = SYSCALL_OF_TASK(regs);
	thread->woken_ns = thread->state == RING_OFF_PREEMPTED ? thread->off_ns : 0;
	if (owner.slot->enabled) {
		if (thread->on_ns)
			tell_rest_stolen(task, &owner, thread, thread->off_ns);
		tell_off(task, &owner, thread);
	}
	thread->on_ns = 0;
}

static __always_inline void tell_on(struct task_struct *task, const struct owner *owner,
	const struct analyzer_thread *thread)
{
	struct ring_on *on = bpf_ringbuf_reserve(&ring, sizeof(*on), 0);

	if (!on) {
		__sync_fetch_and_add(&owner->slot->lost_intervals, 1);
		return;
	}
	fill_head(&on->head, RING_ON, owner, task);
	on->head.time_ns = thread->on_ns;
	on->state = thread->state;
	on->syscall = thread->syscall;
	on->off_ns = thread->off_ns;
	on->woken_ns = thread->woken_ns;
	bpf_ringbuf_submit(on, BPF_RB_NO_WAKEUP);
}

static __always_inline void come_back(struct task_struct *task)
{
	struct analyzer_thread *thread;
	struct cpu_account account;
	struct owner owner;

	if (!attached_owner_of(task, &owner))
		return;
	thread = thread_of(task, &owner);
	if (!thread)
		return;
	thread->on_ns = thread->checked_ns = bpf_ktime_get_ns();
	thread->ran_ns = task->se.sum_exec_runtime;
	thread->stolen_ns = 0;
	account = cpu_account_of(task);
	thread->cpu_clock_ns = account.clock_ns;
	thread->cpu_stolen_ns = account.stolen_ns;
	if (owner.slot->enabled)
		tell_on(task, &owner, thread);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, _Bool preempted, struct task_struct *prev, struct task_struct *next, __u32 prev_state)
{
	if (!analyzer_shared.n_attached)
		return 0;
	leave(prev, preempted, prev_state);
	come_back(next);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *woken)
{
	struct analyzer_thread *thread;
	struct owner owner;

	if (!analyzer_shared.n_attached || !attached_owner_of(woken, &owner))
		return 0;
	thread = thread_of(woken, &owner);
	/* One that has not left yet, or that was preempted, is told to be awake too. */
	if (thread && !thread->on_ns && !thread->woken_ns)
		thread->woken_ns = bpf_ktime_get_ns();
#ifdef ANALYZER_DEBUG
	tell_wakeup(woken, &owner);
#endif
	return 0;
}

/* Before the child's first instruction. sched_wakeup_new, when it is put on a queue, follows at once, and is not needed. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct analyzer_thread *thread;
	struct owner owner;

	if (!analyzer_shared.n_attached || !attached_owner_of(parent, &owner))
		return 0;
	if (child->pid == child->tgid && owner.identity->alone)
		goto tell;
	if (child->pid == child->tgid) { /* a process, no thread */
		if (bpf_task_storage_get(&identities, child, owner.identity, BPF_LOCAL_STORAGE_GET_F_CREATE))
			__sync_fetch_and_add(&owner.slot->forks, 1);
		else
			__sync_fetch_and_add(&owner.slot->lost_forks, 1);
	}
	thread = thread_of(child, &owner);
	if (thread) {
		thread->state = RING_OFF_NEW;
		thread->off_ns = thread->woken_ns = bpf_ktime_get_ns();
	}
tell:
#ifdef ANALYZER_DEBUG
	tell_fork(parent, child, &owner);
#endif
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *program)
{
	struct owner owner;

	if (!analyzer_shared.n_attached || !attached_owner_of(task, &owner))
		return 0;
	owner.identity->space = ANALYZER_NO_SPACE; /* it has other mappings and variables now */
	owner.identity->thread_context = 0;
#ifdef ANALYZER_DEBUG
	tell_exec(task, program, &owner);
#endif
	return 0;
}

#endif
