/* SPDX-License-Identifier: Apache-2.0 */
/* Finds #include'd text among the files that came with the job; nothing is ever read from disk. Runs in the worker, on
 * the compiling thread, called back by glslang's preprocessor. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/glslang/glslang.h"

void glslang_includes_init(struct glslang_includes *inc, struct codegen_run *run)
{
	memset(inc, 0, sizeof(*inc));
	inc->run = run;
}

void glslang_includes_done(struct glslang_includes *inc)
{
	/* After an error glslang gives up inside its includes. */
	while (inc->depth > 0)
		glslang_include_close(inc, NULL);
	for (size_t i = 0; i < inc->n_names; i++)
		free(inc->names[i].path);
	free(inc->names);
	for (size_t i = 0; i < inc->n_edges; i++) {
		free(inc->edges[i].includer);
		free(inc->edges[i].header);
	}
	free(inc->edges);
	memset(inc, 0, sizeof(*inc));
}

const struct glslang_include_edge *glslang_include_edge(const struct glslang_includes *inc, const char *file)
{
	for (size_t i = 0; i < inc->n_edges; i++)
		if (strcmp(inc->edges[i].file, file) == 0)
			return &inc->edges[i];
	return NULL;
}

/* Remembers it the first time: that is when most of what is wrong with it is told. 0 or -ENOMEM. */
static int keep_edge(struct glslang_includes *inc, const struct spvscope_file *file, const char *includer,
	const char *header)
{
	const char *source = inc->run->job->source.name ? inc->run->job->source.name : CODEGEN_UNNAMED;
	bool by_source = !includer || !includer[0] || strcmp(includer, source) == 0;

	if (glslang_include_edge(inc, file->name))
		return 0;
	struct glslang_include_edge *grown = reallocarray(inc->edges, inc->n_edges + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	inc->edges = grown;
	struct glslang_include_edge *edge = &grown[inc->n_edges++];
	*edge = (struct glslang_include_edge){
		.file = file->name,
		.includer = by_source ? NULL : strdup(includer),
		.header = strdup(header),
	};
	return edge->header && (by_source || edge->includer) ? 0 : -ENOMEM;
}

char *glslang_include_path(const char *dir, size_t dir_len, const char *path)
{
	size_t path_len = strlen(path), len = 0;
	_cleanup_free_ char *joined = malloc(dir_len + 1 + path_len + 1);
	_cleanup_free_ char *out = malloc(dir_len + 1 + path_len + 1);

	if (!joined || !out)
		return NULL;
	memcpy(joined, dir, dir_len);
	if (dir_len > 0)
		joined[dir_len++] = '/';
	memcpy(joined + dir_len, path, path_len + 1);

	/* Only a leading slash is kept as it is: "/a" and "a" are two names. */
	if (joined[0] == '/')
		out[len++] = '/';
	size_t root = len, floor = len; /* what lies before floor is a row of ".." */
	for (const char *p = joined; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.')) {
			/* nothing to add */
		} else if (n == 2 && p[0] == '.' && p[1] == '.' && len > floor) {
			while (len > floor && out[len - 1] != '/')
				len--;
			if (len > floor)
				len--;
		} else {
			if (len > root)
				out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
			if (n == 2 && p[0] == '.' && p[1] == '.')
				floor = len;
		}
		p += n + (p[n] == '/');
	}
	out[len] = '\0';
	return TAKE_PTR(out);
}

static int compare_names(const void *a, const void *b)
{
	const struct glslang_include_name *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	/* Of equal names the first file counts. */
	return r ? r : (x->file_idx > y->file_idx) - (x->file_idx < y->file_idx);
}

static int index_files(struct glslang_includes *inc)
{
	const struct spvscope_job *job = inc->run->job;

	if (inc->indexed || job->n_files == 0)
		return 0;
	inc->names = calloc(job->n_files, sizeof(*inc->names));
	if (!inc->names)
		return -ENOMEM;
	for (size_t i = 0; i < job->n_files; i++) {
		char *path = glslang_include_path("", 0, job->files[i].name);
		if (!path)
			return -ENOMEM;
		inc->names[inc->n_names++] = (struct glslang_include_name){ .path = path, .file_idx = i };
	}
	qsort(inc->names, inc->n_names, sizeof(*inc->names), compare_names);
	inc->indexed = true;
	return 0;
}

static const struct spvscope_file *find_path(const struct glslang_includes *inc, const char *path)
{
	size_t low = 0, high = inc->n_names;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(inc->names[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == inc->n_names || strcmp(inc->names[low].path, path) != 0)
		return NULL;
	return &inc->run->job->files[inc->names[low].file_idx];
}

/* 0 with the file, -ENOENT, -ENOMEM. */
static int look_up(struct glslang_includes *inc, const char *dir, size_t dir_len, const char *header,
	const struct spvscope_file **ret)
{
	_cleanup_free_ char *path = glslang_include_path(dir, dir_len, header);

	if (!path)
		return -ENOMEM;
	*ret = find_path(inc, path);
	if (*ret)
		return 0;
	return run_miss(inc->run, path) < 0 ? -ENOMEM : -ENOENT;
}

static int resolve(struct glslang_includes *inc, const char *header, const char *includer, bool angled,
	const struct spvscope_file **ret)
{
	const char *slash = includer ? strrchr(includer, '/') : NULL;
	int r = index_files(inc);

	if (r < 0)
		return r;
	if (!angled && slash) {
		r = look_up(inc, includer, (size_t)(slash - includer) + (slash == includer), header, ret);
		if (r != -ENOENT)
			return r;
	}
	return look_up(inc, "", 0, header, ret);
}

int glslang_include_open(void *ctx, const char *header, const char *includer, size_t depth, bool angled,
	struct glslang_shim_include *ret, char *error, size_t error_size)
{
	struct glslang_includes *inc = ctx;
	const struct spvscope_file *file;

	if (depth > GLSLANG_INCLUDE_MAX_DEPTH || inc->depth >= GLSLANG_INCLUDE_MAX_DEPTH) {
		snprintf(error, error_size, "includes are nested more than %d deep", GLSLANG_INCLUDE_MAX_DEPTH);
		return -ELOOP;
	}
	int r = resolve(inc, header, includer, angled, &file);
	if (r == 0)
		r = run_depend(inc->run, file->name);
	if (r == 0)
		r = keep_edge(inc, file, includer, header);
	if (r == -ENOMEM) {
		inc->no_memory = true;
		snprintf(error, error_size, "out of memory");
		return r;
	}
	if (r < 0) {
		snprintf(error, error_size, "not found among the files that came with the source");
		return r;
	}
	uint32_t span = span_begin(inc->run, SPVSCOPE_LEVEL_DEBUG, "codegen::glslang::include");
	span_str(inc->run, span, "name", file->name);
	span_u64(inc->run, span, "source.bytes", file->size);
	inc->spans[inc->depth++] = span;
	*ret = (struct glslang_shim_include){
		.name = file->name,
		.data = (const char *)file->data,
		.size = file->size,
	};
	return 0;
}

void glslang_include_close(void *ctx, void *handle)
{
	struct glslang_includes *inc = ctx;

	(void)handle;
	if (inc->depth > 0)
		span_end(inc->run, inc->spans[--inc->depth]);
}
