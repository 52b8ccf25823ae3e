/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The part that only the debug object has: structured events of the analyzed tasks, from tracepoints that the process
 * attaches while a debug session is there. They fire for every task of the machine, so the first thing each does is to
 * leave when the task is none of ours. Included by analyzer.bpf.c alone. */
#ifndef SPVSCOPE_ANALYZER_DEBUG_BPF_H
#define SPVSCOPE_ANALYZER_DEBUG_BPF_H

#define RING_EVENT_BARE_BYTES __builtin_offsetof(struct ring_event, ips)

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct analyzer_syscall);
} syscalls SEC(".maps");

/* Where an event with a stack is put together. A sample may interrupt it, which has a room of its own; events have none
 * that would interrupt each other, since tracepoints run without preemption and those in interrupts have no stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ring_event);
} event_room SEC(".maps");

static __always_inline void event_begin(struct ring_event *event, const struct owner *owner, __u32 kind, __u64 pid_tgid)
{
	fill_head(&event->head, RING_EVENT, owner, pid_tgid);
	event->kind = kind;
	event->reserved = 0;
	event->args[0] = event->args[1] = event->args[2] = 0;
	event->text[0] = 0;
}

/* Room in the ring for an event without a stack, or NULL, which is counted. */
static __always_inline struct ring_event *event_reserve(const struct owner *owner, __u32 kind, __u64 pid_tgid)
{
	struct ring_event *event = NULL;

	if (owner->slot->events < ANALYZER_EVENTS_MAX)
		event = bpf_ringbuf_reserve(&ring, RING_EVENT_BARE_BYTES, 0);
	if (!event) {
		__sync_fetch_and_add(&owner->slot->lost_events, 1);
		return NULL;
	}
	__sync_fetch_and_add(&owner->slot->events, 1);
	event_begin(event, owner, kind, pid_tgid);
	return event;
}

/* The CPU's room for an event with a stack. */
static __always_inline struct ring_event *event_compose(const struct owner *owner, __u32 kind)
{
	__u32 zero = 0;
	struct ring_event *event = bpf_map_lookup_elem(&event_room, &zero);

	if (event) {
		event_begin(event, owner, kind, bpf_get_current_pid_tgid());
		read_active_span(&event->head, bpf_get_current_task_btf(), owner->slot->thread_context);
	}
	return event;
}

static long walk_event_turn(__u32 turn, struct walk *w)
{
	__u32 zero = 0;
	struct ring_event *event = bpf_map_lookup_elem(&event_room, &zero);

	return event ? walk_frame(w, &event->ips[turn & (ANALYZER_STACK_FRAMES - 1)]) : 1;
}

/* Adds the stack of the current task and hands it to the ring. */
static __always_inline void event_send(struct ring_event *event, const struct owner *owner, struct task_struct *task)
{
	struct walk walk = {0};
	long failed = -1;

	walk_from_task(&walk, task);
	walk_stack(&walk, owner, walk_event_turn);
	event->head.n_ips = walk.n_ips;
	if (owner->slot->events < ANALYZER_EVENTS_MAX)
		failed = bpf_ringbuf_output(&ring, event, RING_EVENT_BARE_BYTES + walk.n_ips * sizeof(__u64),
			BPF_RB_NO_WAKEUP);
	__sync_fetch_and_add(failed ? &owner->slot->lost_events : &owner->slot->events, 1);
}

struct mapping {
	__u32 found;
	char file[RING_TEXT_BYTES];
};

static long name_mapping(struct task_struct *task, struct vm_area_struct *vma, struct mapping *ret)
{
	const unsigned char *name = BPF_CORE_READ(vma, vm_file, f_path.dentry, d_name.name);

	ret->found = 1;
	if (name)
		bpf_probe_read_kernel_str(ret->file, sizeof(ret->file), name);
	return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(on_page_fault, unsigned long address, void *regs, unsigned long error_code)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mapping mapping = {};
	struct owner owner;
	struct ring_event *event;

	if (!owner_of(task, &owner))
		return 0;
	event = event_compose(&owner, ANALYZER_EVENT_PAGE_FAULT);
	if (!event)
		return 0;
	/* Fails when another thread is changing the mappings; then the event says that it does not know. */
	bpf_find_vma(task, address, name_mapping, &mapping, 0);
	event->args[0] = address;
	event->args[1] = error_code;
	event->args[2] = mapping.found;
	__builtin_memcpy(event->text, mapping.file, sizeof(event->text));
	event_send(event, &owner, task);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, void *regs, long number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct analyzer_syscall *call;
	struct owner owner;

	if (!owner_of(task, &owner))
		return 0;
	call = bpf_task_storage_get(&syscalls, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!call)
		return 0;
	call->number = number;
	call->enter_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, void *regs, long returned)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct analyzer_syscall *call;
	struct ring_event *event;
	struct owner owner;
	__u64 enter_ns;

	if (!owner_of(task, &owner))
		return 0;
	call = bpf_task_storage_get(&syscalls, task, 0, 0);
	if (!call || !call->enter_ns)
		return 0; /* it began before the session was enabled */
	enter_ns = call->enter_ns;
	call->enter_ns = 0;
	event = event_compose(&owner, ANALYZER_EVENT_SYSCALL);
	if (!event)
		return 0;
	event->args[0] = call->number;
	event->args[1] = returned;
	event->args[2] = event->head.time_ns - enter_ns;
	event_send(event, &owner, task);
	return 0;
}

static __always_inline __u64 pid_tgid_of(struct task_struct *task)
{
	return (__u64)task->tgid << 32 | (__u32)task->pid;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *woken)
{
	struct ring_event *event;
	struct owner owner;
	__u64 waker = bpf_get_current_pid_tgid();

	if (!owner_of(woken, &owner))
		return 0;
	event = event_reserve(&owner, ANALYZER_EVENT_WAKEUP, pid_tgid_of(woken));
	if (!event)
		return 0;
	event->args[0] = waker >> 32;
	event->args[1] = (__u32)waker;
	bpf_get_current_comm(event->text, 16);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct ring_event *event;
	struct owner owner;

	if (!owner_of(parent, &owner))
		return 0;
	event = event_reserve(&owner, ANALYZER_EVENT_FORK, pid_tgid_of(parent));
	if (!event)
		return 0;
	event->args[0] = child->tgid;
	event->args[1] = child->pid;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *program)
{
	struct ring_event *event;
	struct owner owner;

	if (!owner_of(task, &owner))
		return 0;
	event = event_reserve(&owner, ANALYZER_EVENT_EXEC, pid_tgid_of(task));
	if (!event)
		return 0;
	bpf_probe_read_kernel_str(event->text, sizeof(event->text), program->filename);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct ring_event *event;
	struct owner owner;

	if (!owner_of(task, &owner))
		return 0;
	event = event_reserve(&owner, ANALYZER_EVENT_EXIT, pid_tgid_of(task));
	if (!event)
		return 0;
	event->args[0] = (__u32)task->exit_code;
	event->args[1] = task->pid == task->tgid;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
