/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Reads the active span that the running thread publishes (base/thread_context.h), in the context of that very thread:
 * nothing of it runs meanwhile, so the record stands still. Included by analyzer.bpf.c alone.
 *
 * Where the variable lies the worker has said itself. What is read is its own memory, and comes back as the span of its
 * own record: a worker that lies is believed about itself and about nobody else. The span id names the run, which whoever
 * joins spans and samples checks. */
#ifndef SPVSCOPE_THREAD_CONTEXT_BPF_H
#define SPVSCOPE_THREAD_CONTEXT_BPF_H

#include "../base/thread_context.h"

/* The thread pointer of a task that has entered the kernel. Flavours: libbpf matches them with the kernel's own without
 * what stands behind "___". */
#if defined(__TARGET_ARCH_x86)
struct thread_struct___context {
	unsigned long fsbase;
} __attribute__((preserve_access_index));
#define THREAD_POINTER thread.fsbase
#elif defined(__TARGET_ARCH_arm64)
struct thread_struct___context {
	struct {
		unsigned long tp_value;
	} uw;
} __attribute__((preserve_access_index));
#define THREAD_POINTER thread.uw.tp_value
#endif

struct task_struct___context {
	struct thread_struct___context thread;
} __attribute__((preserve_access_index));

/* Fills the span of a record that the running thread, task, is about. offset: analyzer_identity.thread_context. */
static __always_inline void read_active_span(struct ring_head *head, struct task_struct *task, __s64 offset)
{
	struct thread_context_record record;
	__u64 address = 0, id;

	if (!offset)
		return;
	head->span_state = THREAD_SPAN_UNREADABLE;
	address = BPF_CORE_READ((struct task_struct___context *)task, THREAD_POINTER) + offset;
	if (bpf_probe_read_user(&address, sizeof(address), (const void *)address))
		return;
	if (!address) {
		head->span_state = THREAD_SPAN_NONE;
		return;
	}
	if (bpf_probe_read_user(&record, sizeof(record), (const void *)address))
		return;
	if (record.valid != THREAD_CONTEXT_VALID) {
		head->span_state = THREAD_SPAN_NONE;
		return;
	}
	__builtin_memcpy(&id, record.span_id, sizeof(id));
	head->span_id = __builtin_bswap64(id);
	head->span_state = THREAD_SPAN_ACTIVE;
}

#endif
