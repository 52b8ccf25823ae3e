/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines of tools. Runs in a worker, on its only thread. */
#include "codegen/tools/arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* One place stays for the NULL at the end. */
void arguments_put(struct arguments *a, const char *arg)
{
	if (a->n + 1 < TOOL_MAX_ARGS)
		a->argv[a->n++] = arg;
	else
		a->failed = true;
}

void arguments_put_owned(struct arguments *a, char *arg)
{
	if (!arg || a->n_owned == TOOL_MAX_ARGS) {
		free(arg);
		a->failed = true;
		return;
	}
	a->owned[a->n_owned++] = arg;
	arguments_put(a, arg);
}

void arguments_printf(struct arguments *a, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	arguments_put_owned(a, vasprintf(&text, fmt, ap) < 0 ? NULL : text);
	va_end(ap);
}

void arguments_done(struct arguments *a)
{
	for (size_t i = 0; i < a->n_owned; i++)
		free(a->owned[i]);
}
