/* SPDX-License-Identifier: Apache-2.0 */
/* The template's word about its back ends. Runs in the front, on the loop's thread. */
#include "server/pool/backends.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

static void info_done(struct backend_info *i)
{
	free(i->name);
	free(i->other_language);
	free(i->identity);
	free(i->version);
	free(i->missing);
	free(i->install);
	free(i->program);
}

void backends_done(struct backends *b)
{
	for (size_t i = 0; i < b->n; i++)
		info_done(&b->rows[i]);
	*b = (struct backends){0};
}

/* Fields of the text, a tab between each; what is missing is empty. */
static bool take_fields(struct backend_info *i, const struct worker_message *m)
{
	char text[WORKER_TEXT_MAX + 1], *at = text;
	char **const fields[] = {&i->name, &i->other_language, &i->identity, &i->version, &i->missing, &i->install, &i->program};

	memcpy(text, m->text, m->text_len);
	text[m->text_len] = '\0';
	for (size_t f = 0; f < ARRAY_SIZE(fields); f++) {
		char *field = strsep(&at, "\t");

		*fields[f] = strdup(field ? field : "");
		if (!*fields[f])
			return false;
	}
	return i->name[0] != '\0';
}

bool backends_take(struct backends *b, const struct worker_message *m)
{
	if (b->complete || m->value != b->n)
		return false;
	if (m->text_len == 0) {
		b->complete = true;
		b->complete_ns = clock_now_ns();
		return true;
	}
	if (b->n == BACKENDS_MOST)
		return false;
	struct backend_info info = {
		.languages = (uint32_t)m->value2,
		.runs_tool = m->flags & WORKER_BACKEND_RUNS_TOOL,
	};
	if (!take_fields(&info, m)) {
		info_done(&info);
		return false;
	}
	b->rows[b->n++] = info;
	return true;
}

const struct backend_info *backends_named(const struct backends *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->rows[i].name, name) == 0)
			return &b->rows[i];
	return NULL;
}

const struct backend_info *backends_for(const struct backends *b, enum spvscope_language language)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->rows[i].languages & 1u << language)
			return &b->rows[i];
	return NULL;
}

static bool asks_for_wgsl(const struct spvscope_job *job)
{
	return job->emit & spvscope_product_bit(SPVSCOPE_PRODUCT_WGSL) && !job->check_only;
}

const struct backend_info *backends_translator(const struct backends *b, const struct spvscope_job *job)
{
	return asks_for_wgsl(job) ? backends_for(b, SPVSCOPE_LANGUAGE_WGSL) : NULL;
}

bool backends_is_built_in(const struct spvscope_job *job)
{
	return !job->backend && job->language <= SPVSCOPE_LANGUAGE_SPIRV && !asks_for_wgsl(job);
}

int backends_workers_for(const struct backends *b, const struct spvscope_job *job)
{
	if (backends_is_built_in(job))
		return WORKERS_PLAIN;
	if (!b->complete)
		return WORKERS_UNKNOWN;
	const struct backend_info *i = job->backend ? backends_named(b, job->backend) : backends_for(b, job->language);
	/* A worker has a host for one tool: the compiler's comes first. */
	if (!i || !i->runs_tool)
		i = backends_translator(b, job);
	return i && i->runs_tool && !i->missing[0] ? 1 + (int)(i - b->rows) : WORKERS_PLAIN;
}
