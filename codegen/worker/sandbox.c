/* SPDX-License-Identifier: Apache-2.0 */
/* The order of confinement. Prepared in the template, applied on a worker's only thread. */
#include "codegen/worker/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "codegen/worker/protocol.h"

struct sandbox {
	struct seccomp_program *seccomp; /* owned; NULL where there is none */
};

static void sandbox_freep(struct sandbox **s)
{
	sandbox_free(*s);
}

int sandbox_prepare(struct sandbox **ret)
{
	_cleanup_(sandbox_freep) struct sandbox *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int r = seccomp_prepare(&s->seccomp);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

void sandbox_free(struct sandbox *s)
{
	if (!s)
		return;
	seccomp_program_free(s->seccomp);
	free(s);
}

int sandbox_apply(struct sandbox *s, uint64_t *ret_flags)
{
	uint64_t flags = 0;

	int r = limits_apply();
	if (r < 0)
		return r;
	/* Without it neither of the next two can be had unprivileged; with it no set-uid file could give anything. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	r = landlock_apply();
	if (r < 0)
		return r;
	if (r > 0)
		flags |= WORKER_CONFINED_LANDLOCK;
	/* Last: the list has no room for the calls that set up the others. */
	r = seccomp_apply(s->seccomp);
	if (r < 0)
		return r;
	if (r > 0)
		flags |= WORKER_CONFINED_SECCOMP;
	*ret_flags = flags;
	return 0;
}

void sandbox_describe(FILE *out)
{
	int abi = landlock_abi();

	fprintf(out, "A worker confines itself before it reads a job.\n\nResource limits:\n");
	limits_describe(out);
	if (abi > 0)
		fprintf(out, "\nLandlock (version %d here): no file, no TCP port%s.\n", abi,
			abi >= 6 ? ", no abstract socket, no signal to others" : "");
	else
		fprintf(out, "\nLandlock: not offered by this kernel; the system call list stands alone.\n");
	fprintf(out, "\nSystem calls:\n");
	seccomp_describe(out);
}
