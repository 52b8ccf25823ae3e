/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles each file of a folder and compares what comes out with the .expected file beside it: golden FOLDER. With
 * REGEN=1 in the environment it writes these files instead. Speaks TAP. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "spvscope/codegen.h"

#define EXPECTED_WITH "glslang 12.0.0 SPIRV-Tools v2023.1"
#define MAX_CASES     256
#define MAX_PASSES    16

struct suite {
	const char *folder;
	bool regen, same_compilers;
	char *names[MAX_CASES];
	size_t n;
	unsigned failed;
};

static int read_file(const char *folder, const char *name, struct spvscope_file *ret)
{
	char path[1024];
	struct strbuf sb = {};
	char piece[4096];
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");
	if (!f)
		return -errno;
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		strbuf_append(&sb, piece, n);
	fclose(f);
	strbuf_append(&sb, "", 0);
	strbuf_putc(&sb, '\0');
	ret->size = sb.len - 1;
	ret->data = (uint8_t *)strbuf_take(&sb, NULL);
	ret->name = strdup(name);
	return ret->data && ret->name ? 0 : -ENOMEM;
}

/* "golden: --optimize size --include lib.glsl" in the first bytes of the source. */
static void take_option(struct spvscope_job *job, const char *folder, const char *key, const char *value)
{
	if (strcmp(key, "--optimize") == 0)
		job->optimize = strcmp(value, "size") == 0 ? SPVSCOPE_OPTIMIZE_SIZE : SPVSCOPE_OPTIMIZE_PERFORMANCE;
	else if (strcmp(key, "--pass") == 0 && job->n_passes < MAX_PASSES) {
		job->optimize = SPVSCOPE_OPTIMIZE_PASSES;
		job->passes[job->n_passes++] = strdup(value);
	} else if (strcmp(key, "--env") == 0)
		(void)spvscope_env_parse(value, &job->env);
	else if (strcmp(key, "--spirv") == 0)
		job->spirv_version = (uint32_t)strtoul(value, NULL, 16);
	else if (strcmp(key, "--entry") == 0)
		job->entry_point = strdup(value);
	else if (strcmp(key, "--debug") == 0)
		job->debug_info = strcmp(value, "full") == 0 ? SPVSCOPE_DEBUG_INFO_FULL : SPVSCOPE_DEBUG_INFO_LINE;
	else if (strcmp(key, "--emit") == 0) {
		for (unsigned p = 0; p < SPVSCOPE_N_PRODUCTS; p++)
			if (strcmp(spvscope_product_name((enum spvscope_product)p), value) == 0)
				job->emit |= spvscope_product_bit((enum spvscope_product)p);
	} else if (strcmp(key, "--auto-map") == 0)
		job->auto_map_bindings = job->auto_map_locations = true;
	else if (strcmp(key, "--include") == 0 && read_file(folder, value, &job->files[job->n_files]) == 0)
		job->n_files++;
	else if (strcmp(key, "--define") == 0) {
		struct spvscope_define *d = &job->defines[job->n_defines++];
		const char *equals = strchr(value, '=');
		d->name = strndup(value, equals ? (size_t)(equals - value) : strlen(value));
		d->value = equals ? strdup(equals + 1) : NULL;
	}
}

static void read_options(struct spvscope_job *job, const char *folder)
{
	const char *at = strstr((const char *)job->source.data, "golden: ");
	char *save = NULL;

	job->passes = calloc(MAX_PASSES, sizeof(*job->passes));
	job->files = calloc(8, sizeof(*job->files));
	job->defines = calloc(8, sizeof(*job->defines));
	if (!at)
		return;
	at += strlen("golden: ");
	_cleanup_free_ char *line = strndup(at, strcspn(at, "\n"));
	for (char *key = strtok_r(line, " ", &save); key; key = strtok_r(NULL, " ", &save)) {
		const char *value = strtok_r(NULL, " ", &save);
		take_option(job, folder, key, value ? value : "");
	}
}

/* JSON comes as one line; a diff wants an object a line. */
static void describe_product(const char *name, const char *text, struct strbuf *out)
{
	strbuf_printf(out, "\n%s:\n", name);
	for (const char *p = text; *p; p++) {
		if (strncmp(p, ", {\"", 4) == 0 || strncmp(p, "[{\"", 3) == 0) {
			strbuf_printf(out, "%c\n  ", *p);
			p += *p == ',';
		} else {
			strbuf_putc(out, *p);
		}
	}
	strbuf_putc(out, '\n');
}

static void describe(const struct spvscope_result *r, struct strbuf *out)
{
	strbuf_printf(out, "status %s, %s, %s\n", spvscope_status_name(r->status), spvscope_language_name(r->language),
		spvscope_stage_name(r->stage));
	for (size_t i = 0; i < r->n_diagnostics; i++) {
		const struct spvscope_diagnostic *d = &r->diagnostics[i];
		strbuf_printf(out, "diagnostic %d %s:%u:%u-%u %s %s: %s\n", d->severity, d->file ? d->file : "", d->line,
			d->column_begin, d->column_end, d->source, d->code ? d->code : "-", d->message);
		for (size_t k = 0; k < d->n_related; k++)
			strbuf_printf(out, "  related %s:%u:%u-%u %s\n", d->related[k].file ? d->related[k].file : "",
				d->related[k].line, d->related[k].column_begin, d->related[k].column_end,
				d->related[k].message);
	}
	for (size_t i = 0; i < r->n_dependencies; i++)
		strbuf_printf(out, "dependency %s\n", r->dependencies[i]);
	for (unsigned p = 0; p < SPVSCOPE_N_PRODUCTS; p++)
		if (r->products[p])
			describe_product(spvscope_product_name((enum spvscope_product)p), r->products[p], out);
	if (r->disassembly)
		strbuf_printf(out, "\n%s", r->disassembly);
}

static int write_file(const char *folder, const char *name, const struct strbuf *text)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	if (!f)
		return -errno;
	size_t n = fwrite(text->data, 1, text->len, f);
	return fclose(f) == 0 && n == text->len ? 0 : -EIO;
}

/* Where the two first differ, for whoever reads the test's log. */
static void tell_difference(const char *expected, const char *got)
{
	size_t line = 1, at = 0;

	while (expected[at] && expected[at] == got[at]) {
		if (expected[at] == '\n')
			line++;
		at++;
	}
	while (at > 0 && expected[at - 1] != '\n')
		at--;
	printf("# line %zu\n# expected: %.*s\n# got:      %.*s\n", line, (int)strcspn(expected + at, "\n"), expected + at,
		(int)strcspn(got + at, "\n"), got + at);
}

static bool compare(const struct suite *s, const char *name, const struct strbuf *got)
{
	struct spvscope_file expected = {};
	bool same;

	if (read_file(s->folder, name, &expected) < 0) {
		printf("# %s cannot be read; REGEN=1 writes it\n", name);
		return false;
	}
	if (s->same_compilers) {
		same = expected.size == got->len && memcmp(expected.data, got->data, got->len) == 0;
		if (!same)
			tell_difference((const char *)expected.data, got->data);
	} else {
		size_t n = strcspn(got->data, "\n");
		same = expected.size > n && memcmp(expected.data, got->data, n + 1) == 0;
	}
	free(expected.name);
	free(expected.data);
	return same;
}

static void run_case(struct suite *s, size_t idx)
{
	struct spvscope_job job = { .env = SPVSCOPE_ENV_VULKAN_1_3, .validate = true, .emit = SPVSCOPE_EMIT_DISASSEMBLY };
	struct spvscope_result result = {};
	_cleanup_strbuf_ struct strbuf got = {};
	char expected[512];
	bool good = false;

	if (read_file(s->folder, s->names[idx], &job.source) == 0) {
		read_options(&job, s->folder);
		if (spvscope_compile(&job, NULL, &result) == 0) {
			describe(&result, &got);
			snprintf(expected, sizeof(expected), "%s.expected", s->names[idx]);
			good = s->regen ? write_file(s->folder, expected, &got) == 0 : compare(s, expected, &got);
		}
	}
	printf("%sok %zu - %s\n", good ? "" : "not ", idx + 1, s->names[idx]);
	if (!good)
		s->failed++;
	spvscope_result_done(&result);
	spvscope_job_done(&job);
}

static int is_case(const struct dirent *entry)
{
	const char *ending = strrchr(entry->d_name, '.');

	/* .inc files are there to be included. */
	return entry->d_name[0] != '.' && ending && strcmp(ending, ".expected") != 0 && strcmp(ending, ".inc") != 0;
}

int main(int argc, char **argv)
{
	const char *regen = getenv("REGEN");
	struct suite s = { .regen = regen && strcmp(regen, "1") == 0 };
	struct dirent **entries;

	if (argc != 2) {
		fprintf(stderr, "usage: golden FOLDER\n");
		return 2;
	}
	s.folder = argv[1];
	s.same_compilers = strcmp(spvscope_compiler_versions(), EXPECTED_WITH) == 0;
	if (!s.same_compilers)
		printf("# %s, not %s: only the status is compared\n", spvscope_compiler_versions(), EXPECTED_WITH);
	int n = scandir(s.folder, &entries, is_case, alphasort);
	for (int i = 0; i < n && s.n < MAX_CASES; i++)
		s.names[s.n++] = entries[i]->d_name;
	printf("1..%zu\n", s.n);
	for (size_t i = 0; i < s.n; i++)
		run_case(&s, i);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	if (n >= 0)
		free(entries);
	return s.failed || s.n == 0;
}
