/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a job's files, there and back. Runs in workers, on the compiling thread. */
#include "codegen/tools/job_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Without "." and ".." parts and doubled slashes. NULL in *ret: it leads out of the folder, or is none. */
static int plain_name(const char *name, char **ret)
{
	_cleanup_free_ char *out = malloc(strlen(name) + 1);
	size_t n = 0;

	*ret = NULL;
	if (!out)
		return -ENOMEM;
	if (name[0] == '/')
		return 0;
	for (const char *at = name; *at;) {
		size_t len = strcspn(at, "/");

		if (len == 2 && at[0] == '.' && at[1] == '.') {
			if (n == 0)
				return 0;
			while (n > 0 && out[n - 1] != '/')
				n--;
			n -= n > 0;
		} else if (len > 0 && !(len == 1 && at[0] == '.')) {
			if (n)
				out[n++] = '/';
			memcpy(out + n, at, len);
			n += len;
		}
		at += len + (at[len] == '/');
	}
	out[n] = '\0';
	if (n)
		*ret = TAKE_PTR(out);
	return 0;
}

static int add(struct job_files *f, const char *name, const struct spvscope_file *file)
{
	char *copy = strdup(name);

	if (!copy)
		return -ENOMEM;
	f->files[f->n_files++] = (struct tool_file){copy, file->data, file->size};
	return 0;
}

static bool is_taken(const struct job_files *f, const char *name)
{
	for (size_t i = 0; i < f->n_files; i++)
		if (strcmp(f->files[i].name, name) == 0)
			return true;
	return false;
}

int job_files_init(struct codegen_run *run, const char *default_name, struct job_files *ret)
{
	const struct spvscope_job *job = run->job;
	_cleanup_free_ char *source_name = NULL;
	int r = job->source.name ? plain_name(job->source.name, &source_name) : 0;

	*ret = (struct job_files){.files = calloc(job->n_files + 1, sizeof(*ret->files))};
	if (!ret->files)
		return -ENOMEM;
	if (r >= 0)
		r = add(ret, source_name ? source_name : default_name, &job->source);
	for (size_t i = 0; i < job->n_files && r >= 0; i++) {
		_cleanup_free_ char *name = NULL;

		r = plain_name(job->files[i].name, &name);
		if (r >= 0 && name && !is_taken(ret, name))
			r = add(ret, name, &job->files[i]);
		else if (r >= 0 && !name)
			r = run_diagnose(run, &(struct spvscope_diagnostic){
				.severity = SPVSCOPE_SEVERITY_INFORMATION,
				.source = (char *)"spvscope",
				.code = (char *)"file-name",
				.message = (char *)"a file whose name leads out of the source's folder cannot be given to this "
						   "compiler",
				.file = job->files[i].name,
			});
	}
	if (r < 0) {
		job_files_done(ret);
		return r;
	}
	ret->source_name = (char *)(uintptr_t)ret->files[0].name;
	return CODEGEN_GOOD;
}

void job_files_done(struct job_files *f)
{
	for (size_t i = 0; i < f->n_files; i++)
		free((void *)(uintptr_t)f->files[i].name);
	free(f->files);
	*f = (struct job_files){0};
}

const struct spvscope_file *job_files_find(const struct codegen_run *run, const struct job_files *f, const char *printed)
{
	_cleanup_free_ char *name = NULL;

	if (plain_name(printed, &name) < 0 || !name)
		return NULL;
	for (size_t i = 0; i < f->n_files; i++) {
		if (strcmp(f->files[i].name, name) != 0)
			continue;
		if (i == 0)
			return &run->job->source;
		for (size_t j = 0; j < run->job->n_files; j++)
			if (run->job->files[j].data == f->files[i].data)
				return &run->job->files[j];
	}
	return NULL;
}

const char *job_files_own_name(const struct codegen_run *run, const struct spvscope_file *file)
{
	return file == &run->job->source ? NULL : file->name;
}

bool job_files_line(const struct spvscope_file *file, uint32_t n, const char **ret_line, size_t *ret_len)
{
	const char *at = (const char *)file->data, *end = at + file->size;

	for (; n > 1; n--) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return false;
		at++;
	}
	const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
	*ret_line = at;
	*ret_len = (size_t)((stop ? stop : end) - at);
	return n == 1;
}
