/* SPDX-License-Identifier: Apache-2.0 */
/* The front's socket: its messages are decoded here, handed to sessions, and answered in their order. Analyzer process,
 * main thread. */
#ifndef SPVSCOPE_ANALYZER_CONTROL_H
#define SPVSCOPE_ANALYZER_CONTROL_H

#include <stdint.h>

#include "bpf/protocol.h"
#include "bpf/registration.h"
#include "bpf/session.h"

struct control {
	int socket;
	struct registry *registry; /* NULL when nothing is served */
	struct sessions *sessions; /* likewise */
	uint32_t objects;          /* bit 1<<kind for each that is loaded */
	int unavailable;           /* errno: why nothing is served */
	char text[ANALYZER_TEXT_MAX]; /* the same for people, or what is missing besides */
};

/* Says HELLO, then serves until the front closes its end. 0, or -errno when it broke the protocol. */
int control_serve(struct control *c);

#endif
