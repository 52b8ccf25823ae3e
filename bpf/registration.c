/* SPDX-License-Identifier: Apache-2.0 */
/* The registration socket and the table of workers that are alive. Analyzer process, main thread. A worker is hostile:
 * nothing in its message is believed but its shape; who sent it, the kernel says. */
#include "bpf/registration.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "bpf/protocol.h"

#define TARGET "bpf::registration"

/* Linux 6.5 attests a pidfd with the message, which leaves no moment between the sender's death and our look-up. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

#define UPDATE_MAX  1024          /* messages taken in at a time, so that a worker that floods holds nobody up for long */
#define SOCKET_MARK UINT32_MAX    /* in epoll's data; others are indexes of workers */

struct registered {
	pid_t pid;
	int pidfd;
	uint64_t worker_id; /* as the worker says, for the log and to find its helpers */
	bool helper;        /* not a worker: forked from that one */
	int64_t thread_context; /* likewise, for reading in its own memory only; 0: it has none */
};

struct registry {
	int socket, worker_socket, epoll_fd;
	struct registered workers[REGISTRATION_MAX];
	size_t n_workers;
	bool full_was_told;
};

int pidfd_is_alive(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	return poll(&p, 1, 0) == 0;
}

static int watch(struct registry *r, int op, int fd, uint32_t mark)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = mark};
	return epoll_ctl(r->epoll_fd, op, fd, &event) < 0 ? -errno : 0;
}

int registry_new(struct registry **ret)
{
	int pair[2], one = 1, err;
	struct registry *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->socket = r->worker_socket = r->epoll_fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		goto fail;
	r->socket = pair[0];
	r->worker_socket = pair[1];
	if (setsockopt(r->socket, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0)
		goto fail;
	/* Older kernels refuse; then the pidfd is opened by number, which is checked below. */
	setsockopt(r->socket, SOL_SOCKET, SO_PASSPIDFD, &one, sizeof(one));
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll_fd < 0)
		goto fail;
	err = watch(r, EPOLL_CTL_ADD, r->socket, SOCKET_MARK);
	if (err < 0) {
		errno = -err;
		goto fail;
	}
	*ret = r;
	return 0;
fail:
	err = -errno;
	registry_free(r);
	return err;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_workers; i++)
		fd_close(r->workers[i].pidfd);
	fd_close(r->epoll_fd);
	fd_close(r->socket);
	fd_close(r->worker_socket);
	free(r);
}

int registry_worker_socket(const struct registry *r)
{
	return r->worker_socket;
}

int registry_event_fd(const struct registry *r)
{
	return r->epoll_fd;
}

static void forget(struct registry *r, size_t i)
{
	log_debug(TARGET, "worker %llu, pid %d, is gone", (unsigned long long)r->workers[i].worker_id,
		(int)r->workers[i].pid);
	epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, r->workers[i].pidfd, NULL);
	fd_close(r->workers[i].pidfd);
	r->workers[i] = r->workers[--r->n_workers];
	if (i < r->n_workers)
		watch(r, EPOLL_CTL_MOD, r->workers[i].pidfd, (uint32_t)i);
}

static void forget_dead(struct registry *r)
{
	for (size_t i = r->n_workers; i-- > 0;)
		if (!pidfd_is_alive(r->workers[i].pidfd))
			forget(r, i);
}

/* Takes the pidfd. */
static void remember(struct registry *r, struct registered w)
{
	pid_t pid = w.pid;
	size_t i = 0;

	while (i < r->n_workers && r->workers[i].pid != pid)
		i++;
	if (i < r->n_workers)
		forget(r, i); /* the number came round, or it says so twice */
	if (r->n_workers == REGISTRATION_MAX)
		forget_dead(r);
	if (r->n_workers == REGISTRATION_MAX || watch(r, EPOLL_CTL_ADD, w.pidfd, (uint32_t)r->n_workers) < 0) {
		if (!r->full_was_told)
			log_warn(TARGET, "more than %d workers at a time: later ones cannot be analyzed", REGISTRATION_MAX);
		r->full_was_told = true;
		fd_close(w.pidfd);
		return;
	}
	r->workers[r->n_workers++] = w;
	log_debug(TARGET, "worker %llu is pid %d", (unsigned long long)w.worker_id, (int)pid);
}

struct attested {
	pid_t pid;
	int pidfd; /* -1: the kernel gave none */
};

static void read_attestation(struct msghdr *msg, struct attested *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred cred;
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			ret->pid = cred.pid;
		} else if (c->cmsg_type == SCM_PIDFD) {
			memcpy(&ret->pidfd, CMSG_DATA(c), sizeof(int));
		} else if (c->cmsg_type == SCM_RIGHTS) {
			/* Nobody was asked for descriptors; the control buffer has room for few, the kernel drops the rest. */
			for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
				int fd;
				memcpy(&fd, (char *)c + at, sizeof(fd));
				fd_close(fd);
			}
		}
	}
}

/* One message of the socket. False: there is none. */
static bool take_registration(struct registry *r)
{
	unsigned char body[ANALYZER_REGISTER_WITH_CONTEXT_BYTES] = {0};
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int)) * 2];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = body, .iov_len = sizeof(body)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct attested sender = {.pidfd = -1};
	struct registered w = {0};

	ssize_t n = recvmsg(r->socket, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR;
	read_attestation(&msg, &sender);
	if ((n != ANALYZER_REGISTER_BYTES && n != ANALYZER_REGISTER_WITH_CONTEXT_BYTES) || msg.msg_flags & MSG_TRUNC ||
	    (body[0] != ANALYZER_REGISTER && body[0] != ANALYZER_REGISTER_HELPER) || sender.pid <= 0) {
		fd_close(sender.pidfd);
		return true; /* we hold the other end too, so an empty one is a worker's, not the end */
	}
	w.helper = body[0] == ANALYZER_REGISTER_HELPER;
	memcpy(&w.worker_id, body + 1, sizeof(w.worker_id));
	memcpy(&w.thread_context, body + ANALYZER_REGISTER_BYTES, sizeof(w.thread_context));
	if (sender.pidfd < 0)
		sender.pidfd = pidfd_open(sender.pid, 0);
	if (sender.pidfd < 0)
		return true; /* it has died meanwhile */
	w.pid = sender.pid;
	w.pidfd = sender.pidfd;
	if (!pidfd_is_alive(w.pidfd))
		fd_close(w.pidfd);
	else
		remember(r, w);
	return true;
}

void registry_update(struct registry *r)
{
	struct epoll_event events[16];
	int n = epoll_wait(r->epoll_fd, events, (int)ARRAY_SIZE(events), 0);
	bool any_dead = false;

	for (int i = 0; i < n; i++)
		any_dead |= events[i].data.u32 != SOCKET_MARK;
	/* By a walk over all: forget() moves entries, so the other indexes of this batch would be stale. */
	if (any_dead)
		forget_dead(r);
	for (unsigned i = 0; i < UPDATE_MAX && take_registration(r); i++)
		;
}

int registry_find(struct registry *r, pid_t pid)
{
	for (size_t i = 0; i < r->n_workers; i++)
		if (r->workers[i].pid == pid && !r->workers[i].helper)
			return pidfd_is_alive(r->workers[i].pidfd) ? r->workers[i].pidfd : -ESRCH;
	return -EPERM;
}

void registry_each_helper(struct registry *r, pid_t worker_pid, registry_helper_fn fn, void *arg)
{
	const struct registered *worker = NULL;

	for (size_t i = 0; i < r->n_workers; i++)
		if (r->workers[i].pid == worker_pid && !r->workers[i].helper)
			worker = &r->workers[i];
	for (size_t i = 0; worker && i < r->n_workers; i++)
		if (r->workers[i].helper && r->workers[i].worker_id == worker->worker_id &&
		    pidfd_is_alive(r->workers[i].pidfd))
			fn(arg, r->workers[i].pid, r->workers[i].pidfd);
}

int64_t registry_thread_context(const struct registry *r, pid_t pid)
{
	for (size_t i = 0; i < r->n_workers; i++)
		if (r->workers[i].pid == pid)
			return r->workers[i].thread_context;
	return 0;
}
