/* SPDX-License-Identifier: Apache-2.0 */
/* One datagram with descriptors over an AF_UNIX SOCK_SEQPACKET socket. Descriptors received are close-on-exec. */
#ifndef SPVSCOPE_BASE_UNIX_MESSAGE_H
#define SPVSCOPE_BASE_UNIX_MESSAGE_H

#include <stddef.h>
#include <sys/types.h>

#define UNIX_MESSAGE_MAX_FDS 8

/* Sends len bytes and n_fds descriptors (which stay the caller's). Never raises SIGPIPE. 0 or -errno (-EAGAIN when the
 * socket is non-blocking and full, -EPIPE when the peer is gone). */
int unix_message_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds);

/* The same of several parts, one behind the other in one datagram. */
struct iovec;
int unix_message_send_parts(int sock, const struct iovec *parts, size_t n_parts, const int *fds, size_t n_fds);

struct unix_message {
	size_t len;                     /* bytes received; a datagram that did not fit gives -EMSGSIZE */
	int fds[UNIX_MESSAGE_MAX_FDS];  /* owned by the caller afterwards */
	size_t n_fds;
	pid_t pid;                      /* the sender as the kernel attests it, when SO_PASSCRED is set; else 0 */
	uid_t uid;
};

/* 1: a message; 0: the peer has closed; -errno otherwise (-EAGAIN on an empty non-blocking socket). On any result but
 * 1 no descriptor is left open. */
int unix_message_receive(int sock, void *buf, size_t size, struct unix_message *ret);

void unix_message_close_fds(struct unix_message *m);

#endif
