/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a debug event. Pure functions of the record; analyzer process, main thread. */
#ifndef SPVSCOPE_ANALYZER_EVENT_TEXT_H
#define SPVSCOPE_ANALYZER_EVENT_TEXT_H

#include "bpf/analyzer_types.h"
#include "bpf/protocol.h"

/* Fills to->name and to->text from what the ring brought. */
void event_text(const struct ring_event *from, struct analyzer_event *to);

#endif
