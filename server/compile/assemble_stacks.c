/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to frames, and frames to stacks of the profile. Runs on the assembler's thread, which the symbolizer belongs
 * to. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "server/compile/assemble_samples.h"

#define MAPPINGS_MAX 0x3ffeu /* so that one's number plus one has room in a frame's key; those beyond have no names */

static_assert(ANALYZER_MAX_FRAMES + 2 <= PROFILE_MAX_DEPTH, "a stack with one more frame and [truncated] has room");

int sampling_init_stacks(struct sampling *s)
{
	int64_t frame = profile_add_frame(s->profile, "[kernel]", "[kernel]", NULL, 0);

	if (frame < 0)
		return (int)frame;
	s->kernel_frame = (uint32_t)frame;
	return 0;
}

void sampling_done_stacks(struct sampling *s)
{
	free(s->cache.cells);
	s->cache = (struct frame_cache){0};
	free(s->mappings);
	s->mappings = NULL;
	s->n_mappings = s->mappings_capacity = 0;
}

static int cache_grow(struct frame_cache *c)
{
	struct frame_cache bigger = {.n_cells = c->n_cells ? c->n_cells * 2 : 4096, .n_used = c->n_used};

	bigger.cells = calloc(bigger.n_cells, sizeof(*bigger.cells));
	if (!bigger.cells)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_cells; i++) {
		size_t at = (c->cells[i].key * 0x9e3779b97f4a7c15u >> 20) & (bigger.n_cells - 1);

		if (!c->cells[i].key)
			continue;
		while (bigger.cells[at].key)
			at = (at + 1) & (bigger.n_cells - 1);
		bigger.cells[at] = c->cells[i];
	}
	free(c->cells);
	*c = bigger;
	return 0;
}

int sampling_take_mapping(struct sampling *s, const struct analyzer_mapping *in)
{
	struct program_mapping *m;

	if (s->n_mappings == MAPPINGS_MAX)
		return 0;
	if (s->n_mappings == s->mappings_capacity) {
		size_t capacity = s->mappings_capacity ? 2 * s->mappings_capacity : 64;
		struct program_mapping *grown = reallocarray(s->mappings, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->mappings = grown;
		s->mappings_capacity = capacity;
	}
	m = &s->mappings[s->n_mappings++];
	*m = (struct program_mapping){in->pid, in->start, in->end, in->file_offset, in->image, ""};
	memcpy(m->name, in->name, sizeof(m->name) - 1);
	return 0;
}

/* The later one counts: an exec maps other files at the same addresses. */
static const struct program_mapping *find_mapping(const struct sampling *s, uint32_t pid, uint64_t address)
{
	for (size_t i = s->n_mappings; i-- > 0;) {
		const struct program_mapping *m = &s->mappings[i];

		if (m->pid == pid && address >= m->start && address < m->end)
			return m;
	}
	return NULL;
}

/* As the symbolizer says it where no symbol covers the address. */
static void name_by_file(struct sampling *s, const struct program_mapping *m, uint64_t offset, struct symbol *ret)
{
	snprintf(s->by_file, sizeof(s->by_file), "%s+0x%llx", m->name, (unsigned long long)offset);
	*ret = (struct symbol){.name = s->by_file, .module = m->name, .offset = offset};
}

bool sampling_name(struct sampling *s, uint64_t address, bool is_return_address, uint32_t program_pid, struct symbol *ret)
{
	const struct program_mapping *m;
	uint64_t offset;

	if (program_pid == 0)
		return s->a->image && image_lookup(s->a->image, address, is_return_address, ret);
	m = find_mapping(s, program_pid, address);
	if (!m || !m->name[0])
		return false;
	offset = address - m->start + m->file_offset;
	if (!m->image || !s->a->files || !program_files_lookup(s->a->files, m->image, offset, is_return_address, ret))
		name_by_file(s, m, offset, ret);
	return true;
}

static int64_t name_frame(struct sampling *s, uint64_t address, bool is_return_address, uint32_t program_pid,
	struct frame_cell *ret)
{
	struct symbol symbol;
	char unnamed[32];

	ret->is_code = true;
	if (!sampling_name(s, address, is_return_address, program_pid, &symbol)) {
		snprintf(unnamed, sizeof(unnamed), "0x%llx", (unsigned long long)address);
		return profile_add_frame(s->profile, unnamed, program_pid ? "[another program]" : "[unknown]", NULL, 0);
	}
	ret->outermost = symbol.outermost;
	ret->is_code = symbol.module[0] != '[' || strcmp(symbol.module, "[vdso]") == 0;
	return profile_add_frame(s->profile, symbol.name, symbol.module, symbol.file, symbol.line);
}

/* User addresses leave the bits above 46 of a key free: for which mapping of another program it is in. */
static uint64_t frame_key(const struct sampling *s, uint64_t address, bool is_return_address, uint32_t program_pid)
{
	const struct program_mapping *m = program_pid ? find_mapping(s, program_pid, address) : NULL;
	uint64_t mapping = m ? (uint64_t)(m - s->mappings) + 1 : 0;
	uint64_t key = (address & ((1ull << 47) - 1)) | mapping << 47 | (uint64_t)(program_pid != 0) << 62 |
		       (uint64_t)is_return_address << 63;

	return key ? key : 1;
}

static int frame_at(struct sampling *s, uint64_t address, bool is_return_address, uint32_t program_pid,
	const struct frame_cell **ret)
{
	uint64_t key = frame_key(s, address, is_return_address, program_pid);
	struct frame_cache *c = &s->cache;
	struct frame_cell cell = {0};
	int64_t frame;
	size_t at;

	if (c->n_used * 2 >= c->n_cells && cache_grow(c) < 0)
		return -ENOMEM;
	at = (key * 0x9e3779b97f4a7c15u >> 20) & (c->n_cells - 1);
	while (c->cells[at].key && c->cells[at].key != key)
		at = (at + 1) & (c->n_cells - 1);
	if (!c->cells[at].key) {
		frame = name_frame(s, address, is_return_address, program_pid, &cell);
		if (frame < 0)
			return (int)frame;
		cell.key = key;
		cell.frame = (uint32_t)frame;
	c->cells[at] = cell;
		c->n_used++;
	}
	*ret = &c->cells[at];
	return 0;
}

/* How many of the frames are callers indeed. Where code was built without frame pointers the chain leads into data
 * sooner or later, and what lies behind such a link means nothing. */
static int count_frames(struct sampling *s, const uint64_t *ips, uint32_t n_ips, uint32_t program_pid, uint32_t *ret)
{
	const struct frame_cell *cell = NULL;
	uint32_t n = n_ips < ANALYZER_MAX_FRAMES ? n_ips : ANALYZER_MAX_FRAMES;

	for (uint32_t i = 0; i < n; i++) {
		int r = frame_at(s, ips[i], i > 0, program_pid, &cell);

		if (r < 0)
			return r;
		if (!cell->is_code && i > 0)
			n = i;
	}
	*ret = n;
	return 0;
}


/* Outermost first, as the profile's stacks grow. */
int sampling_add_stack(struct sampling *s, const uint64_t *ips, uint32_t n_ips, uint32_t program_pid, uint32_t leaf,
	uint32_t *ret_stack, bool *ret_outermost)
{
	int64_t stack = PROFILE_NO_STACK;
	const struct frame_cell *cell = NULL;
	uint32_t n_frames = 0;
	int r = count_frames(s, ips, n_ips, program_pid, &n_frames);

	*ret_outermost = false;
	for (uint32_t i = n_frames; r >= 0 && i-- > 0;) {
		r = frame_at(s, ips[i], i > 0, program_pid, &cell);
		if (r < 0)
			break;
		if (i == n_frames - 1)
			*ret_outermost = cell->outermost;
		stack = profile_add_stack(s->profile, (uint32_t)stack, cell->frame);
		r = stack < 0 ? (int)stack : 0;
	}
	if (r >= 0 && leaf != UINT32_MAX) {
		stack = profile_add_stack(s->profile, (uint32_t)stack, leaf);
		r = stack < 0 ? (int)stack : 0;
	}
	if (r < 0)
		return r;
	*ret_stack = (uint32_t)stack;
	return 0;
}
