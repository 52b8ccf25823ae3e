/* SPDX-License-Identifier: Apache-2.0 */
/* The worker template: the process that workers are forked from, and the socket to it. Started again when it dies; its
 * workers die with it. Loop thread only. */
#ifndef SPVSCOPE_TEMPLATE_H
#define SPVSCOPE_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/unix_message.h"
#include "codegen/worker/protocol.h"
#include "server/pool/backends.h"
#include "server/pool/image.h"
#include "server/loop.h"

struct template;

struct template_events {
	void (*up)(void *arg);
	void (*warmed)(void *arg); /* one step more */
	/* pid 0: it could not fork, error says why. *pidfd may be taken. */
	void (*forked)(void *arg, uint64_t worker_id, pid_t pid, int *pidfd, unsigned warm_steps, int error);
	/* A worker has died and is not reaped yet. */
	void (*exited)(void *arg, uint64_t worker_id, pid_t pid, int wait_status, uint64_t max_rss_kib);
	void (*gone)(void *arg);
};

struct template_state {
	bool up;
	uint64_t generation; /* of the one that is up or starting */
	unsigned warm_steps, warm_steps_total;
	bool warm;
	const char *versions; /* "" before the first was up */
	struct image *image;  /* borrowed */
	const struct backends *backends; /* borrowed */
	const char *trouble;  /* why it cannot be started; NULL: none */
	uint64_t n_started;
};

/* args: NULL-terminated, or NULL; copied. */
int template_new(struct loop *loop, const char *path, const char *const *args, const struct template_events *events, void *arg,
	struct template **ret);
void template_free(struct template *t); /* ends the process; nobody is called */
void template_state(const struct template *t, struct template_state *ret);
/* The descriptors stay the caller's. 0 or -errno; version is filled in. */
int template_send(struct template *t, struct worker_message *m, const int *fds, size_t n_fds);
/* It does not do its work: ends it, as if it had died. */
void template_give_up(struct template *t, const char *why);

#endif
