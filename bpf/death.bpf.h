/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The stack where a thread dies: at the moment when the kernel hands it the signal that ends its process, before anything
 * is undone. Included by analyzer.bpf.c alone. Runs for each signal of the machine while it is attached, which are few. */
#ifndef SPVSCOPE_DEATH_BPF_H
#define SPVSCOPE_DEATH_BPF_H

/* These end nobody by default: SIGCHLD, SIGCONT, the four that stop, SIGURG, SIGWINCH. The same on all targets here. */
#define SIGNAL_BIT(number) (1u << (number))
#define HARMLESS_SIGNALS   (SIGNAL_BIT(17) | SIGNAL_BIT(18) | SIGNAL_BIT(19) | SIGNAL_BIT(20) | SIGNAL_BIT(21) | \
			    SIGNAL_BIT(22) | SIGNAL_BIT(23) | SIGNAL_BIT(28))

/* A handler of its own would get it, or nobody. */
static __always_inline int is_deadly(int number, struct k_sigaction *action)
{
	if (number > 0 && number < 32 && HARMLESS_SIGNALS & SIGNAL_BIT(number))
		return 0;
	return BPF_CORE_READ(action, sa.sa_handler) == 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(on_signal, int number, struct kernel_siginfo *info, struct k_sigaction *action)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct analyzer_room *room;
	struct ring_death *death;
	struct owner owner;
	struct walk walk = {0};

	if (!analyzer_shared.n_attached || !owner_of(task, &owner) || !is_deadly(number, action))
		return 0;
	room = room_of(ROOM_DEATH);
	if (!room)
		return 0;
	death = ROOM_RECORD(room, ring_death);
	fill_head(&death->head, RING_DEATH, &owner, task);
	read_active_span(&death->head, task, owner.identity->thread_context);
	death->signal = number;
	walk_from_task(&walk, task);
	death->stack_end = walk_stack(&walk, task, &owner, ROOM_DEATH);
	death->head.n_ips = walk.n_ips;
	if (ring_put(death, sizeof(*death), walk.n_ips))
		__sync_fetch_and_add(&owner.slot->lost_stacks, 1);
	return 0;
}

#endif
