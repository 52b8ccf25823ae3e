/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The part that only the debug object has: structured events of the analyzed tasks. Those of the scheduler's tracepoints are
 * told by its programs; the others have tracepoints of their own, which the process attaches while a debug session is
 * there. They fire for every task of the machine, so the first thing each does is to leave when the task is none of
 * ours. Included by analyzer.bpf.c alone. */
#ifndef SPVSCOPE_ANALYZER_DEBUG_BPF_H
#define SPVSCOPE_ANALYZER_DEBUG_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct analyzer_syscall);
} syscalls SEC(".maps");

/* ---- how an event is put together ---- */

/* The CPU's room, with an event in it that goes by the pid and tid of a task. */
static __always_inline struct ring_event *event_compose(enum room which, const struct owner *owner, __u32 kind,
	struct task_struct *task)
{
	struct analyzer_room *room = room_of(which);
	struct ring_event *event;

	if (!room)
		return NULL;
	event = ROOM_RECORD(room, ring_event);
	fill_head(&event->head, RING_EVENT, owner, task);
	event->kind = kind;
	event->reserved = 0;
	event->args[0] = event->args[1] = event->args[2] = 0;
	event->text[0] = 0;
	if (task == bpf_get_current_task_btf())
		read_active_span(&event->head, task, owner->identity->thread_context);
	return event;
}

static __always_inline void event_send(struct ring_event *event, const struct owner *owner, __u32 n_ips)
{
	long failed = -1;

	event->head.n_ips = n_ips;
	if (owner->slot->events < ANALYZER_EVENTS_MAX)
		failed = ring_put(event, sizeof(*event), n_ips);
	__sync_fetch_and_add(failed ? &owner->slot->lost_events : &owner->slot->events, 1);
}

/* Adds the stack of a task, which is the current one, and sends it. */
static __always_inline void event_send_with_stack(struct ring_event *event, const struct owner *owner, enum room which,
	struct task_struct *task)
{
	struct walk walk = {0};

	walk_from_task(&walk, task);
	walk_stack(&walk, task, owner, which);
	event_send(event, owner, walk.n_ips);
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

/* The slot of a leaf that address lies in. 1 ends the loop. */
struct leaf_search {
	__u64 address;
	struct vm_area_struct *found;
};

static long leaf_turn(__u32 slot, struct leaf_search *s)
{
	struct tree_room *room = tree_room(TREE_FAULT);

	if (!room)
		return 1;
	if (s->address > pivot_of(room, WORDS_BEFORE(maple_range_64, pivot), slot, NODE_SLOTS))
		return 0;
	s->found = (struct vm_area_struct *)room->words[(WORDS_BEFORE(maple_range_64, slot) + slot) & (NODE_WORDS - 1)];
	return 1;
}

/* The same as bpf_find_vma with name_mapping, without the lock. A fault is told while interrupts are off, where the kernel
 * gives that lock back by an interrupt that the CPU sends itself: on a virtual machine that takes longer than all else
 * here. The tree is this very process's: where another thread changes it in this moment, what is found must still say of
 * itself that the address is in it. */
static __always_inline void name_mapping_at_fault(struct task_struct *task, __u64 address, struct mapping *ret)
{
	struct tree_room *room = tree_room(TREE_FAULT);
	struct leaf_search search = {.address = address};
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct vm_area_struct *vma;

	if (!bpf_core_field_exists(struct mm_struct, mm_mt)) {
		bpf_find_vma(task, address, name_mapping, ret, 0);
		return;
	}
	if (!room || !mm)
		return;
	room->root = (__u64)BPF_CORE_READ(mm, mm_mt.ma_root);
	room->next = address;
	if (descend(room, TREE_FAULT))
		bpf_loop(NODE_SLOTS, leaf_turn, &search, 0);
	vma = search.found;
	if (vma && BPF_CORE_READ(vma, vm_mm) == mm && BPF_CORE_READ(vma, vm_start) <= address &&
	    BPF_CORE_READ(vma, vm_end) > address)
		name_mapping(task, vma, ret);
}

/* ---- what the scheduler's programs tell ---- */

static __always_inline void tell_fork(struct task_struct *parent, struct task_struct *child, const struct owner *owner)
{
	struct ring_event *event;

	if (!owner->slot->enabled)
		return;
	event = event_compose(ROOM_EVENT, owner, ANALYZER_EVENT_FORK, parent);
	if (!event)
		return;
	event->args[0] = pid_here(child);
	event->args[1] = tid_here(child);
	event_send_with_stack(event, owner, ROOM_EVENT, parent);
}

static __always_inline void tell_exec(struct task_struct *task, struct linux_binprm *program, const struct owner *owner)
{
	struct ring_event *event;

	if (!owner->slot->enabled)
		return;
	event = event_compose(ROOM_EVENT, owner, ANALYZER_EVENT_EXEC, task);
	if (!event)
		return;
	bpf_probe_read_kernel_str(event->text, sizeof(event->text), program->filename);
	event_send(event, owner, 0);
}

/* ---- tracepoints of their own ---- */

SEC("tp_btf/page_fault_user")
int BPF_PROG(on_page_fault, unsigned long address, void *regs, unsigned long error_code)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mapping mapping = {};
	struct owner owner;
	struct ring_event *event;

	if (!owner_of(task, &owner))
		return 0;
	event = event_compose(ROOM_EVENT, &owner, ANALYZER_EVENT_PAGE_FAULT, task);
	if (!event)
		return 0;
	/* May fail when another thread is changing the mappings; then the event says that it does not know. */
	name_mapping_at_fault(task, address, &mapping);
	event->args[0] = address;
	event->args[1] = error_code;
	event->args[2] = mapping.found;
	__builtin_memcpy(event->text, mapping.file, sizeof(event->text));
	event_send_with_stack(event, &owner, ROOM_EVENT, task);
	return 0;
}

/* How a system call changes the mappings; 0: not at all. */
static __always_inline __u32 mapping_change(__u64 number)
{
	switch (number) {
	case SYSCALL_MMAP: return ANALYZER_MAPPING_MADE;
	case SYSCALL_MUNMAP: return ANALYZER_MAPPING_REMOVED;
	case SYSCALL_MPROTECT: return ANALYZER_MAPPING_PROTECTED;
	default: return 0;
	}
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct analyzer_syscall *call;
	struct mapping mapping = {};
	struct owner owner;

	if (!owner_of(task, &owner))
		return 0;
	call = bpf_task_storage_get(&syscalls, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!call) {
		__sync_fetch_and_add(&owner.slot->lost_events, 1);
		return 0;
	}
	call->number = number;
	call->args[0] = SYSCALL_ARG_1(regs);
	call->args[1] = SYSCALL_ARG_2(regs);
	call->args[2] = SYSCALL_ARG_3(regs);
	if (mapping_change(number) == ANALYZER_MAPPING_REMOVED) /* afterwards nobody knows what was there */
		bpf_find_vma(task, call->args[0], name_mapping, &mapping, 0);
	__builtin_memcpy(call->file, mapping.file, sizeof(call->file));
	call->enter_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void tell_mapping(struct task_struct *task, const struct owner *owner,
	const struct analyzer_syscall *call, __u64 returned)
{
	__u32 change = mapping_change(call->number);
	__u64 address = change == ANALYZER_MAPPING_MADE ? returned : call->args[0];
	struct mapping mapping = {};
	struct ring_event *event;

	event = event_compose(ROOM_EVENT, owner, ANALYZER_EVENT_MAPPING, task);
	if (!event)
		return;
	if (change == ANALYZER_MAPPING_REMOVED)
		__builtin_memcpy(mapping.file, call->file, sizeof(mapping.file));
	else
		bpf_find_vma(task, address, name_mapping, &mapping, 0);
	event->args[0] = change | (__u64)call->args[2] << 32; /* what it may be used for; of a removed one nothing */
	event->args[1] = address;
	event->args[2] = call->args[1];
	__builtin_memcpy(event->text, mapping.file, sizeof(event->text));
	event_send_with_stack(event, owner, ROOM_EVENT, task);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long returned)
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
	event = event_compose(ROOM_EVENT, &owner, ANALYZER_EVENT_SYSCALL, task);
	if (!event)
		return 0;
	event->args[0] = call->number;
	event->args[1] = returned;
	event->args[2] = event->head.time_ns - enter_ns;
	event_send_with_stack(event, &owner, ROOM_EVENT, task);
	if (mapping_change(call->number) && (returned >= 0 || returned < -4095))
		tell_mapping(task, &owner, call, returned);
	return 0;
}

static __always_inline int in_system_call(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	return task->tgid && SYSCALL_OF_TASK(regs) >= 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *woken)
{
	struct task_struct *waker = bpf_get_current_task_btf();
	struct ring_event *event;
	struct owner owner, other;

	if (!owner_of(woken, &owner))
		return 0;
	event = event_compose(ROOM_WAKEUP, &owner, ANALYZER_EVENT_WAKEUP, woken);
	if (!event)
		return 0;
	event->args[0] = pid_here(waker);
	event->args[1] = tid_here(waker);
	/* An interrupt that came upon the waker looks the same; nothing here tells. Out of a system call it is likely. */
	event->args[2] = in_system_call(waker);
	bpf_get_current_comm(event->text, 16);
	if (event->args[2] && owner_of(waker, &other) && other.slot == owner.slot)
		event_send_with_stack(event, &other, ROOM_WAKEUP, waker);
	else
		event_send(event, &owner, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct ring_event *event;
	struct owner owner;

	if (!owner_of(task, &owner))
		return 0;
	event = event_compose(ROOM_EVENT, &owner, ANALYZER_EVENT_EXIT, task);
	if (!event)
		return 0;
	event->args[0] = (__u32)task->exit_code;
	event->args[1] = task->pid == task->tgid;
	event_send(event, &owner, 0);
	return 0;
}

#endif
