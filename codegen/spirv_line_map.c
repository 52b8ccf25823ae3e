/* SPDX-License-Identifier: Apache-2.0 */
/* The map from source lines to instructions, as JSON. Runs in the worker, on the compiling thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/spirv_lines.h"
#include "codegen/spirv_tools/asm_lines.h"

/* A run of instructions that follow each other and come from one line. */
struct run {
	const char *file;
	uint32_t line;
	size_t first, last; /* numbers, from 1 */
	size_t n_instructions, n_words; /* without those that are about places alone */
};

struct map {
	struct run *runs;
	size_t n_runs, n_room;
	size_t n_instructions, n_unmapped;
	bool no_memory;
	const char **files; /* each name once, by first use; borrowed from the module */
	size_t n_files;
};

static bool same_file(const char *a, const char *b)
{
	return a == b || strcmp(a, b) == 0;
}

static bool take(void *ctx, const struct spirv_instruction *i)
{
	struct map *m = ctx;
	struct run *last = m->n_runs ? &m->runs[m->n_runs - 1] : NULL;

	m->n_instructions = i->number;
	if (!i->place.file || i->is_line) {
		m->n_unmapped += !i->is_line;
		return true;
	}
	if (!last || last->line != i->place.line || last->last + 1 < i->number || !same_file(last->file, i->place.file)) {
		if (m->n_runs == m->n_room) {
			size_t room = m->n_room ? 2 * m->n_room : 64;
			struct run *grown = reallocarray(m->runs, room, sizeof(*grown));

			if (!grown) {
				m->no_memory = true;
				return false;
			}
			m->runs = grown;
			m->n_room = room;
		}
		last = &m->runs[m->n_runs++];
		*last = (struct run){ .file = i->place.file, .line = i->place.line, .first = i->number };
	}
	last->last = i->number;
	last->n_instructions++;
	last->n_words += i->n_words;
	return true;
}

static int find_files(struct map *m)
{
	m->files = calloc(m->n_runs + 1, sizeof(*m->files));
	if (!m->files)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_runs; i++) {
		size_t k = 0;

		if (i > 0 && same_file(m->runs[i].file, m->runs[i - 1].file)) {
			m->runs[i].file = m->runs[i - 1].file;
			continue;
		}
		while (k < m->n_files && strcmp(m->files[k], m->runs[i].file) != 0)
			k++;
		if (k == m->n_files)
			m->files[m->n_files++] = m->runs[i].file;
		m->runs[i].file = m->files[k];
	}
	return 0;
}

static size_t file_idx(const struct map *m, const char *file)
{
	size_t k = 0;

	while (m->files[k] != file)
		k++;
	return k;
}

static int compare(const void *a, const void *b, void *ctx)
{
	const struct run *x = a, *y = b;
	size_t fx = file_idx(ctx, x->file), fy = file_idx(ctx, y->file);

	if (fx != fy)
		return fx < fy ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* [[first, last], …] of n runs of one line; of instruction numbers, or of the lines that lines[] has for them. */
static void write_ranges(const struct run *runs, size_t n, const uint32_t *lines, struct strbuf *out)
{
	strbuf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		size_t first = lines ? lines[runs[i].first] : runs[i].first;
		size_t last = lines ? lines[runs[i].last + 1] - 1 : runs[i].last;

		strbuf_printf(out, "%s[%zu, %zu]", i ? ", " : "", first, last < first ? first : last);
	}
	strbuf_putc(out, ']');
}

static void write_line(const struct map *m, const struct run *runs, size_t n, const uint32_t *lines, struct strbuf *out)
{
	size_t n_instructions = 0, n_words = 0;

	for (size_t i = 0; i < n; i++) {
		n_instructions += runs[i].n_instructions;
		n_words += runs[i].n_words;
	}
	strbuf_printf(out, "{\"file\": %zu, \"line\": %" PRIu32 ", \"n_instructions\": %zu, \"n_bytes\": %zu, \"instructions\": ",
		file_idx(m, runs->file), runs->line, n_instructions, n_words * sizeof(uint32_t));
	write_ranges(runs, n, NULL, out);
	if (lines) {
		strbuf_puts(out, ", \"disassembly\": ");
		write_ranges(runs, n, lines, out);
	}
	strbuf_putc(out, '}');
}

static void write_map(const struct map *m, const uint32_t *lines, const char *unnamed, struct strbuf *out)
{
	strbuf_puts(out, "{\"files\": [");
	for (size_t i = 0; i < m->n_files; i++) {
		if (i)
			strbuf_puts(out, ", ");
		if (unnamed && strcmp(m->files[i], unnamed) == 0)
			strbuf_puts(out, "null");
		else
			strbuf_json_string(out, m->files[i], strlen(m->files[i]));
	}
	strbuf_printf(out, "], \"n_instructions\": %zu, \"n_unmapped\": %zu, \"lines\": [", m->n_instructions, m->n_unmapped);
	for (size_t i = 0; i < m->n_runs;) {
		size_t n = 1;

		while (i + n < m->n_runs && m->runs[i + n].file == m->runs[i].file && m->runs[i + n].line == m->runs[i].line)
			n++;
		if (i)
			strbuf_puts(out, ", ");
		write_line(m, &m->runs[i], n, lines, out);
		i += n;
	}
	strbuf_puts(out, "]}");
}

int spirv_line_map(const uint32_t *words, size_t n_words, const char *disassembly, const char *unnamed, struct strbuf *out)
{
	struct map m = {};
	_cleanup_free_ uint32_t *lines = NULL;
	int r = spirv_walk(words, n_words, take, &m);

	if (m.no_memory)
		r = -ENOMEM;
	if (r == 0)
		r = find_files(&m);
	if (r == 0 && disassembly) {
		lines = calloc(m.n_instructions + 2, sizeof(*lines));
		r = lines ? 0 : -ENOMEM;
		if (lines)
			asm_instruction_lines(disassembly, strlen(disassembly), lines, m.n_instructions + 1);
	}
	if (r == 0) {
		if (m.n_runs > 1)
			qsort_r(m.runs, m.n_runs, sizeof(*m.runs), compare, &m);
		write_map(&m, lines, unnamed, out);
	}
	free(m.runs);
	free(m.files);
	return r == 0 && out->failed ? -ENOMEM : r;
}
