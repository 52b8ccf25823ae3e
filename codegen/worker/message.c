/* SPDX-License-Identifier: Apache-2.0 */
/* Sending and receiving of struct worker_message. The front's loop, the template and the workers, each on one thread. */
#include "codegen/worker/message.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>

#define HEAD_BYTES offsetof(struct worker_message, text)

static_assert(offsetof(struct worker_envelope, room) == HEAD_BYTES + WORKER_TEXT_MAX, "a text goes over into the room");

int worker_message_send(int sock, struct worker_message *m, const char *text, const int *fds, size_t n_fds)
{
	m->text_len = text ? (uint32_t)strnlen(text, WORKER_TEXT_MAX) : 0;
	if (m->text_len > 0)
		memcpy(m->text, text, m->text_len);
	return worker_message_send_payload(sock, m, NULL, 0, fds, n_fds);
}

int worker_message_send_payload(int sock, struct worker_message *m, const void *payload, size_t size, const int *fds,
	size_t n_fds)
{
	const struct iovec parts[] = {
		{.iov_base = m, .iov_len = HEAD_BYTES + m->text_len},
		{.iov_base = (void *)payload, .iov_len = size},
	};

	if (size > WORKER_PAYLOAD_MAX)
		return -EMSGSIZE;
	m->version = WORKER_PROTOCOL_VERSION;
	m->payload_len = (uint32_t)size;
	return unix_message_send_parts(sock, parts, size > 0 ? 2 : 1, fds, n_fds);
}

static int receive(int sock, void *buffer, size_t size, struct unix_message *ret_datagram)
{
	const struct worker_message *m = buffer;
	int r = unix_message_receive(sock, buffer, size, ret_datagram);

	if (r <= 0)
		return r;
	size_t len = ret_datagram->len;
	if (len >= HEAD_BYTES && m->version == WORKER_PROTOCOL_VERSION && m->text_len <= WORKER_TEXT_MAX &&
		m->payload_len <= WORKER_PAYLOAD_MAX && m->text_len + m->payload_len <= len - HEAD_BYTES)
		return 1;
	unix_message_close_fds(ret_datagram);
	return -EBADMSG;
}

int worker_message_receive(int sock, struct worker_message *ret_message, struct unix_message *ret_datagram)
{
	struct worker_message m;
	struct unix_message datagram;

	int r = receive(sock, &m, sizeof(m), &datagram);
	if (r <= 0)
		return r;
	if (m.payload_len > 0) {
		unix_message_close_fds(&datagram);
		return -EBADMSG;
	}
	memset((char *)&m + datagram.len, 0, sizeof(m) - datagram.len);
	*ret_message = m;
	*ret_datagram = datagram;
	return 1;
}

int worker_message_receive_payload(int sock, struct worker_envelope *ret_envelope, struct unix_message *ret_datagram)
{
	return receive(sock, ret_envelope, sizeof(*ret_envelope), ret_datagram);
}
