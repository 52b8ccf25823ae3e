/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in clang's form, into diagnostics. What is read was printed by a program that worked on a hostile source: every
 * number is looked at before it is used. Runs in workers, on the compiling thread. */
#include "codegen/tools/clang_messages.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

static const struct {
	const char *word;
	enum spvscope_severity severity;
} severities[] = {
	{"fatal error: ", SPVSCOPE_SEVERITY_ERROR},
	{"error: ", SPVSCOPE_SEVERITY_ERROR},
	{"warning: ", SPVSCOPE_SEVERITY_WARNING},
	{"note: ", SPVSCOPE_SEVERITY_INFORMATION},
	{"remark: ", SPVSCOPE_SEVERITY_HINT},
};

#define MAX_INCLUDES 16

/* A line of output, taken apart. */
struct message {
	char *file; /* NULL: without a place */
	uint32_t line, column; /* from 1; 0: not told */
	char *ranges;          /* "{1:41-1:44}{…}", or "" */
	enum spvscope_severity severity;
	char *text;
	char *flag;            /* "-Wconversion", or NULL */
};

/* Digits before *end, back to a colon that is cut off there. 0: there are none. */
static uint32_t take_number(char *from, char **end)
{
	char *at = *end;

	while (at > from && isdigit((unsigned char)at[-1]))
		at--;
	if (at == *end || at == from || at[-1] != ':' || *end - at > 9)
		return 0;
	uint32_t n = (uint32_t)strtoul(at, NULL, 10);
	*end = at - 1;
	**end = '\0';
	return n;
}

/* "file:1:2", "file:1:2:{1:41-1:44}" or "file:1", without the colon that ends it. */
static void take_place(char *place, struct message *m)
{
	char *end = place + strlen(place);

	m->ranges = end;
	while (end > place && end[-1] == '}') {
		char *open = end;
		while (open > place && open[-1] != '{')
			open--;
		if (open == place)
			return;
		end = m->ranges = open - 1;
	}
	if (end > place && *end == '{' && end[-1] == ':')
		*--end = '\0'; /* the ranges stay whole behind it */
	uint32_t last = take_number(place, &end), first = last ? take_number(place, &end) : 0;
	if (!last)
		return;
	m->file = place;
	m->line = first ? first : last;
	m->column = first ? last : 0;
}

/* Forms of others: "ERROR: file:1: text" of glslang's own programs, "file(1,2): error 30015: text" of slangc. They are brought
 * into clang's. False: it is neither. */
static bool bring_into_form(const char *line, struct strbuf *out)
{
	static const struct {
		const char *word, *as;
	} words[] = {{"ERROR: ", "error"}, {"WARNING: ", "warning"}};
	unsigned n, column;
	int end = 0;

	strbuf_reset(out);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strncmp(line, words[i].word, strlen(words[i].word)) != 0)
			continue;
		const char *rest = line + strlen(words[i].word), *digits = NULL;
		for (const char *c = rest; (c = strchr(c, ':')) && !digits; c++)
			if (isdigit((unsigned char)c[1]) && strspn(c + 1, "0123456789") == strcspn(c + 1, ":"))
				digits = c;
		if (!digits)
			return false; /* "ERROR: 2 compilation errors." */
		const char *text = strchr(digits + 1, ':');
		if (!text)
			return false;
		strbuf_printf(out, "%.*s: %s:%s", (int)(text - rest), rest, words[i].as, text + 1);
		return true;
	}
	const char *open = strchr(line, '(');
	if (!open || open == line)
		return false;
	if (sscanf(open, "(%u,%u)%n", &n, &column, &end) == 2 && end > 0 && open[end] == ':')
		strbuf_printf(out, "%.*s:%u:%u%s", (int)(open - line), line, n, column, open + end);
	else if (sscanf(open, "(%u)%n", &n, &end) == 1 && end > 0 && open[end] == ':')
		strbuf_printf(out, "%.*s:%u%s", (int)(open - line), line, n, open + end);
	else
		return false;
	return true;
}

/* "error 30015: text": the number goes. */
static void drop_number(struct strbuf *out)
{
	static const char *const words[] = {": error ", ": warning "};

	for (size_t i = 0; i < ARRAY_SIZE(words) && out->data; i++) {
		char *at = strstr(out->data, words[i]);
		size_t len = at ? strspn(at + strlen(words[i]), "0123456789") : 0;

		if (!at || len == 0 || at[strlen(words[i]) + len] != ':')
			continue;
		char *blank = at + strlen(words[i]) - 1;
		memmove(blank, blank + 1 + len, strlen(blank + 1 + len) + 1);
		return;
	}
}

/* False: the line is no message. */
static bool take_apart(char *line, struct message *ret)
{
	*ret = (struct message){.ranges = (char *)""};
	for (size_t i = 0; i < ARRAY_SIZE(severities); i++) {
		const char *word = severities[i].word;
		char *at = strncmp(line, word, strlen(word)) == 0 ? line : NULL;

		if (!at) {
			char with_colon[32] = ": ";
			strcat(with_colon, word);
			at = strstr(line, with_colon);
			if (!at)
				continue;
			*at = '\0';
			at += 2;
			take_place(line, ret);
		}
		ret->severity = severities[i].severity;
		ret->text = at + strlen(word);
		size_t len = strlen(ret->text);
		char *bracket = len && ret->text[len - 1] == ']' ? strrchr(ret->text, '[') : NULL;
		if (bracket && bracket > ret->text && bracket[1] == '-' && bracket[-1] == ' ') {
			ret->text[len - 1] = '\0';
			bracket[-1] = '\0';
			ret->flag = bracket + 1;
			ret->flag[strcspn(ret->flag, ",")] = '\0'; /* "-Werror,-Wconversion" names two */
		}
		return true;
	}
	return false;
}

/* The identifier, number, quoted name or single sign at a byte of the line. */
static uint32_t token_end(const char *line, size_t len, uint32_t at)
{
	uint32_t end = at;
	const char *quote = at < len && line[at] == '"' ? memchr(line + at + 1, '"', len - at - 1) : NULL;

	if (quote)
		return (uint32_t)(quote + 1 - line);
	while (end < len && (isalnum((unsigned char)line[end]) || line[end] == '_' || (unsigned char)line[end] >= 0x80))
		end++;
	return end > at ? end : at < len ? at + 1 : at;
}

/* The first range that has the column in it: from there to its end, on that line. 0: none. */
static uint32_t range_end(const char *ranges, uint32_t line, uint32_t column, uint32_t *ret_begin)
{
	while (*ranges == '{') {
		unsigned l1, c1, l2, c2;

		if (sscanf(ranges, "{%u:%u-%u:%u}", &l1, &c1, &l2, &c2) == 4 && l1 == line && l2 == line && c1 > 0 &&
			c1 <= column && column < c2) {
			*ret_begin = c1;
			return c2;
		}
		ranges = strchr(ranges, '}');
		if (!ranges++)
			break;
	}
	return 0;
}

static void set_columns(const struct message *m, const struct spvscope_file *file, struct spvscope_diagnostic *d)
{
	uint32_t begin = m->column, end;
	const char *line;
	size_t len;

	if (!m->column || !job_files_line(file, m->line, &line, &len) || m->column > len + 1)
		return;
	end = range_end(m->ranges, m->line, m->column, &begin);
	if (end == 0 || end > len + 1)
		end = token_end(line, len, begin - 1) + 1;
	d->column_begin = begin - 1;
	d->column_end = end - 1;
}

/* What one text is read with. */
struct reading {
	struct codegen_run *run;
	const struct job_files *files;
	const char *source;
	bool told;                     /* a message of this text, which notes belong to */
	struct message included_from[MAX_INCLUDES]; /* of the message that follows, outermost first */
	size_t n_included;
};

/* The place of a message in the names of the job; text and severity are the message's own. */
static struct spvscope_diagnostic place(const struct reading *in, const struct message *m)
{
	const struct spvscope_file *file = m->file ? job_files_find(in->run, in->files, m->file) : NULL;
	struct spvscope_diagnostic d = {
		.severity = m->severity,
		.source = (char *)(uintptr_t)in->source,
		.code = m->flag,
		.message = m->text,
	};

	if (file) {
		d.file = (char *)(uintptr_t)job_files_own_name(in->run, file);
		d.line = m->line;
		set_columns(m, file, &d);
	} else if (m->file) {
		d.file = m->file; /* one of the compiler's own */
		d.line = m->line;
	}
	return d;
}

/* Beside the message that was told last. */
static int relate(const struct reading *in, const struct message *m)
{
	struct spvscope_diagnostic d = place(in, m);

	return spvscope_result_relate(in->run->result, &(struct spvscope_related){
		.file = d.file,
		.line = d.line,
		.column_begin = d.column_begin,
		.column_end = d.column_end,
		.message = d.message,
	});
}

/* A message with the way to its file, innermost first; a note goes to the message before it. */
static int tell(struct reading *in, const struct message *m)
{
	size_t n = in->run->result->n_diagnostics, n_included = in->n_included;

	in->n_included = 0;
	if (m->severity == SPVSCOPE_SEVERITY_INFORMATION && in->told)
		return relate(in, m) < 0 ? -ENOMEM : CODEGEN_GOOD;
	struct spvscope_diagnostic d = place(in, m);
	int r = run_diagnose(in->run, &d);
	in->told = in->run->result->n_diagnostics > n; /* else there are too many, and notes are of one that is not there */
	while (r >= 0 && in->told && n_included > 0)
		if (relate(in, &in->included_from[--n_included]) < 0)
			return -ENOMEM;
	return r;
}

/* "In file included from a.cl:1:" */
static bool take_include(struct reading *in, char *line)
{
	static const char words[] = "In file included from ";
	size_t len = strlen(line);

	if (strncmp(line, words, strlen(words)) != 0 || line[len - 1] != ':')
		return false;
	line[len - 1] = '\0';
	if (in->n_included == MAX_INCLUDES)
		return true;
	struct message *m = &in->included_from[in->n_included];
	*m = (struct message){.ranges = (char *)"", .text = (char *)"included from here"};
	take_place(line + strlen(words), m);
	in->n_included += m->file != NULL;
	return true;
}

int clang_messages_tell(struct codegen_run *run, const struct job_files *files, const char *source, const char *text)
{
	_cleanup_free_ char *copy = strdup(text ? text : "");
	_cleanup_strbuf_ struct strbuf formed = {0};
	struct reading in = {.run = run, .files = files, .source = source};
	char *at = copy;
	int outcome = CODEGEN_GOOD;

	if (!copy)
		return -ENOMEM;
	for (char *line; (line = strsep(&at, "\n"));) {
		struct message m;

		line[strcspn(line, "\r")] = '\0';
		if (take_include(&in, line))
			continue;
		if (bring_into_form(line, &formed)) {
			drop_number(&formed);
			line = formed.data;
		}
		if (!line)
			return -ENOMEM;
		if (!take_apart(line, &m))
			continue;
		int r = tell(&in, &m);
		if (r < 0)
			return r;
		if (r == CODEGEN_WRONG)
			outcome = CODEGEN_WRONG;
	}
	return outcome;
}
