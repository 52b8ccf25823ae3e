/* SPDX-License-Identifier: Apache-2.0 */
/* Filter directives of spans, events and log lines: comma-separated `level` or `path=level` or `path`, as in
 * "info,codegen::opt=debug". A path matches itself and everything below it at a `::`; the longest match wins, and
 * among equals the last one. Levels: off error warn info debug (trace is taken as debug). A bare path means debug.
 * Immutable once parsed; any thread may match. */
#ifndef SPVSCOPE_TRACE_FILTER_H
#define SPVSCOPE_TRACE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "spvscope/trace.h"

#define TRACE_FILTER_MAX_BYTES      1024
#define TRACE_FILTER_MAX_DIRECTIVES 32
#define TRACE_FILTER_MAX_PATH       127

struct trace_filter {
	enum spvscope_level default_level; /* where no path matches */
	enum spvscope_level max_level;     /* of all directives: a quick "no" */
	size_t n_directives;
	struct trace_directive {
		char path[TRACE_FILTER_MAX_PATH + 1];
		size_t path_len;
		enum spvscope_level level;
	} directives[TRACE_FILTER_MAX_DIRECTIVES];
};

/* A filter that lets through everything up to level. */
void trace_filter_init(struct trace_filter *f, enum spvscope_level level);
/* Adds the directives of text to f (a NULL or empty text adds none). 0, or -EINVAL with an English sentence in
 * error[0..error_size) that names the directive and says what would be right; f is unchanged then. */
int trace_filter_parse(struct trace_filter *f, const char *text, char *error, size_t error_size);
bool trace_filter_matches(const struct trace_filter *f, enum spvscope_level level, const char *name);

const char *trace_level_name(enum spvscope_level level);                 /* "info" */
int trace_level_parse(const char *text, enum spvscope_level *ret_level); /* 0 or -EINVAL */

#endif
