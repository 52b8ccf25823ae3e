/* SPDX-License-Identifier: Apache-2.0 */
/* Who is there already when a process is attached to: its threads, and for a tree its children with theirs. The thread
 * that uses the analyzer. */
#ifndef SPVSCOPE_LIBRARY_TASKS_H
#define SPVSCOPE_LIBRARY_TASKS_H

#include "bpf/library/private.h"

/* Adds them to the attachment's session. Who ends meanwhile is passed over; threads that are started meanwhile by others
 * than the first one may be missed. 0, -ENOMEM, or what opening an event says. */
int tasks_add(struct spvscope_attachment *at);

#endif
