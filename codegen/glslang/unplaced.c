/* SPDX-License-Identifier: Apache-2.0 */
/* Places for messages that glslang prints without one: of the version, and of the linker, which speaks of functions by name.
 * Searched in the texts, within the budget of place.c. Runs in the worker, on the compiling thread. */
#include <string.h>

#include "codegen/glslang/place.h"

/* What is looked for, line by line. */
struct wanted {
	const char *word;
	size_t len;
	const char *before, *behind; /* the token on that side; NULL: any */
};

static bool is_text(const char *line, const struct token *t, const char *text, size_t len)
{
	return t->end - t->begin == len && memcmp(line + t->begin, text, len) == 0;
}

static bool is_in_line(const char *line, size_t len, const struct wanted *w, struct token *ret)
{
	struct token t, last = {0}, next;

	for (size_t at = 0; token_next(line, len, at, &t); at = t.end, last = t)
		if (is_text(line, &t, w->word, w->len) && (!w->before || is_text(line, &last, w->before, strlen(w->before))) &&
			(!w->behind || (token_next(line, len, t.end, &next) && is_text(line, &next, w->behind, strlen(w->behind))))) {
			*ret = t;
			return true;
		}
	return false;
}

static bool is_in_file(struct glslang_places *p, const struct spvscope_file *f, const struct wanted *w,
	struct spvscope_diagnostic *d)
{
	const char *at = (const char *)f->data, *end = at + f->size;
	struct token t;

	if (!f->size || f->size > p->budget_bytes || !memmem(at, f->size, w->word, w->len))
		return false;
	p->budget_bytes -= f->size;
	for (uint32_t line = 1; at < end; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);

		if (len <= UINT32_MAX && is_in_line(at, len, w, &t)) {
			d->file = f == &p->run->job->source ? NULL : f->name;
			d->line = line;
			d->column_begin = (uint32_t)t.begin;
			d->column_end = (uint32_t)t.end;
			return true;
		}
		at = stop ? stop + 1 : end;
	}
	return false;
}

/* "Linking fragment stage: No function definition (body) found: \n    f(vf4;": the name, up to its parameters. */
static bool take_function(const char *message, struct wanted *ret)
{
	static const char *const kinds[] = {"No function definition (body) found:", "Recursion detected:"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *at = strstr(message, kinds[i]);

		if (!at)
			continue;
		at += strlen(kinds[i]);
		at += strspn(at, " \n");
		*ret = (struct wanted){.word = at, .len = strcspn(at, "("), .behind = "("};
		return ret->len > 0 && at[ret->len] == '(';
	}
	return false;
}

bool glslang_place_unplaced(struct glslang_places *p, struct spvscope_diagnostic *d)
{
	const struct spvscope_job *job = p->run->job;
	const struct spvscope_result *result = p->run->result;
	struct wanted w;

	if (strcmp(d->message, "version not supported") == 0)
		w = (struct wanted){.word = "version", .len = strlen("version"), .before = "#"};
	else if (!take_function(d->message, &w))
		return false;
	if (is_in_file(p, &job->source, &w, d))
		return true;
	for (size_t i = 0; i < result->n_dependencies; i++)
		for (size_t k = 0; k < job->n_files; k++)
			if (strcmp(job->files[k].name, result->dependencies[i]) == 0 && is_in_file(p, &job->files[k], &w, d))
				return true;
	return false;
}
