/* SPDX-License-Identifier: Apache-2.0 */
/* The span tree for a terminal: figures in columns on the left, where they align whatever the names are, then where in
 * the whole the span lies, then the tree. Texts from sources are cut, and nothing in them steers the terminal. Pure; any
 * thread that may read the tree. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/formats/span_lists.h"
#include "api/formats/writers.h"
#include "base/clock.h"
#include "codegen/trace/filter.h"

#define BAR_CELLS      20
#define ATTR_MAX_CHARS 60
#define LINE_MAX_CHARS 400
/* Bytes of "│  " at each level below a root. */
#define BRANCH_MAX     (TRACE_TREE_MAX_DEPTH * 6)
#define FIGURES_BLANK  "                                                "

struct writing {
	const struct trace_tree *tree;
	const struct span_lists *lists;
	uint64_t from_ns, length_ns; /* of the whole */
	struct strbuf *out;
	char branch[BRANCH_MAX]; /* what stands before the spans of this level */
	size_t branch_len;
};

/* Up to max characters of s. Control characters (C0, DEL, and C1 in their two-byte form) become a blank; UTF-8 is
 * made whole by the caller's reader already or shows as U+FFFD. */
static void put_plain(struct strbuf *out, const char *s, size_t max)
{
	const unsigned char *at = (const unsigned char *)s;
	for (size_t n = 0; *at; n++) {
		if (n == max) {
			strbuf_puts(out, "…");
			return;
		}
		if (*at < 0x20 || *at == 0x7F) {
			strbuf_putc(out, ' ');
			at++;
		} else if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0) {
			strbuf_putc(out, ' ');
			at += 2;
		} else if (*at < 0x80) {
			strbuf_putc(out, (char)*at++);
		} else {
			/* A lead byte with its continuation bytes; one without them is replaced. */
			size_t len = *at >= 0xF0 ? 4 : *at >= 0xE0 ? 3 : 2, have = 1;
			while (have < len && (at[have] & 0xC0) == 0x80)
				have++;
			if (*at >= 0xC2 && *at <= 0xF4 && have == len)
				strbuf_append(out, at, len);
			else
				strbuf_puts(out, "\xEF\xBF\xBD");
			at += have;
		}
	}
}

/* Three digits and a unit; all but "µ" is one byte a character, so that padding by bytes is off by it alone. */
static void scaled(char *buf, size_t size, double v, const char *unit)
{
	snprintf(buf, size, "%.*f %s", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, unit);
}

static void duration_text(char *buf, size_t size, uint64_t ns)
{
	if (ns < 1000)
		snprintf(buf, size, "%u ns", (unsigned)ns);
	else if (ns < 999500)
		scaled(buf, size, (double)ns / 1e3, "µs");
	else if (ns < 999500000)
		scaled(buf, size, (double)ns / 1e6, "ms");
	else
		scaled(buf, size, (double)ns / 1e9, "s");
}

static void bytes_text(char *buf, size_t size, uint64_t bytes)
{
	if (bytes < 1000)
		snprintf(buf, size, "%u B", (unsigned)bytes);
	else if (bytes < 999500)
		scaled(buf, size, (double)bytes / 1e3, "kB");
	else if (bytes < 999500000)
		scaled(buf, size, (double)bytes / 1e6, "MB");
	else
		scaled(buf, size, (double)bytes / 1e9, "GB");
}

static void put_right(struct strbuf *out, const char *s, int width)
{
	int extra = strstr(s, "µ") ? 1 : strstr(s, "–") ? 2 : 0; /* bytes that take no column */
	strbuf_printf(out, "%*s", width + extra, s);
}

static void put_figures(struct strbuf *out, const struct trace_span *s)
{
	char buf[32];
	duration_text(buf, sizeof(buf), s->duration_ns);
	put_right(out, buf, 9);
	if (!s->measured) {
		put_right(out, "–", 10);
		put_right(out, "–", 11);
		put_right(out, "–", 9);
		put_right(out, "–", 9);
		return;
	}
	duration_text(buf, sizeof(buf), s->used.cpu_ns);
	put_right(out, buf, 10);
	bytes_text(buf, sizeof(buf), s->used.alloc_bytes);
	put_right(out, buf, 11);
	snprintf(buf, sizeof(buf), "%llu", (unsigned long long)s->used.alloc_calls);
	put_right(out, buf, 9);
	snprintf(buf, sizeof(buf), "%llu", (unsigned long long)(s->used.minor_faults + s->used.major_faults));
	put_right(out, buf, 9);
}

/* Which cell of the bar a moment falls into. */
static unsigned cell_of(const struct writing *w, uint64_t time_ns)
{
	uint64_t at = time_ns > w->from_ns ? time_ns - w->from_ns : 0;
	double share = w->length_ns ? (double)at / (double)w->length_ns : 0;
	return share >= 1 ? BAR_CELLS - 1 : (unsigned)(share * BAR_CELLS);
}

static void put_bar(const struct writing *w, uint64_t start_ns, uint64_t duration_ns, const char *mark)
{
	unsigned from = cell_of(w, start_ns);
	unsigned to = duration_ns ? cell_of(w, start_ns + duration_ns - 1) : from;
	strbuf_puts(w->out, "  ");
	for (unsigned i = 0; i < BAR_CELLS; i++)
		strbuf_puts(w->out, i >= from && i <= to ? mark : "·");
	strbuf_puts(w->out, "  ");
}

static void put_attributes(const struct writing *w, uint32_t idx)
{
	struct span_range r = span_list_of(&w->lists->attrs, w->tree, idx);
	for (uint32_t i = r.begin; i < r.end; i++) {
		const struct trace_attr *a = &w->tree->attrs[w->lists->attrs.idx[i]];
		strbuf_puts(w->out, "  ");
		put_plain(w->out, a->key, ATTR_MAX_CHARS);
		strbuf_putc(w->out, '=');
		if (a->text)
			put_plain(w->out, a->text, ATTR_MAX_CHARS);
		else
			strbuf_printf(w->out, "%llu", (unsigned long long)a->value);
	}
}

static void put_clean(struct strbuf *out, const struct trace_clean *c)
{
	char least[32], median[32], most[32];
	if (c->n_runs == 0)
		return;
	duration_text(least, sizeof(least), c->min_ns);
	duration_text(median, sizeof(median), c->median_ns);
	duration_text(most, sizeof(most), c->max_ns);
	strbuf_printf(out, "  [%s … %s … %s in %u clean runs]", least, median, most, c->n_runs);
}

static void put_event(const struct writing *w, const struct trace_event *e, bool has_children)
{
	char at[32];
	duration_text(at, sizeof(at), e->time_ns > w->from_ns ? e->time_ns - w->from_ns : 0);
	strbuf_printf(w->out, "%s", FIGURES_BLANK);
	put_bar(w, e->time_ns, 0, "•");
	strbuf_append(w->out, w->branch, w->branch_len);
	strbuf_printf(w->out, "%s %s at %s  ", has_children ? "│" : " ", trace_level_name(e->level), at);
	put_plain(w->out, e->name, ATTR_MAX_CHARS);
	strbuf_puts(w->out, ": ");
	put_plain(w->out, e->message, LINE_MAX_CHARS);
	strbuf_putc(w->out, '\n');
}

static void put_children(struct writing *w, uint32_t parent_idx);

static void push_branch(struct writing *w, const char *piece)
{
	size_t len = strlen(piece);
	memcpy(w->branch + w->branch_len, piece, len);
	w->branch_len += len;
}

static_assert(sizeof("│  ") - 1 <= 6, "BRANCH_MAX counts six bytes a level");

/* Recursion goes as deep as the tree: TRACE_TREE_MAX_DEPTH. */
static void put_span(struct writing *w, uint32_t idx, bool is_last)
{
	const struct trace_span *s = &w->tree->spans[idx];
	bool is_root = s->parent_idx == TRACE_NO_SPAN;
	struct span_range children = span_list_of(&w->lists->children, w->tree, idx);
	struct span_range events = span_list_of(&w->lists->events, w->tree, idx);
	size_t branch_len = w->branch_len;

	put_figures(w->out, s);
	put_bar(w, s->start_ns, s->duration_ns, "━");
	strbuf_append(w->out, w->branch, w->branch_len);
	if (!is_root)
		strbuf_puts(w->out, is_last ? "└─ " : "├─ ");
	put_plain(w->out, s->name, SPVSCOPE_SPAN_NAME_MAX);
	if (s->open)
		strbuf_puts(w->out, "  (never ended)");
	put_clean(w->out, &s->clean);
	put_attributes(w, idx);
	strbuf_putc(w->out, '\n');

	if (!is_root)
		push_branch(w, is_last ? "   " : "│  ");
	for (uint32_t i = events.begin; i < events.end; i++)
		put_event(w, &w->tree->events[w->lists->events.idx[i]], children.begin < children.end);
	put_children(w, idx);
	w->branch_len = branch_len;
}

static void put_children(struct writing *w, uint32_t parent_idx)
{
	struct span_range r = span_list_of(&w->lists->children, w->tree, parent_idx);
	for (uint32_t i = r.begin; i < r.end; i++)
		put_span(w, w->lists->children.idx[i], i + 1 == r.end);
}

static void put_word(struct strbuf *out, const char *word, const char *lead)
{
	if (!word || !*word)
		return;
	strbuf_puts(out, lead);
	put_plain(out, word, LINE_MAX_CHARS);
}

static void put_head(const struct writing *w, const struct trace_info *info)
{
	char buf[32];
	duration_text(buf, sizeof(buf), w->length_ns);
	strbuf_puts(w->out, info->name && *info->name ? "" : "(no name)");
	put_word(w->out, info->name, "");
	put_word(w->out, info->language, "  ");
	put_word(w->out, info->stage, " ");
	put_word(w->out, info->status, "  ");
	strbuf_printf(w->out, "  %s  %zu spans", buf, w->tree->n_spans);
	put_word(w->out, info->trace_id, "  trace ");
	strbuf_printf(w->out, "\n\n%9s%10s%11s%9s%9s  %-*s  %s\n", "time", "cpu", "allocated", "calls", "faults",
		BAR_CELLS, "when", "span");
}

static void put_foot(const struct writing *w)
{
	if (w->tree->dropped)
		strbuf_printf(w->out, "\n%llu spans, attributes or events had no room in the log.\n",
			(unsigned long long)w->tree->dropped);
	if (w->tree->malformed)
		strbuf_puts(w->out, "\nThe log ends in a record that makes no sense; what follows it is not shown.\n");
	if (w->tree->out_of_memory)
		strbuf_puts(w->out, "\nAn allocation was refused by the memory limit.\n");
}

/* The whole reaches from the first start to the latest end of the roots. */
static void find_extent(struct writing *w)
{
	uint64_t from_ns = UINT64_MAX, to_ns = 0;
	for (size_t i = 0; i < w->tree->n_spans; i++) {
		const struct trace_span *s = &w->tree->spans[i];
		uint64_t end_ns = s->start_ns + s->duration_ns;
		from_ns = s->start_ns < from_ns ? s->start_ns : from_ns;
		to_ns = end_ns > to_ns ? end_ns : to_ns;
	}
	w->from_ns = to_ns ? from_ns : 0;
	w->length_ns = to_ns > from_ns ? to_ns - from_ns : 0;
}

void format_text(const struct trace_tree *tree, const struct trace_info *info, struct strbuf *out)
{
	_cleanup_span_lists_ struct span_lists lists = {0};
	if (span_lists_init(&lists, tree) < 0) {
		out->failed = true;
		return;
	}
	struct writing w = {.tree = tree, .lists = &lists, .out = out};
	find_extent(&w);
	put_head(&w, info);
	struct span_range outside = span_list_of(&lists.events, tree, TRACE_NO_SPAN);
	for (uint32_t i = outside.begin; i < outside.end; i++)
		put_event(&w, &tree->events[lists.events.idx[i]], false);
	put_children(&w, TRACE_NO_SPAN);
	put_foot(&w);
}
