/* SPDX-License-Identifier: Apache-2.0 */
/* The exporters behind the tables in formats.c, each in the file of its name. Private to api/formats. */
#ifndef SPVSCOPE_FORMATS_WRITERS_H
#define SPVSCOPE_FORMATS_WRITERS_H

#include "api/formats/formats.h"

void format_chrome(const struct trace_tree *tree, const struct trace_info *info, struct strbuf *out);
void format_text(const struct trace_tree *tree, const struct trace_info *info, struct strbuf *out);

void format_columns(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	const struct trace_info *info, struct strbuf *out);
void format_packed(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	const struct trace_info *info, struct strbuf *out);
void format_tree(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	const struct trace_info *info, struct strbuf *out);
void format_folded(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	const struct trace_info *info, struct strbuf *out);

#endif
