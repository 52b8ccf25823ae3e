/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a debug event. Pure functions of the record; analyzer process, main thread. */
#ifndef SPVSCOPE_ANALYZER_EVENT_TEXT_H
#define SPVSCOPE_ANALYZER_EVENT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/analyzer_types.h"
#include "bpf/protocol.h"

#define DURATION_TEXT_SIZE 32

/* "512 ns", "1.5 µs", "148.1 ms". */
void duration_text(uint64_t ns, char *text, size_t size);

/* Fills to->name and to->text from what the ring brought. */
void event_text(const struct ring_event *from, struct analyzer_event *to);

#endif
