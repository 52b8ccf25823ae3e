/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing: an object in the kernel, and the sessions on it, as in the analyzer process but for the
 * registration of workers. The thread that uses the analyzer. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/library/private.h"
#include "bpf/unwind_cache.h"

#define CACHE_MAX_BYTES (512u << 20)

static_assert(SPVSCOPE_ANALYZER_RELEASE == (int)ANALYZER_RELEASE && SPVSCOPE_ANALYZER_DEBUG == (int)ANALYZER_DEBUG,
	"the same numbers");

int library_fail(struct spvscope_analyzer *a, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->error, sizeof(a->error), fmt, ap);
	va_end(ap);
	return error;
}

/* The one that was asked for, or where that was not built the other one. */
static int load(struct spvscope_analyzer *a, enum analyzer_kind kind)
{
	enum analyzer_kind other = kind == ANALYZER_DEBUG ? ANALYZER_RELEASE : ANALYZER_DEBUG;
	int r = object_load(kind, NULL, &a->objects[kind], a->error, sizeof(a->error));

	if (r == -ENOENT && object_load(other, NULL, &a->objects[other], (char[ANALYZER_TEXT_MAX]){0}, ANALYZER_TEXT_MAX) >= 0)
		r = 0;
	return r;
}

static int open_analyzer(struct spvscope_analyzer *a, const struct spvscope_analyzer_opts *o)
{
	uint32_t kind = o->kind ?: ANALYZER_RELEASE;
	libbpf_print_fn_t print;
	int r;

	if (kind != ANALYZER_RELEASE && kind != ANALYZER_DEBUG)
		return library_fail(a, -EINVAL, "there is no analyzer of kind %u", kind);
	/* The program may use libbpf itself; how that prints is its own business, before and after. */
	print = libbpf_set_print(NULL);
	r = load(a, kind);
	libbpf_set_print(print);
	if (r >= 0)
		r = sessions_new(a->objects, &a->sessions, a->error, sizeof(a->error));
	a->files.sessions = a->sessions;
	if (r >= 0 && o->table_cache) {
		a->files.cache_dir = strdup(o->table_cache);
		r = a->files.cache_dir ? unwind_cache_tidy(a->files.cache_dir, CACHE_MAX_BYTES) : -ENOMEM;
		if (r < 0)
			return library_fail(a, r, "the folder for tables, %s: %s", o->table_cache, strerror(-r));
	}
	return r;
}

int spvscope_analyzer_open(const struct spvscope_analyzer_opts *opts, struct spvscope_analyzer **ret)
{
	struct spvscope_analyzer_opts o = {0};
	struct spvscope_analyzer *a;
	int r = ret ? library_take_opts(&o, sizeof(o), opts) : -EINVAL;

	if (r < 0)
		return r;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	r = open_analyzer(a, &o);
	if (o.error && o.error_size)
		snprintf(o.error, o.error_size, "%s", r < 0 ? a->error : "");
	if (r < 0) {
		spvscope_analyzer_close(a);
		return r;
	}
	a->error[0] = 0;
	*ret = a;
	return 0;
}

void spvscope_analyzer_close(struct spvscope_analyzer *a)
{
	if (!a)
		return;
	while (a->attachments)
		spvscope_attachment_detach(a->attachments);
	library_files_done(&a->files);
	sessions_free(a->sessions);
	for (size_t i = 0; i < ARRAY_SIZE(a->objects); i++)
		object_free(a->objects[i]);
	free(a);
}

uint32_t spvscope_analyzer_loaded_kind(const struct spvscope_analyzer *a)
{
	return object_kind(a->objects[ANALYZER_RELEASE] ?: a->objects[ANALYZER_DEBUG]);
}

const char *spvscope_analyzer_error(const struct spvscope_analyzer *a)
{
	return a->error;
}
