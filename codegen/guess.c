/* SPDX-License-Identifier: Apache-2.0 */
/* Tells language and stage from a file's name and from its first bytes. Runs in the front, before a job is queued, and
 * again in the worker; it reads hostile bytes and therefore looks at most at the first 64 KiB, once. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "spvscope/codegen.h"

#define GUESS_LOOKS_AT_BYTES 65536
#define SPIRV_MAGIC          0x07230203u
#define SPIRV_MAGIC_SWAPPED  0x03022307u

static const struct {
	const char *ending;
	enum spvscope_language language;
} endings[] = {
	{ "glsl", SPVSCOPE_LANGUAGE_GLSL },
	{ "hlsl", SPVSCOPE_LANGUAGE_HLSL },
	{ "spvasm", SPVSCOPE_LANGUAGE_SPIRV_ASM },
	{ "spv", SPVSCOPE_LANGUAGE_SPIRV },
	{ "cl", SPVSCOPE_LANGUAGE_OPENCL_C },
	{ "clcpp", SPVSCOPE_LANGUAGE_OPENCL_CPP },
	{ "wgsl", SPVSCOPE_LANGUAGE_WGSL },
};

/* Takes the last ".ending" off name[0..*len) into word; false when there is none or it is too long for any word. */
static bool take_ending(const char *name, size_t *len, char *word, size_t size)
{
	size_t dot = *len;

	while (dot > 0 && name[dot - 1] != '.' && name[dot - 1] != '/')
		dot--;
	if (dot == 0 || name[dot - 1] != '.' || *len - dot >= size)
		return false;
	for (size_t i = dot; i < *len; i++)
		word[i - dot] = (char)tolower((unsigned char)name[i]);
	word[*len - dot] = '\0';
	*len = dot - 1;
	return true;
}

/* A file ending is one of the short words: "shadow.mesh" says something, "shadow.vertex" too; "a.none" does not. */
static void guess_from_name(const char *name, enum spvscope_language *language, enum spvscope_stage *stage)
{
	size_t len = strlen(name);
	char word[16];

	if (!take_ending(name, &len, word, sizeof(word)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		if (strcmp(word, endings[i].ending) != 0)
			continue;
		*language = endings[i].language;
		if (take_ending(name, &len, word, sizeof(word)))
			(void)spvscope_stage_parse(word, stage);
		return;
	}
	if (spvscope_stage_parse(word, stage) == 0)
		*language = SPVSCOPE_LANGUAGE_GLSL;
}

/* A cursor over the lines of a source, which knows when it is inside a block comment. */
struct line_scan {
	const char *at, *end;
	bool in_comment;
};

/* Copies the next line without its comments, cut to fit; false at the end. Long lines cost their length, once. */
static bool next_line(struct line_scan *s, char *line, size_t size)
{
	size_t n = 0;

	if (s->at >= s->end)
		return false;
	while (s->at < s->end && *s->at != '\n') {
		char c = *s->at++;
		char next = s->at < s->end ? *s->at : '\0';

		if (s->in_comment) {
			if (c == '*' && next == '/') {
				s->at++;
				s->in_comment = false;
			}
		} else if (c == '/' && next == '*') {
			s->at++;
			s->in_comment = true;
		} else if (c == '/' && next == '/') {
			while (s->at < s->end && *s->at != '\n')
				s->at++;
		} else if (n + 1 < size) {
			line[n++] = c;
		}
	}
	if (s->at < s->end)
		s->at++;
	line[n] = '\0';
	return true;
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\r')
		p++;
	return p;
}

/* Steps over word and the blanks behind it; NULL when something else stands there. */
static const char *expect(const char *p, const char *word)
{
	size_t n = strlen(word);

	if (!p || strncmp(p, word, n) != 0)
		return NULL;
	return skip_blanks(p + n);
}

/* `#pragma shader_stage(fragment)` */
static bool stage_from_pragma(const char *line, enum spvscope_stage *stage)
{
	const char *p = expect(expect(expect(expect(skip_blanks(line), "#"), "pragma"), "shader_stage"), "(");
	char word[16];
	size_t n = 0;

	if (!p)
		return false;
	while (n + 1 < sizeof(word) && (isalpha((unsigned char)p[n]) || p[n] == '-')) {
		word[n] = p[n];
		n++;
	}
	word[n] = '\0';
	return *skip_blanks(p + n) == ')' && spvscope_stage_parse(word, stage) == 0;
}

static void guess_from_text(const char *text, size_t size, enum spvscope_language *language,
	enum spvscope_stage *stage)
{
	struct line_scan scan = { .at = text, .end = text + size };
	char line[256];

	while (next_line(&scan, line, sizeof(line))) {
		if (expect(expect(skip_blanks(line), "#"), "version"))
			*language = SPVSCOPE_LANGUAGE_GLSL;
		if (stage_from_pragma(line, stage)) {
			if (*language == SPVSCOPE_LANGUAGE_NONE)
				*language = SPVSCOPE_LANGUAGE_GLSL;
			return;
		}
	}
}

/* The header comment that disassemblers write, or the instruction that must come first. */
static bool looks_like_assembly(const char *text, size_t size)
{
	static const char *const beginnings[] = { "; SPIR-V", "OpCapability " };

	while (size > 0 && isspace((unsigned char)*text)) {
		text++;
		size--;
	}
	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (size >= strlen(beginnings[i]) && memcmp(text, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

static enum spvscope_language language_from_bytes(const struct spvscope_file *source)
{
	uint32_t magic = 0;

	if (source->size >= sizeof(magic))
		memcpy(&magic, source->data, sizeof(magic));
	if (magic == SPIRV_MAGIC || magic == SPIRV_MAGIC_SWAPPED)
		return SPVSCOPE_LANGUAGE_SPIRV;
	if (source->size && looks_like_assembly((const char *)source->data, source->size))
		return SPVSCOPE_LANGUAGE_SPIRV_ASM;
	return SPVSCOPE_LANGUAGE_NONE;
}

static bool needs_stage(enum spvscope_language l)
{
	return l == SPVSCOPE_LANGUAGE_GLSL || l == SPVSCOPE_LANGUAGE_HLSL;
}

int spvscope_job_guess(struct spvscope_job *job)
{
	enum spvscope_language language = SPVSCOPE_LANGUAGE_NONE;
	enum spvscope_stage stage = SPVSCOPE_STAGE_NONE;
	size_t looked_at = job->source.size < GUESS_LOOKS_AT_BYTES ? job->source.size : GUESS_LOOKS_AT_BYTES;

	if (job->source.name)
		guess_from_name(job->source.name, &language, &stage);
	if (language == SPVSCOPE_LANGUAGE_NONE)
		language = language_from_bytes(&job->source);
	if (job->language != SPVSCOPE_LANGUAGE_NONE)
		language = job->language;
	if (job->stage != SPVSCOPE_STAGE_NONE)
		stage = job->stage;
	bool complete = language != SPVSCOPE_LANGUAGE_NONE &&
		(stage != SPVSCOPE_STAGE_NONE || !needs_stage(language));
	if (!complete && looked_at) {
		enum spvscope_language text_language = language;
		enum spvscope_stage text_stage = SPVSCOPE_STAGE_NONE;

		guess_from_text((const char *)job->source.data, looked_at, &text_language, &text_stage);
		if (language == SPVSCOPE_LANGUAGE_NONE)
			language = text_language;
		if (stage == SPVSCOPE_STAGE_NONE)
			stage = text_stage;
	}
	if (language == SPVSCOPE_LANGUAGE_NONE && job->backend)
		language = SPVSCOPE_LANGUAGE_OTHER;
	job->language = language;
	job->stage = stage;
	if (job->backend)
		return 0;
	if (language == SPVSCOPE_LANGUAGE_NONE)
		return 1;
	return stage == SPVSCOPE_STAGE_NONE && needs_stage(language) ? 2 : 0;
}
