/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the instruction that the validator counts in the text that a person wrote. Runs in the worker. */
#include <ctype.h>
#include <string.h>

#include "codegen/spirv_tools/asm_lines.h"

bool asm_line(const char *text, size_t size, size_t idx, const char **ret_line, size_t *ret_len)
{
	const char *end = text + size;

	for (; idx > 0; idx--) {
		const char *stop = text < end ? memchr(text, '\n', (size_t)(end - text)) : NULL;
		if (!stop)
			return false;
		text = stop + 1;
	}
	const char *stop = text < end ? memchr(text, '\n', (size_t)(end - text)) : NULL;
	*ret_line = text;
	*ret_len = (size_t)((stop ? stop : end) - text);
	return true;
}

struct asm_scan {
	const char *at, *end;
	uint32_t line;
	const char *token; /* the one that was read last */
	size_t token_len;
	uint32_t token_line;
};

static void skip_string(struct asm_scan *s)
{
	for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
		if (*s->at == '\\' && s->at + 1 < s->end)
			s->at++;
		if (*s->at == '\n')
			s->line++;
	}
	if (s->at < s->end)
		s->at++;
}

static bool next_token(struct asm_scan *s)
{
	while (s->at < s->end && (isspace((unsigned char)*s->at) || *s->at == ';')) {
		if (*s->at == ';')
			while (s->at < s->end && *s->at != '\n')
				s->at++;
		if (s->at < s->end && *s->at == '\n')
			s->line++;
		if (s->at < s->end)
			s->at++;
	}
	if (s->at >= s->end)
		return false;
	s->token = s->at;
	s->token_line = s->line;
	while (s->at < s->end && !isspace((unsigned char)*s->at) && *s->at != ';') {
		if (*s->at == '"')
			skip_string(s);
		else
			s->at++;
	}
	s->token_len = (size_t)(s->at - s->token);
	return true;
}

static bool is_opcode(const struct asm_scan *s)
{
	return s->token_len > 2 && s->token[0] == 'O' && s->token[1] == 'p' && isupper((unsigned char)s->token[2]);
}

/* Steps to the next instruction: the line on which it begins, or 0 at the end. */
static uint32_t next_instruction(struct asm_scan *s)
{
	uint32_t before = 0, id_line = 0; /* lines of the last token, and of an id that "=" follows */
	bool assigned = false;

	while (next_token(s)) {
		if (s->token_len == 1 && s->token[0] == '=') {
			assigned = true;
			id_line = before;
		} else if (is_opcode(s)) {
			return assigned ? id_line : s->token_line;
		} else {
			assigned = false;
		}
		before = s->token_line;
	}
	return 0;
}

uint32_t asm_instruction_line(const char *text, size_t size, size_t number)
{
	struct asm_scan s = { .at = text, .end = text + size, .line = 1 };
	uint32_t line = 0;

	for (; number > 0; number--) {
		line = next_instruction(&s);
		if (line == 0)
			return 0;
	}
	return line;
}

void asm_instruction_lines(const char *text, size_t size, uint32_t *ret, size_t n)
{
	struct asm_scan s = { .at = text, .end = text + size, .line = 1 };

	for (size_t i = 1; i <= n; i++) {
		ret[i] = next_instruction(&s);
		if (ret[i] == 0)
			ret[i] = s.line;
	}
}
