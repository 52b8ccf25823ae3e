/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of system calls as tables, the programs for the kernel that are made of them, and their description. The list of
 * workers is seccomp.c's, that of tools tools/tool_seccomp.c's. Programs are made in the template and in tool hosts. */
#ifndef SPVSCOPE_WORKER_SECCOMP_RULES_H
#define SPVSCOPE_WORKER_SECCOMP_RULES_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SECCOMP_MAX_CONDITIONS 2
#define SECCOMP_PRETEND        (-1) /* refuse: it is told that it was done */

enum seccomp_who { SECCOMP_ALL, SECCOMP_THOSE_THAT_FORK };

struct seccomp_rule {
	int nr;
	int refuse; /* 0: allowed; else the errno that it fails with, or SECCOMP_PRETEND */
	enum seccomp_who who;
	const char *name;
	const char *why;
	struct {
		bool set;
		unsigned arg;
		uint64_t mask; /* 0: the whole argument */
		uint64_t value;
	} when[SECCOMP_MAX_CONDITIONS]; /* all that are set must hold */
};

struct seccomp_program {
	size_t n_insns;
	struct sock_filter insns[];
};

/* otherwise: the kernel's word (SCMP_ACT_…) for calls that no rule is for; may_fork: with the rules of those that fork. *ret
 * stays NULL, with 0 returned, in a build with a sanitizer's runtime, which makes calls of its own and of no fixed list, or
 * on a kernel without seccomp. */
int seccomp_program_new(const struct seccomp_rule *rules, size_t n, uint32_t otherwise, bool may_fork,
	struct seccomp_program **ret);
void seccomp_program_free(struct seccomp_program *p); /* takes NULL */
/* On the calling thread, for ever; NULL: nothing. Needs no_new_privs. Touches no memory of the process, so that a vfork'ed child
 * may call it. 0 or -errno. */
int seccomp_program_load(const struct seccomp_program *p);
void seccomp_rules_describe(const struct seccomp_rule *rules, size_t n, FILE *out);

#endif
