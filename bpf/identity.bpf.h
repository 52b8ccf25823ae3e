/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Whose a task is, and by which number people know it. Included by analyzer.bpf.c alone.
 *
 * Identity is storage on the leader of a thread group, where the process puts it through a pidfd and on_fork copies it to
 * a child before its first instruction. So threads that start later belong to their process, and a pid number that
 * comes round is nobody's. */
#ifndef SPVSCOPE_IDENTITY_BPF_H
#define SPVSCOPE_IDENTITY_BPF_H

/* Set before the object is loaded: the PID namespace whose numbers are told. The outermost one needs no search. */
const volatile __u32 analyzer_pid_namespace SEC(".rodata.numbers") = OUTERMOST_PID_NAMESPACE;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct analyzer_identity);
} identities SEC(".maps");

struct owner {
	struct analyzer_slot *slot;
	struct analyzer_identity *identity;
};

/* The attached session that a task belongs to, whether it is enabled or not. */
static __always_inline int attached_owner_of(struct task_struct *task, struct owner *ret)
{
	struct analyzer_identity *identity = bpf_task_storage_get(&identities, task->group_leader, 0, 0);
	__u32 index;

	if (!identity)
		return 0;
	index = identity->slot;
	if (index >= ANALYZER_SLOTS)
		return 0;
	ret->slot = &analyzer_shared.slots[index];
	ret->identity = identity;
	return ret->slot->generation == identity->generation;
}

/* The same, and it is enabled. */
static __always_inline int owner_of(struct task_struct *task, struct owner *ret)
{
	return attached_owner_of(task, ret) && ret->slot->enabled;
}

/* The number that a struct pid has in our namespace; 0 when it is not in it. */
static __always_inline __u32 number_here(struct pid *pid)
{
	struct upid at;
	__u32 level = BPF_CORE_READ(pid, level);

	/* Innermost first: whom we analyze is mostly in our namespace, or one below. */
	for (int i = 0; i < PID_NAMESPACES_MAX; i++) {
		__u64 offset = bpf_core_field_offset(struct pid, numbers) + (__u64)level * bpf_core_type_size(struct upid);

		if (bpf_probe_read_kernel(&at, sizeof(at), (void *)pid + offset))
			return 0;
		if (BPF_CORE_READ(at.ns, ns.inum) == analyzer_pid_namespace)
			return at.nr;
		if (level-- == 0)
			return 0;
	}
	return 0;
}

static __always_inline __u32 tid_here(struct task_struct *task)
{
	if (analyzer_pid_namespace == OUTERMOST_PID_NAMESPACE)
		return task->pid;
	return number_here(task->thread_pid);
}

static __always_inline __u32 pid_here(struct task_struct *task)
{
	if (analyzer_pid_namespace == OUTERMOST_PID_NAMESPACE)
		return task->tgid;
	return number_here(task->group_leader->thread_pid);
}

static __always_inline void fill_head(struct ring_head *head, __u32 type, const struct owner *owner,
	struct task_struct *task)
{
	head->type = type;
	head->slot = owner->identity->slot;
	head->generation = owner->identity->generation;
	head->n_ips = 0;
	head->time_ns = bpf_ktime_get_ns();
	head->pid = pid_here(task);
	head->tid = tid_here(task);
	head->span_id = 0;
	head->span_state = THREAD_SPAN_UNTOLD;
	head->reserved = 0;
}

#endif
