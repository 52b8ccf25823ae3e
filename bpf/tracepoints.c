/* SPDX-License-Identifier: Apache-2.0 */
/* Attaches tracepoints when a session comes and takes them away some time after the last one. Analyzer process, main
 * thread. */
#include "bpf/tracepoints.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define TARGET    "bpf::tracepoints"
#define N_OBJECTS ARRAY_SIZE(((struct tracepoints *)0)->uses)

static const uint64_t linger_ns[OBJECT_N_GROUPS] = {
	[OBJECT_SCHEDULER] = 60 * NS_PER_S,
	[OBJECT_EVENTS] = 5 * NS_PER_S,
};

static struct tracepoints_use *use_of(struct tracepoints *t, const struct object *o)
{
	size_t i = 0;

	while (t->objects[i] != o)
		i++;
	return &t->uses[i];
}

void tracepoints_hold(struct tracepoints *t, struct object *o, char *missing, size_t size)
{
	struct tracepoints_use *use = use_of(t, o);
	uint64_t before_ns = clock_now_ns();
	char events_missing[160] = "";
	bool had = object_n_attached(o, OBJECT_SCHEDULER) > 0;

	use->n_sessions++;
	/* First: what is attached must find it. */
	__atomic_store_n(&object_shared(o)->n_attached, use->n_sessions, __ATOMIC_SEQ_CST);
	object_attach(o, OBJECT_SCHEDULER, missing, size);
	object_attach(o, OBJECT_EVENTS, events_missing, sizeof(events_missing));
	if (!missing[0])
		snprintf(missing, size, "%s", events_missing);
	if (missing[0] && !had)
		log_warn(TARGET, "what these tracepoints would tell is not told: %s", missing);
	if (object_n_attached(o, OBJECT_EVENTS) && !t->events_since_ns)
		t->events_since_ns = before_ns;
	if (!had)
		log_debug(TARGET, "tracepoints attached in %.1f ms", (double)(clock_now_ns() - before_ns) / NS_PER_MS);
}

void tracepoints_release(struct tracepoints *t, struct object *o)
{
	struct tracepoints_use *use = use_of(t, o);

	use->n_sessions--;
	use->idle_since_ns = clock_now_ns();
	__atomic_store_n(&object_shared(o)->n_attached, use->n_sessions, __ATOMIC_SEQ_CST);
}

static void take_away(struct tracepoints *t, struct object *o, enum object_group group)
{
	object_detach(o, group);
	if (group == OBJECT_EVENTS && t->events_since_ns) {
		t->events_before_ns = tracepoints_events_ns(t);
		t->events_since_ns = 0;
	}
}

int tracepoints_tend(struct tracepoints *t)
{
	uint64_t now_ns = clock_now_ns();
	int left_ms = -1;

	for (size_t i = 0; i < N_OBJECTS; i++) {
		if (!t->objects[i] || t->uses[i].n_sessions)
			continue;
		for (enum object_group group = 0; group < OBJECT_N_GROUPS; group++) {
			uint64_t due_ns = t->uses[i].idle_since_ns + linger_ns[group];
			int ms;

			if (!object_n_attached(t->objects[i], group))
				continue;
			if (now_ns >= due_ns) {
				take_away(t, t->objects[i], group);
				continue;
			}
			ms = (int)((due_ns - now_ns) / NS_PER_MS) + 1;
			left_ms = left_ms < 0 || ms < left_ms ? ms : left_ms;
		}
	}
	return left_ms;
}

uint64_t tracepoints_events_ns(const struct tracepoints *t)
{
	return t->events_before_ns + (t->events_since_ns ? clock_now_ns() - t->events_since_ns : 0);
}

void tracepoints_costs(const struct tracepoints *t, struct analyzer_costs *ret)
{
	*ret = (struct analyzer_costs){0};
	for (size_t i = 0; i < N_OBJECTS; i++)
		if (t->objects[i])
			object_add_costs(t->objects[i], ret);
}
