/* SPDX-License-Identifier: Apache-2.0 */
/* A profile as bytes for the store, and back. Columns of differences: stacks and samples repeat what came before them.
 * Pure; any thread that may read the profile.
 *
 *   "SVPR" version | frequency complete truncated lost… | strings | frames | stacks | samples
 *
 * Version 1 had on-CPU samples of one thread only; it is still read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/formats/formats.h"
#include "api/formats/packed.h"
#include "api/profile.h"
#include "base/cleanup.h"

#define PROFILE_MAGIC   "SVPR"
#define PROFILE_VERSION 2

/* Least bytes of one: each field takes at least one. */
#define STRING_MIN_BYTES 1
#define FRAME_MIN_BYTES  4
#define STACK_MIN_BYTES  2
#define SAMPLE_MIN_BYTES 6

void profile_encode(const struct profile *p, struct strbuf *out)
{
	uint64_t frame = 0, stack = 0, span = 0, time_ns = 0, pid = 0, tid = 0;

	strbuf_puts(out, PROFILE_MAGIC);
	packed_put(out, PROFILE_VERSION);
	packed_put(out, p->frequency_hz);
	packed_put(out, p->complete);
	packed_put(out, p->truncated);
	for (size_t i = 0; i < PROFILE_N_KINDS; i++)
		packed_put(out, p->lost[i]);
	packed_put(out, p->n_strings);
	for (size_t i = 0; i < p->n_strings; i++)
		packed_put_string(out, p->strings[i]);
	packed_put(out, p->n_frames);
	for (size_t i = 0; i < p->n_frames; i++) {
		packed_put(out, p->frames[i].name);
		packed_put(out, p->frames[i].module);
		packed_put(out, p->frames[i].file);
		packed_put(out, p->frames[i].line);
	}
	packed_put(out, p->n_stacks);
	for (size_t i = 0; i < p->n_stacks; i++) {
		uint32_t parent = p->stacks[i].parent;
		packed_put(out, parent == PROFILE_NO_STACK ? 0 : i - parent); /* distance; 0 is none */
		packed_put_delta(out, &frame, p->stacks[i].frame);
	}
	packed_put(out, p->n_samples);
	for (size_t i = 0; i < p->n_samples; i++) {
		const struct profile_sample *s = &p->samples[i];
		packed_put_delta(out, &time_ns, s->time_ns);
		packed_put_delta(out, &stack, s->stack == PROFILE_NO_STACK ? 0 : (uint64_t)s->stack + 1);
		packed_put_delta(out, &span, s->span == PROFILE_NO_SPAN ? 0 : (uint64_t)s->span + 1);
		packed_put(out, s->run);
		packed_put(out, s->result);
		packed_put(out, s->flags);
		packed_put(out, s->kind);
		packed_put(out, s->weight_ns);
		packed_put_delta(out, &pid, s->pid);
		packed_put_delta(out, &tid, s->tid);
	}
}

static void profile_freep(struct profile **p)
{
	profile_free(*p);
}

static int read_head(struct packed_reader *in, struct profile *p, uint64_t *version)
{
	if ((size_t)(in->end - in->at) < strlen(PROFILE_MAGIC) || memcmp(in->at, PROFILE_MAGIC, strlen(PROFILE_MAGIC)))
		return -EBADMSG;
	in->at += strlen(PROFILE_MAGIC);
	*version = packed_get(in);
	if (*version < 1 || *version > PROFILE_VERSION)
		return -EBADMSG;
	p->frequency_hz = (uint32_t)packed_get_at_most(in, UINT32_MAX);
	p->complete = packed_get(in);
	p->truncated = packed_get(in);
	for (size_t i = 0; i < (*version == 1 ? 1 : PROFILE_N_KINDS); i++)
		p->lost[i] = packed_get(in);
	return 0;
}

/* The n_* of the profile grow with what is filled in, so that profile_free always knows what to free. */
static int read_strings(struct packed_reader *in, struct profile *p, uint64_t *version)
{
	(void)version;
	size_t n = packed_get_count(in, STRING_MIN_BYTES);
	p->strings = calloc(n + 1, sizeof(*p->strings));
	if (!p->strings)
		return -ENOMEM;
	while (p->n_strings < n) {
		size_t len;
		const char *s = packed_get_string(in, &len);
		if (!s)
			return -EBADMSG;
		p->strings[p->n_strings] = strndup(s, len);
		if (!p->strings[p->n_strings])
			return -ENOMEM;
		p->n_strings++;
	}
	/* Index 0 means "none" in many places. */
	return n > 0 && p->strings[0][0] == '\0' ? 0 : -EBADMSG;
}

static int read_frames(struct packed_reader *in, struct profile *p, uint64_t *version)
{
	(void)version;
	size_t n = packed_get_count(in, FRAME_MIN_BYTES);
	p->frames = calloc(n + 1, sizeof(*p->frames));
	if (!p->frames)
		return -ENOMEM;
	for (; p->n_frames < n && !in->bad; p->n_frames++) {
		struct profile_frame *f = &p->frames[p->n_frames];
		f->name = (uint32_t)packed_get_at_most(in, p->n_strings - 1);
		f->module = (uint32_t)packed_get_at_most(in, p->n_strings - 1);
		f->file = (uint32_t)packed_get_at_most(in, p->n_strings - 1);
		f->line = (uint32_t)packed_get_at_most(in, UINT32_MAX);
	}
	return 0;
}

static int read_stacks(struct packed_reader *in, struct profile *p, uint64_t *version)
{
	(void)version;
	size_t n = packed_get_count(in, STACK_MIN_BYTES);
	uint64_t frame = 0;
	_cleanup_free_ uint16_t *depth = calloc(n + 1, sizeof(*depth));
	p->stacks = calloc(n + 1, sizeof(*p->stacks));
	if (!p->stacks || !depth)
		return -ENOMEM;
	for (; p->n_stacks < n && !in->bad; p->n_stacks++) {
		size_t i = p->n_stacks, distance = (size_t)packed_get_at_most(in, i);
		p->stacks[i].parent = distance ? (uint32_t)(i - distance) : PROFILE_NO_STACK;
		depth[i] = distance ? (uint16_t)(depth[i - distance] + 1) : 1;
		if (packed_get_delta(in, &frame) >= p->n_frames || depth[i] > PROFILE_MAX_DEPTH)
			return -EBADMSG;
		p->stacks[i].frame = (uint32_t)frame;
	}
	return 0;
}

/* What version 2 added. */
static int read_kind(struct packed_reader *in, struct profile_sample *s, uint64_t *pid, uint64_t *tid)
{
	s->kind = (uint16_t)packed_get_at_most(in, PROFILE_N_KINDS - 1);
	s->weight_ns = packed_get(in);
	if (packed_get_delta(in, pid) > UINT32_MAX || packed_get_delta(in, tid) > UINT32_MAX)
		return -EBADMSG;
	s->pid = (uint32_t)*pid;
	s->tid = (uint32_t)*tid;
	return 0;
}

static int read_samples(struct packed_reader *in, struct profile *p, uint64_t *version)
{
	size_t n = packed_get_count(in, SAMPLE_MIN_BYTES);
	uint64_t stack = 0, span = 0, time_ns = 0, pid = 0, tid = 0;
	p->samples = calloc(n + 1, sizeof(*p->samples));
	if (!p->samples)
		return -ENOMEM;
	for (; p->n_samples < n && !in->bad; p->n_samples++) {
		struct profile_sample *s = &p->samples[p->n_samples];
		s->time_ns = packed_get_delta(in, &time_ns);
		if (packed_get_delta(in, &stack) > p->n_stacks || packed_get_delta(in, &span) > UINT32_MAX)
			return -EBADMSG;
		s->stack = stack ? (uint32_t)(stack - 1) : PROFILE_NO_STACK;
		s->span = span ? (uint32_t)(span - 1) : PROFILE_NO_SPAN;
		s->run = (uint32_t)packed_get_at_most(in, UINT32_MAX);
		s->result = (uint16_t)packed_get_at_most(in, UINT16_MAX);
		s->flags = (uint16_t)packed_get_at_most(in, UINT16_MAX);
		if (*version > 1 && read_kind(in, s, &pid, &tid) < 0)
			return -EBADMSG;
	}
	return 0;
}

int profile_decode(const void *data, size_t size, struct profile **ret)
{
	static int (*const steps[])(struct packed_reader *in, struct profile *p, uint64_t *version) = {
		read_head, read_strings, read_frames, read_stacks, read_samples,
	};
	struct packed_reader in = {.at = data, .end = size ? (const uint8_t *)data + size : data};
	_cleanup_(profile_freep) struct profile *p = calloc(1, sizeof(*p));
	uint64_t version = 0;
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int err = steps[i](&in, p, &version);
		if (err == 0 && in.bad)
			err = -EBADMSG;
		if (err < 0)
			return err;
	}
	if (in.at != in.end || p->n_samples > UINT32_MAX - 1 || p->n_stacks > UINT32_MAX - 1)
		return -EBADMSG;
	*ret = TAKE_PTR(p);
	return 0;
}
