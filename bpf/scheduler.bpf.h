/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* When threads leave their CPU and why, since when they wait for one and when they get it; and who is forked. Included by
 * analyzer.bpf.c alone. These run for every task of the machine while they are attached: they leave at once while no
 * session is attached, and after one look at the storage of a task that is none of ours.
 *
 * All times are those by which the kernel itself counts: a thread's CPU clock and its run_delay. Its clocks are brought up
 * to date some time before the tracepoint, which is mostly a microsecond, and 25 of them where a thread wakes an idle
 * CPU: the kernel counts it as running from its wake-up on. Whoever stamped the tracepoints would tell other figures than
 * the clocks that everybody else can read. */
#ifndef SPVSCOPE_SCHEDULER_BPF_H
#define SPVSCOPE_SCHEDULER_BPF_H

#define STOLEN_LEAST_NS 1000 /* less is not worth a record */
#define CLOCK_JUMP_NS   1000000000

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct analyzer_thread);
} threads SEC(".maps");

/* A CPU's clock, and how far the one of work is behind it: what was stolen from that CPU. */
struct cpu_clock {
	__u64 ns, lag_ns;
};

/* Of the CPU where a task runs or waits, as of its last update. False: this kernel does not lead there. */
static __always_inline int cpu_clock_of(struct task_struct *task, struct cpu_clock *ret)
{
	struct rq *rq;

	if (!bpf_core_field_exists(struct cfs_rq, rq))
		return 0;
	rq = BPF_CORE_READ(task, se.cfs_rq, rq);
	ret->ns = BPF_CORE_READ(rq, clock);
	ret->lag_ns = ret->ns - BPF_CORE_READ(rq, clock_task);
	return ret->ns != 0;
}

/* A time of the scheduler's clock in CLOCK_MONOTONIC, which runs beside it at a rate that time servers correct a little.
 * Nothing says how far the two are apart, but a clock that was just updated shows it: the least distance of late is the
 * best known one. It may grow by 1/2048, which is as much as they correct. */
static __always_inline __u64 monotonic_of(__u64 clock_ns, __u64 updated_clock_ns, __u64 now_ns)
{
	__u64 offset_ns = now_ns - updated_clock_ns; /* as if it had been updated now */
	__u64 known_ns = analyzer_shared.clock_offset_ns;
	__u64 at_ns = analyzer_shared.clock_offset_at_ns;
	__u64 grown_ns = known_ns + (now_ns > at_ns ? (now_ns - at_ns) >> 11 : 0);

	/* A second more is no late update, but a machine that slept meanwhile. */
	if (known_ns && (__s64)(offset_ns - grown_ns) > 0 && (__s64)(offset_ns - grown_ns) < CLOCK_JUMP_NS)
		offset_ns = grown_ns;
	analyzer_shared.clock_offset_ns = offset_ns;
	analyzer_shared.clock_offset_at_ns = now_ns;
	return clock_ns + offset_ns;
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

/* At a sample. Ticks bring the CPU's clocks up to date, so this tells of the time up to the last one. */
static __always_inline void tell_stolen_so_far(struct task_struct *task, const struct owner *owner)
{
	struct analyzer_thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
	struct cpu_clock clock;
	__u64 up_to_ns;

	if (!thread || thread->generation != owner->identity->generation || !thread->on_ns || !cpu_clock_of(task, &clock))
		return;
	up_to_ns = thread->on_ns + (clock.ns - thread->on_clock_ns);
	if (up_to_ns <= thread->checked_ns)
		return;
	if (clock.lag_ns > thread->lag_ns)
		tell_stolen(task, owner, thread, up_to_ns, clock.lag_ns - thread->lag_ns);
	thread->lag_ns = clock.lag_ns;
	thread->checked_ns = up_to_ns;
}

/* When it leaves: what its own CPU clock lags behind its CPU's, and is not told yet. */
static __always_inline void tell_rest_stolen(struct task_struct *task, const struct owner *owner,
	struct analyzer_thread *thread, __u64 left_ns, __u64 left_clock_ns)
{
	__s64 rest_ns = (__s64)(left_clock_ns - thread->on_clock_ns) -
		(__s64)(task->se.sum_exec_runtime - thread->ran_ns) - (__s64)thread->stolen_ns;

	if (left_clock_ns && thread->on_clock_ns && rest_ns >= STOLEN_LEAST_NS)
		tell_stolen(task, owner, thread, left_ns, rest_ns);
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
		off->stack_end = walk_stack(&walk, task, owner, ROOM_SWITCH);
		read_active_span(&off->head, task, owner->identity->thread_context);
	}
	off->head.n_ips = walk.n_ips;
	if (ring_put(off, sizeof(*off), walk.n_ips))
		__sync_fetch_and_add(&owner->slot->lost_stacks, 1);
}

static __always_inline void tell_on(struct task_struct *task, const struct owner *owner,
	const struct analyzer_thread *thread, __u64 waited_ns)
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
	on->woken_ns = thread->on_ns - waited_ns;
	bpf_ringbuf_submit(on, BPF_RB_NO_WAKEUP);
}

/* A thread leaves that was not seen to come back: some machines keep the tasks of their supervisor from being traced, and
 * run no program where such a one makes room for ours. The kernel has noted when that was. What it ran may say more, if it
 * came and went several times; less where its CPU was stolen. */
static __always_inline void come_back_unseen(struct task_struct *task, const struct owner *owner,
	struct analyzer_thread *thread, __u64 left_ns, __u64 left_clock_ns)
{
	__u64 arrived_clock_ns = task->sched_info.last_arrival;
	__u64 ran_ns = task->se.sum_exec_runtime - thread->ran_ns;

	thread->on_clock_ns = 0;
	if (arrived_clock_ns && left_clock_ns > arrived_clock_ns && left_clock_ns - arrived_clock_ns >= ran_ns) {
		thread->on_clock_ns = arrived_clock_ns;
		ran_ns = left_clock_ns - arrived_clock_ns;
	}
	thread->on_ns = left_ns - ran_ns;
	if (thread->on_ns < thread->off_ns)
		thread->on_ns = thread->off_ns;
	__sync_fetch_and_add(&owner->slot->unseen_switches, 1);
	thread->told_on = owner->slot->enabled;
	if (owner->slot->enabled)
		tell_on(task, owner, thread, task->sched_info.run_delay - thread->run_delay_ns);
	thread->stolen_ns = 0;
	thread->checked_ns = thread->on_ns;
}

static __always_inline void leave(struct task_struct *task, int preempted, __u32 state, __u64 now_ns)
{
	struct analyzer_thread *thread;
	struct cpu_clock clock;
	struct owner owner;
	struct pt_regs *regs;
	__u64 left_ns, left_clock_ns = 0;

	if (!attached_owner_of(task, &owner))
		return;
	thread = thread_of(task, &owner);
	if (!thread)
		return;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	left_ns = now_ns;
	if (cpu_clock_of(task, &clock)) { /* where the kernel stopped counting; it may have looked for other work since */
		left_clock_ns = task->se.exec_start + clock.lag_ns;
		left_ns = monotonic_of(left_clock_ns, clock.ns, now_ns);
	}
	if (left_ns < thread->on_ns) /* the offset between the clocks is known better now */
		left_ns = thread->on_ns;
	if (!thread->on_ns && thread->off_ns)
		come_back_unseen(task, &owner, thread, left_ns, left_clock_ns);
	if (thread->on_ns && (owner.slot->enabled || thread->told_on))
		tell_rest_stolen(task, &owner, thread, left_ns, left_clock_ns);
	thread->off_ns = left_ns;
	thread->ran_ns = task->se.sum_exec_runtime;
	thread->run_delay_ns = task->sched_info.run_delay;
	thread->state = off_state(task, preempted, state);
	thread->syscall = SYSCALL_OF_TASK(regs);
	thread->on_ns = 0;
	if (owner.slot->enabled)
		tell_off(task, &owner, thread);
}

/* How long a thread that gets its turn has waited for it, as the kernel will count it in a moment. What it waited on
 * another CPU, from which it was moved, is counted already. */
static __always_inline __u64 waited_ns(struct task_struct *task, const struct analyzer_thread *thread, __u64 clock_ns)
{
	__u64 since_ns = task->sched_info.last_queued;
	__u64 before_ns = thread->off_ns ? task->sched_info.run_delay - thread->run_delay_ns : 0;

	return before_ns + (since_ns && since_ns < clock_ns ? clock_ns - since_ns : 0);
}

static __always_inline void come_back(struct task_struct *task, __u64 now_ns)
{
	struct analyzer_thread *thread;
	struct cpu_clock clock = {0};
	struct owner owner;

	if (!attached_owner_of(task, &owner))
		return;
	thread = thread_of(task, &owner);
	if (!thread)
		return;
	thread->on_ns = now_ns;
	if (cpu_clock_of(task, &clock))
		thread->on_ns = monotonic_of(clock.ns, clock.ns, now_ns);
	if (thread->on_ns < thread->off_ns)
		thread->on_ns = thread->off_ns;
	thread->on_clock_ns = clock.ns;
	thread->lag_ns = clock.lag_ns;
	thread->checked_ns = thread->on_ns;
	thread->ran_ns = task->se.sum_exec_runtime;
	thread->stolen_ns = 0;
	thread->told_on = owner.slot->enabled;
	if (owner.slot->enabled)
		tell_on(task, &owner, thread, waited_ns(task, thread, clock.ns));
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, _Bool preempted, struct task_struct *prev, struct task_struct *next, __u32 prev_state)
{
	__u64 now_ns;

	if (!analyzer_shared.n_attached)
		return 0;
	now_ns = bpf_ktime_get_ns();
	leave(prev, preempted, prev_state, now_ns);
	come_back(next, now_ns);
	return 0;
}

/* Before the child's first instruction. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct analyzer_thread *thread;
	struct owner owner;

	if (!analyzer_shared.n_attached || !attached_owner_of(parent, &owner))
		return 0;
	if (child->pid == child->tgid) { /* a process, no thread */
		if (bpf_task_storage_get(&identities, child, owner.identity, BPF_LOCAL_STORAGE_GET_F_CREATE))
			__sync_fetch_and_add(&owner.slot->forks, 1);
		else
			__sync_fetch_and_add(&owner.slot->lost_forks, 1);
	}
	thread = thread_of(child, &owner);
	if (thread) {
		thread->state = RING_OFF_NEW;
		thread->off_ns = bpf_ktime_get_ns();
		thread->run_delay_ns = 0;
	}
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
	owner.identity->thread_context = 0; /* it has other variables now */
	if (owner.slot->enable_at_exec) {
		owner.slot->enable_at_exec = 0;
		owner.slot->enabled = 1;
	}
#ifdef ANALYZER_DEBUG
	tell_exec(task, program, &owner);
#endif
	return 0;
}

#endif
