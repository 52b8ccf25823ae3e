/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stored span tree: what is decoded must be sound, exportable, and the same when stored again. */
#include <stdlib.h>
#include <string.h>

#include "api/formats/formats.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/sample_log.h"
#include "tests/unit/tree_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace_info info = {0};
	struct trace_tree *t = NULL, *again = NULL;
	struct strbuf out = {0};

	if (trace_tree_decode(data, size, &t) < 0)
		return 0;
	tree_check(t, false);
	trace_tree_encode(t, &out);
	TREE_CHECK(trace_tree_decode(out.data, out.len, &again) == 0);
	TREE_CHECK(again->n_spans == t->n_spans && again->n_attrs == t->n_attrs && again->n_events == t->n_events);
	for (const struct span_format *f = span_formats; f->name; f++)
		f->write(t, &info, &out);
	trace_tree_free(again);
	trace_tree_free(t);
	strbuf_done(&out);
	return 0;
}

size_t fuzz_seed(uint8_t *buf, size_t size)
{
	static uint64_t log[8192 / 8];
	struct trace_tree *t = NULL;
	struct strbuf out = {.limit = size};

	sample_log_write(log, sizeof(log));
	if (trace_tree_read(log, sizeof(log), SAMPLE_LOG_RUN, 0, &t) < 0)
		abort();
	trace_tree_encode(t, &out);
	size_t len = out.len;
	memcpy(buf, out.data, len);
	trace_tree_free(t);
	strbuf_done(&out);
	return len;
}
