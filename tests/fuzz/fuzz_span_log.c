/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a span log: the tree that comes out must be sound and exportable. */
#include <stdlib.h>
#include <string.h>

#include "api/formats/formats.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/sample_log.h"
#include "tests/unit/tree_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace_info info = {0};
	struct strbuf out = {0};
	struct trace_tree *t = NULL;
	uint64_t *log = aligned_alloc(8, (size + 15) & ~(size_t)7); /* a log is mapped, so it is aligned */

	if (!log)
		return 0;
	memcpy(log, data, size);
	/* Most damage to the head would only be refused: let the reader get past it. */
	if (size >= sizeof(struct span_log_header)) {
		struct span_log_header *h = (struct span_log_header *)log;
		h->magic = SPAN_LOG_MAGIC;
		h->version = SPAN_LOG_VERSION;
		h->header_bytes = sizeof(*h);
		h->run_id = SAMPLE_LOG_RUN;
	}
	if (trace_tree_read(log, size, SAMPLE_LOG_RUN, size % 2 ? UINT64_MAX : 0, &t) == 0) {
		tree_check(t, true);
		span_format_find("text")->write(t, &info, &out);
		format_span_tree(t, 0, &out);
	}
	trace_tree_free(t);
	strbuf_done(&out);
	free(log);
	return 0;
}

size_t fuzz_seed(uint8_t *buf, size_t size)
{
	return sample_log_write(buf, size < 8192 ? size : 8192);
}
