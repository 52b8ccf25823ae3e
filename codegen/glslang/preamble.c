/* SPDX-License-Identifier: Apache-2.0 */
/* The job's defines as text in front of the source. Runs in the worker, on the compiling thread. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "codegen/glslang/glslang.h"

static bool is_name_char(char c, bool first)
{
	return c == '_' || isalpha((unsigned char)c) || (!first && isdigit((unsigned char)c));
}

static size_t name_length(const char *name)
{
	size_t n = 0;

	while (is_name_char(name[n], n == 0))
		n++;
	return n;
}

/* "NAME" or "NAME(a, b)": anything else could break out of its line. */
static bool is_macro_head(const char *head)
{
	const char *p = head + name_length(head);

	if (p == head)
		return false;
	if (*p == '\0')
		return true;
	if (*p++ != '(')
		return false;
	while (is_name_char(*p, false) || *p == ',' || *p == ' ')
		p++;
	return p[0] == ')' && p[1] == '\0';
}

/* A later define of the same macro replaces the earlier one; without #undef that is an error in GLSL. */
static bool defined_before(const struct spvscope_job *job, size_t idx)
{
	size_t len = name_length(job->defines[idx].name);

	for (size_t i = 0; i < idx; i++)
		if (name_length(job->defines[i].name) == len &&
			memcmp(job->defines[i].name, job->defines[idx].name, len) == 0)
			return true;
	return false;
}

int glslang_preamble(struct codegen_run *run, struct strbuf *out)
{
	const struct spvscope_job *job = run->job;

	if (run->result->language == SPVSCOPE_LANGUAGE_GLSL)
		strbuf_puts(out, "#extension GL_GOOGLE_include_directive : enable\n");
	for (size_t i = 0; i < job->n_defines; i++) {
		const struct spvscope_define *d = &job->defines[i];

		if (!is_macro_head(d->name))
			return run_refuse(run, "spvscope", "define",
				"define \"%.80s\" is no macro name: it would be NAME or NAME(a, b)", d->name);
		if (d->value && strpbrk(d->value, "\r\n"))
			return run_refuse(run, "spvscope", "define",
				"the value of define \"%.80s\" holds a line break, which no #define can", d->name);
		if (defined_before(job, i))
			strbuf_printf(out, "#undef %.*s\n", (int)name_length(d->name), d->name);
		strbuf_printf(out, "#define %s %s\n", d->name, d->value ? d->value : "");
	}
	for (size_t i = 0; i < job->n_settings; i++) {
		const struct spvscope_setting *s = &job->settings[i];

		if (s->kind != SPVSCOPE_SETTING_UNDEFINE)
			continue;
		if (!s->name[0] || name_length(s->name) != strlen(s->name))
			return run_refuse(run, "spvscope", "undefine", "\"%.80s\" is no macro name", s->name);
		strbuf_printf(out, "#undef %s\n", s->name);
	}
	return out->failed ? -ENOMEM : CODEGEN_GOOD;
}
