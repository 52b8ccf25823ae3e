/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions of the analyzer process and what is gathered for them. Main thread.
 *
 * A session owns a slot: its index and generation are what the kernel keeps on the task and writes into each record, so
 * that a record which comes late, of a session that ended, finds a slot of another generation and is dropped. */
#include "bpf/session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "bpf/event_text.h"
#include "bpf/images.h"
#include "bpf/perf_event.h"
#include "bpf/privileges.h"
#include "bpf/registration.h"
#include "bpf/session_private.h"
#include "bpf/tracepoints.h"

#define TARGET           "bpf::session"
#define FREQUENCY_MAX_HZ 50000u /* the timer's least period is 10 us; above this it measures itself */
#define SAMPLES_TEND_MS  50     /* the ring holds 0.1 s of the deepest samples of two workers at 4,999 Hz */
#define UNKNOWN_MAX      16u
#define EVENTS_TEND_MS   20     /* and 30,000 page faults with stacks of 20 frames */

struct sessions {
	struct object *objects[3]; /* borrowed */
	enum perf_source source;
	int keeper_fd; /* a disabled event: while one is open, opening another costs 0.1 ms instead of 15 */
	uint32_t next_generation, next_slot;
	uint64_t drained_ns;
	struct tracepoints tracepoints;
	struct sessions_totals totals;
	struct images images;
	pid_t unknown[UNKNOWN_MAX]; /* processes with code that there is no table for */
	size_t n_unknown;
	struct session slots[ANALYZER_SLOTS];
};

/* Each once. One for which there is no room is told of again with its next stack through such code. */
static void note_unknown(struct sessions *s, const struct ring_mapping *m)
{
	if (m->image || !m->name[0] || !m->head.pid || s->n_unknown == UNKNOWN_MAX)
		return;
	for (size_t i = 0; i < s->n_unknown; i++)
		if (s->unknown[i] == (pid_t)m->head.pid)
			return;
	s->unknown[s->n_unknown++] = (pid_t)m->head.pid;
}

pid_t sessions_take_unknown(struct sessions *s)
{
	return s->n_unknown ? s->unknown[--s->n_unknown] : 0;
}

/* Records are our own programs' words: their shape is asserted by the layout version. */
static void take_record(void *arg, const struct object *o, const void *record, size_t size)
{
	struct sessions *s = arg;
	const struct ring_head *head = record;
	struct session *session;

	(void)size;
	if (head->slot >= ANALYZER_SLOTS || head->n_ips > ANALYZER_STACK_FRAMES)
		return;
	session = &s->slots[head->slot];
	if (!session->id || session->object != o || object_shared(o)->slots[head->slot].generation != head->generation)
		return;
	if (head->type == RING_MAPPING)
		note_unknown(s, record);
	session_note(session, head);
}

static void drain(struct sessions *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->objects); i++)
		if (s->objects[i])
			object_drain(s->objects[i]);
	s->drained_ns = clock_now_ns();
}

/* The processor's counter where there is one. The event that proves it is kept open. */
static int choose_source(struct sessions *s)
{
	s->source = PERF_SOURCE_CYCLES;
	s->keeper_fd = perf_event_open_task(s->source, 0, 1000, PERF_ALONE, -1);
	if (s->keeper_fd >= 0)
		return 0;
	s->source = PERF_SOURCE_CPU_CLOCK;
	s->keeper_fd = perf_event_open_task(s->source, 0, 1000, PERF_ALONE, -1);
	return s->keeper_fd < 0 ? s->keeper_fd : 0;
}

int sessions_new(struct object *const objects[3], struct sessions **ret, char *text, size_t size)
{
	struct sessions *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		snprintf(text, size, "out of memory");
		return -ENOMEM;
	}
	memcpy(s->objects, objects, sizeof(s->objects));
	r = choose_source(s);
	if (r < 0) {
		privileges_explain("opening a perf event", r, text, size);
		free(s);
		return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(s->objects); i++)
		if (s->objects[i])
			object_set_reader(s->objects[i], take_record, s);
	/* Both objects have the same. */
	s->tracepoints.objects = s->objects;
	images_init(&s->images, s->objects[ANALYZER_RELEASE], s->objects[ANALYZER_DEBUG]);
	*ret = s;
	return 0;
}

static struct session *find(struct sessions *s, uint64_t id)
{
	for (size_t i = 0; i < ANALYZER_SLOTS; i++)
		if (id && s->slots[i].id == id)
			return &s->slots[i];
	return NULL;
}

static struct analyzer_slot *slot_of(struct sessions *s, const struct session *session)
{
	return &object_shared(session->object)->slots[session - s->slots];
}

static void release(struct sessions *s, struct session *session)
{
	struct analyzer_slot *slot = slot_of(s, session);

	slot->enabled = 0;
	tracepoints_release(&s->tracepoints, session->object);
	session->perf_fd = fd_close(session->perf_fd);
	task_events_done(&session->more);
	object_disclaim(session->object, session->pidfd);
	session->pidfd = fd_close(session->pidfd);
	slot->generation = 0;
	gather_done(&session->gathered);
	off_cpu_done(&session->off_cpu);
	session->id = 0;
	s->totals.attached_now--;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < ANALYZER_SLOTS; i++)
		if (s->slots[i].id)
			release(s, &s->slots[i]);
	fd_close(s->keeper_fd);
	free(s);
}

/* Round robin: a slot rests as long as it can before it is somebody else's. */
static struct session *free_slot(struct sessions *s)
{
	for (uint32_t n = 0; n < ANALYZER_SLOTS; n++) {
		struct session *session = &s->slots[s->next_slot++ % ANALYZER_SLOTS];
		if (!session->id)
			return session;
	}
	return NULL;
}

static int check_attach(struct sessions *s, uint64_t id, pid_t pid, enum analyzer_kind kind, uint32_t frequency_hz,
	char *text, size_t size)
{
	if (!id || (kind != ANALYZER_RELEASE && kind != ANALYZER_DEBUG)) {
		snprintf(text, size, "a session needs a number and the kind release or debug");
		return -EINVAL;
	}
	if (frequency_hz < 1 || frequency_hz > FREQUENCY_MAX_HZ) {
		snprintf(text, size, "the frequency must be 1 to %u Hz", FREQUENCY_MAX_HZ);
		return -ERANGE;
	}
	for (size_t i = 0; i < ANALYZER_SLOTS; i++) {
		const struct session *other = &s->slots[i];
		if (other->id == id) {
			snprintf(text, size, "session %" PRIu64 " is attached already", id);
			return -EEXIST;
		}
		if (other->id && other->pid == pid && pidfd_is_alive(other->pidfd)) {
			snprintf(text, size, "pid %d is analyzed by session %" PRIu64, (int)pid, other->id);
			return -EBUSY;
		}
	}
	return 0;
}

static uint32_t event_flags(const struct session *session)
{
	return (session->flags & SESSION_ALONE ? PERF_ALONE : 0) | (session->flags & SESSION_AT_EXEC ? PERF_AT_EXEC : 0) |
	       (session->enabled || session->flags & SESSION_ENABLED ? PERF_ENABLED : 0);
}

/* Binds event, task and slot together. What it got stays in session, for release(). */
static int bind(struct sessions *s, struct session *session, int pidfd, char *text, size_t size)
{
	struct analyzer_identity identity = {
		.slot = (uint32_t)(session - s->slots),
		.alone = !!(session->flags & SESSION_ALONE),
		.thread_context = session->thread_context,
	};
	int r;

	while (!identity.generation)
		identity.generation = ++s->next_generation;
	*slot_of(s, session) = (struct analyzer_slot){.generation = identity.generation};
	session->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
	if (session->pidfd < 0) {
		r = -errno;
		snprintf(text, size, "no descriptor for the worker: %s", strerror(-r));
		return r;
	}
	session->perf_fd = perf_event_open_task(s->source, session->pid, session->frequency_hz, event_flags(session),
		object_sample_program_fd(session->object));
	if (session->perf_fd < 0) {
		privileges_explain("opening a perf event", session->perf_fd, text, size);
		return session->perf_fd;
	}
	r = object_claim(session->object, session->pidfd, identity);
	/* The event was opened by number. The process that the pidfd holds is alive still, so the number was its own. */
	if (r >= 0 && !pidfd_is_alive(session->pidfd))
		r = -ESRCH;
	if (r < 0)
		snprintf(text, size, "pid %d cannot be analyzed: %s", (int)session->pid, strerror(-r));
	return r;
}

static void hold_tracepoints(struct sessions *s, struct session *session)
{
	char missing[160] = "", took[DURATION_TEXT_SIZE];
	uint64_t before_ns = clock_now_ns();

	tracepoints_hold(&s->tracepoints, session->object, missing, sizeof(missing));
	duration_text(clock_now_ns() - before_ns, took, sizeof(took));
	session_decide(session, "attach", before_ns, "tracepoints attached in %s", took);
	if (missing[0])
		session_decide(session, "attach", before_ns, "not to be had here: %s", missing);
}

int sessions_load_table(struct sessions *s, uint64_t image, int table_fd, int image_fd)
{
	return images_load(&s->images, image, table_fd, image_fd);
}

bool sessions_has_table(struct sessions *s, int image_fd)
{
	return images_has(&s->images, image_fd);
}

static int begin_run(struct sessions *s, struct session *session, uint64_t *ret_time_ns);

int session_attach(struct sessions *s, uint64_t id, pid_t pid, int pidfd, enum analyzer_kind kind,
	uint32_t frequency_hz, int64_t thread_context, uint32_t flags, enum analyzer_kind *ret_kind, char *text, size_t size)
{
	struct session *session;
	int r = check_attach(s, id, pid, kind, frequency_hz, text, size);

	if (r < 0)
		return r;
	session = free_slot(s);
	if (!session) {
		snprintf(text, size, "%u sessions are attached, which is the most", ANALYZER_SLOTS);
		return -EBUSY;
	}
	*session = (struct session){
		.id = id,
		.pid = pid,
		.object = s->objects[kind] ?: s->objects[ANALYZER_RELEASE] ?: s->objects[ANALYZER_DEBUG],
		.pidfd = -1,
		.perf_fd = -1,
		.thread_context = thread_context,
		.frequency_hz = frequency_hz,
		.flags = flags,
	};
	s->totals.attached_now++;
	hold_tracepoints(s, session);
	r = bind(s, session, pidfd, text, size);
	if (r < 0) {
		release(s, session);
		return r;
	}
	s->totals.attached++;
	*ret_kind = object_kind(session->object);
	session_decide(session, "attach", clock_now_ns(), "pid %d, %s every %.1f µs, slot %zu, stacks by %s", (int)pid,
		perf_source_name(s->source), 1e6 / frequency_hz, (size_t)(session - s->slots),
		object_shared(session->object)->images_version ? "unwind tables" : "frame pointers: no unwind tables");
	return flags & SESSION_ENABLED ? begin_run(s, session, &(uint64_t){0}) : 0;
}

int session_add(struct sessions *s, uint64_t id, pid_t tid, int pidfd, bool same_program)
{
	struct session *session = find(s, id);
	int fd, r = 0;

	if (!session)
		return -ENOENT;
	if (pidfd >= 0 && object_belongs(session->object, pidfd, slot_of(s, session)->generation))
		return -EEXIST;
	if (pidfd >= 0)
		r = object_claim(session->object, pidfd, (struct analyzer_identity){
			.slot = (uint32_t)(session - s->slots),
			.generation = slot_of(s, session)->generation,
			.alone = !!(session->flags & SESSION_ALONE),
			.thread_context = same_program ? session->thread_context : 0,
		});
	if (r < 0)
		return r;
	fd = perf_event_open_task(s->source, tid, session->frequency_hz, event_flags(session),
		object_sample_program_fd(session->object));
	if (fd < 0)
		return fd;
	return task_events_add(&session->more, fd);
}

static int enable_now(struct sessions *s, struct session *session)
{
	__atomic_store_n(&slot_of(s, session)->enabled, 1, __ATOMIC_SEQ_CST);
	if (!(session->flags & SESSION_ENABLED))
		return perf_event_enable(session->perf_fd);
	session->flags &= ~SESSION_ENABLED; /* the event was opened so */
	return 0;
}

/* The event was opened so that the exec enables it. */
static int enable_at_exec(struct sessions *s, struct session *session)
{
	session->flags &= ~SESSION_AT_EXEC;
	__atomic_store_n(&slot_of(s, session)->enable_at_exec, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int begin_run(struct sessions *s, struct session *session, uint64_t *ret_time_ns)
{
	int r;

	*ret_time_ns = clock_now_ns();
	session_decide(session, "enable", *ret_time_ns, "sampling begins");
	session->events_at_enable_ns = tracepoints_events_ns(&s->tracepoints);
	off_cpu_begin(&session->off_cpu, *ret_time_ns);
	if (session->flags & SESSION_AT_EXEC)
		r = enable_at_exec(s, session);
	else
		r = enable_now(s, session);
	if (r < 0) {
		__atomic_store_n(&slot_of(s, session)->enabled, 0, __ATOMIC_SEQ_CST);
		off_cpu_end(&session->off_cpu, &session->gathered, *ret_time_ns);
		return r;
	}
	task_events_enable(&session->more);
	session->enabled = true;
	s->totals.enabled++;
	return 0;
}

int session_enable(struct sessions *s, uint64_t id, uint64_t *ret_time_ns)
{
	struct session *session = find(s, id);

	if (!session)
		return -ENOENT;
	return session->enabled ? -EALREADY : begin_run(s, session, ret_time_ns);
}

/* ends: the session does too. Its events are closed in a moment, and the programs take nothing from now on; to disable
 * each would only wait for the CPU where its task last ran. */
static int end_run(struct sessions *s, struct session *session, bool ends, uint64_t *ret_time_ns)
{
	int r = ends ? 0 : perf_event_disable(session->perf_fd);

	if (!ends)
		task_events_disable(&session->more);
	__atomic_store_n(&slot_of(s, session)->enable_at_exec, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&slot_of(s, session)->enabled, 0, __ATOMIC_SEQ_CST);
	session->enabled = false;
	*ret_time_ns = clock_now_ns();
	drain(s);
	off_cpu_end(&session->off_cpu, &session->gathered, *ret_time_ns);
	if (object_kind(session->object) != ANALYZER_DEBUG)
		session->overlap_ns += tracepoints_events_ns(&s->tracepoints) - session->events_at_enable_ns;
	session_decide(session, "disable", *ret_time_ns, "sampling ends");
	return r;
}

int session_disable(struct sessions *s, uint64_t id, uint64_t *ret_time_ns)
{
	struct session *session = find(s, id);

	if (!session)
		return -ENOENT;
	return session->enabled ? end_run(s, session, false, ret_time_ns) : -EALREADY;
}

static void read_counters(struct sessions *s, struct session *session, struct analyzer_counters *ret)
{
	const struct analyzer_slot *slot = slot_of(s, session);
	const struct off_cpu *off = &session->off_cpu;

	*ret = (struct analyzer_counters){
		.samples = session->gathered.n_samples,
		.complete = session->n_results[ANALYZER_RESULT_COMPLETE],
		.truncated = session->gathered.n_samples - session->n_results[ANALYZER_RESULT_COMPLETE],
		.lost = slot->lost + session->n_refused_samples,
		.events = session->gathered.n_events,
		.lost_events = slot->lost_events + session->n_refused_events,
		.runnable_ns = off->runnable_ns,
		.blocked_ns = off->blocked_ns,
		.stolen_ns = off->stolen_ns,
		.intervals = off->n_intervals,
		.lost_intervals = slot->lost_intervals + off->n_refused,
		.lost_stacks = slot->lost_stacks + session->n_refused_deaths,
		.unseen_switches = slot->unseen_switches,
		.forks = slot->forks,
		.lost_forks = slot->lost_forks,
		.debug_overlap_ns = session->overlap_ns,
	};
	memcpy(ret->results, session->n_results, sizeof(ret->results));
	if (perf_event_read_on_cpu(session->perf_fd, &ret->on_cpu_ns) < 0)
		ret->on_cpu_ns = 0;
	ret->on_cpu_ns += task_events_on_cpu_ns(&session->more);
	if (ret->on_cpu_ns > ret->stolen_ns)
		ret->expected = (uint64_t)((double)(ret->on_cpu_ns - ret->stolen_ns) * session->frequency_hz / NS_PER_S + 0.5);
}

int session_take(struct sessions *s, uint64_t id, char **ret_data, size_t *ret_len)
{
	struct session *session = find(s, id);

	if (!session)
		return -ENOENT;
	drain(s);
	return gather_take(&session->gathered, ret_data, ret_len);
}

int session_counters(struct sessions *s, uint64_t id, struct analyzer_counters *ret)
{
	struct session *session = find(s, id);

	if (!session)
		return -ENOENT;
	read_counters(s, session, ret);
	/* Some may lie in the ring still. */
	uint64_t handed_in = slot_of(s, session)->samples;
	if (handed_in > ret->samples)
		ret->samples = handed_in;
	return 0;
}

/* They are all sums. */
static void add_counters(struct analyzer_counters *to, const struct analyzer_counters *c)
{
	uint64_t *sums = (uint64_t *)to;
	const uint64_t *more = (const uint64_t *)c;

	for (size_t i = 0; i < sizeof(*to) / sizeof(*sums); i++)
		sums[i] += more[i];
}

int session_finish(struct sessions *s, uint64_t id, struct analyzer_counters *ret_counters, struct analyzer_handover *ret)
{
	struct session *session = find(s, id);
	uint64_t time_ns;

	if (!session)
		return -ENOENT;
	if (session->enabled)
		end_run(s, session, true, &time_ns);
	else
		drain(s);
	session_decide(session, "detach", clock_now_ns(), "of %" PRIu64 " stacks %" PRIu64 " reach the outermost frame",
		session->gathered.n_samples, session->n_results[ANALYZER_RESULT_COMPLETE]);
	read_counters(s, session, ret_counters);
	add_counters(&s->totals.counters, ret_counters);
	return gather_hand_over(&session->gathered, ret);
}

void session_release(struct sessions *s, uint64_t id)
{
	struct session *session = find(s, id);

	if (session)
		release(s, session);
}

static bool debug_is_in_use(const struct sessions *s)
{
	for (size_t i = 0; i < ANALYZER_SLOTS; i++)
		if (s->slots[i].id && object_kind(s->slots[i].object) == ANALYZER_DEBUG)
			return true;
	return false;
}

int sessions_tend(struct sessions *s)
{
	bool debug = debug_is_in_use(s);
	int left_ms = tracepoints_tend(&s->tracepoints);
	int period_ms = debug ? EVENTS_TEND_MS : SAMPLES_TEND_MS;

	if (!s->totals.attached_now)
		return left_ms;
	if (clock_now_ns() - s->drained_ns >= (uint64_t)period_ms * NS_PER_MS)
		drain(s);
	return left_ms >= 0 && left_ms < period_ms ? left_ms : period_ms;
}

void sessions_costs(const struct sessions *s, struct analyzer_costs *ret)
{
	tracepoints_costs(&s->tracepoints, ret);
}

const struct sessions_totals *sessions_totals(const struct sessions *s)
{
	return &s->totals;
}

const char *sessions_sampler(const struct sessions *s)
{
	return perf_source_name(s->source);
}
