/* SPDX-License-Identifier: Apache-2.0 */
/* The analyzer's process and the requests that it has not answered yet. Runs in the front, on the loop's thread. */
#include "server/pool/analyzer_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/unix_message.h"
#include "server/manager.h"
#include "server/child.h"
#include "server/pool/program_files.h"
#include "server/pool/unwinding.h"

#define TARGET               "server::analyzer"
#define ANALYZER_MAX_PENDING 4096              /* five for each of some 800 sessions */
#define ANALYZER_HELLO_NS    (10 * NS_PER_S)   /* it loads and verifies two objects first */
#define ANALYZER_ANSWER_NS   (10 * NS_PER_S)   /* opening a perf event took at most 20 ms */
#define BACKOFF_FIRST_NS     (200 * NS_PER_MS)
#define BACKOFF_MAX_NS       (20 * NS_PER_S)   /* so at most some three a minute */
#define LIVED_WELL_NS        (30 * NS_PER_S)
#define STATUS_PERIOD_NS     (2 * NS_PER_S)    /* while its tracepoints cost the machine something */
#define STATUS_DELAY_NS      (50 * NS_PER_MS)  /* behind a session, so that many do not ask as often */
#define LOOK_PERIOD_NS       (50 * NS_PER_MS)
#define MESSAGE_HEAD_BYTES   offsetof(struct analyzer_message, text)

struct pending {
	uint32_t expects; /* enum analyzer_message_type */
	uint64_t session;
	uint64_t deadline_ns;
	analyzer_answer_fn fn;
	void *arg;
};

struct inbox {
	struct analyzer_message m;
	char handover[ANALYZER_HANDOVER_IN_MESSAGE_BYTES]; /* room for it; it lies behind the text */
};

struct analyzer_client {
	struct loop *loop;
	struct analyzer_client_options o;
	char *path;
	int socket, registration_fd;
	struct spawned process;
	struct loop_source *watch, *timer;
	bool up, said_hello;
	bool refused; /* it said that it cannot serve here: that stands until the service is started again */
	uint32_t kinds, objects;
	uint64_t generation, n_generations, n_started;
	uint64_t started_ns, backoff_ns, restart_ns;
	uint64_t attached_before, enabled_before; /* of the ones that are gone */
	uint64_t attached_now, enabled_now;
	struct analyzer_costs costs;
	struct loop_source *status_timer;
	bool status_is_due; /* a session has ended since it was asked */
	struct unwinding *unwinding;
	struct program_files *files;
	char *unwind_folder;
	uint64_t look_ns;          /* not before that what a process has mapped is looked at */
	uint64_t image_generation; /* of the template whose image was given last; 0: none */
	char reason[ANALYZER_TEXT_MAX + 1];

	struct pending pending[ANALYZER_MAX_PENDING]; /* a ring, oldest first */
	size_t pending_first, n_pending;
	struct inbox inbox;
};

static void start(struct analyzer_client *a);

/* One timer serves all waits: until the restart when it is gone, else for the greeting or the oldest answer. */
static void arm_timer(struct analyzer_client *a)
{
	uint64_t deadline_ns = UINT64_MAX;

	if (a->socket < 0)
		deadline_ns = a->restart_ns;
	else if (!a->said_hello)
		deadline_ns = a->started_ns + ANALYZER_HELLO_NS;
	else if (a->n_pending)
		deadline_ns = a->pending[a->pending_first].deadline_ns;
	loop_timer_set(a->timer, deadline_ns);
}

static void fail_pending(struct analyzer_client *a)
{
	while (a->n_pending) {
		struct pending p = a->pending[a->pending_first];
		struct analyzer_handover none = {.fd = -1};

		a->pending_first = (a->pending_first + 1) % ANALYZER_MAX_PENDING;
		a->n_pending--;
		if (p.fn)
			p.fn(p.arg, NULL, &none);
	}
}

/* Closing the socket makes the analyzer detach everything and exit, also one that the manager holds. */
static void close_connection(struct analyzer_client *a)
{
	loop_source_free(TAKE_PTR(a->watch));
	a->socket = fd_close(a->socket);
	a->registration_fd = fd_close(a->registration_fd);
	a->attached_before += a->attached_now;
	a->enabled_before += a->enabled_now;
	a->attached_now = a->enabled_now = 0;
	a->up = a->said_hello = false;
	a->kinds = a->objects = 0;
	a->generation = 0;
	a->costs = (struct analyzer_costs){0};
	a->status_is_due = false;
	if (a->status_timer)
		loop_timer_set(a->status_timer, UINT64_MAX);
}

static void lose(struct analyzer_client *a, const char *why)
{
	uint64_t now_ns = clock_now_ns();
	bool lived_well = now_ns - a->started_ns > LIVED_WELL_NS;

	close_connection(a);
	spawned_end(&a->process, 0);
	if (a->refused) {
		loop_timer_set(a->timer, UINT64_MAX);
		fail_pending(a);
		return;
	}
	a->backoff_ns = lived_well || !a->backoff_ns ? BACKOFF_FIRST_NS : a->backoff_ns * 2;
	if (a->backoff_ns > BACKOFF_MAX_NS)
		a->backoff_ns = BACKOFF_MAX_NS;
	a->restart_ns = now_ns + a->backoff_ns;
	snprintf(a->reason, sizeof(a->reason), "the analyzer process is not there (%s); it is started again in %llu ms",
		why, (unsigned long long)(a->backoff_ns / NS_PER_MS));
	log_warn(TARGET, "%s", a->reason);
	arm_timer(a);
	fail_pending(a);
	if (a->o.changed)
		a->o.changed(a->o.arg);
}

static void on_table_taken(void *arg, const struct analyzer_message *m, struct analyzer_handover *h)
{
	struct analyzer_client *a = arg;

	(void)h;
	if (m && m->error)
		log_warn(TARGET, "%.*s", (int)m->text_len, m->text);
	unwinding_taken(a->unwinding);
}

static int send_request(struct analyzer_client *a, const struct analyzer_request *q, const int *fds, size_t n_fds,
	analyzer_answer_fn fn, void *arg);

/* One that is not up, or that is lost meanwhile, is given all of them when it comes up. */
static void on_table_made(void *arg, uint64_t image, int *table_fd, int *image_fd)
{
	struct analyzer_client *a = arg;
	struct analyzer_request q = {.type = ANALYZER_TABLE, .image = image};
	const int fds[2] = {*table_fd, *image_fd};

	if (*image_fd >= 0)
		program_files_add(a->files, image, *image_fd);
	if (!a->up || send_request(a, &q, fds, *image_fd < 0 ? 1 : 2, on_table_taken, a) < 0)
		unwinding_taken(a->unwinding);
}

static void on_tables_ready(void *arg)
{
	struct analyzer_client *a = arg;

	if (a->o.changed)
		a->o.changed(a->o.arg);
}

static bool has_unwinding(struct analyzer_client *a)
{
	if (!a->path || a->refused)
		return false;
	if (!a->unwinding &&
	    unwinding_new(a->loop, a->unwind_folder, on_table_made, on_tables_ready, a, &a->unwinding) >= 0 && a->up)
		unwinding_again(a->unwinding);
	return a->unwinding;
}

void analyzer_client_set_image(struct analyzer_client *a, uint64_t generation, struct image *image)
{
	if (!image || generation == a->image_generation || !has_unwinding(a))
		return;
	a->image_generation = generation;
	unwinding_add_image(a->unwinding, image);
}

void analyzer_client_add_program(struct analyzer_client *a, const char *path)
{
	if (has_unwinding(a))
		unwinding_add_program(a->unwinding, path);
}

static void take_hello(struct analyzer_client *a, const struct analyzer_message *m, struct unix_message *um)
{
	a->said_hello = true;
	snprintf(a->reason, sizeof(a->reason), "%.*s", (int)m->text_len, m->text);
	if (m->kinds && um->n_fds == 1) {
		a->registration_fd = um->fds[0];
		um->n_fds = 0;
		a->kinds = m->kinds;
		a->objects = m->objects;
		a->up = true;
		a->generation = ++a->n_generations;
		log_info(TARGET, "analyzer is up%s%s", a->kinds & 1u << ANALYZER_RELEASE ? ", release" : "",
			a->kinds & 1u << ANALYZER_DEBUG ? ", debug" : "");
		if (a->unwinding)
			unwinding_again(a->unwinding);
	} else {
		if (!a->reason[0])
			snprintf(a->reason, sizeof(a->reason), "the analyzer cannot serve here: %s", strerror(m->error));
		a->refused = true;
		log_info(TARGET, "no analyzer: %s", a->reason);
	}
	if (a->o.changed)
		a->o.changed(a->o.arg);
}

/* Two builds were mixed: starting it again would not help. */
static void refuse_version(struct analyzer_client *a, uint32_t version)
{
	a->refused = true;
	snprintf(a->reason, sizeof(a->reason), "the analyzer program speaks version %u of the protocol and this service version "
		"%u: both must be of one build (see --analyzer-path)", version, ANALYZER_PROTOCOL_VERSION);
	log_warn(TARGET, "%s", a->reason);
	lose(a, a->reason);
	if (a->o.changed)
		a->o.changed(a->o.arg);
}

static void ask_status_in(struct analyzer_client *a, uint64_t ns)
{
	a->status_is_due = true;
	loop_timer_set(a->status_timer, clock_now_ns() + ns);
}

static void note_totals(struct analyzer_client *a, const struct analyzer_message *m)
{
	if (m->attached_total > a->attached_now)
		a->attached_now = m->attached_total;
	if (m->enabled_total > a->enabled_now)
		a->enabled_now = m->enabled_total;
	if (m->type == ANALYZER_DETACHED && !a->status_is_due)
		ask_status_in(a, STATUS_DELAY_NS);
	if (m->type != ANALYZER_STATUS_IS)
		return;
	a->costs = m->costs;
	if (!a->status_is_due && (m->costs.scheduler_attached || m->costs.events_attached))
		loop_timer_set(a->status_timer, clock_now_ns() + STATUS_PERIOD_NS);
}

static void on_status_timer(void *arg)
{
	struct analyzer_request status = {.type = ANALYZER_STATUS};
	struct analyzer_client *a = arg;

	a->status_is_due = false;
	send_request(a, &status, NULL, 0, NULL, NULL);
}

/* It may well have ended by now. Code of files that there can be no table for is told of again and again. */
static void take_unknown(struct analyzer_client *a, const struct analyzer_message *m)
{
	uint64_t now_ns = clock_now_ns();

	if (m->pid <= 0 || now_ns < a->look_ns || !a->unwinding)
		return;
	a->look_ns = now_ns + LOOK_PERIOD_NS;
	unwinding_add_process(a->unwinding, m->pid);
}

/* False: it broke the protocol. */
static bool take_answer(struct analyzer_client *a, const struct analyzer_message *m, struct unix_message *um)
{
	struct analyzer_handover handover = {.data = m->text + m->text_len, .len = m->handover_len, .fd = -1};
	struct pending p;

	if (!a->n_pending)
		return false;
	p = a->pending[a->pending_first];
	if (p.expects != m->type || p.session != m->session)
		return false;
	a->pending_first = (a->pending_first + 1) % ANALYZER_MAX_PENDING;
	a->n_pending--;
	note_totals(a, m);
	if (um->n_fds) {
		handover.fd = um->fds[0];
		um->fds[0] = um->fds[--um->n_fds];
	}
	if (p.fn)
		p.fn(p.arg, m, &handover);
	fd_close(handover.fd);
	return true;
}

/* Of a datagram of len bytes. */
static bool is_whole(const struct analyzer_message *m, size_t len)
{
	return len >= MESSAGE_HEAD_BYTES && m->version == ANALYZER_PROTOCOL_VERSION && m->text_len <= ANALYZER_TEXT_MAX &&
	       m->handover_len <= ANALYZER_HANDOVER_IN_MESSAGE_BYTES &&
	       m->text_len + m->handover_len <= len - MESSAGE_HEAD_BYTES;
}

static void on_readable(void *arg, uint32_t events)
{
	struct analyzer_client *a = arg;
	uint64_t generation = a->n_started;

	(void)events;
	/* A callback may lead to a loss and a new start: then the descriptor is another one. */
	while (a->socket >= 0 && a->n_started == generation) {
		const struct analyzer_message *m = &a->inbox.m;
		struct unix_message um;
		int r = unix_message_receive(a->socket, &a->inbox, sizeof(a->inbox), &um);
		bool ok;

		if (r == -EAGAIN || r == -EINTR)
			break;
		if (r <= 0) {
			lose(a, r == 0 ? "it ended" : strerror(-r));
			return;
		}
		if (um.len >= sizeof(m->version) && m->version != ANALYZER_PROTOCOL_VERSION && !a->said_hello) {
			unix_message_close_fds(&um);
			refuse_version(a, m->version);
			return;
		}
		ok = is_whole(m, um.len);
		if (ok && m->type == ANALYZER_HELLO && !a->said_hello)
			take_hello(a, m, &um);
		else if (ok && m->type == ANALYZER_UNKNOWN_FILES)
			take_unknown(a, m);
		else if (ok)
			ok = take_answer(a, m, &um);
		unix_message_close_fds(&um);
		if (!ok) {
			lose(a, "it broke the protocol");
			return;
		}
	}
	if (a->timer)
		arm_timer(a);
}

static void on_timer(void *arg)
{
	struct analyzer_client *a = arg;

	if (a->socket < 0)
		start(a);
	else if (!a->said_hello || a->n_pending)
		lose(a, "it did not answer in time");
}

static void start(struct analyzer_client *a)
{
	int pid = 0, r;

	a->started_ns = clock_now_ns();
	a->n_started++;
	a->process = (struct spawned){.pidfd = -1};
	r = analyzer_spawn(a->o.manager_fd, a->path, &a->socket, &pid);
	if (r < 0) {
		a->socket = -1;
		lose(a, strerror(-r));
		return;
	}
	if (pid > 0)
		a->process = (struct spawned){.pid = pid, .pidfd = pidfd_open(pid, 0)};
	fcntl(a->socket, F_SETFL, O_NONBLOCK);
	r = loop_watch(a->loop, a->socket, EPOLLIN, on_readable, a, &a->watch);
	if (r < 0) {
		lose(a, strerror(-r));
		return;
	}
	snprintf(a->reason, sizeof(a->reason), "the analyzer process is starting");
	arm_timer(a);
}

static void start_first(void *arg)
{
	struct analyzer_client *a = arg;

	loop_source_free(TAKE_PTR(a->timer));
	if (loop_timer(a->loop, UINT64_MAX, on_timer, a, &a->timer) == 0)
		start(a);
}

int analyzer_client_new(struct loop *loop, const struct analyzer_client_options *o, struct analyzer_client **ret)
{
	struct analyzer_client *a = calloc(1, sizeof(*a));
	int r = 0;

	if (!a)
		return -ENOMEM;
	a->loop = loop;
	a->o = *o;
	a->socket = a->registration_fd = -1;
	a->process.pidfd = -1;
	snprintf(a->reason, sizeof(a->reason), "the analyzer process is starting");
	if (!o->path)
		snprintf(a->reason, sizeof(a->reason), "this service was started without an analyzer");
	else if (!(a->path = strdup(o->path)) || (o->unwind_folder && !(a->unwind_folder = strdup(o->unwind_folder))))
		r = -ENOMEM;
	else
		r = loop_timer(loop, clock_now_ns(), start_first, a, &a->timer);
	if (r >= 0)
		r = loop_timer(loop, UINT64_MAX, on_status_timer, a, &a->status_timer);
	if (r >= 0)
		r = program_files_new(&a->files);
	if (r < 0) {
		analyzer_client_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void analyzer_client_free(struct analyzer_client *a)
{
	if (!a)
		return;
	loop_source_free(a->timer);
	loop_source_free(TAKE_PTR(a->status_timer));
	unwinding_free(a->unwinding);
	program_files_free(a->files);
	close_connection(a);
	spawned_end(&a->process, NS_PER_S);
	free(a->path);
	free(a->unwind_folder);
	free(a);
}

struct program_files *analyzer_client_files(const struct analyzer_client *a)
{
	return a->files;
}

void analyzer_client_state(const struct analyzer_client *a, struct analyzer_client_state *ret)
{
	*ret = (struct analyzer_client_state){
		.starting = a->path && !a->said_hello && !a->refused && a->n_started <= a->n_generations + 1,
		.up = a->up,
		.tables_due = a->up && a->unwinding && unwinding_is_due(a->unwinding),
		.kinds = a->kinds,
		.objects = a->objects,
		.generation = a->generation,
		.registration_fd = a->registration_fd,
		.reason = a->up ? NULL : a->reason,
		.n_started = a->n_started,
		.attached_total = a->attached_before + a->attached_now,
		.enabled_total = a->enabled_before + a->enabled_now,
		.costs = a->costs,
	};
}

static uint32_t answer_of(enum analyzer_message_type type)
{
	switch (type) {
	case ANALYZER_ATTACH: return ANALYZER_ATTACHED;
	case ANALYZER_ENABLE: return ANALYZER_ENABLED;
	case ANALYZER_DISABLE: return ANALYZER_DISABLED;
	case ANALYZER_DETACH: return ANALYZER_DETACHED;
	case ANALYZER_TABLE: return ANALYZER_TABLE_IS;
	default: return ANALYZER_STATUS_IS;
	}
}

static int send_request(struct analyzer_client *a, const struct analyzer_request *q, const int *fds, size_t n_fds,
	analyzer_answer_fn fn, void *arg)
{
	struct analyzer_message m = {
		.version = ANALYZER_PROTOCOL_VERSION,
		.type = q->type,
		.session = q->session,
		.pid = q->pid,
		.kind = q->kind,
		.frequency_hz = q->frequency_hz,
		.image = q->image,
		.flags = q->flags,
	};
	int r;

	if (!a->up)
		return -ENOTCONN;
	if (a->n_pending == ANALYZER_MAX_PENDING)
		return -EAGAIN;
	r = unix_message_send(a->socket, &m, MESSAGE_HEAD_BYTES, fds, n_fds);
	if (r < 0)
		return r; /* a broken connection shows as the end of the stream, which the watch sees */
	a->pending[(a->pending_first + a->n_pending) % ANALYZER_MAX_PENDING] = (struct pending){
		.expects = answer_of(q->type),
		.session = q->session,
		.deadline_ns = clock_now_ns() + ANALYZER_ANSWER_NS,
		.fn = fn,
		.arg = arg,
	};
	if (a->n_pending++ == 0)
		arm_timer(a);
	return 0;
}

int analyzer_client_request(struct analyzer_client *a, const struct analyzer_request *q, analyzer_answer_fn fn,
	void *arg)
{
	return send_request(a, q, NULL, 0, fn, arg);
}

void analyzer_client_forget(struct analyzer_client *a, const void *arg)
{
	for (size_t i = 0; i < a->n_pending; i++) {
		struct pending *p = &a->pending[(a->pending_first + i) % ANALYZER_MAX_PENDING];

		if (p->arg == arg)
			p->fn = NULL;
	}
}
