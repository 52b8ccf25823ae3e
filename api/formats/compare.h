/* SPDX-License-Identifier: Apache-2.0 */
/* Two traces side by side: spans at the same place in their trees, and the stacks of their samples by name. */
#ifndef SPVSCOPE_FORMATS_COMPARE_H
#define SPVSCOPE_FORMATS_COMPARE_H

#include "api/formats/formats.h"

struct compare_side {
	const struct trace_info *info;
	const struct trace_tree *tree;       /* NULL: not traced */
	const struct profile *profile;       /* NULL: no samples */
	uint64_t origin_ns, duration_ns;     /* of the request */
	uint64_t spirv_bytes, source_bytes;
};

/* The whole document of GET /v1/compare. */
void format_compare(const struct compare_side *base, const struct compare_side *to, enum profile_kind kind,
	struct strbuf *out);

#endif
