/* SPDX-License-Identifier: Apache-2.0 */
/* Workers from their fork to their end: what they and the template say of them, who gets which, who is reaped when. Runs in
 * the front, on the loop's thread. */
#include "server/pool/pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "codegen/trace/span_log.h"
#include "codegen/worker/message.h"
#include "server/pool/pool_private.h"

#define TARGET                "server::pool"
#define RUNS_BETWEEN_RSS      16               /* reading /proc/PID/statm takes some 15 µs */

/* Balancing and news wait for the next turn of the loop, so that no caller is surprised in the middle of its work. */
static void soon(struct pool *p)
{
	loop_timer_set(p->soon, 0);
}

static struct worker *worker_find(struct pool *p, uint64_t id)
{
	for (struct worker *w = p->workers; w; w = w->next)
		if (w->id == id)
			return w;
	return NULL;
}

static void worker_disconnect(struct worker *w)
{
	loop_source_free(TAKE_PTR(w->watch));
	w->socket = fd_close(w->socket);
}

static void worker_free(struct worker *w)
{
	worker_disconnect(w);
	fd_close(w->pidfd);
	fd_close(w->result_fd);
	if (w->log)
		munmap(w->log, w->log_size);
	image_unref(w->image);
	if (w->prev)
		w->prev->next = w->next;
	else
		w->pool->workers = w->next;
	if (w->next)
		w->next->prev = w->prev;
	free(w);
}

static void reap(struct pool *p, pid_t pid)
{
	struct worker_message m = {.type = WORKER_REAP, .pid = pid};

	if (pid > 0)
		template_send(p->template, &m, NULL, 0);
}

/* A span log that neither side can shrink or grow, so that reading it can never fault. *ret_fd is for the worker. */
static int make_log(struct worker *w, int *ret_fd)
{
	_cleanup_fd_ int fd = memfd_create("spvscope-spans", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, SPAN_LOG_DEFAULT_BYTES) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	w->log = mmap(NULL, SPAN_LOG_DEFAULT_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (w->log == MAP_FAILED) {
		w->log = NULL;
		return -errno;
	}
	w->log_size = SPAN_LOG_DEFAULT_BYTES;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static void on_readable(void *arg, uint32_t events);

static int worker_ask_for(struct worker *w)
{
	struct worker_message m = {.type = WORKER_FORK, .worker_id = w->id, .value = (uint64_t)w->tool};
	_cleanup_fd_ int theirs = -1, log_fd = -1;
	int pair[2], r;

	r = make_log(w, &log_fd);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	w->socket = pair[0];
	theirs = pair[1];
	if (fcntl(w->socket, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	r = loop_watch(w->pool->loop, w->socket, EPOLLIN, on_readable, w, &w->watch);
	if (r < 0)
		return r;
	return template_send(w->pool->template, &m, (int[]){theirs, log_fd}, 2);
}

int pool_start_worker(struct pool *p, int tool)
{
	struct template_state ts;
	struct worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	template_state(p->template, &ts);
	w->pool = p;
	w->id = ++p->n_ids;
	w->tool = tool;
	w->pidfd = w->socket = w->result_fd = -1;
	w->image = image_ref(ts.image);
	w->template_generation = ts.generation;
	w->analyzer_generation = p->analyzer_generation;
	w->fork_ns = clock_now_ns();
	w->next = p->workers;
	if (w->next)
		w->next->prev = w;
	p->workers = w;
	r = worker_ask_for(w);
	if (r < 0)
		worker_free(w);
	return r;
}

void pool_kill(struct worker *w)
{
	if (!w->killed_ns)
		w->killed_ns = clock_now_ns();
	if (w->pidfd >= 0)
		pidfd_send_signal(w->pidfd, SIGKILL, NULL, 0);
	if (w->state == WORKER_BUSY)
		soon(w->pool); /* another may be lent, and one more is wanted */
}

/* Not lent, and not to be lent again. It holds nothing that would need a gentle end. */
void pool_end_worker(struct worker *w)
{
	w->state = WORKER_LEAVING;
	worker_disconnect(w);
	pool_kill(w);
	soon(w->pool);
}

/* It is dead and what it sent has been read. */
static void worker_died(struct worker *w, bool template_died)
{
	struct pool *p = w->pool;
	struct worker_death death = {.template_died = template_died, .wait_status = w->wait_status};

	if (w->state != WORKER_LEAVING && (!w->killed_ns || w->hung_up) && !template_died)
		p->n_died++;
	if (w->state == WORKER_STARTING && !template_died)
		p->fork_retry_ns = clock_now_ns() + POOL_FORK_RETRY_NS; /* perhaps each one will: no fork storm */
	worker_disconnect(w);
	soon(p);
	if (w->state == WORKER_BUSY) {
		w->state = WORKER_DEAD;
		p->o.died(w->user, &death);
	} else if (w->state != WORKER_DEAD) {
		if (!template_died)
			reap(p, w->pid);
		worker_free(w);
	}
}

/* READY comes from the worker and FORKED from the template, in either order. Who gets the worker needs its pid. */
static void worker_may_be_idle(struct worker *w)
{
	if (w->state == WORKER_STARTING && w->ready_ns && w->pid)
		w->state = WORKER_IDLE;
}

static void take_message(struct worker *w, const struct worker_envelope *e)
{
	const struct worker_message *m = &e->m;

	if (m->type == WORKER_READY && w->state == WORKER_STARTING && !w->ready_ns) {
		w->ready_ns = clock_now_ns();
		worker_may_be_idle(w);
		w->registered = m->flags & WORKER_REGISTERED;
		w->pool->confinement = (unsigned)m->flags & (WORKER_CONFINED_SECCOMP | WORKER_CONFINED_LANDLOCK);
		soon(w->pool);
	} else if (m->type == WORKER_DONE && w->state == WORKER_BUSY) {
		w->pool->o.done(w->user, m, worker_envelope_payload(e));
	} else if (!w->killed_ns) { /* what it said before it died is not worth a line each */
		log_warn(TARGET, "worker %d said %u out of turn; it is ended", (int)w->pid, m->type);
		pool_kill(w);
	}
}

/* Until there is nothing more to read. False: the worker is not there any more, or not ours to read. */
static void worker_read(struct pool *p, uint64_t id)
{
	struct worker *w;

	/* a message may lead to the worker's end */
	while ((w = worker_find(p, id)) && w->socket >= 0) {
		static struct worker_envelope envelope; /* the loop's thread alone reads */
		struct unix_message um;
		int r = worker_message_receive_payload(w->socket, &envelope, &um);

		if (r == -EAGAIN || r == -EINTR)
			return;
		if (r <= 0) {
			/* Dead, or pretending to be: then it is made so. How it died comes from the template. */
			worker_disconnect(w);
			w->hung_up = !w->killed_ns;
			pool_kill(w);
			return;
		}
		unix_message_close_fds(&um);
		take_message(w, &envelope);
	}
}

static void on_readable(void *arg, uint32_t events)
{
	struct worker *w = arg;

	(void)events;
	worker_read(w->pool, w->id);
}

static void template_up(void *arg)
{
	struct pool *p = arg;

	if (p->analyzer_fd >= 0) {
		struct worker_message m = {.type = WORKER_ANALYZER};

		template_send(p->template, &m, &p->analyzer_fd, 1);
	}
	p->fork_retry_ns = 0;
	soon(p);
}

static void template_warmed(void *arg)
{
	soon(arg);
}

static void template_forked(void *arg, uint64_t id, pid_t pid, int *pidfd, unsigned warm_steps, int error)
{
	struct pool *p = arg;
	struct worker *w = worker_find(p, id);

	if (!w || w->pid) {
		log_warn(TARGET, "the template forked a worker that was not asked for");
		return;
	}
	if (pid <= 0 || *pidfd < 0) {
		log_warn(TARGET, "no worker could be forked: %s", strerror(error));
		p->fork_retry_ns = clock_now_ns() + POOL_FORK_RETRY_NS;
		worker_free(w);
	} else {
		p->n_forked++;
		w->pid = pid;
		w->pidfd = TAKE_FD(*pidfd);
		w->warm_steps = warm_steps;
		worker_may_be_idle(w);
		if (w->killed_ns || w->socket < 0)
			pool_kill(w);
	}
	soon(p);
}

static void template_exited(void *arg, uint64_t id, pid_t pid, int wait_status, uint64_t max_rss_kib)
{
	struct pool *p = arg;
	struct worker *w;

	(void)max_rss_kib;
	worker_read(p, id); /* what it said before it died still counts */
	w = worker_find(p, id);
	if (!w || w->pid != pid) {
		reap(p, pid);
		return;
	}
	w->exit_known = true;
	w->wait_status = wait_status;
	worker_died(w, false);
}

static void template_gone(void *arg)
{
	struct pool *p = arg;
	struct template_state ts;
	struct worker *w, *next;

	template_state(p->template, &ts);
	for (w = p->workers; w; w = next) {
		uint64_t id = w->id, next_id;

		next = w->next;
		next_id = next ? next->id : 0;
		if (w->state != WORKER_DEAD && w->template_generation == ts.generation) {
			worker_read(p, id);
			w = worker_find(p, id);
			if (w) {
				pool_kill(w); /* if its parent's death has not done so yet */
				worker_died(w, true);
			}
		}
		next = next_id ? worker_find(p, next_id) : NULL;
	}
	soon(p);
}

static void on_soon(void *arg)
{
	struct pool *p = arg;

	/* First the takers: a worker that has just come is lent before anyone counts it as one too many. */
	p->telling = true;
	p->o.changed(p->o.arg);
	p->telling = false;
	pool_balance(p);
}

int pool_new(struct loop *loop, const struct pool_options *o, struct pool **ret)
{
	static const struct template_events events = {
		.up = template_up,
		.warmed = template_warmed,
		.forked = template_forked,
		.exited = template_exited,
		.gone = template_gone,
	};
	struct pool *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	p->o = *o;
	p->o.worker_path = NULL; /* the template keeps its own copies */
	p->o.worker_args = NULL;
	p->analyzer_fd = -1;
	r = loop_timer(loop, UINT64_MAX, on_soon, p, &p->soon);
	if (r >= 0)
		r = loop_timer(loop, clock_now_ns() + POOL_WATCH_PERIOD_NS, pool_on_watchdog, p, &p->watchdog);
	if (r >= 0)
		r = template_new(loop, o->worker_path, o->worker_args, &events, p, &p->template);
	if (r < 0) {
		pool_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	loop_source_free(p->soon);
	loop_source_free(p->watchdog);
	for (struct worker *w = p->workers; w; w = w->next)
		pool_kill(w);
	while (p->workers)
		worker_free(p->workers);
	template_free(p->template);
	free(p);
}

void pool_state(const struct pool *p, struct pool_state *ret)
{
	struct template_state ts;

	template_state(p->template, &ts);
	*ret = (struct pool_state){
		.can_serve = ts.up,
		.warm = ts.warm,
		.warm_steps = ts.warm_steps,
		.warm_steps_total = ts.warm_steps_total,
		.versions = ts.versions,
		.trouble = ts.trouble,
		.backends = ts.backends,
		.confinement = p->confinement,
		.workers_forked = p->n_forked,
		.workers_died = p->n_died,
		.templates_started = ts.n_started,
	};
	for (const struct worker *w = p->workers; w; w = w->next)
		ret->workers_now += w->state == WORKER_IDLE || w->state == WORKER_BUSY;
}

struct image *pool_image(const struct pool *p, uint64_t *ret_template_generation)
{
	struct template_state ts;

	template_state(p->template, &ts);
	*ret_template_generation = ts.generation;
	return ts.image;
}

void pool_set_analyzer(struct pool *p, int registration_fd, uint64_t generation)
{
	struct worker_message m = {.type = WORKER_ANALYZER};

	if (p->analyzer_generation == generation)
		return;
	p->analyzer_fd = registration_fd;
	p->analyzer_generation = generation;
	template_send(p->template, &m, &registration_fd, registration_fd >= 0 ? 1 : 0);
	soon(p);
}

/* Notes that none was there for the taker. */
static void want(struct pool *p, int tool, bool fresh)
{
	if (tool != WORKERS_PLAIN)
		p->want_tools |= 1ull << tool;
	else if (fresh)
		p->want_fresh++;
	else
		return;
	if (!p->telling) /* else the balance follows anyway */
		soon(p);
}

/* What a worker can refuse for want of its tool it must know of. */
static bool knows_backends(const struct worker *w, const struct backends *b, const struct spvscope_job *job)
{
	return backends_is_built_in(job) || w->fork_ns > b->complete_ns;
}

struct worker *pool_take(struct pool *p, const struct spvscope_job *job, bool fresh, uint64_t analyzer_generation,
	void *user)
{
	struct worker *best = NULL;
	struct template_state ts;
	unsigned n_lent = 0;

	template_state(p->template, &ts);
	int tool = backends_workers_for(ts.backends, job);
	if (tool == WORKERS_UNKNOWN)
		return NULL; /* the template tells soon, and `changed` is called then */
	/* Spares wait for others to be killed; they are not for more compiles at a time. */
	for (struct worker *w = p->workers; w; w = w->next)
		n_lent += w->state == WORKER_BUSY && !w->killed_ns && (w->tool != WORKERS_PLAIN) == (tool != WORKERS_PLAIN);
	if (n_lent >= p->o.n_workers)
		return NULL;
	for (struct worker *w = p->workers; w; w = w->next) {
		if (w->state != WORKER_IDLE || w->socket < 0 || w->tool != tool || !knows_backends(w, ts.backends, job))
			continue;
		if (analyzer_generation && (w->analyzer_generation != analyzer_generation || !w->registered))
			continue;
		if (fresh && w->n_runs)
			continue;
		/* The warmest; among equals the one that ran most: the others stay fresh for those who ask for that. */
		if (!best || w->warm_steps > best->warm_steps ||
		    (w->warm_steps == best->warm_steps && w->n_runs > best->n_runs))
			best = w;
	}
	if (best) {
		best->state = WORKER_BUSY;
		best->user = user;
	} else {
		want(p, tool, fresh);
	}
	return best;
}

int pool_run(struct worker *w, struct worker_message *run, const struct strbuf *job, int job_fd)
{
	int fds[2], r;
	size_t n_fds = 0;

	assert(w->state == WORKER_BUSY);
	if (w->socket < 0)
		return -EPIPE; /* it is dying, and the news is on its way */
	run->type = WORKER_RUN;
	run->worker_id = w->id;
	run->flags = 0;
	if (job_fd >= 0) {
		run->flags |= WORKER_RUN_JOB_FD;
		fds[n_fds++] = job_fd;
	}
	if (w->result_fd < 0) {
		w->result_fd = memfd_create("spvscope-result", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (w->result_fd < 0)
			return -errno;
		run->flags |= WORKER_RUN_RESULT_FD;
		fds[n_fds++] = w->result_fd;
	}
	r = worker_message_send_payload(w->socket, run, job->data, job_fd >= 0 ? 0 : job->len, fds, n_fds);
	if (r < 0 && run->flags & WORKER_RUN_RESULT_FD)
		w->result_fd = fd_close(w->result_fd); /* the worker has none either */
	w->n_runs += r >= 0;
	return r;
}

static bool is_too_big(const struct worker *w)
{
	unsigned long long pages = 0;
	char path[64];
	FILE *f;

	if (w->n_runs % RUNS_BETWEEN_RSS)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)w->pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (unsigned long long)sysconf(_SC_PAGESIZE) > w->pool->o.worker_max_rss_bytes;
}

void pool_release(struct worker *w, bool retire)
{
	struct pool *p = w->pool;
	struct template_state ts;

	w->user = NULL;
	soon(p);
	if (w->state == WORKER_DEAD) {
		template_state(p->template, &ts);
		if (w->exit_known && w->template_generation == ts.generation)
			reap(p, w->pid);
		worker_free(w);
		return;
	}
	assert(w->state == WORKER_BUSY);
	if (retire || w->n_runs >= p->o.worker_max_runs || w->socket < 0 || w->killed_ns || is_too_big(w))
		pool_end_worker(w);
	else
		w->state = WORKER_IDLE;
}
