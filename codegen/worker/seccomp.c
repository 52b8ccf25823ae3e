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
#include "codegen/worker/seccomp_rules.h"

/* Stands in the template's program where a worker's own pid goes. Above any pid (PID_MAX_LIMIT is 1<<22) and equal to
 * no other constant in the program, so that it can be found again. */
#define OWN_PID 0x6F776E00u

static const struct seccomp_rule rules[] = {
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

int seccomp_prepare(struct seccomp_program **ret)
{
	return seccomp_program_new(rules, ARRAY_SIZE(rules), SCMP_ACT_KILL_PROCESS, false, ret);
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
	r = seccomp_program_load(p);
	return r < 0 ? r : 1;
}

void seccomp_describe(FILE *out)
{
	seccomp_rules_describe(rules, ARRAY_SIZE(rules), out);
	fprintf(out, "  %-8s %-18s %s\n", "killed", "(all others)", "SIGSYS; the request reports a crash");
}
