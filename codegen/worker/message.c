/* SPDX-License-Identifier: Apache-2.0 */
/* Sending and receiving of struct worker_message. Template and workers, each on its only thread. */
#include "codegen/worker/message.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define HEAD_BYTES offsetof(struct worker_message, text)

int worker_message_send(int sock, struct worker_message *m, const char *text, const int *fds, size_t n_fds)
{
	m->version = WORKER_PROTOCOL_VERSION;
	m->text_len = text ? (uint32_t)strnlen(text, WORKER_TEXT_MAX) : 0;
	if (m->text_len > 0)
		memcpy(m->text, text, m->text_len);
	return unix_message_send(sock, m, HEAD_BYTES + m->text_len, fds, n_fds);
}

int worker_message_receive(int sock, struct worker_message *ret_message, struct unix_message *ret_datagram)
{
	struct worker_message m;
	struct unix_message datagram;

	int r = unix_message_receive(sock, &m, sizeof(m), &datagram);
	if (r <= 0)
		return r;
	if (datagram.len < HEAD_BYTES || m.version != WORKER_PROTOCOL_VERSION ||
		m.text_len > datagram.len - HEAD_BYTES) {
		unix_message_close_fds(&datagram);
		return -EBADMSG;
	}
	memset((char *)&m + datagram.len, 0, sizeof(m) - datagram.len);
	*ret_message = m;
	*ret_datagram = datagram;
	return 1;
}
