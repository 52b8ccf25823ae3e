/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams with descriptors. Runs in every process; the socket belongs to one thread at a time. */
#include "base/unix_message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/cleanup.h"

int unix_message_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds)
{
	const struct iovec part = {.iov_base = (void *)data, .iov_len = len};

	return unix_message_send_parts(sock, &part, 1, fds, n_fds);
}

int unix_message_send_parts(int sock, const struct iovec *parts, size_t n_parts, const int *fds, size_t n_fds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * UNIX_MESSAGE_MAX_FDS)];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = (struct iovec *)parts, .msg_iovlen = n_parts};

	if (n_fds > UNIX_MESSAGE_MAX_FDS)
		return -E2BIG;
	if (n_fds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	ssize_t n;
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

/* Every descriptor of c goes to ret, or is closed when there are more than we take: false then. */
static bool take_fds(const struct cmsghdr *c, struct unix_message *ret)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < n; i++) {
		int fd;
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
		if (ret->n_fds < UNIX_MESSAGE_MAX_FDS)
			ret->fds[ret->n_fds++] = fd;
		else
			fd_close(fd);
	}
	return n <= UNIX_MESSAGE_MAX_FDS;
}

static bool take_control(struct msghdr *msg, struct unix_message *ret)
{
	bool fits = !(msg->msg_flags & MSG_CTRUNC);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			fits = take_fds(c, ret) && fits;
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred cred;
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			ret->pid = cred.pid;
			ret->uid = cred.uid;
		}
	}
	return fits;
}

int unix_message_receive(int sock, void *buf, size_t size, struct unix_message *ret)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * UNIX_MESSAGE_MAX_FDS) +
			CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct unix_message m = {.uid = (uid_t)-1};

	ssize_t n;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	bool fits = take_control(&msg, &m) && !(msg.msg_flags & MSG_TRUNC);
	if (n == 0 || !fits) {
		/* A datagram of no bytes counts as a close: our messages are never empty. */
		unix_message_close_fds(&m);
		return n == 0 ? 0 : -EMSGSIZE;
	}
	m.len = (size_t)n;
	*ret = m;
	return 1;
}

void unix_message_close_fds(struct unix_message *m)
{
	for (size_t i = 0; i < m->n_fds; i++)
		m->fds[i] = fd_close(m->fds[i]);
	m->n_fds = 0;
}
