/* SPDX-License-Identifier: Apache-2.0 */
/* What traces and flame graphs are exported as. Pure functions from a tree or a profile to bytes; each writes a whole
 * document to out and leaves `failed` set on it when memory ran out. A table in formats.c names them for the routes. */
#ifndef SPVSCOPE_FORMATS_H
#define SPVSCOPE_FORMATS_H

#include "api/profile.h"
#include "base/strbuf.h"
#include "codegen/trace/tree.h"

/* What stands beside the spans in an export. Borrowed strings; NULL where not known. */
struct trace_info {
	const char *trace_id;       /* 32 hex digits */
	const char *compilation_id;
	const char *name, *language, *stage, *status;
	const char *traceparent;    /* as it came, for OTLP's parent */
	uint64_t started_unix_ns;   /* wall clock at the root span's start */
};

struct span_format {
	const char *name;         /* of ?format= */
	const char *content_type;
	void (*write)(const struct trace_tree *tree, const struct trace_info *info, struct strbuf *out);
};

struct flame_format {
	const char *name;
	const char *content_type;
	/* The samples of one kind. span: only those at or below this span of tree; TRACE_NO_SPAN: all. tree may be NULL when
	 * span is none. */
	void (*write)(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
		const struct trace_info *info, struct strbuf *out);
};

extern const struct span_format span_formats[];   /* ends with a NULL name: chrome, text */
extern const struct flame_format flame_formats[]; /* columns, packed, tree, folded */
const struct span_format *span_format_find(const char *name);
const struct flame_format *flame_format_find(const char *name);

/* The "spans" of GET /v1/traces/{id}: an array of nested span objects, as in openapi.yaml. start_ns counts from
 * origin_ns; id is the span's index in the tree plus one. */
void format_span_tree(const struct trace_tree *tree, uint64_t origin_ns, struct strbuf *out);

/* Compact bytes of a tree and of a profile for the store, and back. Decoders check everything: 0, -EBADMSG, -ENOMEM. */
void trace_tree_encode(const struct trace_tree *tree, struct strbuf *out);
int trace_tree_decode(const void *data, size_t size, struct trace_tree **ret);
void profile_encode(const struct profile *p, struct strbuf *out);
int profile_decode(const void *data, size_t size, struct profile **ret);

#endif
