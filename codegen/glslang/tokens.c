/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes of a line a message is about. A compiler's column lies somewhere in the token that it had in its hands,
 * which for a macro's expansion is the macro's name or the parenthesis that ends its arguments. Pure functions over one
 * line, which need not end in a NUL. Runs in the worker, on the compiling thread. */
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/glslang/tokens.h"

/* How far a line is read: generated sources have lines of megabytes, and may have an error in each token of them. */
#define LOOKS_BEHIND_BYTES 256u
#define LOOKS_AROUND_BYTES 4096u

static const char *const operators[] = { /* longer ones first */
	"<<=", ">>=", "...", "&&", "||", "^^", "==", "!=", "<=", ">=", "<<", ">>", "++", "--", "+=", "-=", "*=", "/=",
	"%=", "&=", "|=", "^=", "::", "->", "##",
};

static bool is_word(char c)
{
	return c == '_' || isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static size_t number_length(const char *p, size_t left)
{
	size_t n = 0;

	while (n < left && (is_word(p[n]) || p[n] == '.' ||
		((p[n] == '+' || p[n] == '-') && n > 0 && (p[n - 1] == 'e' || p[n - 1] == 'E') &&
			!(p[0] == '0' && n > 1 && (p[1] == 'x' || p[1] == 'X')))))
		n++;
	return n;
}

static size_t comment_length(const char *p, size_t left)
{
	if (p[1] == '/')
		return left;
	for (size_t n = 2; n + 1 < left; n++)
		if (p[n] == '*' && p[n + 1] == '/')
			return n + 2;
	return left;
}

bool token_next(const char *line, size_t len, size_t at, struct token *ret)
{
	size_t n;

	for (;;) {
		while (at < len && isspace((unsigned char)line[at]))
			at++;
		if (at + 1 >= len || line[at] != '/' || (line[at + 1] != '/' && line[at + 1] != '*'))
			break;
		at += comment_length(line + at, len - at);
	}
	if (at >= len)
		return false;
	const char *p = line + at;
	size_t left = len - at;
	if (isdigit((unsigned char)p[0]) || (p[0] == '.' && left > 1 && isdigit((unsigned char)p[1]))) {
		n = number_length(p, left);
	} else if (is_word(p[0])) {
		for (n = 1; n < left && is_word(p[n]);)
			n++;
	} else if (p[0] == '"') {
		for (n = 1; n < left && p[n] != '"';)
			n++;
		n += n < left;
	} else {
		n = 1;
		for (size_t i = 0; i < ARRAY_SIZE(operators) && n == 1; i++)
			if (strlen(operators[i]) <= left && memcmp(p, operators[i], strlen(operators[i])) == 0)
				n = strlen(operators[i]);
	}
	*ret = (struct token){ .begin = at, .end = at + n };
	return true;
}

static bool is_text(const char *line, const struct token *t, const char *text, size_t len)
{
	return t->end - t->begin == len && memcmp(line + t->begin, text, len) == 0;
}

bool token_at(const char *line, size_t len, size_t column, struct token *ret)
{
	size_t at = column, least;
	bool found = false;

	if (len == 0)
		return false;
	if (at >= len)
		at = len - 1;
	/* A blank ends every token but strings and comments, and nothing is said about what is inside these. */
	least = at > LOOKS_BEHIND_BYTES ? at - LOOKS_BEHIND_BYTES : 0;
	while (at > least && !isspace((unsigned char)line[at - 1]))
		at--;
	for (struct token t; token_next(line, len, at, &t); at = t.end) {
		if (t.begin > column && found)
			break;
		*ret = t;
		found = true;
		if (t.end > column)
			break;
	}
	return found;
}

bool token_nearest(const char *line, size_t len, size_t column, const char *text, size_t text_len, struct token *ret)
{
	size_t from = column > LOOKS_AROUND_BYTES ? column - LOOKS_AROUND_BYTES : 0;
	size_t to = len - column > LOOKS_AROUND_BYTES ? column + LOOKS_AROUND_BYTES : len, best = SIZE_MAX;

	for (struct token t; token_next(line, to, from, &t); from = t.end) {
		size_t away = t.begin > column ? t.begin - column : t.end <= column ? column - t.end + 1 : 0;

		if (away < best && is_text(line, &t, text, text_len)) {
			best = away;
			*ret = t;
		}
	}
	return best != SIZE_MAX;
}

/* Where the "(" is that the ")" at close ends; false when it is on another line. */
static bool opening(const char *line, size_t close, size_t *ret)
{
	size_t depth = 0, least = close > LOOKS_AROUND_BYTES ? close - LOOKS_AROUND_BYTES : 0;

	for (size_t i = close + 1; i-- > least;) {
		if (line[i] == ')')
			depth++;
		if (line[i] == '(' && --depth == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static size_t closing(const char *line, size_t len, size_t open)
{
	size_t depth = 0, most = len - open > LOOKS_AROUND_BYTES ? open + LOOKS_AROUND_BYTES : len;

	for (size_t i = open; i < most; i++) {
		if (line[i] == '(')
			depth++;
		if (line[i] == ')' && --depth == 0)
			return i + 1;
	}
	return most;
}

bool token_invocation(const char *line, size_t len, const struct token *t, struct token *ret_name, struct token *ret_all)
{
	size_t at;

	if (is_text(line, t, ")", 1)) {
		if (!opening(line, t->begin, &at))
			return false;
		while (at > 0 && isspace((unsigned char)line[at - 1]))
			at--;
		if (at == 0 || !token_at(line, len, at - 1, ret_name))
			return false;
		*ret_all = (struct token){ .begin = ret_name->begin, .end = t->end };
	} else {
		*ret_name = *ret_all = *t;
		at = t->end;
		while (at < len && isspace((unsigned char)line[at]))
			at++;
		if (at < len && line[at] == '(')
			ret_all->end = closing(line, len, at);
	}
	return is_word(line[ret_name->begin]) && !isdigit((unsigned char)line[ret_name->begin]);
}
