/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to frames, and frames to stacks of the profile. Runs on the assembler's thread, which the symbolizer belongs
 * to. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "server/compile/assemble_samples.h"

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

static int64_t name_frame(struct sampling *s, uint64_t address, bool is_return_address, bool named, struct frame_cell *ret)
{
	struct symbol symbol;
	char unnamed[32];

	ret->is_code = true;
	if (!named || !s->a->image || !image_lookup(s->a->image, address, is_return_address, &symbol)) {
		snprintf(unnamed, sizeof(unnamed), "0x%llx", (unsigned long long)address);
		return profile_add_frame(s->profile, unnamed, named ? "[unknown]" : "[another program]", NULL, 0);
	}
	ret->outermost = symbol.outermost;
	ret->is_code = symbol.module[0] != '[' || strcmp(symbol.module, "[vdso]") == 0;
	return profile_add_frame(s->profile, symbol.name, symbol.module, symbol.file, symbol.line);
}

/* User addresses leave the two top bits of a key free. */
static int frame_at(struct sampling *s, uint64_t address, bool is_return_address, bool named, const struct frame_cell **ret)
{
	uint64_t key = (address & ~(3ull << 62)) | (uint64_t)is_return_address << 63 | (uint64_t)!named << 62;
	struct frame_cache *c = &s->cache;
	struct frame_cell cell = {0};
	int64_t frame;
	size_t at;

	if (c->n_used * 2 >= c->n_cells && cache_grow(c) < 0)
		return -ENOMEM;
	key = key ? key : 1;
	at = (key * 0x9e3779b97f4a7c15u >> 20) & (c->n_cells - 1);
	while (c->cells[at].key && c->cells[at].key != key)
		at = (at + 1) & (c->n_cells - 1);
	if (!c->cells[at].key) {
		frame = name_frame(s, address, is_return_address, named, &cell);
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
static int count_frames(struct sampling *s, const uint64_t *ips, uint32_t n_ips, bool named, uint32_t *ret)
{
	const struct frame_cell *cell = NULL;
	uint32_t n = n_ips < ANALYZER_MAX_FRAMES ? n_ips : ANALYZER_MAX_FRAMES;

	for (uint32_t i = 0; i < n; i++) {
		int r = frame_at(s, ips[i], i > 0, named, &cell);

		if (r < 0)
			return r;
		if (!cell->is_code && i > 0)
			n = i;
	}
	*ret = n;
	return 0;
}


/* Outermost first, as the profile's stacks grow. */
int sampling_add_stack(struct sampling *s, const uint64_t *ips, uint32_t n_ips, bool named, uint32_t leaf,
	uint32_t *ret_stack, bool *ret_outermost)
{
	int64_t stack = PROFILE_NO_STACK;
	const struct frame_cell *cell = NULL;
	uint32_t n_frames = 0;
	int r = count_frames(s, ips, n_ips, named, &n_frames);

	*ret_outermost = false;
	for (uint32_t i = n_frames; r >= 0 && i-- > 0;) {
		r = frame_at(s, ips[i], i > 0, named, &cell);
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
