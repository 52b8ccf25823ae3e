/* SPDX-License-Identifier: Apache-2.0 */
/* Spans, diagnostics and dependencies of a running compile. Runs in the worker, on the compiling thread. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/run.h"

uint32_t stage_begin(struct codegen_run *run, const char *name, const char **ret_outer)
{
	*ret_outer = run->stage;
	run->stage = name;
	return span_begin(run, SPVSCOPE_LEVEL_INFO, name);
}

void stage_end(struct codegen_run *run, uint32_t span, const char *outer)
{
	span_end(run, span);
	run->stage = outer;
}

bool span_enabled(const struct codegen_run *run, enum spvscope_level level, const char *name)
{
	return run->tracer && run->tracer->enabled(run->tracer->ctx, level, name);
}

uint32_t span_begin(const struct codegen_run *run, enum spvscope_level level, const char *name)
{
	return run->tracer ? run->tracer->begin(run->tracer->ctx, level, name) : 0;
}

void span_end(const struct codegen_run *run, uint32_t span)
{
	if (span)
		run->tracer->end(run->tracer->ctx, span);
}

void span_u64(const struct codegen_run *run, uint32_t span, const char *key, uint64_t value)
{
	if (span)
		run->tracer->attr_u64(run->tracer->ctx, span, key, value);
}

void span_str(const struct codegen_run *run, uint32_t span, const char *key, const char *value)
{
	if (span && value)
		run->tracer->attr_str(run->tracer->ctx, span, key, value, strlen(value));
}

static enum spvscope_level level_of(enum spvscope_severity severity)
{
	switch (severity) {
	case SPVSCOPE_SEVERITY_ERROR:
		return SPVSCOPE_LEVEL_ERROR;
	case SPVSCOPE_SEVERITY_WARNING:
		return SPVSCOPE_LEVEL_WARN;
	case SPVSCOPE_SEVERITY_INFORMATION:
		return SPVSCOPE_LEVEL_INFO;
	default:
		return SPVSCOPE_LEVEL_DEBUG;
	}
}

static void tell(const struct codegen_run *run, const struct spvscope_diagnostic *d)
{
	const struct spvscope_tracer *t = run->tracer;
	enum spvscope_level level = level_of(d->severity);
	const char *file = d->file ? d->file : run->job->source.name;
	char text[1024];
	int n;

	if (!t || !t->enabled(t->ctx, level, run->stage))
		return;
	if (d->line)
		n = snprintf(text, sizeof(text), "%s:%u: %s", file ? file : "source", d->line, d->message);
	else
		n = snprintf(text, sizeof(text), "%s", d->message);
	if (n < 0)
		return;
	t->event(t->ctx, level, run->stage, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

int run_diagnose(struct codegen_run *run, const struct spvscope_diagnostic *given)
{
	struct spvscope_diagnostic copy = *given, *d = &copy;

	if (d->severity == SPVSCOPE_SEVERITY_WARNING && run->job->options.warnings == SPVSCOPE_WARNINGS_OFF)
		return CODEGEN_GOOD;
	if (d->severity == SPVSCOPE_SEVERITY_WARNING && run->job->options.warnings == SPVSCOPE_WARNINGS_ERROR)
		d->severity = SPVSCOPE_SEVERITY_ERROR;
	tell(run, d);
	int r = spvscope_result_diagnose(run->result, d->severity, d->source, d->code, d->file, d->line,
		d->column_begin, d->column_end, d->message);
	for (size_t i = 0; i < d->n_related && r == 0; i++)
		r = spvscope_result_relate(run->result, &d->related[i]);
	if (r < 0)
		return r;
	return d->severity == SPVSCOPE_SEVERITY_ERROR ? CODEGEN_WRONG : CODEGEN_GOOD;
}

static bool is_about(const struct codegen_run *run, const struct spvscope_diagnostic *d)
{
	const char *name = d->file ? d->file : run->job->source.name;

	return name && strcmp(name, run->job->focus) == 0;
}

static bool was_read(const struct codegen_run *run)
{
	const struct spvscope_result *result = run->result;

	if (run->job->source.name && strcmp(run->job->source.name, run->job->focus) == 0)
		return true;
	for (size_t i = 0; i < result->n_dependencies; i++)
		if (strcmp(result->dependencies[i], run->job->focus) == 0)
			return true;
	return false;
}

int run_focus(struct codegen_run *run)
{
	struct spvscope_result *result = run->result;
	size_t n = 0;

	if (!was_read(run) && run_diagnose(run, &(struct spvscope_diagnostic){
		.severity = SPVSCOPE_SEVERITY_WARNING,
		.file = run->job->focus,
		.source = (char *)"spvscope",
		.code = (char *)"focus-not-read",
		.message = (char *)"the compile did not come to include this file",
	}) < 0)
		return -ENOMEM;
	if (result->n_diagnostics == 0)
		return 0;
	struct spvscope_diagnostic *sorted = calloc(result->n_diagnostics, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (int others = 0; others <= 1; others++)
		for (size_t i = 0; i < result->n_diagnostics; i++)
			if (is_about(run, &result->diagnostics[i]) == !others)
				sorted[n++] = result->diagnostics[i];
	memcpy(result->diagnostics, sorted, n * sizeof(*sorted));
	free(sorted);
	return 0;
}

int run_refuse(struct codegen_run *run, const char *source, const char *code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return run_diagnose(run, &(struct spvscope_diagnostic){
		.severity = SPVSCOPE_SEVERITY_ERROR,
		.source = (char *)source,
		.code = (char *)code,
		.message = text,
	});
}

/* 1: added; 0: it was there; -ENOMEM. */
static int add_once(char ***strings, size_t *n, const char *text)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp((*strings)[i], text) == 0)
			return 0;
	_cleanup_free_ char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	char **grown = reallocarray(*strings, *n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*strings = grown;
	grown[(*n)++] = TAKE_PTR(copy);
	return 1;
}

int run_depend(struct codegen_run *run, const char *name)
{
	struct spvscope_result *result = run->result;
	int r;

	if (result->n_dependencies >= SPVSCOPE_MAX_DEPENDENCIES) {
		result->absent_cut = true; /* what it depends on is not known in full */
		return 0;
	}
	r = add_once(&result->dependencies, &result->n_dependencies, name);
	return r < 0 ? r : 0;
}

int run_miss(struct codegen_run *run, const char *path)
{
	struct spvscope_result *result = run->result;
	int r;

	if (result->n_absent >= SPVSCOPE_MAX_ABSENT) {
		result->absent_cut = true;
		return 0;
	}
	r = add_once(&result->absent, &result->n_absent, path);
	return r < 0 ? r : 0;
}
