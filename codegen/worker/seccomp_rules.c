/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of seccomp from tables of rules. Runs in the template and in tool hosts; loading in what is to be confined. */
#include "codegen/worker/seccomp_rules.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#ifndef WORKER_SANITIZED
#define WORKER_SANITIZED 0
#endif

static int add_rule(scmp_filter_ctx ctx, const struct seccomp_rule *rule)
{
	struct scmp_arg_cmp args[SECCOMP_MAX_CONDITIONS];
	unsigned n_args = 0;

	for (size_t i = 0; i < SECCOMP_MAX_CONDITIONS && rule->when[i].set; i++) {
		unsigned arg = rule->when[i].arg;
		uint64_t mask = rule->when[i].mask, value = rule->when[i].value;

		args[n_args++] = mask ? (struct scmp_arg_cmp){arg, SCMP_CMP_MASKED_EQ, mask, value}
				      : (struct scmp_arg_cmp){arg, SCMP_CMP_EQ, value, 0};
	}
	uint32_t action = rule->refuse == SECCOMP_PRETEND ? SCMP_ACT_ERRNO(0)
		: rule->refuse ? SCMP_ACT_ERRNO((uint32_t)rule->refuse) : SCMP_ACT_ALLOW;
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

int seccomp_program_new(const struct seccomp_rule *rules, size_t n, uint32_t otherwise, bool may_fork,
	struct seccomp_program **ret)
{
	*ret = NULL;
	if (WORKER_SANITIZED || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
		return 0;
	_cleanup_(release_filter) scmp_filter_ctx ctx = seccomp_init(otherwise);
	if (!ctx)
		return -ENOMEM;
	/* A binary tree instead of a row of comparisons: the kernel runs it at every call that looks at an argument. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; i < n; i++) {
		if (rules[i].who == SECCOMP_THOSE_THAT_FORK && !may_fork)
			continue;
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

int seccomp_program_load(const struct seccomp_program *p)
{
	if (!p)
		return 0;
	struct sock_fprog program = {
		.len = (unsigned short)p->n_insns,
		.filter = (struct sock_filter *)(uintptr_t)p->insns,
	};
	/* SPEC_ALLOW: before Linux 5.16 a filter switched off speculative store bypass for the whole compile. A worker
	 * runs no submitted code and shares its address space with nobody. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) < 0)
		return -errno;
	return 0;
}

void seccomp_rules_describe(const struct seccomp_rule *rules, size_t n, FILE *out)
{
	if (WORKER_SANITIZED)
		fprintf(out, "  (not in this build: sanitizers make calls of their own)\n");
	for (size_t i = 0; i < n; i++)
		fprintf(out, "  %-8s %-18s %s%s\n",
			rules[i].refuse == SECCOMP_PRETEND ? "ignored" : rules[i].refuse ? "refused" : "allowed", rules[i].name,
			rules[i].who == SECCOMP_THOSE_THAT_FORK ? "if the tool may start others: " : "", rules[i].why);
}
