/* SPDX-License-Identifier: Apache-2.0 */
/* The list of system calls that a worker may make. What the compilers and the C library need is allowed; what a library
 * may try without harm, because it can live with a refusal, is refused with an errno; everything else kills the
 * process with SIGSYS, which its request reports as a crash at that stage. The program is compiled once in the
 * template, and loaded on each worker's only thread. */
#include "codegen/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

#ifndef WORKER_SANITIZED
#define WORKER_SANITIZED 0 /* sanitizers' runtimes make calls of their own, of no fixed list */
#endif

/* Stands in the template's program where a worker's own pid goes. Above any pid (PID_MAX_LIMIT is 1<<22) and equal to
 * no other constant in the program, so that it can be found again. */
#define OWN_PID 0x6F776E00u

#define MAX_CONDITIONS 2

static const struct rule {
	int nr;
	int refuse; /* 0: allowed; else the errno that it fails with */
	const char *name;
	const char *why;
	struct condition {
		bool set;
		unsigned arg;
		uint64_t mask; /* 0: the whole argument */
		uint64_t value;
	} when[MAX_CONDITIONS]; /* all that are set must hold */
} rules[] = {
#define CALL(x) .nr = SCMP_SYS(x), .name = #x
	/* memory */
	{CALL(brk), .why = "malloc"},
	{CALL(mmap), .why = "malloc; never executable, and only what is private and no file: other memory has no limit",
		.when = {{true, 2, PROT_EXEC, 0}, {true, 3, MAP_TYPE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS}}},
	{CALL(mmap), .refuse = EACCES, .why = "executable memory", .when = {{true, 2, PROT_EXEC, PROT_EXEC}}},
	{CALL(munmap), .why = "free, and the job"},
	{CALL(mremap), .why = "realloc"},
	{CALL(mprotect), .why = "malloc's arenas; never executable", .when = {{true, 2, PROT_EXEC, 0}}},
	{CALL(mprotect), .refuse = EACCES, .why = "executable memory",
		.when = {{true, 2, PROT_EXEC, PROT_EXEC}}},
	{CALL(madvise), .why = "free gives pages back"},
	{CALL(prlimit64), .why = "the memory limit of a run, of itself only",
		.when = {{true, 0, 0, 0}, {true, 1, 0, RLIMIT_DATA}}},
	{CALL(getrandom), .why = "newer C libraries seed malloc's caches"},
	{CALL(sched_getaffinity), .why = "malloc sizes its arenas when one is full"},
	{CALL(getcpu), .why = "malloc asks for the memory that is near"},
	{CALL(prctl), .refuse = EINVAL, .why = "newer mallocs give their mappings a name", .when = {{true, 0, 0, PR_SET_VMA}}},

	/* time and usage of spans */
	{CALL(clock_gettime), .why = "thread CPU time; all clocks where the vDSO cannot serve them"},
	{CALL(gettimeofday), .why = "the same, for the compilers"},
	{CALL(getrusage), .why = "page faults of spans"},

	/* jobs and results */
	{CALL(recvmsg), .why = "the next run; the only socket held is the worker's own"},
	{CALL(sendmsg), .why = "ready, done"},
	{CALL(lseek), .why = "size of the job"},
	{CALL(pread64), .why = "the job; memory in use, from a descriptor opened before"},
	{CALL(write), .why = "the result; messages of a compiler on standard error, which leads nowhere"},
	{CALL(writev), .why = "the C library's last words on standard error"},
	{CALL(fcntl), .why = "checks the job's seals", .when = {{true, 1, 0, F_GET_SEALS}}},
	{CALL(fcntl), .why = "seals the result", .when = {{true, 1, 0, F_ADD_SEALS}}},
	{CALL(close), .why = "job and result, once sent"},
	{CALL(fstat), .why = "stdio looks at the stream it writes to"},

	/* the process itself */
	{CALL(futex), .why = "locks in the C++ library"},
	{CALL(sched_yield), .why = "locks that spin"},
	{CALL(restart_syscall), .why = "a call goes on after SIGSTOP and SIGCONT"},
	{CALL(rt_sigaction), .why = "abort takes its own handler back"},
	{CALL(rt_sigprocmask), .why = "abort unblocks its signal"},
	{CALL(rt_sigreturn), .why = "return from a handler"},
	{CALL(getpid), .why = "abort, and log lines"},
	{CALL(gettid), .why = "abort"},
	{CALL(tgkill), .why = "abort: SIGABRT to itself, nothing else and nobody else",
		.when = {{true, 0, 0, OWN_PID}, {true, 2, 0, SIGABRT}}},
	{CALL(exit_group), .why = "the end"},
	{CALL(exit), .why = "the end"},

	/* tried by libraries that can live without; everything not named here kills */
	{CALL(open), .refuse = EACCES, .why = "locale, time zone, gconv files"},
	{CALL(openat), .refuse = EACCES, .why = "locale, time zone, gconv files"},
	{CALL(newfstatat), .refuse = EACCES, .why = "stat by name, and newer fstat"},
	{CALL(access), .refuse = EACCES, .why = "looks for files"},
	{CALL(faccessat), .refuse = EACCES, .why = "looks for files"},
	{CALL(readlink), .refuse = EACCES, .why = "looks for its own binary"},
	{CALL(getcwd), .refuse = EACCES, .why = "makes paths absolute"},
	{CALL(ioctl), .refuse = ENOTTY, .why = "is standard error a terminal? (and no TIOCSTI)"},
	{CALL(sysinfo), .refuse = EPERM, .why = "sizes buffers by the machine's memory"},
#undef CALL
};

struct seccomp_program {
	size_t n_insns;
	struct sock_filter insns[];
};

static int add_rule(scmp_filter_ctx ctx, const struct rule *rule)
{
	struct scmp_arg_cmp args[MAX_CONDITIONS];
	unsigned n_args = 0;

	for (size_t i = 0; i < MAX_CONDITIONS; i++) {
		const struct condition *c = &rule->when[i];
		if (!c->set)
			continue;
		args[n_args++] = c->mask ? (struct scmp_arg_cmp){c->arg, SCMP_CMP_MASKED_EQ, c->mask, c->value}
					 : (struct scmp_arg_cmp){c->arg, SCMP_CMP_EQ, c->value, 0};
	}
	uint32_t action = rule->refuse ? SCMP_ACT_ERRNO((uint32_t)rule->refuse) : SCMP_ACT_ALLOW;
	int r = seccomp_rule_add_array(ctx, action, rule->nr, n_args, args);
	/* A call that this architecture never had (arm64 has no open) cannot be made either. */
	return r == -EDOM || rule->nr < 0 ? 0 : r;
}

/* libseccomp 2.5 writes programs to descriptors only. */
static int export_program(scmp_filter_ctx ctx, struct seccomp_program **ret)
{
	_cleanup_fd_ int fd = memfd_create("seccomp-program", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return r;
	off_t size = lseek(fd, 0, SEEK_END);
	if (size <= 0 || (size_t)size % sizeof(struct sock_filter) != 0)
		return -EBADMSG;
	_cleanup_free_ struct seccomp_program *p = malloc(sizeof(*p) + (size_t)size);
	if (!p)
		return -ENOMEM;
	p->n_insns = (size_t)size / sizeof(struct sock_filter);
	if (pread(fd, p->insns, (size_t)size, 0) != size)
		return -EIO;
	*ret = TAKE_PTR(p);
	return 0;
}

static void release_filter(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

int seccomp_prepare(struct seccomp_program **ret)
{
	*ret = NULL;
	if (WORKER_SANITIZED || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
		return 0;
	_cleanup_(release_filter) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return -ENOMEM;
	/* A binary tree instead of a row of comparisons: the kernel runs it at every call that looks at an argument. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		int r = add_rule(ctx, &rules[i]);
		if (r < 0)
			return r;
	}
	return export_program(ctx, ret);
}

void seccomp_program_free(struct seccomp_program *p)
{
	free(p);
}

/* Each worker has its own copy of the template's memory, so that it can write its pid in place. */
static int bind_to_own_pid(struct seccomp_program *p)
{
	size_t found = 0;

	for (size_t i = 0; i < p->n_insns; i++) {
		if (BPF_CLASS(p->insns[i].code) == BPF_JMP && p->insns[i].k == OWN_PID) {
			p->insns[i].k = (uint32_t)getpid();
			found++;
		}
	}
	return found == 1 ? 0 : -EBADMSG;
}

int seccomp_apply(struct seccomp_program *p)
{
	if (!p)
		return 0;
	int r = bind_to_own_pid(p);
	if (r < 0)
		return r;
	struct sock_fprog program = {.len = (unsigned short)p->n_insns, .filter = p->insns};
	/* SPEC_ALLOW: before Linux 5.16 a filter switched off speculative store bypass for the whole compile. A worker
	 * runs no submitted code and shares its address space with nobody. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) < 0)
		return -errno;
	return 1;
}

void seccomp_describe(FILE *out)
{
	if (WORKER_SANITIZED)
		fprintf(out, "  (not in this build: sanitizers make calls of their own)\n");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		fprintf(out, "  %-8s %-18s %s\n", rules[i].refuse ? "refused" : "allowed", rules[i].name,
			rules[i].why);
	fprintf(out, "  %-8s %-18s %s\n", "killed", "(all others)", "SIGSYS; the request reports a crash");
}
