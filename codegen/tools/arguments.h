/* SPDX-License-Identifier: Apache-2.0 */
/* A tool's command line under construction. In a worker, on its only thread. */
#ifndef SPVSCOPE_TOOLS_ARGUMENTS_H
#define SPVSCOPE_TOOLS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "codegen/tools/tool.h"

/* Zero-initialized it is empty; argv ends with NULL as long as it has not failed. */
struct arguments {
	const char *argv[TOOL_MAX_ARGS];
	size_t n;
	char *owned[TOOL_MAX_ARGS];
	size_t n_owned;
	bool failed; /* there are too many, or no memory: it must not be used */
};

void arguments_put(struct arguments *a, const char *arg);       /* borrowed */
void arguments_put_owned(struct arguments *a, char *arg);       /* taken over; NULL: it has failed */
void arguments_printf(struct arguments *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arguments_done(struct arguments *a);

#endif
