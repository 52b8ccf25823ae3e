/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a diagnostic its exact range, and tells what an editor shows beside it: the macro whose expansion the token is
 * in, and the way from the source to the included file. Texts are searched only when there is something to say, within a
 * budget: a source may hold a thousand errors and be 8 MiB long. Runs in the worker, on the compiling thread. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "codegen/glslang/place.h"

#define BUDGET_BYTES (64u << 20)

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

void glslang_places_init(struct glslang_places *p, struct codegen_run *run, const struct glslang_includes *includes)
{
	*p = (struct glslang_places){ .run = run, .includes = includes, .budget_bytes = BUDGET_BYTES };
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

/* NULL for the source itself: what diagnostics call it. */
static char *name_of(const struct spvscope_job *job, const struct spvscope_file *f)
{
	return f == &job->source ? NULL : f->name;
}

static bool spend(struct glslang_places *p, size_t bytes)
{
	bool enough = bytes <= p->budget_bytes;

	p->budget_bytes = enough ? p->budget_bytes - bytes : 0;
	return enough;
}

/* A line of f, counted from 1, without its end. */
static bool find_line(struct glslang_places *p, const struct spvscope_file *f, uint32_t no, const char **ret, size_t *ret_len)
{
	const char *end = (const char *)f->data + f->size;

	/* Most diagnostics come in the order of lines. */
	if (p->in != f || no < p->line_no) {
		p->in = f;
		p->line_at = (const char *)f->data;
		p->line_no = 1;
	}
	while (p->line_no < no) {
		const char *stop = p->line_at < end ? memchr(p->line_at, '\n', (size_t)(end - p->line_at)) : NULL;
		if (!stop || !spend(p, (size_t)(stop - p->line_at)))
			return false;
		p->line_at = stop + 1;
		p->line_no++;
	}
	const char *stop = p->line_at < end ? memchr(p->line_at, '\n', (size_t)(end - p->line_at)) : NULL;
	*ret = p->line_at;
	*ret_len = (size_t)((stop ? stop : end) - p->line_at);
	if (*ret_len > 0 && (*ret)[*ret_len - 1] == '\r')
		--*ret_len;
	return true;
}

/* A directive as it stands in a text. */
struct directive {
	uint32_t line;           /* from 1 */
	const char *at;          /* of that line */
	size_t len;
	struct token word;       /* behind "#" */
};

/* The next line from *at on that is a directive of that name; *at and *line go behind it. */
static bool next_directive(const char **at, const char *end, uint32_t *line, const char *name, struct directive *ret)
{
	while (*at < end) {
		const char *begin = *at, *stop = memchr(begin, '\n', (size_t)(end - begin));
		size_t len = (size_t)((stop ? stop : end) - begin);
		uint32_t no = (*line)++;
		struct token t;

		*at = stop ? stop + 1 : end;
		if (!token_next(begin, len, 0, &t) || begin[t.begin] != '#' || !token_next(begin, len, t.end, &t) ||
			t.end - t.begin != strlen(name) || memcmp(begin + t.begin, name, strlen(name)) != 0)
			continue;
		*ret = (struct directive){ .line = no, .at = begin, .len = len, .word = t };
		return true;
	}
	return false;
}

static bool find_define_in(struct glslang_places *p, const struct spvscope_file *f, const char *name, size_t name_len,
	struct directive *ret, struct token *ret_name)
{
	const char *at = (const char *)f->data, *end = at + f->size;
	uint32_t line = 1;

	if (!f->size || !spend(p, f->size) || !memmem(at, f->size, name, name_len))
		return false;
	while (next_directive(&at, end, &line, "define", ret))
		if (token_next(ret->at, ret->len, ret->word.end, ret_name) && ret_name->end - ret_name->begin == name_len &&
			memcmp(ret->at + ret_name->begin, name, name_len) == 0)
			return true;
	return false;
}

/* Is it a macro of the source, or of a file that was read? */
static const struct spvscope_file *find_define(struct glslang_places *p, const char *name, size_t name_len,
	struct directive *ret, struct token *ret_name)
{
	const struct spvscope_job *job = p->run->job;
	const struct spvscope_result *result = p->run->result;

	if (find_define_in(p, &job->source, name, name_len, ret, ret_name))
		return &job->source;
	for (size_t i = 0; i < result->n_dependencies; i++) {
		const struct spvscope_file *f = file_named(job, result->dependencies[i]);

		if (f && find_define_in(p, f, name, name_len, ret, ret_name))
			return f;
	}
	return NULL;
}

static bool is_defined_by_request(const struct spvscope_job *job, const char *name, size_t name_len)
{
	for (size_t i = 0; i < job->n_defines; i++)
		if (strncmp(job->defines[i].name, name, name_len) == 0 &&
			(job->defines[i].name[name_len] == '\0' || job->defines[i].name[name_len] == '('))
			return true;
	return false;
}

static void relate(struct spvscope_diagnostic *d, const struct spvscope_related *related)
{
	if (d->n_related < GLSLANG_MAX_RELATED)
		d->related[d->n_related++] = *related;
}

/* Where in its definition the macro brings the token in: on the line of the #define or those that continue it. */
static void relate_define(struct glslang_places *p, struct spvscope_diagnostic *d, const struct spvscope_file *f,
	const struct directive *define, const struct token *name, const char *text, size_t text_len)
{
	const char *at = define->at, *end = (const char *)f->data + f->size;
	size_t len = define->len, from = name->end;
	struct spvscope_related related = {
		.file = name_of(p->run->job, f),
		.line = define->line,
		.column_begin = (uint32_t)name->begin,
		.column_end = (uint32_t)name->end,
		.message = (char *)"in the expansion of this macro",
	};

	for (uint32_t line = define->line; text_len; line++) {
		struct token t;
		bool goes_on;

		for (size_t i = from; token_next(at, len, i, &t); i = t.end) {
			if (t.end - t.begin != text_len || memcmp(at + t.begin, text, text_len) != 0)
				continue;
			related.line = line;
			related.column_begin = (uint32_t)t.begin;
			related.column_end = (uint32_t)t.end;
			text_len = 0;
			break;
		}
		while (len > 0 && isspace((unsigned char)at[len - 1]))
			len--;
		goes_on = len > 0 && at[len - 1] == '\\';
		at = memchr(at, '\n', (size_t)(end - at));
		if (!goes_on || !at || ++at >= end)
			break;
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		len = (size_t)((stop ? stop : end) - at);
		from = 0;
	}
	relate(d, &related);
}

/* When t is a macro's invocation: the argument that the token is, or the macro's name and where its definition brings the
 * token in. */
static bool place_in_macro(struct glslang_places *p, struct spvscope_diagnostic *d, const char *line, size_t len,
	const struct token *t, const char *text, size_t text_len, struct token *ret)
{
	const struct spvscope_file *f;
	struct directive define;
	struct token name, all, in_define;

	if (!token_invocation(line, len, t, &name, &all))
		return false;
	f = find_define(p, line + name.begin, name.end - name.begin, &define, &in_define);
	if (!f && !is_defined_by_request(p->run->job, line + name.begin, name.end - name.begin))
		return false;
	if (text_len && token_nearest(line + name.end, all.end - name.end, 0, text, text_len, ret)) {
		ret->begin += name.end;
		ret->end += name.end;
		return true;
	}
	*ret = name;
	if (f)
		relate_define(p, d, f, &define, &in_define, text, text_len);
	return true;
}

/* How a message names what it is about: the quoted word that it begins with, or what the parser did not expect. sure is
 * false for punctuation, which may stand in a line more than once. */
static const char *token_of(const char *message, size_t *ret_len, bool *ret_sure)
{
	static const char unexpected[] = "syntax error, unexpected ";
	const char *begin = message, *end = NULL;

	*ret_sure = true;
	*ret_len = 0;
	if (begin[0] == '\'') {
		begin++;
		end = strstr(begin, "' : ");
		/* HLSL's parser quotes what it would have liked. */
		if (end && strncmp(end, "' : Expected", strlen("' : Expected")) == 0)
			return NULL;
	}
	const char *syntax = strstr(message, unexpected);
	if (syntax && (!end || end == begin)) {
		begin = syntax + strlen(unexpected);
		end = begin + strcspn(begin, ", ");
	}
	if (!end || end == begin)
		return NULL;
	*ret_len = (size_t)(end - begin);
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		if (strlen(written[i].name) == *ret_len && memcmp(written[i].name, begin, *ret_len) == 0) {
			*ret_sure = false;
			*ret_len = strlen(written[i].text);
			return written[i].text;
		}
	return begin;
}

/* A directive that failed: what stands in the header's place, else the directive with its "#". */
static bool place_directive(const char *line, size_t len, const char *text, size_t text_len, struct token *ret)
{
	struct token hash, word;
	const char *open, *close = NULL;

	if (text_len < 2 || text[0] != '#' || !token_next(line, len, 0, &hash) || line[hash.begin] != '#' ||
		!token_next(line, len, hash.end, &word))
		return false;
	*ret = (struct token){ .begin = hash.begin, .end = word.end };
	if (text_len == strlen("#include") && memcmp(text, "#include", text_len) == 0) {
		open = line + word.end;
		while (open < line + len && *open != '"' && *open != '<')
			open++;
		if (open + 1 < line + len)
			close = memchr(open + 1, *open == '<' ? '>' : '"', (size_t)(line + len - open - 1));
		if (close)
			*ret = (struct token){ .begin = (size_t)(open - line), .end = (size_t)(close + 1 - line) };
	}
	return true;
}

/* The compiler's own column lies in the token that it had in its hands. */
static bool place_by_column(struct glslang_places *p, struct spvscope_diagnostic *d, const char *line, size_t len,
	size_t column, struct token *ret)
{
	size_t text_len;
	bool sure;
	const char *text = token_of(d->message, &text_len, &sure);
	struct token t;

	if (!token_at(line, len, column, &t))
		return false;
	*ret = t;
	if (place_directive(line, len, text, text_len, ret))
		return true;
	if (t.end - t.begin == text_len && memcmp(line + t.begin, text, text_len) == 0)
		return true;
	if (place_in_macro(p, d, line, len, &t, text, text_len, ret))
		return true;
	if (text_len && sure && token_nearest(line, len, column < len ? column : len, text, text_len, ret))
		return true;
	if (text_len && !sure && token_nearest(line, len, column < len ? column : len, text, text_len, &t))
		*ret = t;
	return true;
}

/* Without a column only a word that stands in the line can be told; of punctuation, one that stands there once. */
static bool place_by_text(const char *line, size_t len, const char *message, struct token *ret)
{
	size_t text_len;
	bool sure;
	const char *text = token_of(message, &text_len, &sure);
	uint32_t begin, end, again, again_end;

	if (!text || !glslang_find_token(line, len, text, text_len, &begin, &end))
		return false;
	if (!sure && glslang_find_token(line + end, len - end, text, text_len, &again, &again_end))
		return false;
	*ret = (struct token){ .begin = begin, .end = end };
	return true;
}

/* The directive in the includer that brought the file in. */
static bool find_include(struct glslang_places *p, const struct glslang_include_edge *edge,
	const struct spvscope_file *includer, struct spvscope_related *ret)
{
	const char *at = (const char *)includer->data, *end = at + includer->size;
	size_t header_len = strlen(edge->header);
	struct directive found;
	uint32_t line = 1;

	if (!includer->size || !spend(p, includer->size))
		return false;
	while (next_directive(&at, end, &line, "include", &found)) {
		const char *rest = found.at + found.word.end, *stop = found.at + found.len;

		while (rest < stop && isspace((unsigned char)*rest))
			rest++;
		if ((size_t)(stop - rest) < header_len + 2 || (*rest != '"' && *rest != '<') ||
			memcmp(rest + 1, edge->header, header_len) != 0 ||
			(rest[1 + header_len] != '"' && rest[1 + header_len] != '>'))
			continue;
		ret->line = found.line;
		ret->column_begin = (uint32_t)(rest - found.at);
		ret->column_end = ret->column_begin + (uint32_t)header_len + 2;
		return true;
	}
	return false;
}

static void relate_includes(struct glslang_places *p, struct spvscope_diagnostic *d)
{
	const struct spvscope_job *job = p->run->job;
	const char *name = d->file;

	while (p->includes && name && d->n_related < GLSLANG_MAX_RELATED) {
		const struct glslang_include_edge *edge = glslang_include_edge(p->includes, name);
		const struct spvscope_file *includer = edge ? file_named(job, edge->includer) : NULL;
		struct spvscope_related related = { .message = (char *)"included from here" };

		if (!includer || !find_include(p, edge, includer, &related))
			return;
		related.file = name_of(job, includer);
		relate(d, &related);
		name = related.file;
	}
}

/* A `#line N` or `#line N "file"` at a line's beginning: the number that the next line has. */
static bool is_line_directive(const char *line, size_t len, const char *name, uint32_t *ret_next, bool *ret_elsewhere)
{
	struct token t;

	if (!token_next(line, len, 0, &t) || line[t.begin] != '#' || !token_next(line, len, t.end, &t) ||
		t.end - t.begin != 4 || memcmp(line + t.begin, "line", 4) != 0 || !token_next(line, len, t.end, &t))
		return false;
	*ret_next = 0;
	for (size_t i = t.begin; i < t.end && isdigit((unsigned char)line[i]) && *ret_next < UINT32_MAX / 10; i++)
		*ret_next = *ret_next * 10 + (uint32_t)(line[i] - '0');
	*ret_elsewhere = false;
	if (token_next(line, len, t.end, &t) && line[t.begin] == '"')
		*ret_elsewhere = !name || strlen(name) + 2 != t.end - t.begin ||
			memcmp(line + t.begin + 1, name, strlen(name)) != 0;
	return true;
}

/* Where `#line` has renumbered the text, an editor's line is another than the one that is told: of those with that
 * number the first that has the token in its column, else the first. d->line becomes the text's own. */
static void undo_line_directives(struct glslang_places *p, const struct spvscope_file *f, struct spvscope_diagnostic *d)
{
	const char *at = (const char *)f->data, *end = at + f->size;
	uint32_t told = 1, first = 0, next;
	bool elsewhere = false, renamed;
	size_t text_len;
	bool sure;
	const char *text = token_of(d->message, &text_len, &sure);

	if (!f->size || !memmem(at, f->size, "line", 4) || !spend(p, f->size))
		return;
	for (uint32_t own = 1; at < end; own++, told++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);
		struct token t;

		if (is_line_directive(at, len, f->name, &next, &renamed)) {
			told = next - 1;
			elsewhere = renamed;
		} else if (told == d->line && !elsewhere) {
			first = first ? first : own;
			if (d->column_begin && token_at(at, len, d->column_begin - 1, &t) && t.end - t.begin == text_len &&
				memcmp(at + t.begin, text, text_len) == 0) {
				d->line = own;
				return;
			}
		}
		at = stop ? stop + 1 : end;
	}
	if (first)
		d->line = first;
}

void glslang_place(struct glslang_places *p, struct spvscope_diagnostic *d)
{
	const struct spvscope_file *f = file_named(p->run->job, d->file);
	uint32_t column = d->column_begin; /* from 1; 0: the compiler did not say */
	const char *line;
	size_t len;
	struct token t;

	d->column_begin = d->column_end = 0;
	d->related = p->related;
	d->n_related = 0;
	p->token = NULL;
	if (!d->file && !d->line && glslang_place_unplaced(p, d)) {
		relate_includes(p, d);
		return;
	}
	if (f && d->line) {
		d->column_begin = column;
		undo_line_directives(p, f, d);
		d->column_begin = 0;
	}
	if (f && d->line && find_line(p, f, d->line, &line, &len) && len <= UINT32_MAX) {
		bool placed = column && column - 1 <= len ? place_by_column(p, d, line, len, column - 1, &t) :
				       place_by_text(line, len, d->message, &t);

		if (placed) {
			d->column_begin = (uint32_t)t.begin;
			d->column_end = (uint32_t)t.end;
			p->token = line + t.begin;
			p->token_len = t.end - t.begin;
		}
	}
	relate_includes(p, d);
}

void glslang_code(const char *message, char *out, size_t size)
{
	const char *at = message, *quoted = message[0] == '\'' ? strstr(message, "' : ") : NULL;
	size_t n = 0, words = 0;

	/* Their words are the author's or the file's, not the compiler's. */
	if (strncmp(message, "'#include' :", 12) == 0 || strncmp(message, "'#error' :", 10) == 0)
		at++;
	else if (quoted)
		at = quoted + strlen("' : ");
	for (; n + 1 < size; at++) {
		if (isalpha((unsigned char)*at)) {
			out[n++] = (char)tolower((unsigned char)*at);
		} else if (*at == '#' || (*at == ' ' && n == 0) || (*at == ' ' && at[1] == ' ')) {
			continue;
		} else if ((*at == ' ' || *at == '-') && isalpha((unsigned char)at[1]) && ++words < 6) {
			out[n++] = '-';
		} else {
			break;
		}
	}
	out[n] = '\0';
}
