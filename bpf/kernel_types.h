/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The few kernel structures that the programs read, with the few fields that they read. Offsets come from the running
 * kernel's BTF when the object is loaded (CO-RE), so neither order nor size matters here, and a machine without BTF
 * can build it. Only the two context structures at the end are the kernel's fixed interface. */
#ifndef SPVSCOPE_KERNEL_TYPES_H
#define SPVSCOPE_KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct {
	int pid;
	int tgid;
	int exit_code;
	struct task_struct *group_leader;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
};

struct vm_area_struct {
	struct file *vm_file;
};

struct linux_binprm {
	const char *filename;
};

/* A task's registers as they were when it entered the kernel. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bp, orig_ax, ip, sp;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 sp, pc;
	int syscallno;
};
#endif

#pragma clang attribute pop

/* The context of a perf_event program: the interrupted registers as user space knows them. */
#if defined(__TARGET_ARCH_x86)
struct context_registers {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#define CONTEXT_IN_KERNEL(regs) (((regs)->cs & 3) == 0) /* the privilege level that was interrupted */
/* Where a walk begins, of the context's registers and of a task's. A task in a system call stands behind the instruction
 * that made it, as behind a call: it may be its function's last. */
#define FRAME_OF_CONTEXT(r)     {.pc = (r)->ip, .sp = (r)->sp, .fp = (r)->bp}
#define FRAME_OF_TASK(r)        {.pc = (r)->ip, .sp = (r)->sp, .fp = (r)->bp, .is_return = (long)(r)->orig_ax >= 0}
#elif defined(__TARGET_ARCH_arm64)
struct context_registers {
	__u64 regs[31], sp, pc, pstate;
};
#define CONTEXT_IN_KERNEL(regs) (((regs)->pstate & 0xF) != 0) /* EL0t is 0 */
#define FRAME_OF_CONTEXT(r)     {.pc = (r)->pc, .sp = (r)->sp, .fp = (r)->regs[29], .link = (r)->regs[30]}
#define FRAME_OF_TASK(r) \
	{.pc = (r)->pc, .sp = (r)->sp, .fp = (r)->regs[29], .link = (r)->regs[30], .is_return = (r)->syscallno >= 0}
#else
#error "registers of this target are not written down here yet"
#endif

struct sample_context {
	struct context_registers regs;
	__u64 sample_period;
	__u64 addr;
};

#endif
