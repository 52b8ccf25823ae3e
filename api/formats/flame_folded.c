/* SPDX-License-Identifier: Apache-2.0 */
/* One line a stack, "outer;inner;innermost COUNT", as other flame graph tools read it. Pure; any thread that may read
 * profile and tree. */
#include <stdlib.h>
#include <string.h>

#include "api/formats/flame_select.h"
#include "api/formats/writers.h"
#include "base/cleanup.h"

/* A ';' parts frames and a line end parts stacks, so neither may stand in a name. */
static void put_name(struct strbuf *out, const char *name)
{
	if (!*name)
		strbuf_puts(out, "[unknown]");
	for (; *name; name++)
		strbuf_putc(out, *name == ';' ? ':' : (unsigned char)*name < 0x20 || *name == 0x7F ? ' ' : *name);
}

static void put_line(const struct flame_merge *m, uint32_t node, struct strbuf *out)
{
	const struct profile *p = m->profile;
	uint32_t path[PROFILE_MAX_DEPTH], n = 0;

	for (uint32_t at = node; at != PROFILE_NO_STACK && n < PROFILE_MAX_DEPTH; at = p->stacks[at].parent)
		path[n++] = at;
	while (n > 0) {
		put_name(out, p->strings[p->frames[p->stacks[path[--n]].frame].name]);
		strbuf_putc(out, n ? ';' : ' ');
	}
	strbuf_printf(out, "%llu", (unsigned long long)m->self[node]);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_sorted(char **lines, size_t n, struct strbuf *out)
{
	qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; i < n; i++) {
		strbuf_puts(out, lines[i]);
		strbuf_putc(out, '\n');
		free(lines[i]);
	}
}

void format_folded(const struct profile *profile, const struct trace_tree *tree, uint32_t span, enum profile_kind kind,
	const struct trace_info *info, struct strbuf *out)
{
	_cleanup_selection_ struct flame_selection selection = {0};
	_cleanup_merge_ struct flame_merge merge = {0};
	_cleanup_free_ char **lines = NULL;
	size_t n = 0;

	(void)info;
	if (flame_select(profile, tree, span, kind, &selection) < 0 || flame_merge(profile, &selection, false, &merge) < 0 ||
	    !(lines = calloc(merge.profile->n_stacks + 1, sizeof(*lines)))) {
		out->failed = true;
		return;
	}
	for (uint32_t i = 0; i < merge.profile->n_stacks; i++) {
		struct strbuf line = {0};
		if (merge.self[i] == 0)
			continue;
		put_line(&merge, i, &line);
		char *text = strbuf_take(&line, NULL);
		if (text)
			lines[n++] = text;
		else
			out->failed = true;
	}
	put_sorted(lines, n, out);
}
