/* SPDX-License-Identifier: Apache-2.0 */
/* How big the module is between two optimizer passes. The library tells that only as text: the disassembly before each
 * pass, which is counted here as it is printed and kept nowhere. One line is one instruction, one token is one word, but
 * for strings and for 64-bit constants. Runs in the worker, on the compiling thread. */
#include <string.h>

#include "base/cleanup.h"
#include "codegen/spirv_tools/spirv_tools.h"

#define HEADER_WORDS 5u

enum { OTHER, TYPE_NUMBER, CONSTANT };

static const char module_mark[] = "; IR ";

static uint64_t hash_of(const char *token, size_t len)
{
	uint64_t h = 14695981039346656037ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)token[i]) * 1099511628211ull;
	return h;
}

static bool token_is(const struct ir_counter *c, const char *word)
{
	return c->token_len == strlen(word) && memcmp(c->token, word, c->token_len) == 0;
}

static void take_opcode(struct ir_counter *c)
{
	if (token_is(c, "OpTypeInt") || token_is(c, "OpTypeFloat"))
		c->operation = TYPE_NUMBER;
	else if (token_is(c, "OpConstant") || token_is(c, "OpSpecConstant"))
		c->operation = CONSTANT;
}

/* The first operand of the two operations that matter: a type's width, a constant's type. */
static void take_operand(struct ir_counter *c)
{
	if (c->operation == TYPE_NUMBER) {
		if (token_is(c, "64") && c->n_wide < ARRAY_SIZE(c->wide))
			c->wide[c->n_wide++] = c->result_hash;
	} else if (c->operation == CONSTANT) {
		uint64_t h = hash_of(c->token, c->token_len);

		for (size_t i = 0; i < c->n_wide; i++)
			if (c->wide[i] == h) {
				c->line_words++;
				break;
			}
	}
}

/* `%r = OpX %t …`: the opcode is token 0, or 1 behind a result. */
static void end_token(struct ir_counter *c)
{
	if (c->token_len == 0)
		return;
	if (c->n_tokens == 1 && !c->has_result && token_is(c, "=")) {
		c->has_result = true;
	} else {
		uint32_t position = c->n_tokens - (c->has_result ? 1 : 0);

		if (c->n_tokens == 0)
			c->result_hash = hash_of(c->token, c->token_len);
		if (position == 0 && (c->has_result || c->token[0] != '%'))
			take_opcode(c);
		else if (position == 1 && c->has_result)
			take_operand(c);
		c->n_tokens++;
		c->line_words++;
	}
	c->token_len = 0;
}

static void end_module(struct ir_counter *c)
{
	if (c->n_modules > 0) {
		c->size.words += HEADER_WORDS;
		c->module(c->ctx, c->n_modules - 1, &c->size);
	}
	c->size = (struct ir_size){};
	c->n_wide = 0;
}

static void end_line(struct ir_counter *c)
{
	end_token(c);
	if (c->n_tokens > 0) {
		c->size.instructions++;
		c->size.words += c->line_words;
	}
	c->n_tokens = 0;
	c->line_words = 0;
	c->has_result = false;
	c->operation = OTHER;
}

static void take_comment(struct ir_counter *c, char byte)
{
	if (c->token_len < sizeof(c->token))
		c->token[c->token_len++] = byte;
	if (byte != '\n')
		return;
	if (c->token_len > strlen(module_mark) && memcmp(c->token, module_mark, strlen(module_mark)) == 0) {
		end_module(c);
		c->n_modules++;
	}
	c->token_len = 0;
	c->in_comment = false;
}

/* Strings are NUL-terminated and padded to a word; they may hold line breaks. */
static void take_string(struct ir_counter *c, char byte)
{
	if (c->escaped) {
		c->escaped = false;
		c->string_bytes++;
	} else if (byte == '\\') {
		c->escaped = true;
	} else if (byte == '"') {
		c->in_string = false;
		c->n_tokens++;
		c->line_words += (uint32_t)(c->string_bytes / 4 + 1);
	} else {
		c->string_bytes++;
	}
}

static void take_byte(struct ir_counter *c, char byte)
{
	switch (byte) {
	case '"':
		end_token(c);
		c->in_string = true;
		c->string_bytes = 0;
		break;
	case ';':
		if (c->n_tokens == 0 && c->token_len == 0) {
			c->in_comment = true;
			c->token[c->token_len++] = byte;
		}
		break;
	case '\n':
		end_line(c);
		break;
	case ' ':
		end_token(c);
		break;
	default:
		if (c->token_len < sizeof(c->token))
			c->token[c->token_len++] = byte;
	}
}

void ir_counter_text(struct ir_counter *c, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (c->in_comment)
			take_comment(c, text[i]);
		else if (c->in_string)
			take_string(c, text[i]);
		else
			take_byte(c, text[i]);
	}
}

void ir_counter_finish(struct ir_counter *c)
{
	end_line(c);
	end_module(c);
}
