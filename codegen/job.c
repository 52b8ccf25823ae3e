/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a job and of a result. Used by the front and by workers; nothing here is shared between threads. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "spvscope/codegen.h"

static void file_done(struct spvscope_file *f)
{
	free(f->name);
	free(f->data);
}

void spvscope_job_done(struct spvscope_job *job)
{
	file_done(&job->source);
	for (size_t i = 0; i < job->n_files; i++)
		file_done(&job->files[i]);
	free(job->files);
	free(job->backend);
	free(job->entry_point);
	free(job->source_entry_point);
	free(job->focus);
	for (size_t i = 0; i < job->n_settings; i++)
		free(job->settings[i].name);
	free(job->settings);
	for (size_t i = 0; i < job->n_defines; i++) {
		free(job->defines[i].name);
		free(job->defines[i].value);
	}
	free(job->defines);
	for (size_t i = 0; i < job->n_passes; i++)
		free(job->passes[i]);
	free(job->passes);
	memset(job, 0, sizeof(*job));
}

static void diagnostic_done(struct spvscope_diagnostic *d)
{
	free(d->file);
	free(d->source);
	free(d->code);
	free(d->message);
	for (size_t i = 0; i < d->n_related; i++) {
		free(d->related[i].file);
		free(d->related[i].message);
	}
	free(d->related);
}

void spvscope_result_done(struct spvscope_result *result)
{
	for (size_t i = 0; i < result->n_diagnostics; i++)
		diagnostic_done(&result->diagnostics[i]);
	free(result->diagnostics);
	free(result->spirv);
	free(result->disassembly);
	free(result->preprocessed);
	for (size_t i = 0; i < SPVSCOPE_N_PRODUCTS; i++)
		free(result->products[i]);
	for (size_t i = 0; i < result->n_dependencies; i++)
		free(result->dependencies[i]);
	free(result->dependencies);
	for (size_t i = 0; i < result->n_absent; i++)
		free(result->absent[i]);
	free(result->absent);
	memset(result, 0, sizeof(*result));
}

/* false: out of memory. */
static bool copy_text(const char *from, char **ret)
{
	*ret = from ? strdup(from) : NULL;
	return !from || *ret;
}

/* Compilers like to end with blanks or with an empty line. */
static bool copy_trimmed(const char *from, char **ret)
{
	size_t len = strlen(from);

	while (len > 0 && isspace((unsigned char)from[len - 1]))
		len--;
	*ret = strndup(from, len);
	return *ret;
}

int spvscope_result_diagnose(struct spvscope_result *result, enum spvscope_severity severity, const char *source,
	const char *code, const char *file, uint32_t line, uint32_t column_begin, uint32_t column_end,
	const char *message)
{
	size_t n = result->n_diagnostics;

	if (n >= SPVSCOPE_MAX_DIAGNOSTICS) {
		result->diagnostics_cut = true;
		return 0;
	}
	/* The room doubles, so that it has to grow only when the count is a power of two. */
	if ((n & (n - 1)) == 0) {
		struct spvscope_diagnostic *grown =
			reallocarray(result->diagnostics, n ? 2 * n : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		result->diagnostics = grown;
	}
	struct spvscope_diagnostic d = {
		.severity = severity,
		.line = line,
		.column_begin = column_begin,
		.column_end = column_end,
	};
	if (!copy_text(file, &d.file) || !copy_text(source, &d.source) || !copy_text(code, &d.code) ||
		!copy_trimmed(message ? message : "", &d.message)) {
		diagnostic_done(&d);
		return -ENOMEM;
	}
	result->diagnostics[result->n_diagnostics++] = d;
	return 0;
}

int spvscope_result_relate(struct spvscope_result *result, const struct spvscope_related *related)
{
	if (result->n_diagnostics == 0 || result->diagnostics_cut)
		return 0;
	struct spvscope_diagnostic *d = &result->diagnostics[result->n_diagnostics - 1];
	if (d->n_related >= SPVSCOPE_MAX_RELATED)
		return 0;
	struct spvscope_related *grown = reallocarray(d->related, d->n_related + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	d->related = grown;
	grown[d->n_related] = (struct spvscope_related){
		.line = related->line,
		.column_begin = related->column_begin,
		.column_end = related->column_end,
	};
	struct spvscope_related *r = &grown[d->n_related++]; /* counted even when half-made, so that it is freed */
	return copy_text(related->file, &r->file) && copy_trimmed(related->message, &r->message) ? 0 : -ENOMEM;
}
