/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The sample: where a thread is, each time that its clock has gone on for a period. Included by analyzer.bpf.c alone. */
#ifndef SPVSCOPE_SAMPLE_BPF_H
#define SPVSCOPE_SAMPLE_BPF_H

SEC("perf_event")
int on_sample(struct sample_context *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct analyzer_room *room = room_of(ROOM_SAMPLE);
	struct ring_sample *sample;
	struct owner owner;
	struct walk walk = {0};

	if (!room || !owner_of(task, &owner)) {
		__sync_fetch_and_add(&analyzer_shared.strangers, 1);
		return 0;
	}
	sample = ROOM_RECORD(room, ring_sample);
	fill_head(&sample->head, RING_SAMPLE, &owner, task);
	read_active_span(&sample->head, task, owner.identity->thread_context);
	sample->in_kernel = CONTEXT_IN_KERNEL(&ctx->regs);
	/* All from the context first: were it one or the other, the compiler would choose between two pointers, and the
	 * verifier lets nobody compute one into the context. */
	walk.frame = (struct unwind_frame)FRAME_OF_CONTEXT(&ctx->regs);
	barrier();
	if (sample->in_kernel)
		walk_from_task(&walk, task);
	sample->stack_end = walk_stack(&walk, task, &owner, ROOM_SAMPLE);
	sample->head.n_ips = walk.n_ips;
	tell_stolen_so_far(task, &owner);
	if (ring_put(sample, sizeof(*sample), walk.n_ips))
		__sync_fetch_and_add(&owner.slot->lost, 1);
	else
		__sync_fetch_and_add(&owner.slot->samples, 1);
	return 0;
}

#endif
