/* SPDX-License-Identifier: Apache-2.0 */
/* The exporters by their names in ?format=. Pure; any thread. */
#include "api/formats/formats.h"

#include <string.h>

#include "api/formats/writers.h"

const struct span_format span_formats[] = {
	{"chrome", "application/json", format_chrome},
	{"text", "text/plain; charset=utf-8", format_text},
	{NULL, NULL, NULL},
};

const struct flame_format flame_formats[] = {
	{"columns", "application/json", format_columns},
	{"packed", "application/octet-stream", format_packed},
	{"tree", "application/json", format_tree},
	{"folded", "text/plain; charset=utf-8", format_folded},
	{NULL, NULL, NULL},
};

const struct span_format *span_format_find(const char *name)
{
	for (const struct span_format *f = span_formats; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

const struct flame_format *flame_format_find(const char *name)
{
	for (const struct flame_format *f = flame_formats; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}
