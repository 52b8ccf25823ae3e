/* SPDX-License-Identifier: Apache-2.0 */
/* struct worker_message over a socket, as the front, the template and its workers send and receive it. */
#ifndef SPVSCOPE_WORKER_MESSAGE_H
#define SPVSCOPE_WORKER_MESSAGE_H

#include <stddef.h>

#include "base/unix_message.h"
#include "codegen/worker/protocol.h"

/* Room for a message and its payload, which lies behind the text. */
struct worker_envelope {
	struct worker_message m;
	char room[WORKER_PAYLOAD_MAX];
};

/* Fills in version and lengths (text may be NULL; it is cut at WORKER_TEXT_MAX), and sends no more than is used. 0 or
 * -errno. */
int worker_message_send(int sock, struct worker_message *m, const char *text, const int *fds, size_t n_fds);
/* The same with a payload of at most WORKER_PAYLOAD_MAX; the text is the message's own, of m->text_len bytes. */
int worker_message_send_payload(int sock, struct worker_message *m, const void *payload, size_t size, const int *fds,
	size_t n_fds);
/* 1: *ret_message is whole, without a payload and of our version, text_len within bounds, what was not sent is zero;
 * 0: the peer has closed; -EBADMSG for anything else that came, -errno. Descriptors only with 1. */
int worker_message_receive(int sock, struct worker_message *ret_message, struct unix_message *ret_datagram);
/* The same where a payload may come. Nothing is made zero. */
int worker_message_receive_payload(int sock, struct worker_envelope *ret_envelope, struct unix_message *ret_datagram);

/* Of m.payload_len bytes. */
static inline const void *worker_envelope_payload(const struct worker_envelope *e)
{
	return (const char *)e + offsetof(struct worker_message, text) + e->m.text_len;
}

#endif
