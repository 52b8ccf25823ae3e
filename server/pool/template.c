/* SPDX-License-Identifier: Apache-2.0 */
/* The template's process and its control socket. Runs in the front, on the loop's thread. */
#include "server/pool/template.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "codegen/worker/message.h"
#include "server/child.h"

#define TARGET             "server::template"
#define BACKOFF_FIRST_NS   (20 * NS_PER_MS)
#define BACKOFF_MAX_NS     (5 * NS_PER_S)
#define END_NS             (500 * NS_PER_MS) /* a warm-up step may be under way */
#define LIVED_WELL_NS      (1 * NS_PER_S)
#define HELLO_NS           (20 * NS_PER_S) /* it loads libraries only; generous for a machine that swaps */

struct template {
	struct loop *loop;
	char *path;
	char **argv;
	struct template_events events;
	void *arg;
	int socket;
	struct spawned process;
	struct loop_source *watch, *timer;
	struct template_state state;
	uint64_t started_ns, backoff_ns;
	char versions[WORKER_TEXT_MAX + 1];
	char trouble[256];
	struct backends backends;
};

static void start(struct template *t);

static void disconnect(struct template *t, uint64_t grace_ns)
{
	loop_source_free(TAKE_PTR(t->watch));
	t->socket = fd_close(t->socket);
	spawned_end(&t->process, grace_ns);
	image_unref(TAKE_PTR(t->state.image));
	t->state.up = t->state.warm = false;
	t->state.warm_steps = t->state.warm_steps_total = 0;
	backends_done(&t->backends);
}

/* Ends it and plans the next start: at once after a good life, ever later when it keeps dying. */
static void lose(struct template *t, const char *why)
{
	uint64_t now_ns = clock_now_ns();

	disconnect(t, 0);
	if (now_ns - t->started_ns > LIVED_WELL_NS || !t->backoff_ns)
		t->backoff_ns = BACKOFF_FIRST_NS;
	else if (t->backoff_ns < BACKOFF_MAX_NS)
		t->backoff_ns *= 2;
	log_warn(TARGET, "the worker template is gone (%s); starting again in %llu ms", why,
		(unsigned long long)(t->backoff_ns / NS_PER_MS));
	loop_timer_set(t->timer, now_ns + t->backoff_ns);
	t->events.gone(t->arg);
}

void template_give_up(struct template *t, const char *why)
{
	if (t->socket >= 0)
		lose(t, why);
}

static bool take_hello(struct template *t, const struct worker_message *m, const struct unix_message *um)
{
	int r;

	if (t->state.up || um->n_fds != 1)
		return false;
	r = image_new(um->fds[0], &t->state.image);
	if (r < 0)
		log_warn(TARGET, "the template's memory map is unusable, samples will have no names: %s", strerror(-r));
	snprintf(t->versions, sizeof(t->versions), "%.*s", (int)m->text_len, m->text);
	t->trouble[0] = '\0';
	t->state.up = true;
	loop_timer_set(t->timer, UINT64_MAX);
	log_info(TARGET, "template %d is up: %s", (int)t->process.pid, t->versions);
	t->events.up(t->arg);
	return true;
}

static bool take_message(struct template *t, const struct worker_message *m, struct unix_message *um)
{
	int none = -1;

	switch (m->type) {
	case WORKER_HELLO:
		return take_hello(t, m, um);
	case WORKER_WARM:
		t->state.warm_steps = (unsigned)m->value;
		t->state.warm_steps_total = (unsigned)m->value2;
		t->state.warm = m->value >= m->value2;
		if (t->state.warm)
			log_info(TARGET, "warm after %llu ms",
				(unsigned long long)((clock_now_ns() - t->started_ns) / NS_PER_MS));
		t->events.warmed(t->arg);
		return true;
	case WORKER_BACKEND:
		if (!backends_take(&t->backends, m))
			return false;
		t->events.warmed(t->arg);
		return true;
	case WORKER_FORKED:
		t->events.forked(t->arg, m->worker_id, m->pid, um->n_fds ? &um->fds[0] : &none,
			(unsigned)m->value, m->error);
		return true;
	case WORKER_EXITED:
		t->events.exited(t->arg, m->worker_id, m->pid, (int)m->value, m->value2);
		return true;
	default:
		return false;
	}
}

static void on_readable(void *arg, uint32_t epoll_events)
{
	struct template *t = arg;
	uint64_t generation = t->state.generation;

	(void)epoll_events;
	while (t->socket >= 0 && t->state.generation == generation) {
		struct worker_message m = {0};
		struct unix_message um;
		int r = worker_message_receive(t->socket, &m, &um);
		bool ok;

		if (r == -EAGAIN || r == -EINTR)
			return;
		if (r <= 0) {
			lose(t, r == 0 ? "it ended" : strerror(-r));
			return;
		}
		ok = take_message(t, &m, &um);
		unix_message_close_fds(&um);
		if (!ok) {
			template_give_up(t, "it broke the protocol");
			return;
		}
	}
}

static void on_timer(void *arg)
{
	struct template *t = arg;

	if (t->socket < 0)
		start(t);
	else if (!t->state.up)
		lose(t, "it did not say hello");
}

static void tell_trouble(struct template *t, int error)
{
	const char *hint = error == -EACCES
		? "; the service's user may not reach it: install it where all users may, or open the folders above it"
		: "";

	snprintf(t->trouble, sizeof(t->trouble), "cannot run %s: %s%s", t->path, strerror(-error), hint);
	log_error(TARGET, "%s", t->trouble);
}

static int start_process(struct template *t)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	r = spawn_process(t->path, (const char *const *)t->argv, theirs, &t->process);
	if (r < 0)
		return r;
	r = loop_watch(t->loop, ours, EPOLLIN, on_readable, t, &t->watch);
	if (r < 0) {
		spawned_end(&t->process, 0);
		return r;
	}
	t->socket = TAKE_FD(ours);
	return 0;
}

static void start(struct template *t)
{
	int r;

	t->started_ns = clock_now_ns();
	t->state.generation++;
	r = start_process(t);
	if (r < 0) {
		tell_trouble(t, r);
		loop_timer_set(t->timer, t->started_ns + BACKOFF_MAX_NS);
		return;
	}
	t->state.n_started++;
	loop_timer_set(t->timer, t->started_ns + HELLO_NS);
}

/* The program's whole argument list; false: no memory. */
static bool make_argv(struct template *t, const char *const *args)
{
	size_t n = 0;

	while (args && args[n])
		n++;
	t->argv = calloc(n + 3, sizeof(*t->argv));
	if (!t->argv)
		return false;
	t->argv[0] = strdup("spvscope-worker");
	t->argv[1] = strdup("--control-fd=3");
	for (size_t i = 0; i < n; i++)
		t->argv[2 + i] = strdup(args[i]);
	for (size_t i = 0; i < n + 2; i++)
		if (!t->argv[i])
			return false;
	return true;
}

int template_new(struct loop *loop, const char *path, const char *const *args, const struct template_events *events,
	void *arg, struct template **ret)
{
	struct template *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->loop = loop;
	t->events = *events;
	t->arg = arg;
	t->socket = -1;
	t->process.pidfd = -1;
	t->path = strdup(path);
	r = t->path && make_argv(t, args) ? loop_timer(loop, UINT64_MAX, on_timer, t, &t->timer) : -ENOMEM;
	if (r < 0) {
		template_free(t);
		return r;
	}
	start(t);
	*ret = t;
	return 0;
}

void template_free(struct template *t)
{
	if (!t)
		return;
	loop_source_free(t->timer);
	disconnect(t, END_NS); /* it ends by itself when its socket closes, and tidies up */
	for (char **a = t->argv; a && *a; a++)
		free(*a);
	free(t->argv);
	free(t->path);
	free(t);
}

void template_state(const struct template *t, struct template_state *ret)
{
	*ret = t->state;
	ret->versions = t->versions;
	ret->backends = &t->backends;
	ret->trouble = t->trouble[0] ? t->trouble : NULL;
}

int template_send(struct template *t, struct worker_message *m, const int *fds, size_t n_fds)
{
	if (t->socket < 0)
		return -ENOTCONN;
	return worker_message_send_payload(t->socket, m, NULL, 0, fds, n_fds);
}
