/* SPDX-License-Identifier: Apache-2.0 */
/* How a worker confines itself before it reads a job: resource limits, Landlock, and a list of system calls. Prepared
 * once in the template, applied in each worker; there is no way back. One file a mechanism: limits.c, landlock.c,
 * seccomp.c. What the kernel lacks is left out and told, so that the front can say so. */
#ifndef SPVSCOPE_WORKER_SANDBOX_H
#define SPVSCOPE_WORKER_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* A result is written to a memfd of the front; this is the largest that a worker can make of it. */
#define SANDBOX_MAX_FILE_BYTES  (512ull << 20)
#define SANDBOX_MAX_STACK_BYTES (16ull << 20)
#define SANDBOX_MAX_FDS         12
/* Above the largest limit that a run can have; what a worker can do to all at most, should it be taken over. */
#define SANDBOX_MAX_DATA_BYTES  (17ull << 30)

struct sandbox;

/* Builds what all workers share. 0, or -ENOMEM, or the error of a library that could not build the filter. */
int sandbox_prepare(struct sandbox **ret);
void sandbox_free(struct sandbox *s);
/* Confines the calling process, which must have one thread. *ret_flags gets the bits WORKER_CONFINED_…. A mechanism
 * that the kernel does not have is no error; one that it has and that fails is, and the caller must not go on. */
int sandbox_apply(struct sandbox *s, uint64_t *ret_flags);
/* For people: every rule with its reason, and what this kernel offers. */
void sandbox_describe(FILE *out);

/* The mechanisms. Each returns 1 when it took effect, 0 when this kernel (or this build) does not have it, or
 * negative errno. */

/* rlimits, in place of a core dump a quick death, and first in line when memory runs out on the machine. */
int limits_apply(void);
/* The last of these, for other processes that may be spared. */
void limits_volunteer_for_oom(void);
void limits_describe(FILE *out);

/* No file, no TCP port, no abstract socket, no signal beyond the worker itself; no exception is ever made. Needs
 * no_new_privs. */
int landlock_apply(void);
/* The version that the kernel offers, 0: none. */
int landlock_abi(void);

/* With exceptions, for the programs that a tool host starts. The kernel's numbers; what else a kernel can restrict stays
 * forbidden. */
#define LANDLOCK_EXECUTE     (1ull << 0)
#define LANDLOCK_WRITE_FILE  (1ull << 1) /* truncation with it */
#define LANDLOCK_READ_FILE   (1ull << 2)
#define LANDLOCK_READ_DIR    (1ull << 3)
#define LANDLOCK_REMOVE_DIR  (1ull << 4)
#define LANDLOCK_REMOVE_FILE (1ull << 5)
#define LANDLOCK_MAKE_DIR    (1ull << 7)
#define LANDLOCK_MAKE_FILE   (1ull << 8)

struct landlock_path {
	int fd;          /* O_PATH is enough; a folder stands for all below it */
	uint64_t rights; /* what a file cannot have is left out where fd is one */
};

/* The descriptor of a ruleset, the caller's; -EOPNOTSUPP where the kernel has no Landlock. */
int landlock_prepare(const struct landlock_path *paths, size_t n);
/* Confines the calling thread, and all that it starts, for ever. Needs no_new_privs. */
int landlock_restrict(int ruleset_fd);

struct seccomp_program;
/* *ret stays NULL, with 0 returned, where there is no seccomp. */
int seccomp_prepare(struct seccomp_program **ret);
void seccomp_program_free(struct seccomp_program *p); /* of seccomp_rules.h */
/* Binds the program to the calling process and loads it. Needs no_new_privs. */
int seccomp_apply(struct seccomp_program *p);
void seccomp_describe(FILE *out);

#endif
