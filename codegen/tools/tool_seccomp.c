/* SPDX-License-Identifier: Apache-2.0 */
/* What an external compiler may ask of the kernel. The programs are not ours, and how they are built differs from system to
 * system: so a call that is not listed is answered as by an older kernel that lacks it (ENOSYS), which C libraries
 * and runtimes know how to live with, and kills nobody. What the list is there for: no network, no other process, no
 * way out of the process group by which the whole tree is ended, no memory beside the one that is limited. Which files
 * there are is Landlock's to say. Prepared in a tool host, loaded in each of its children. */
#include "codegen/tools/tool_seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NEW_NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP)

static const struct seccomp_rule rules[] = {
#define CALL(x) .nr = SCMP_SYS(x), .name = #x
	/* memory: private, or of files that it may read and write anyway; other memory has no limit */
	{CALL(brk), .why = "malloc"},
	{CALL(mmap), .why = "malloc, stacks, libraries, code that is compiled in the process",
		.when = {{true, 3, MAP_TYPE, MAP_PRIVATE}}},
	{CALL(mmap), .why = "its own output files, whose size is limited; no shared memory of its own",
		.when = {{true, 3, MAP_TYPE | MAP_ANONYMOUS, MAP_SHARED}}},
	{CALL(munmap), .why = "free"},
	{CALL(mremap), .why = "realloc"},
	{CALL(mprotect), .why = "guard pages; code that is compiled in the process"},
	{CALL(madvise), .why = "free gives pages back"},
	{CALL(mincore), .why = "stack look-ups of crash handlers"},
	{CALL(membarrier), .why = "code that is compiled in the process"},
	{CALL(pkey_alloc), .why = "V8 guards its code with them where the machine has any"},
	{CALL(pkey_free), .why = "the same"},
	{CALL(pkey_mprotect), .why = "the same"},

	/* files: which ones is Landlock's to say; those in the job's folder, and the tool's own */
	{CALL(open), .why = "sources, headers, libraries"},
	{CALL(openat), .why = "sources, headers, libraries"},
	{CALL(close), .why = "the same"},
	{CALL(close_range), .why = "runtimes close what they inherit"},
	{CALL(read), .why = "sources; requests of a resident tool"},
	{CALL(readv), .why = "the same"},
	{CALL(pread64), .why = "the dynamic linker reads headers of libraries"},
	{CALL(preadv), .why = "buffered readers"},
	{CALL(write), .why = "output, messages"},
	{CALL(writev), .why = "output, messages"},
	{CALL(pwrite64), .why = "output that is mended afterwards: sizes in headers"},
	{CALL(pwritev), .why = "buffered writers"},
	{CALL(lseek), .why = "sizes of files"},
	{CALL(ftruncate), .why = "output files, whose size is limited"},
	{CALL(fsync), .why = "careful writers"},
	{CALL(fdatasync), .why = "careful writers"},
	{CALL(stat), .why = "looks for headers and libraries"},
	{CALL(lstat), .why = "looks for headers and libraries"},
	{CALL(fstat), .why = "sizes of files"},
	{CALL(newfstatat), .why = "looks for headers and libraries"},
	{CALL(statx), .why = "the same, newer"},
	{CALL(statfs), .why = "is a file on a slow disk? clang asks"},
	{CALL(fstatfs), .why = "the same"},
	{CALL(access), .why = "looks for headers"},
	{CALL(faccessat), .why = "looks for headers"},
	{CALL(faccessat2), .why = "looks for headers"},
	{CALL(readlink), .why = "finds its own program, and real names of headers"},
	{CALL(readlinkat), .why = "the same"},
	{CALL(getdents64), .why = "folders of headers"},
	{CALL(getcwd), .why = "makes paths absolute"},
	{CALL(chdir), .why = "compilers that work in another folder; reading there is Landlock's to say"},
	{CALL(fchdir), .why = "the same"},
	{CALL(umask), .why = "permissions of output files"},
	{CALL(fcntl), .why = "flags and copies of descriptors"},
	{CALL(flock), .why = "careful writers"},
	{CALL(dup), .why = "redirection"},
	{CALL(dup2), .why = "redirection"},
	{CALL(dup3), .why = "redirection"},
	{CALL(pipe), .why = "event loops; output of children"},
	{CALL(pipe2), .why = "event loops; output of children"},
	{CALL(fadvise64), .why = "tells how it will read"},
	{CALL(copy_file_range), .why = "copies into an output file"},
	{CALL(sendfile), .why = "copies into an output file"},
	{CALL(ioctl), .why = "how much is there to read?", .when = {{true, 1, 0, FIONREAD}}},
	{CALL(ioctl), .why = "descriptors that do not block", .when = {{true, 1, 0, FIONBIO}}},
	{CALL(ioctl), .why = "descriptors that children don't get", .when = {{true, 1, 0, FIOCLEX}}},
	{CALL(rename), .refuse = EACCES, .why = "it can make no files but those that were made for it"},
	{CALL(renameat), .refuse = EACCES, .why = "the same"},
	{CALL(renameat2), .refuse = EACCES, .why = "the same"},
	{CALL(unlink), .refuse = SECCOMP_PRETEND, .why = "compilers remove what they could not finish; the folder is emptied anyway"},
	{CALL(unlinkat), .refuse = SECCOMP_PRETEND, .why = "the same"},
	{CALL(mkdir), .refuse = EACCES, .why = "the same"},
	{CALL(mkdirat), .refuse = EACCES, .why = "the same"},
	{CALL(chmod), .refuse = EPERM, .why = "compilers make what they link executable; nobody executes it here"},
	{CALL(fchmod), .refuse = EPERM, .why = "the same"},
	{CALL(fchmodat), .refuse = EPERM, .why = "the same"},

	/* waiting */
	{CALL(poll), .why = "event loops"},
	{CALL(ppoll), .why = "event loops"},
	{CALL(select), .why = "event loops"},
	{CALL(pselect6), .why = "event loops"},
	{CALL(epoll_create), .why = "event loops"},
	{CALL(epoll_create1), .why = "event loops"},
	{CALL(epoll_ctl), .why = "event loops"},
	{CALL(epoll_wait), .why = "event loops"},
	{CALL(epoll_pwait), .why = "event loops"},
	{CALL(eventfd2), .why = "event loops"},
	{CALL(timerfd_create), .why = "event loops"},
	{CALL(timerfd_settime), .why = "event loops"},
	{CALL(nanosleep), .why = "waits; the deadline is not its own"},
	{CALL(clock_nanosleep), .why = "waits"},

	/* time and usage */
	{CALL(clock_gettime), .why = "time traces, where the vDSO cannot serve them"},
	{CALL(clock_getres), .why = "the same"},
	{CALL(gettimeofday), .why = "the same"},
	{CALL(time), .why = "the same"},
	{CALL(times), .why = "CPU time in time traces"},
	{CALL(getrusage), .why = "CPU time in time traces"},
	{CALL(setitimer), .why = "profilers of runtimes; signals to itself only"},

	/* threads */
	{CALL(clone), .why = "threads", .when = {{true, 0, CLONE_THREAD | NEW_NAMESPACES, CLONE_THREAD}}},
	{CALL(futex), .why = "locks"},
	{CALL(set_robust_list), .why = "locks"},
	{CALL(get_robust_list), .why = "locks"},
	{CALL(rseq), .why = "the C library, per thread"},
	{CALL(set_tid_address), .why = "the C library, per thread"},
	{CALL(arch_prctl), .why = "thread-local storage"},
	{CALL(sched_yield), .why = "locks that spin"},
	{CALL(sched_getaffinity), .why = "how many threads are worth it?"},
	{CALL(sched_getparam), .why = "the C library asks before it makes a thread"},
	{CALL(sched_getscheduler), .why = "the same"},
	{CALL(getcpu), .why = "allocators, where the vDSO cannot serve it"},

	/* the process itself */
	{CALL(execve), .why = "its start; afterwards what Landlock lets it execute, which is its own program"},
	{CALL(execveat), .why = "the same"},
	{CALL(exit), .why = "the end of a thread"},
	{CALL(exit_group), .why = "the end"},
	{CALL(restart_syscall), .why = "a call goes on after SIGSTOP and SIGCONT"},
	{CALL(rt_sigaction), .why = "crash handlers"},
	{CALL(rt_sigprocmask), .why = "threads"},
	{CALL(rt_sigreturn), .why = "return from a handler"},
	{CALL(rt_sigtimedwait), .why = "threads that wait for signals"},
	{CALL(rt_sigsuspend), .why = "shells wait for their children"},
	{CALL(rt_sigpending), .why = "runtimes look for signals"},
	{CALL(sigaltstack), .why = "crash handlers"},
	{CALL(tgkill), .why = "abort; hosts and workers pass over that signal", .when = {{true, 2, 0, SIGABRT}}},
	{CALL(prctl), .why = "names of threads", .when = {{true, 0, 0, PR_SET_NAME}}},
	{CALL(prctl), .why = "names of threads", .when = {{true, 0, 0, PR_GET_NAME}}},
	{CALL(prctl), .why = "names of mappings", .when = {{true, 0, 0, 0x53564d41 /* PR_SET_VMA */}}},
	{CALL(prlimit64), .why = "its own limits, which can only be lowered", .when = {{true, 0, 0, 0}}},
	{CALL(getrlimit), .why = "its own limits"},
	{CALL(setrlimit), .why = "its own limits, which can only be lowered"},
	{CALL(getpid), .why = "names and messages"},
	{CALL(gettid), .why = "names and messages"},
	{CALL(getppid), .why = "shells"},
	{CALL(getpgrp), .why = "shells"},
	{CALL(getpgid), .why = "shells"},
	{CALL(getuid), .why = "may the environment be trusted?"},
	{CALL(geteuid), .why = "the same"},
	{CALL(getgid), .why = "the same"},
	{CALL(getegid), .why = "the same"},
	{CALL(capget), .why = "the same"},
	{CALL(uname), .why = "what system is this?"},
	{CALL(sysinfo), .why = "sizes buffers by the machine's memory"},
	{CALL(getrandom), .why = "seeds of hash tables"},

	/* tools that start others */
	{CALL(clone), .who = SECCOMP_THOSE_THAT_FORK, .why = "its own children, which get all these walls and its process group",
		.when = {{true, 0, CLONE_THREAD | NEW_NAMESPACES, 0}}},
	{CALL(fork), .who = SECCOMP_THOSE_THAT_FORK, .why = "the same"},
	{CALL(vfork), .who = SECCOMP_THOSE_THAT_FORK, .why = "the same"},
	{CALL(wait4), .who = SECCOMP_THOSE_THAT_FORK, .why = "the ends of its children"},
	{CALL(waitid), .who = SECCOMP_THOSE_THAT_FORK, .why = "the ends of its children"},

	/* refused in other words than "there is no such call" */
	{CALL(setpgid), .refuse = EPERM, .why = "the group is what the whole tree is ended by"},
	{CALL(setsid), .refuse = EPERM, .why = "the group is what the whole tree is ended by"},
	{CALL(kill), .refuse = EPERM, .why = "signals to others"},
	{CALL(socket), .refuse = EACCES, .why = "no network"},
	{CALL(socketpair), .refuse = EACCES, .why = "memory in its buffers has no limit"},
	{CALL(memfd_create), .refuse = EACCES, .why = "memory behind it has no limit"},
	{CALL(ptrace), .refuse = EPERM, .why = "other processes"},
#undef CALL
};

int tool_seccomp_prepare(bool may_fork, struct seccomp_program **ret)
{
	return seccomp_program_new(rules, ARRAY_SIZE(rules), SCMP_ACT_ERRNO(ENOSYS), may_fork, ret);
}

void tool_seccomp_describe(FILE *out)
{
	seccomp_rules_describe(rules, ARRAY_SIZE(rules), out);
	fprintf(out, "  %-8s %-18s %s\n", "refused", "(all others)", "as by a kernel that lacks them");
}
