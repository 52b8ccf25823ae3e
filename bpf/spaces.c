/* SPDX-License-Identifier: Apache-2.0 */
/* Which address space lies where. Analyzer process, main thread. */
#include "bpf/spaces.h"

#include <errno.h>
#include <stddef.h>

#include "bpf/unwind_tables.h"

static struct space *find(struct spaces *s, uint64_t id)
{
	for (uint32_t i = 0; id && i < ANALYZER_SPACES; i++)
		if (s->slots[i].id == id)
			return &s->slots[i];
	return NULL;
}

int spaces_load(struct spaces *s, uint64_t id, int fd)
{
	struct space *oldest = NULL;
	int r;

	if (!id)
		return -EINVAL;
	if (find(s, id))
		return -EEXIST;
	for (uint32_t i = 0; i < ANALYZER_SPACES; i++)
		if (!s->slots[i].n_users && (!oldest || s->slots[i].loaded < oldest->loaded))
			oldest = &s->slots[i];
	if (!oldest)
		return -EBUSY;
	*oldest = (struct space){0};
	r = unwind_tables_load(fd, &s->memory[oldest - s->slots]);
	if (r >= 0)
		*oldest = (struct space){.id = id, .loaded = ++s->n_loaded};
	return r;
}

uint32_t spaces_take(struct spaces *s, uint64_t id)
{
	struct space *space = find(s, id);

	if (!space)
		return ANALYZER_NO_SPACE;
	space->n_users++;
	return (uint32_t)(space - s->slots);
}

void spaces_give(struct spaces *s, uint32_t index)
{
	if (index < ANALYZER_SPACES)
		s->slots[index].n_users--;
}
