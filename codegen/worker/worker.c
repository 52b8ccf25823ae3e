/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: confines itself, then serves one run at a time. Runs in the forked child, on its only thread. */
#include "codegen/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "codegen/tools/host.h"
#include "codegen/trace/span_log.h"
#include "codegen/trace/thread_context.h"
#include "codegen/trace/writer.h"
#include "codegen/worker/alloc.h"
#include "codegen/worker/descriptors.h"
#include "codegen/worker/memory_limit.h"
#include "codegen/worker/message.h"
#include "codegen/worker/run.h"
#include "codegen/worker/sandbox.h"

#define TARGET "worker"
#define REGISTER_BYTE 'R'

struct worker {
	const struct worker_start *start;
	struct run_context run;
	struct worker_envelope inbox;
	uint64_t flags; /* of READY */
};

static void mark_out_of_memory(void *writer)
{
	trace_writer_mark_out_of_memory(writer);
}

/* The worker dies when the template does, whatever kills that. */
static void die_with(pid_t template_pid)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != template_pid)
		_exit(1); /* it died before we asked */
}

static int map_span_log(struct worker *w)
{
	struct stat st;

	if (fstat(w->start->span_log_fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)sizeof(struct span_log_header))
		return -EINVAL;
	void *log = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, w->start->span_log_fd, 0);
	if (log == MAP_FAILED)
		return -errno;
	close(w->start->span_log_fd); /* the mapping stays, and it cannot be cut or grown from here */
	w->run.writer = trace_writer_new(log, (size_t)st.st_size, alloc_read_thread);
	if (!w->run.writer)
		return -errno;
	alloc_on_refusal(mark_out_of_memory, w->run.writer);
	return 0;
}

/* One datagram; the kernel tells the analyzer who sent it. Nobody waits: an analyzer that is gone or stuck takes no
 * part, and the front will be told so by it. */
static void register_with_analyzer(struct worker *w)
{
	struct {
		char byte;
		uint64_t worker_id;
		int64_t thread_context; /* so that the active span can be read at a sample */
	} __attribute__((packed)) datagram = {REGISTER_BYTE, w->start->worker_id, thread_context_offset()};

	if (w->start->registration_fd < 0)
		return;
	int r = unix_message_send(w->start->registration_fd, &datagram, sizeof(datagram), NULL, 0);
	close(w->start->registration_fd);
	if (r < 0)
		log_debug(TARGET, "not registered with the analyzer: %s", strerror(-r));
	else
		w->flags |= WORKER_REGISTERED;
}

/* Compilers print what a source makes them print: a hostile one would fill the service's log with it. Whoever asks
 * for a worker's debug lines wants to see it, and so do those who look for a sanitizer's report. Returns standard error as it was. */
static int mute(void)
{
#ifdef __SANITIZE_ADDRESS__
	return -1;
#endif
	_cleanup_fd_ int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (log_enabled(LOG_DEBUG, TARGET) || null_fd < 0)
		return before;
	dup2(null_fd, STDOUT_FILENO);
	dup2(null_fd, STDERR_FILENO);
	return before;
}

/* While this process can still fork. The host inherits nothing of what is the worker's alone. */
static int start_host(const struct worker_start *s)
{
	const int not_for_it[] = {s->socket_fd, s->span_log_fd, s->registration_fd};
	const struct host_start start = {
		.tool = s->tool,
		.folders_root = s->folders_root,
		.worker_id = s->worker_id,
		.registration_fd = s->registration_fd,
		.close_fds = not_for_it,
		.n_close_fds = ARRAY_SIZE(not_for_it),
	};
	int socket;

	int r = host_fork(&start, &socket);
	if (r >= 0)
		tool_channel_set(s->tool, socket);
	return r;
}

static int prepare(struct worker *w)
{
	const struct worker_start *s = w->start;
	const int keep[] = {0, 1, 2, s->socket_fd, s->span_log_fd, s->registration_fd};
	uint64_t confined = 0;

	descriptors_close_all_but(keep, ARRAY_SIZE(keep));
	prctl(PR_SET_NAME, "spvscope-work");
	int r = descriptors_set_blocking(s->socket_fd, 1);
	if (r >= 0 && s->tool)
		r = start_host(s);
	if (r < 0)
		return r;
	r = map_span_log(w);
	if (r < 0)
		return r;
	register_with_analyzer(w);
	r = memory_limit_init(&w->run.memory);
	if (r < 0)
		return r;
	_cleanup_fd_ int stderr_before = mute();
	r = sandbox_apply(s->sandbox, &confined);
	w->flags |= confined;
	if (r < 0 && stderr_before >= 0)
		dup2(stderr_before, STDERR_FILENO); /* for the reason why it cannot start */
	return r;
}

static int say_ready(const struct worker *w)
{
	struct worker_message m = {
		.type = WORKER_READY,
		.worker_id = w->start->worker_id,
		.pid = getpid(),
		.flags = w->flags,
	};
	return worker_message_send(w->start->socket_fd, &m, NULL, NULL, 0);
}

/* What its flags say is all that it has. */
static int take_descriptors(struct worker *w, struct unix_message *datagram, int *ret_job_fd)
{
	uint64_t flags = w->inbox.m.flags;
	size_t n = 0;

	if (datagram->n_fds != (flags & WORKER_RUN_JOB_FD ? 1 : 0) + (flags & WORKER_RUN_RESULT_FD ? 1u : 0))
		return -EBADMSG;
	*ret_job_fd = flags & WORKER_RUN_JOB_FD ? datagram->fds[n++] : -1;
	if (flags & WORKER_RUN_RESULT_FD) {
		fd_close(w->run.result_fd);
		w->run.result_fd = datagram->fds[n++];
	}
	return 0;
}

/* Serves runs until the socket closes (0), the worker is to be given up (0), or the front talks nonsense. */
static int serve(struct worker *w)
{
	for (;;) {
		struct unix_message datagram;
		int job_fd;
		int r = worker_message_receive_payload(w->start->socket_fd, &w->inbox, &datagram);
		if (r <= 0)
			return r;
		if (w->inbox.m.type != WORKER_RUN || take_descriptors(w, &datagram, &job_fd) < 0) {
			unix_message_close_fds(&datagram);
			return -EBADMSG;
		}
		r = run_serve(&w->run, &w->inbox, job_fd);
		if (r <= 0)
			return r;
	}
}

_Noreturn void worker_main(const struct worker_start *start)
{
	struct worker w = {.start = start, .run = {.socket_fd = start->socket_fd, .result_fd = -1}};

	die_with(start->template_pid);
	int r = prepare(&w);
	if (r < 0) {
		log_error(TARGET, "worker %llu could not start: %s", (unsigned long long)start->worker_id,
			strerror(-r));
		_exit(1);
	}
	r = say_ready(&w);
	if (r >= 0)
		r = serve(&w);
	if (r < 0 && r != -EPIPE)
		log_error(TARGET, "worker %llu gives up: %s", (unsigned long long)start->worker_id,
			strerror(-r));
	/* Straight to the kernel: destructors of the compilers would only cost time, and the exit of a process frees. */
	_exit(r < 0 && r != -EPIPE ? 1 : 0);
}
