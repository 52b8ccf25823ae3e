/* SPDX-License-Identifier: Apache-2.0 */
/* The message loop of the analyzer process. Main thread. */
#include "bpf/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/unix_message.h"

#define TARGET             "bpf::control"
#define MESSAGE_HEAD_BYTES offsetof(struct analyzer_message, text)

static void set_text(struct analyzer_message *m, const char *text)
{
	size_t len = strlen(text);

	m->text_len = (uint32_t)(len < sizeof(m->text) ? len : sizeof(m->text));
	memcpy(m->text, text, m->text_len);
}

/* more: what lies behind the text, and the descriptor that goes with it. */
static int send_message(const struct control *c, struct analyzer_message *m, const struct analyzer_handover *more)
{
	struct iovec parts[] = {
		{.iov_base = m, .iov_len = MESSAGE_HEAD_BYTES + m->text_len},
		{.iov_base = (void *)more->data, .iov_len = more->len},
	};

	m->version = ANALYZER_PROTOCOL_VERSION;
	m->handover_len = (uint32_t)more->len;
	int r = unix_message_send_parts(c->socket, parts, more->len ? 2 : 1, &more->fd, more->fd >= 0 ? 1 : 0);
	if (r != -ETOOMANYREFS)
		return r;
	/* Too many descriptors of this user are on their way: one session goes without its samples, not all of them. */
	m->error = ETOOMANYREFS;
	return unix_message_send(c->socket, m, MESSAGE_HEAD_BYTES + m->text_len, NULL, 0);
}

static int say_hello(struct control *c)
{
	struct analyzer_message m = {
		.type = ANALYZER_HELLO,
		.pid = getpid(),
		.error = c->unavailable,
		/* Where only one object is there, it serves both kinds. */
		.kinds = c->objects ? 1u << ANALYZER_RELEASE | 1u << ANALYZER_DEBUG : 0,
		.objects = c->objects,
		.time_ns = clock_now_ns(),
	};
	set_text(&m, c->text);
	return send_message(c, &m,
		&(struct analyzer_handover){.fd = c->registry ? registry_worker_socket(c->registry) : -1});
}

struct helped {
	struct sessions *sessions;
	uint64_t session;
};

/* A fork of the worker, so its mappings are the worker's until it becomes another program. */
static void add_helper(void *arg, pid_t pid, int pidfd)
{
	struct helped *h = arg;
	int r = session_add(h->sessions, h->session, pid, pidfd, true);

	if (r < 0 && r != -EEXIST)
		log_warn(TARGET, "helper %d does not join its worker's session: %s", (int)pid, strerror(-r));
}

static int attach(struct control *c, const struct analyzer_message *ask, struct analyzer_message *answer)
{
	char text[ANALYZER_TEXT_MAX] = "";
	enum analyzer_kind kind = ANALYZER_OFF;
	int pidfd, r;

	/* A worker registers before it says that it is ready, so what it said is in the socket by now. */
	registry_update(c->registry);
	pidfd = registry_find(c->registry, ask->pid);
	if (pidfd >= 0)
		r = session_attach(c->sessions, ask->session, ask->pid, pidfd, ask->kind, ask->frequency_hz,
			registry_thread_context(c->registry, ask->pid),
			ask->flags & ANALYZER_ATTACH_ENABLED ? SESSION_ENABLED : 0, &kind, text, sizeof(text));
	else {
		r = pidfd;
		snprintf(text, sizeof(text), r == -ESRCH ? "pid %d has ended" : "pid %d is none of our workers",
			(int)ask->pid);
	}
	if (r >= 0)
		registry_each_helper(c->registry, ask->pid, add_helper, &(struct helped){c->sessions, ask->session});
	answer->kind = kind;
	answer->frequency_hz = ask->frequency_hz;
	set_text(answer, text);
	return r;
}

static int load_table(struct control *c, const struct analyzer_message *ask, const struct unix_message *um,
	struct analyzer_message *answer)
{
	int r = um->n_fds < 1 ? -EBADF
		: sessions_load_table(c->sessions, ask->image, um->fds[0], um->n_fds > 1 ? um->fds[1] : -1);

	if (r < 0) {
		char text[ANALYZER_TEXT_MAX];
		snprintf(text, sizeof(text), "the unwind table of image %llu was not taken: %s",
			(unsigned long long)ask->image, strerror(-r));
		set_text(answer, text);
	}
	return r;
}

static void fill_status(const struct control *c, struct analyzer_message *answer)
{
	const struct sessions_totals *totals = sessions_totals(c->sessions);
	char text[64];

	answer->sessions = totals->attached_now;
	answer->counters = totals->counters;
	sessions_costs(c->sessions, &answer->costs);
	snprintf(text, sizeof(text), "sampling by %s", sessions_sampler(c->sessions));
	set_text(answer, text);
}

/* Fills the answer to a message and what goes with it, whose descriptor is the caller's. -EBADMSG: there is no such
 * message. */
static int handle(struct control *c, const struct analyzer_message *ask, const struct unix_message *um,
	struct analyzer_message *answer, struct analyzer_handover *ret_more)
{
	int r;

	switch (ask->type) {
	case ANALYZER_ATTACH:
		answer->type = ANALYZER_ATTACHED;
		return attach(c, ask, answer);
	case ANALYZER_ENABLE:
		answer->type = ANALYZER_ENABLED;
		return session_enable(c->sessions, ask->session, &answer->time_ns);
	case ANALYZER_DISABLE:
		answer->type = ANALYZER_DISABLED;
		r = session_disable(c->sessions, ask->session, &answer->time_ns);
		if (r >= 0)
			session_counters(c->sessions, ask->session, &answer->counters);
		return r;
	case ANALYZER_DETACH:
		answer->type = ANALYZER_DETACHED;
		return session_finish(c->sessions, ask->session, &answer->counters, ret_more);
	case ANALYZER_STATUS:
		answer->type = ANALYZER_STATUS_IS;
		fill_status(c, answer);
		return 0;
	case ANALYZER_TABLE:
		answer->type = ANALYZER_TABLE_IS;
		return load_table(c, ask, um, answer);
	default:
		return -EBADMSG;
	}
}

/* Without privileges every request is answered by the reason. */
static int refuse(const struct control *c, const struct analyzer_message *ask, struct analyzer_message *answer)
{
	if (ask->type < ANALYZER_ATTACH || ask->type > ANALYZER_TABLE)
		return -EBADMSG;
	answer->type = ask->type - ANALYZER_ATTACH + ANALYZER_ATTACHED;
	set_text(answer, c->text);
	if (ask->type == ANALYZER_STATUS)
		return 0;
	return ask->type == ANALYZER_ATTACH || ask->type == ANALYZER_TABLE ? -EPERM : -ENOENT;
}
static_assert(ANALYZER_TABLE_IS - ANALYZER_ATTACHED == ANALYZER_TABLE - ANALYZER_ATTACH, "answers follow requests");

static int answer_message(struct control *c, const struct analyzer_message *ask, const struct unix_message *um)
{
	struct analyzer_message answer = {.session = ask->session, .pid = ask->pid, .image = ask->image};
	struct analyzer_handover more = {.fd = -1};
	uint64_t start_ns = clock_now_ns();
	int r = c->sessions ? handle(c, ask, um, &answer, &more) : refuse(c, ask, &answer);

	if (r == -EBADMSG)
		return r;
	answer.error = r < 0 ? -r : 0;
	if (!answer.time_ns)
		answer.time_ns = clock_now_ns();
	answer.duration_ns = clock_now_ns() - start_ns;
	if (c->sessions) {
		answer.attached_total = sessions_totals(c->sessions)->attached;
		answer.enabled_total = sessions_totals(c->sessions)->enabled;
	}
	r = send_message(c, &answer, &more);
	fd_close(more.fd);
	if (c->sessions && ask->type == ANALYZER_DETACH)
		session_release(c->sessions, ask->session);
	return r;
}

/* 1: served one; 0: the front has gone. */
static int serve_message(struct control *c)
{
	struct analyzer_message ask = {0};
	struct unix_message um;
	int r = unix_message_receive(c->socket, &ask, sizeof(ask), &um);

	if (r <= 0)
		return r;
	if (um.len < MESSAGE_HEAD_BYTES || ask.version != ANALYZER_PROTOCOL_VERSION) {
		unix_message_close_fds(&um);
		log_error(TARGET, "the front speaks version %u of the protocol, this program version %u", ask.version,
			ANALYZER_PROTOCOL_VERSION);
		return -EPROTO;
	}
	r = answer_message(c, &ask, &um);
	unix_message_close_fds(&um);
	return r == -EPIPE ? 0 : r < 0 ? r : 1;
}

/* The front looks while the process is there; what it finds out the next run has. */
static int tell_unknown(struct control *c)
{
	int r = 0;

	for (pid_t pid; r >= 0 && c->sessions && (pid = sessions_take_unknown(c->sessions));) {
		struct analyzer_message m = {.type = ANALYZER_UNKNOWN_FILES, .pid = pid, .time_ns = clock_now_ns()};
		r = send_message(c, &m, &(struct analyzer_handover){.fd = -1});
	}
	return r;
}

int control_serve(struct control *c)
{
	struct pollfd fds[2] = {
		{.fd = c->socket, .events = POLLIN},
		{.fd = c->registry ? registry_event_fd(c->registry) : -1, .events = POLLIN},
	};
	int r = say_hello(c);

	while (r >= 0) {
		int wait_ms = c->sessions ? sessions_tend(c->sessions) : -1;
		r = tell_unknown(c);
		if (r < 0)
			break;
		if (poll(fds, ARRAY_SIZE(fds), wait_ms) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			registry_update(c->registry);
		if (fds[0].revents) {
			r = serve_message(c);
			if (r == 0)
				return 0;
			if (r == -EAGAIN)
				r = 0;
		}
	}
	return r == -EPIPE ? 0 : r;
}
