/* SPDX-License-Identifier: Apache-2.0 */
/* Reads glslang's log, which is text for people, back into diagnostics:
 *
 *   ERROR: a.frag:3:7: 'foo' : undeclared identifier    most
 *   ERROR: a.frag:3: 'foo' : undeclared identifier      where no column can be had
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
#include "codegen/glslang/place.h"

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

struct info_log {
	struct codegen_run *run;
	int verdict;
	/* the diagnostic that is being gathered; its texts are below */
	bool pending;
	struct spvscope_diagnostic d;
	struct strbuf file, message;
	struct glslang_places places;
	const char *foreign; /* the word with letters beyond ASCII that was told last, in the source */
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

static bool is_noise(const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
		if (strstr(message, noise[i]))
			return true;
	return false;
}

/* A letter beyond ASCII comes as a message for each of its bytes, which alone are no text; HLSL's parser calls it "<bad token>".
 * One message with the whole word stands for them. True: it was told already. */
static bool name_foreign_word(struct info_log *log)
{
	static const char said[] = "' : unexpected token";
	const struct glslang_places *p = &log->places;
	size_t n = strlen(said), i = 0;

	while (p->token && i < p->token_len && (unsigned char)p->token[i] < 0x80)
		i++;
	if (!p->token || i == p->token_len || log->message.len < n ||
		strcmp(log->message.data + log->message.len - n, said) != 0)
		return false;
	if (log->foreign == p->token)
		return true;
	log->foreign = p->token;
	strbuf_reset(&log->message);
	strbuf_putc(&log->message, '\'');
	strbuf_append(&log->message, p->token, p->token_len);
	strbuf_puts(&log->message, said);
	return false;
}

/* Hands on the diagnostic that has been gathered, if any. */
static void flush(struct info_log *log)
{
	struct spvscope_diagnostic *d = &log->d;
	char code[GLSLANG_CODE_BYTES];

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
	glslang_code(log->message.data, code, sizeof(code));
	d->source = (char *)"glslang";
	d->code = code[0] ? code : NULL;
	d->message = log->message.data;
	d->file = log->file.len ? log->file.data : NULL;
	glslang_place(&log->places, d);
	if (name_foreign_word(log))
		return;
	if (log->message.failed) {
		log->verdict = -ENOMEM;
		return;
	}
	d->message = log->message.data;
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
	const char *source = log->run->job->source.name ? log->run->job->source.name : CODEGEN_UNNAMED;
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
	const char *source = log->run->job->source.name ? log->run->job->source.name : CODEGEN_UNNAMED;
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

int glslang_diagnose(struct codegen_run *run, const struct glslang_includes *includes, const char *text)
{
	struct info_log log = { .run = run, .verdict = CODEGEN_GOOD };
	_cleanup_strbuf_ struct strbuf line = {};

	glslang_places_init(&log.places, run, includes);
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
