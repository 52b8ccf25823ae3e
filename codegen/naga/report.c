/* SPDX-License-Identifier: Apache-2.0 */
/* A report of naga, as it prints it for people:
 *
 *     error: no definition in scope for identifier: `x`
 *       ┌─ wgsl:3:12
 *       │
 *     3 │     return x;
 *       │            ^ unknown identifier
 *       │
 *       = a note
 *
 * The place counts characters from 1; how far the range goes, the marks below the line tell. Read with care, for names
 * of the source stand in it. Runs in workers, on the compiling thread. */
#include "codegen/naga/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

#define ARROW "\xe2\x94\x8c\xe2\x94\x80 wgsl:" /* "┌─ wgsl:" */
#define BAR   "\xe2\x94\x82"                   /* "│" */

/* The byte in a line at which its n-th character begins, from 0; its length when there are fewer. */
static size_t byte_of_character(const char *line, size_t len, size_t n)
{
	size_t at = 0;

	for (; n > 0 && at < len; n--) {
		at++;
		while (at < len && ((unsigned char)line[at] & 0xC0) == 0x80)
			at++;
	}
	return at;
}

static bool find_line(const struct spvscope_file *source, uint32_t n, const char **ret, size_t *ret_len)
{
	const char *at = (const char *)source->data, *end = at + source->size;

	for (; n > 1; n--) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at++)
			return false;
	}
	const char *stop = memchr(at, '\n', (size_t)(end - at));
	*ret = at;
	*ret_len = (size_t)((stop ? stop : end) - at);
	return n == 1;
}

/* Marks of the primary label: "^^^". Behind them stands what it says. */
static size_t count_marks(const char *report, const char **ret_says)
{
	for (const char *at = strchr(report, '\n'); at; at = strchr(at + 1, '\n')) {
		const char *bar = at + 1 + strspn(at + 1, " ");

		if (strncmp(bar, BAR, strlen(BAR)) != 0)
			continue;
		const char *marks = bar + strlen(BAR);
		marks += strspn(marks, " ");
		size_t n = strspn(marks, "^");
		if (n > 0) {
			*ret_says = marks + n + strspn(marks + n, " ");
			return n;
		}
	}
	return 0;
}

static void set_place(const struct codegen_run *run, const char *report, struct spvscope_diagnostic *d,
	const char **ret_says)
{
	const char *arrow = strstr(report, ARROW), *line;
	unsigned n, column;
	size_t len;

	if (!arrow || sscanf(arrow + strlen(ARROW), "%u:%u", &n, &column) != 2 || n == 0 || column == 0 ||
		!find_line(&run->job->source, n, &line, &len))
		return;
	d->line = n;
	size_t marks = count_marks(arrow, ret_says);
	size_t begin = byte_of_character(line, len, column - 1);
	size_t end = begin + byte_of_character(line + begin, len - begin, marks ? marks : 1);
	d->column_begin = (uint32_t)begin;
	d->column_end = (uint32_t)end;
}

/* The heading, what the label says, and the notes ("= …"), a line each. */
static char *make_message(const char *report, const char *says)
{
	_cleanup_strbuf_ struct strbuf out = {0};
	const char *heading = strncmp(report, "error: ", 7) == 0 ? report + 7 : report;
	size_t len = strcspn(heading, "\n");

	strbuf_append(&out, heading, len);
	if (says && says[0] && says[0] != '\n') {
		strbuf_puts(&out, ": ");
		strbuf_append(&out, says, strcspn(says, "\n"));
	}
	for (const char *at = strchr(report, '\n'); at; at = strchr(at + 1, '\n')) {
		const char *line = at + 1 + strspn(at + 1, " ");

		if (strncmp(line, "= ", 2) == 0) {
			strbuf_putc(&out, '\n');
			strbuf_append(&out, line + 2, strcspn(line + 2, "\n"));
		}
	}
	return strbuf_take(&out, NULL);
}

char *naga_report_message(const char *text)
{
	return make_message(text, NULL);
}

int naga_report_tell(struct codegen_run *run, const char *kind, const char *text)
{
	struct spvscope_diagnostic d = {
		.severity = SPVSCOPE_SEVERITY_ERROR,
		.source = (char *)"naga",
		.code = (char *)(uintptr_t)kind,
	};
	const char *says = NULL;

	set_place(run, text, &d, &says);
	_cleanup_free_ char *message = make_message(text, says);
	if (!message)
		return -ENOMEM;
	d.message = message;
	return run_diagnose(run, &d);
}
