/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The few kernel structures that the programs read, with the few fields that they read. Offsets come from the running
 * kernel's BTF when the object is loaded (CO-RE), so neither order nor size matters here, and a machine without BTF
 * can build it. Only the two context structures at the end are the kernel's fixed interface. */
#ifndef SPVSCOPE_KERNEL_TYPES_H
#define SPVSCOPE_KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

/* A CPU's queue of runnable threads. The first clock goes on all the time; the other stands still while the hypervisor runs
 * something else there, and on some kernels in interrupts. Both are brought up to date at switches, wake-ups and ticks.
 * Where the kernel is built without group scheduling nothing leads from a task to it. */
struct rq {
	__u64 clock;
	__u64 clock_task;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	__u64 exec_start;       /* by clock_task, up to where the next is counted */
	__u64 sum_exec_runtime; /* the thread's CPU clock, exact at each switch */
	struct cfs_rq *cfs_rq;
};

struct sched_info {
	unsigned long long run_delay;   /* what it has waited for a CPU, up to its last turn */
	unsigned long long last_arrival; /* by clock, when its last turn began */
	unsigned long long last_queued; /* by clock, since when it waits; 0: it does not */
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	int exit_code;
	unsigned in_iowait : 1;
	unsigned in_execve : 1;
	struct pid *thread_pid;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	__u64 self_exec_id; /* counts the programs that it started */
	struct sched_entity se;
	struct sched_info sched_info;
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

struct super_block {
	__u32 s_dev;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
	__s64 i_ctime_sec; /* since 6.11 */
	__u32 i_ctime_nsec;
};

struct inode___since_6_6 {
	struct timespec64 __i_ctime;
};

struct inode___before {
	struct timespec64 i_ctime;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

typedef struct {
	void *vdso;
} mm_context_t;

struct maple_range_64 {
	unsigned long pivot[1];
	void *slot[1];
};

struct maple_arange_64 {
	unsigned long pivot[1];
	void *slot[1];
};

struct maple_tree {
	void *ma_root;
};

struct mm_struct {
	struct maple_tree mm_mt;
	mm_context_t context;
};

struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_pgoff, vm_flags;
	struct mm_struct *vm_mm;
	struct file *vm_file;
};

struct sigaction {
	void *sa_handler; /* NULL: the default */
};

struct k_sigaction {
	struct sigaction sa;
};

struct kernel_siginfo;

struct linux_binprm {
	const char *filename;
};

/* A task's registers as they were when it entered the kernel. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r11, r10, bp, bx, dx, si, di, orig_ax, ip, sp;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 sp, pc, orig_x0;
	int syscallno;
};
#endif

#pragma clang attribute pop

/* Bits of a task's state as the scheduler's tracepoint tells it (include/linux/sched.h); they are older than BTF. */
#define TASK_STATE_INTERRUPTIBLE   0x1
#define TASK_STATE_UNINTERRUPTIBLE 0x2
#define TASK_STATE_STOPPED         0xC  /* stopped or traced */
#define TASK_STATE_DEAD            0xB0 /* dead or a zombie */

#define CTIME_NSEC_BITS         0x7FFFFFFFu /* above is whether somebody has asked for it (I_CTIME_QUERIED, since 6.13) */
#define OUTERMOST_PID_NAMESPACE 0xEFFFFFFCu /* PROC_PID_INIT_INO: the same on every kernel */
#define PID_NAMESPACES_MAX      32          /* they nest no deeper (MAX_PID_NS_LEVEL) */

/* The context of a perf_event program: the interrupted registers as user space knows them. */
#if defined(__TARGET_ARCH_x86)
struct context_registers {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#define CONTEXT_IN_KERNEL(regs) (((regs)->cs & 3) == 0) /* the privilege level that was interrupted */
/* Where a walk begins, of the context's registers and of a task's. A task in a system call stands behind the instruction
 * that made it, as behind a call: it may be its function's last. */
#define FRAME_REGISTERS(r) \
	.pc = (r)->ip, .sp = (r)->sp, .fp = (r)->bp, .bx = (r)->bx, .r10 = (r)->r10, .r11 = (r)->r11, .knows_bx = 1
#define FRAME_OF_CONTEXT(r)     {FRAME_REGISTERS(r)}
#define FRAME_OF_TASK(r)        {FRAME_REGISTERS(r), .is_return = (long)(r)->orig_ax >= 0}
#define SYSCALL_MMAP            9
#define SYSCALL_MPROTECT        10
#define SYSCALL_MUNMAP          11
#define SYSCALL_ARG_1(r)        ((r)->di)
#define SYSCALL_ARG_2(r)        ((r)->si)
#define SYSCALL_ARG_3(r)        ((r)->dx)
#define SYSCALL_OF_TASK(r)      ((int)(r)->orig_ax) /* negative: it came in by a fault or an interrupt */
#elif defined(__TARGET_ARCH_arm64)
struct context_registers {
	__u64 regs[31], sp, pc, pstate;
};
#define CONTEXT_IN_KERNEL(regs) (((regs)->pstate & 0xF) != 0) /* EL0t is 0 */
#define FRAME_OF_CONTEXT(r)     {.pc = (r)->pc, .sp = (r)->sp, .fp = (r)->regs[29], .link = (r)->regs[30]}
#define SYSCALL_MMAP            222
#define SYSCALL_MPROTECT        226
#define SYSCALL_MUNMAP          215
#define SYSCALL_ARG_1(r)        ((r)->orig_x0)
#define SYSCALL_ARG_2(r)        ((r)->regs[1])
#define SYSCALL_ARG_3(r)        ((r)->regs[2])
#define SYSCALL_OF_TASK(r)      ((r)->syscallno)
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
