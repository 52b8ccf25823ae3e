/* SPDX-License-Identifier: Apache-2.0 */
/* struct worker_message over a socket, as the template and its workers send and receive it. */
#ifndef SPVSCOPE_WORKER_MESSAGE_H
#define SPVSCOPE_WORKER_MESSAGE_H

#include "base/unix_message.h"
#include "codegen/worker/protocol.h"

/* Fills in version and text (may be NULL; cut at WORKER_TEXT_MAX), and sends no more than is used. 0 or -errno. */
int worker_message_send(int sock, struct worker_message *m, const char *text, const int *fds, size_t n_fds);

/* 1: *ret_message is whole and of our version, text_len within bounds, what was not sent is zero; 0: the peer has
 * closed; -EBADMSG for anything else that came, -errno. Descriptors only with 1. */
int worker_message_receive(int sock, struct worker_message *ret_message, struct unix_message *ret_datagram);

#endif
