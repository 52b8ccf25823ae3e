/* SPDX-License-Identifier: Apache-2.0 */
/* Reads glslang's log, which is text for people, back into diagnostics, and finds the columns that it leaves out:
 *
 *   ERROR: a.frag:3: 'foo' : undeclared identifier      most
 *   ERROR: a.frag:3:7: 'foo' : undeclared identifier    newer releases, with columns
 *   a.hlsl(3): error at column 7, HLSL parsing failed.
 *   ERROR: Linking fragment stage: Missing entry point  no place
 *       more words                                      belongs to the line above
 *
 * The names and tokens in it come from the source, so every part may hold anything but a line break. Runs in the
 * worker, on the compiling thread. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/glslang/glslang.h"

static const struct {
	const char *text;
	enum spvscope_severity severity;
} prefixes[] = {
	{ "ERROR: ", SPVSCOPE_SEVERITY_ERROR },
	{ "INTERNAL ERROR: ", SPVSCOPE_SEVERITY_ERROR },
	{ "UNIMPLEMENTED: ", SPVSCOPE_SEVERITY_ERROR },
	{ "error: ", SPVSCOPE_SEVERITY_ERROR },
	{ "Missing functionality: ", SPVSCOPE_SEVERITY_ERROR },
	{ "TBD functionality: ", SPVSCOPE_SEVERITY_WARNING },
	{ "WARNING: ", SPVSCOPE_SEVERITY_WARNING },
	{ "warning: ", SPVSCOPE_SEVERITY_WARNING },
	{ "NOTE: ", SPVSCOPE_SEVERITY_INFORMATION },
};

/* Sums at the end of a log, which say nothing of their own. */
static const char *const noise[] = { "compilation errors.  No code generated.", "compilation terminated" };

/* What the parser calls punctuation, and how it is written; glslang names both kinds in its messages. */
static const struct {
	const char *name, *text;
} written[] = {
	{ "assign", "=" },
	{ "SEMICOLON", ";" },
	{ "COMMA", "," },
	{ "COLON", ":" },
	{ "EQUAL", "=" },
	{ "DOT", "." },
	{ "LEFT_PAREN", "(" },
	{ "RIGHT_PAREN", ")" },
	{ "LEFT_BRACE", "{" },
	{ "RIGHT_BRACE", "}" },
	{ "LEFT_BRACKET", "[" },
	{ "RIGHT_BRACKET", "]" },
	{ "LEFT_ANGLE", "<" },
	{ "RIGHT_ANGLE", ">" },
	{ "BANG", "!" },
	{ "DASH", "-" },
	{ "PLUS", "+" },
	{ "STAR", "*" },
	{ "SLASH", "/" },
	{ "PERCENT", "%" },
	{ "QUESTION", "?" },
	{ "AND_OP", "&&" },
	{ "OR_OP", "||" },
	{ "EQ_OP", "==" },
	{ "NE_OP", "!=" },
	{ "LE_OP", "<=" },
	{ "GE_OP", ">=" },
	{ "INC_OP", "++" },
	{ "DEC_OP", "--" },
};

struct info_log {
	struct codegen_run *run;
	int verdict;
	/* the diagnostic that is being gathered; its texts are below */
	bool pending;
	struct spvscope_diagnostic d;
	struct strbuf file, message;
	/* where the last line was found, since most diagnostics come in the order of lines */
	const struct spvscope_file *in;
	const char *line_at;
	uint32_t line_no;
};

static bool is_word(char c)
{
	return c == '_' || isalnum((unsigned char)c);
}

bool glslang_find_token(const char *line, size_t len, const char *token, size_t token_len, uint32_t *ret_begin,
	uint32_t *ret_end)
{
	if (token_len == 0 || token_len > len || len > UINT32_MAX)
		return false;
	for (size_t i = 0; i + token_len <= len; i++) {
		const char *hit = memchr(line + i, token[0], len - token_len - i + 1);
		if (!hit)
			return false;
		i = (size_t)(hit - line);
		size_t end = i + token_len;
		if (memcmp(hit, token, token_len) != 0)
			continue;
		if (is_word(token[0]) && i > 0 && is_word(line[i - 1]))
			continue;
		if (is_word(token[token_len - 1]) && end < len && is_word(line[end]))
			continue;
		*ret_begin = (uint32_t)i;
		*ret_end = (uint32_t)end;
		return true;
	}
	return false;
}

static const struct spvscope_file *file_named(const struct spvscope_job *job, const char *name)
{
	if (!name)
		return &job->source;
	for (size_t i = 0; i < job->n_files; i++)
		if (strcmp(job->files[i].name, name) == 0)
			return &job->files[i];
	return NULL;
}

/* Line no (from 1) of f; false when it has fewer. */
static bool find_line(struct info_log *log, const struct spvscope_file *f, uint32_t no, const char **ret, size_t *ret_len)
{
	const char *end = (const char *)f->data + f->size;

	if (log->in != f || no < log->line_no) {
		log->in = f;
		log->line_at = (const char *)f->data;
		log->line_no = 1;
	}
	while (log->line_no < no) {
		const char *stop = log->line_at < end ? memchr(log->line_at, '\n', (size_t)(end - log->line_at)) : NULL;
		if (!stop)
			return false;
		log->line_at = stop + 1;
		log->line_no++;
	}
	const char *stop = log->line_at < end ? memchr(log->line_at, '\n', (size_t)(end - log->line_at)) : NULL;
	*ret = log->line_at;
	*ret_len = (size_t)((stop ? stop : end) - log->line_at);
	return true;
}

/* How a message names what it is about: the quoted word that it begins with, or what the parser did not expect. sure is
 * false for punctuation, which may stand in a line more than once. */
static const char *token_of(const char *message, size_t *ret_len, bool *ret_sure)
{
	static const char unexpected[] = "syntax error, unexpected ";
	const char *begin = message, *end = NULL;

	*ret_sure = true;
	if (begin[0] == '\'') {
		begin++;
		end = strstr(begin, "' : ");
	}
	const char *syntax = strstr(message, unexpected);
	if (syntax && (!end || end == begin)) {
		begin = syntax + strlen(unexpected);
		end = begin + strcspn(begin, ", ");
	}
	if (!end || end == begin)
		return NULL;
	*ret_len = (size_t)(end - begin);
	for (size_t i = 0; i < ARRAY_SIZE(written); i++)
		if (strlen(written[i].name) == *ret_len && memcmp(written[i].name, begin, *ret_len) == 0) {
			*ret_sure = false;
			*ret_len = strlen(written[i].text);
			return written[i].text;
		}
	return begin;
}

static void recover_columns(struct info_log *log, struct spvscope_diagnostic *d)
{
	const struct spvscope_file *f = file_named(log->run->job, d->file);
	const char *line, *token;
	size_t len, token_len;
	uint32_t begin, end, again, again_end;
	bool sure;

	if (!f || d->line == 0 || !find_line(log, f, d->line, &line, &len))
		return;
	if (d->column_begin > 0) { /* glslang's own column, counted from 1; ends with the word there */
		begin = end = d->column_begin - 1;
		while (end < len && is_word(line[end]))
			end++;
		d->column_begin = begin < len ? begin : 0;
		d->column_end = begin >= len ? 0 : end > begin ? end : begin + 1;
		return;
	}
	token = token_of(d->message, &token_len, &sure);
	if (!token || !glslang_find_token(line, len, token, token_len, &begin, &end))
		return;
	if (!sure && glslang_find_token(line + end, len - end, token, token_len, &again, &again_end))
		return;
	d->column_begin = begin;
	d->column_end = end;
}

static bool is_noise(const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
		if (strstr(message, noise[i]))
			return true;
	return false;
}

/* Hands on the diagnostic that has been gathered, if any. */
static void flush(struct info_log *log)
{
	struct spvscope_diagnostic *d = &log->d;

	if (!log->pending)
		return;
	log->pending = false;
	if (log->message.failed || log->file.failed) {
		log->verdict = -ENOMEM;
		return;
	}
	while (log->message.len > 0 && isspace((unsigned char)log->message.data[log->message.len - 1]))
		log->message.data[--log->message.len] = '\0';
	if (log->message.len == 0 || is_noise(log->message.data))
		return;
	d->source = (char *)"glslang";
	d->message = log->message.data;
	d->file = log->file.len ? log->file.data : NULL;
	recover_columns(log, d);
	int r = run_diagnose(log->run, d);
	if (log->verdict >= 0 && r != CODEGEN_GOOD)
		log->verdict = r;
}

static uint32_t take_number(const char **p)
{
	uint64_t n = 0;

	while (isdigit((unsigned char)**p)) {
		if (n < UINT32_MAX)
			n = n * 10 + (uint64_t)(**p - '0');
		(*p)++;
	}
	return n < UINT32_MAX ? (uint32_t)n : 0;
}

/* At ":3: " or ":3:7: "; fills in the place and returns what comes behind it, or NULL. */
static const char *take_place(const char *p, struct spvscope_diagnostic *d)
{
	uint32_t line, column = 0;

	if (p[0] != ':' || !isdigit((unsigned char)p[1]))
		return NULL;
	p++;
	line = take_number(&p);
	if (p[0] == ':' && isdigit((unsigned char)p[1])) {
		p++;
		column = take_number(&p);
	}
	if (p[0] != ':' || p[1] != ' ')
		return NULL;
	d->line = line;
	d->column_begin = column;
	return p + 2;
}

/* "name:3: message": the source's own name may itself look like a place, so it is tried first. */
static const char *take_location(struct info_log *log, const char *text)
{
	const char *source = log->run->job->source.name ? log->run->job->source.name : GLSLANG_UNNAMED;
	size_t n = strlen(source);

	if (strncmp(text, source, n) == 0) {
		const char *rest = take_place(text + n, &log->d);
		if (rest)
			return rest;
	}
	for (const char *p = strchr(text, ':'); p; p = strchr(p + 1, ':')) {
		const char *rest = take_place(p, &log->d);
		if (!rest)
			continue;
		strbuf_append(&log->file, text, (size_t)(p - text));
		return rest;
	}
	return text;
}

/* "a.hlsl(3): error at column 7, HLSL parsing failed." has no prefix. */
static bool take_hlsl_place(struct info_log *log, const char *text)
{
	static const char middle[] = "): error at column ";
	const char *source = log->run->job->source.name ? log->run->job->source.name : GLSLANG_UNNAMED;
	const char *at = strstr(text, middle), *open;
	size_t name_len;

	if (!at)
		return false;
	open = at;
	while (open > text && isdigit((unsigned char)open[-1]))
		open--;
	if (open == text || open[-1] != '(')
		return false;
	name_len = (size_t)(open - 1 - text);
	if (strlen(source) != name_len || memcmp(source, text, name_len) != 0)
		strbuf_append(&log->file, text, name_len);
	log->d.line = take_number(&open);
	at += strlen(middle);
	log->d.column_begin = take_number(&at);
	strbuf_puts(&log->message, at[0] == ',' && at[1] == ' ' ? at + 2 : at);
	return true;
}

static void begin(struct info_log *log, enum spvscope_severity severity)
{
	flush(log);
	log->pending = true;
	log->d = (struct spvscope_diagnostic){ .severity = severity };
	strbuf_reset(&log->file);
	strbuf_reset(&log->message);
}

static void take_line(struct info_log *log, const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i].text);

		if (strncmp(line, prefixes[i].text, n) == 0) {
			begin(log, prefixes[i].severity);
			strbuf_puts(&log->message, take_location(log, line + n));
			return;
		}
	}
	if (strstr(line, "): error at column ")) {
		begin(log, SPVSCOPE_SEVERITY_ERROR);
		if (take_hlsl_place(log, line))
			return;
	}
	if (!log->pending)
		begin(log, SPVSCOPE_SEVERITY_INFORMATION);
	if (log->message.len)
		strbuf_putc(&log->message, '\n');
	strbuf_puts(&log->message, line);
}

int glslang_diagnose(struct codegen_run *run, const char *text)
{
	struct info_log log = { .run = run, .verdict = CODEGEN_GOOD };
	_cleanup_strbuf_ struct strbuf line = {};

	while (*text && log.verdict >= 0) {
		size_t n = strcspn(text, "\n");

		strbuf_reset(&line);
		strbuf_append(&line, text, n);
		if (line.failed)
			log.verdict = -ENOMEM;
		else if (n > 0)
			take_line(&log, line.data);
		text += n + (text[n] == '\n');
	}
	flush(&log);
	strbuf_done(&log.file);
	strbuf_done(&log.message);
	return log.verdict;
}
