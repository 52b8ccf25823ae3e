/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a profile: strings, frames and stacks are kept once each, found by hash. Runs in the front; one thread a
 * profile while it is built, any thread once it is only read. */
#include "api/profile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

/* Open addressing; a slot holds an index plus one. At most half of the slots are taken. */
struct table {
	uint32_t *slots;
	size_t n_slots; /* a power of two, or 0 */
	size_t n_indexed;
};

/* Made at the first addition, also to a profile that was decoded. */
struct profile_index {
	uint64_t seed; /* names come from what was compiled: who does not know the seed cannot make them collide */
	struct table strings, frames, stacks;
	size_t strings_capacity, frames_capacity, stacks_capacity, samples_capacity;
};

/* The finalizer of splitmix64: every input bit changes every output bit about half of the time. */
static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
	return h ^ (h >> 31);
}

static uint64_t hash_bytes(uint64_t seed, const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t h = seed ^ len, word;
	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		h = mix(h ^ word) + seed;
	}
	word = 0;
	if (len)
		memcpy(&word, at, len);
	return mix(h ^ word);
}

static bool string_is(const struct profile *p, uint32_t idx, const void *key)
{
	return !strcmp(p->strings[idx], key);
}

static bool frame_is(const struct profile *p, uint32_t idx, const void *key)
{
	return !memcmp(&p->frames[idx], key, sizeof(struct profile_frame));
}

static bool stack_is(const struct profile *p, uint32_t idx, const void *key)
{
	return !memcmp(&p->stacks[idx], key, sizeof(struct profile_stack));
}

typedef bool (*equal_fn)(const struct profile *p, uint32_t idx, const void *key);

static uint32_t *find_slot(const struct profile *p, const struct table *t, uint64_t hash, const void *key,
	equal_fn equal)
{
	size_t i = hash & (t->n_slots - 1);
	while (t->slots[i] && !equal(p, t->slots[i] - 1, key))
		i = (i + 1) & (t->n_slots - 1);
	return &t->slots[i];
}

static uint64_t hash_string(const struct profile *p, const char *s)
{
	return hash_bytes(p->index->seed, s, strlen(s));
}

static uint64_t hash_of(const struct profile *p, const struct table *t, uint32_t idx)
{
	uint64_t seed = p->index->seed;
	if (t == &p->index->strings)
		return hash_string(p, p->strings[idx]);
	if (t == &p->index->frames)
		return hash_bytes(seed, &p->frames[idx], sizeof(p->frames[idx]));
	return hash_bytes(seed, &p->stacks[idx], sizeof(p->stacks[idx]));
}

/* Makes room for one more in t, and indexes what is not yet there: n things, all different but for decoded doubles,
 * which do no harm. */
static int prepare(const struct profile *p, struct table *t, size_t n)
{
	if ((n + 1) * 2 <= t->n_slots && t->n_indexed == n)
		return 0;
	size_t n_slots = t->n_slots ? t->n_slots : 256;
	while ((n + 1) * 2 > n_slots)
		n_slots *= 2;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t idx = 0; idx < n; idx++) {
		size_t i = hash_of(p, t, (uint32_t)idx) & (n_slots - 1);
		while (slots[i])
			i = (i + 1) & (n_slots - 1);
		slots[i] = (uint32_t)idx + 1;
	}
	free(t->slots);
	*t = (struct table){slots, n_slots, n};
	return 0;
}

static int grow_array(void *array, size_t n, size_t *capacity, size_t size)
{
	if (n >= UINT32_MAX - 1)
		return -E2BIG;
	if (n < *capacity)
		return 0;
	size_t more = n < 64 ? 64 : n * 2;
	void *p = reallocarray(*(void **)array, more, size);
	if (!p)
		return -ENOMEM;
	*(void **)array = p;
	*capacity = more;
	return 0;
}

static int make_index(struct profile *p)
{
	if (p->index)
		return 0;
	p->index = calloc(1, sizeof(*p->index));
	if (!p->index)
		return -ENOMEM;
	if (getrandom(&p->index->seed, sizeof(p->index->seed), GRND_NONBLOCK) != sizeof(p->index->seed))
		p->index->seed = mix(clock_now_ns());
	return 0;
}

struct profile *profile_new(void)
{
	struct profile *p = calloc(1, sizeof(*p));
	if (p && profile_add_string(p, "") != 0) {
		profile_free(p);
		return NULL;
	}
	return p;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_strings; i++)
		free(p->strings[i]);
	free(p->strings);
	free(p->frames);
	free(p->stacks);
	free(p->samples);
	if (p->index) {
		free(p->index->strings.slots);
		free(p->index->frames.slots);
		free(p->index->stacks.slots);
		free(p->index);
	}
	free(p);
}

int64_t profile_add_string(struct profile *p, const char *s)
{
	s = s ? s : "";
	int r = make_index(p);
	if (r == 0)
		r = prepare(p, &p->index->strings, p->n_strings);
	if (r < 0)
		return r;
	struct table *t = &p->index->strings;
	uint32_t *slot = find_slot(p, t, hash_string(p, s), s, string_is);
	if (*slot)
		return *slot - 1;
	r = grow_array(&p->strings, p->n_strings, &p->index->strings_capacity, sizeof(*p->strings));
	if (r < 0)
		return r;
	char *copy = strdup(s);
	if (!copy)
		return -ENOMEM;
	p->strings[p->n_strings++] = copy;
	t->n_indexed++;
	*slot = (uint32_t)p->n_strings;
	return (int64_t)p->n_strings - 1;
}

int64_t profile_add_frame(struct profile *p, const char *name, const char *module, const char *file, uint32_t line)
{
	int64_t n = profile_add_string(p, name);
	int64_t m = n < 0 ? n : profile_add_string(p, module);
	int64_t f = m < 0 ? m : profile_add_string(p, file);
	if (f < 0)
		return f;
	struct profile_frame frame = {(uint32_t)n, (uint32_t)m, (uint32_t)f, line};
	struct table *t = &p->index->frames;
	int r = prepare(p, t, p->n_frames);
	if (r < 0)
		return r;
	uint32_t *slot = find_slot(p, t, hash_bytes(p->index->seed, &frame, sizeof(frame)), &frame, frame_is);
	if (*slot)
		return *slot - 1;
	r = grow_array(&p->frames, p->n_frames, &p->index->frames_capacity, sizeof(*p->frames));
	if (r < 0)
		return r;
	p->frames[p->n_frames++] = frame;
	t->n_indexed++;
	*slot = (uint32_t)p->n_frames;
	return (int64_t)p->n_frames - 1;
}

static bool is_too_deep(const struct profile *p, uint32_t parent)
{
	unsigned depth = 1;
	for (uint32_t at = parent; at != PROFILE_NO_STACK; at = p->stacks[at].parent)
		if (++depth > PROFILE_MAX_DEPTH)
			return true;
	return false;
}

int64_t profile_add_stack(struct profile *p, uint32_t parent, uint32_t frame)
{
	struct profile_stack stack = {parent, frame};

	if (frame >= p->n_frames || (parent != PROFILE_NO_STACK && parent >= p->n_stacks))
		return -EINVAL;
	int r = make_index(p);
	if (r == 0)
		r = prepare(p, &p->index->stacks, p->n_stacks);
	if (r < 0)
		return r;
	struct table *t = &p->index->stacks;
	uint32_t *slot = find_slot(p, t, hash_bytes(p->index->seed, &stack, sizeof(stack)), &stack, stack_is);
	if (*slot)
		return *slot - 1;
	if (is_too_deep(p, parent))
		return -E2BIG;
	r = grow_array(&p->stacks, p->n_stacks, &p->index->stacks_capacity, sizeof(*p->stacks));
	if (r < 0)
		return r;
	p->stacks[p->n_stacks++] = stack;
	t->n_indexed++;
	*slot = (uint32_t)p->n_stacks;
	return (int64_t)p->n_stacks - 1;
}

int profile_add_sample(struct profile *p, const struct profile_sample *sample)
{
	if ((sample->stack != PROFILE_NO_STACK && sample->stack >= p->n_stacks) || sample->kind >= PROFILE_N_KINDS)
		return -EINVAL;
	int r = make_index(p);
	if (r == 0)
		r = grow_array(&p->samples, p->n_samples, &p->index->samples_capacity, sizeof(*p->samples));
	if (r < 0)
		return r;
	p->samples[p->n_samples++] = *sample;
	if (sample->kind == PROFILE_ON_CPU && sample->result == 0)
		p->complete++;
	else if (sample->kind == PROFILE_ON_CPU)
		p->truncated++;
	return 0;
}

static const char *const kind_names[PROFILE_N_KINDS] = {
	[PROFILE_ON_CPU] = "on-cpu", [PROFILE_OFF_CPU] = "off-cpu", [PROFILE_FAULTS] = "faults",
};

const char *profile_kind_name(enum profile_kind kind)
{
	return kind_names[kind];
}

enum profile_kind profile_kind_find(const char *name)
{
	enum profile_kind kind = 0;

	while (kind < PROFILE_N_KINDS && strcmp(kind_names[kind], name) != 0)
		kind++;
	return kind;
}
