/* SPDX-License-Identifier: Apache-2.0 */
/* A session's records, gathered and handed over. Analyzer process, main thread. */
#include "bpf/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FIRST_CAPACITY 65536u

/* Every record begins so. */
struct timed_record {
	struct analyzer_record head;
	uint64_t time_ns;
};
static_assert(offsetof(struct analyzer_sample, time_ns) == offsetof(struct timed_record, time_ns), "layout");
static_assert(offsetof(struct analyzer_event, time_ns) == offsetof(struct timed_record, time_ns), "layout");
static_assert(offsetof(struct analyzer_off_cpu, time_ns) == offsetof(struct timed_record, time_ns), "layout");
static_assert(offsetof(struct analyzer_death, time_ns) == offsetof(struct timed_record, time_ns), "layout");
static_assert(offsetof(struct analyzer_stolen, time_ns) == offsetof(struct timed_record, time_ns), "layout");
static_assert(sizeof(struct analyzer_off_cpu) % 8 == 0 && sizeof(struct analyzer_stolen) % 8 == 0, "layout");
static_assert(sizeof(struct analyzer_death) % 8 == 0, "layout");
static_assert(sizeof(struct analyzer_sample) % 8 == 0 && sizeof(struct analyzer_event) % 8 == 0, "layout");

void gather_done(struct gather *g)
{
	free(g->data);
	*g = (struct gather){0};
}

static bool grow(struct gather *g, size_t size)
{
	size_t capacity = g->capacity ? g->capacity : FIRST_CAPACITY;
	char *data;

	if (g->len + size > ANALYZER_HANDOVER_MAX_BYTES)
		return false;
	while (capacity < g->len + size)
		capacity *= 2;
	if (capacity == g->capacity)
		return true;
	data = realloc(g->data, capacity);
	if (!data)
		return false;
	g->data = data;
	g->capacity = capacity;
	return true;
}

void *gather_append(struct gather *g, enum analyzer_record_type type, size_t head_bytes, uint32_t n_ips,
	uint64_t time_ns)
{
	size_t size = head_bytes + (size_t)n_ips * sizeof(uint64_t);
	struct timed_record *record;

	if (!grow(g, size))
		return NULL;
	record = (struct timed_record *)(g->data + g->len);
	memset(record, 0, head_bytes);
	record->head.size = (uint32_t)size;
	record->head.type = type;
	record->time_ns = time_ns;
	g->len += size;
	g->disordered |= time_ns < g->last_time_ns;
	g->last_time_ns = time_ns;
	g->n_records++;
	g->n_samples += type == ANALYZER_RECORD_SAMPLE;
	g->n_events += type == ANALYZER_RECORD_EVENT;
	return record;
}

/* By time, then by place, so that equal times keep their order. */
static int compare_records(const void *a, const void *b)
{
	const struct timed_record *x = *(struct timed_record *const *)a, *y = *(struct timed_record *const *)b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int sort_records(struct gather *g)
{
	size_t n = g->n_records, at = 0;
	_cleanup_free_ const struct timed_record **order = calloc(n, sizeof(*order));
	char *sorted = malloc(g->len);

	if (!order || !sorted) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		order[i] = (const struct timed_record *)(g->data + at);
		at += order[i]->head.size;
	}
	qsort(order, n, sizeof(*order), compare_records);
	at = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(sorted + at, order[i], order[i]->head.size);
		at += order[i]->head.size;
	}
	free(g->data);
	g->data = sorted;
	g->capacity = g->len;
	g->disordered = false;
	return 0;
}

static int seal(const struct gather *g)
{
	_cleanup_fd_ int fd = memfd_create("spvscope-samples", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < g->len;) {
		ssize_t n = write(fd, g->data + at, g->len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int gather_hand_over(struct gather *g, struct analyzer_handover *ret)
{
	int r = g->disordered ? sort_records(g) : 0;

	*ret = (struct analyzer_handover){.fd = -1};
	if (r < 0 || !g->len)
		return r;
	if (g->len > ANALYZER_HANDOVER_IN_MESSAGE_BYTES) {
		ret->fd = seal(g);
		return ret->fd < 0 ? ret->fd : 0;
	}
	ret->data = g->data;
	ret->len = g->len;
	return 0;
}

int gather_take(struct gather *g, char **ret_data, size_t *ret_len)
{
	if (!g->len)
		return -ENODATA;
	if (g->disordered) {
		int r = sort_records(g);
		if (r < 0)
			return r;
	}
	*ret_data = g->data;
	*ret_len = g->len;
	*g = (struct gather){0};
	return 0;
}
