/* SPDX-License-Identifier: Apache-2.0 */
/* A tool host's life: it confines itself to its tool's files and the job's folder, then serves one request at a time
 * until its worker is gone. Runs in the forked child, on its only thread. */
#include "codegen/tools/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "codegen/tools/exchange.h"
#include "codegen/tools/job_folder.h"
#include "codegen/tools/process.h"
#include "codegen/tools/tool_seccomp.h"
#include "codegen/worker/sandbox.h"

#define TARGET "tools::host"
#define REGISTER_HELPER_BYTE 'H'

/* What every program on the system opens before it comes to its own work. */
static const struct {
	const char *path;
	uint64_t rights;
	const char *why;
} system_files[] = {
	{"/etc/ld.so.cache", LANDLOCK_READ_FILE, "the dynamic linker finds libraries by it"},
	{"/dev/null", LANDLOCK_READ_FILE | LANDLOCK_WRITE_FILE, "an input or output of nobody"},
	{"/dev/urandom", LANDLOCK_READ_FILE, "seeds of hash tables"},
};

#define READ_AND_EXECUTE (LANDLOCK_READ_FILE | LANDLOCK_READ_DIR | LANDLOCK_EXECUTE)
#define FOLDER_OF_HOST                                                                             \
	(LANDLOCK_READ_FILE | LANDLOCK_READ_DIR | LANDLOCK_WRITE_FILE | LANDLOCK_MAKE_FILE |       \
		LANDLOCK_MAKE_DIR | LANDLOCK_REMOVE_FILE | LANDLOCK_REMOVE_DIR)
#define FOLDER_OF_TOOL (LANDLOCK_READ_FILE | LANDLOCK_READ_DIR)
/* The longest that a request may ask for. */
#define NO_DEADLINE_NS (600 * NS_PER_S)
#define RESIDENT_REST_BYTES (256ull << 20)

struct host {
	const struct tool *tool;
	int socket;
	struct job_folder folder;
	struct landlock_path paths[TOOL_MAX_READS + ARRAY_SIZE(system_files) + 1 + TOOL_MAX_OUTPUTS];
	size_t n_paths;     /* of the tool and the system; the folder and the outputs go behind them */
	struct seccomp_program *seccomp;
	struct process resident;
	int proc_fd;        /* opened before the host confined itself, which may open nothing there later */
};

/* ---- one run ---- */

static int open_outputs(struct host *h, const struct host_request *q, size_t *n)
{
	for (size_t i = 0; i < q->n_outputs; i++) {
		int fd = openat(h->folder.fd, q->outputs[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		h->paths[(*n)++] = (struct landlock_path){fd, LANDLOCK_READ_FILE | LANDLOCK_WRITE_FILE};
	}
	return 0;
}

/* Landlock's ruleset for a run: the tool's own files, the job's folder for reading, its outputs for writing. */
static int make_ruleset(struct host *h, const struct host_request *q)
{
	size_t n = h->n_paths;

	h->paths[n++] = (struct landlock_path){h->folder.fd, FOLDER_OF_TOOL};
	size_t first_output = n;
	int r = q ? open_outputs(h, q, &n) : 0;
	if (r >= 0)
		r = landlock_prepare(h->paths, n);
	while (n > first_output)
		fd_close(h->paths[--n].fd);
	return r;
}

static int start(struct host *h, struct process *p, char *const *argv, uint64_t memory_bytes,
	const struct host_request *q)
{
	char home[PATH_MAX + 8];
	char *const env[] = {
		(char *)"PATH=/usr/local/bin:/usr/bin:/bin",
		(char *)"LC_ALL=C.UTF-8",
		(char *)"UV_THREADPOOL_SIZE=1", /* of Node.js: nothing is read in parallel */
		home,
		NULL,
	};
	_cleanup_fd_ int ruleset_fd = make_ruleset(h, q);

	if (ruleset_fd < 0)
		return ruleset_fd;
	snprintf(home, sizeof(home), "HOME=%s", h->folder.path);
	const struct process_spec spec = {
		.program = h->tool->program,
		.argv = argv,
		.env = env,
		.folder_fd = h->folder.fd,
		.ruleset_fd = ruleset_fd,
		.seccomp = h->seccomp,
		.memory_bytes = memory_bytes,
		.resident = q == NULL,
		.proc_fd = h->proc_fd,
	};
	return process_start(p, &spec);
}

static void not_started(struct tool_answer *a, int error)
{
	a->end = TOOL_NOT_STARTED;
	a->status = -error;
}

/* The run is over: what it wrote. An output that cannot be read counts as empty. */
static void read_outputs(const struct host *h, const struct host_request *q, struct tool_answer *a)
{
	for (size_t i = 0; i < q->n_outputs; i++)
		(void)job_folder_read(&h->folder, q->outputs[i], &a->outputs[i], &a->output_sizes[i]);
}

/* -EPIPE: the worker is gone. */
static int run_once(struct host *h, const struct host_request *q, struct tool_answer *a)
{
	struct process p;
	uint64_t asked_ns = clock_now_ns();
	int r = job_folder_fill(&h->folder, q);

	if (r >= 0)
		r = start(h, &p, q->argv, q->memory_bytes, q);
	if (r < 0) {
		a->start_ns = a->exec_ns = a->exit_ns = asked_ns;
		not_started(a, r);
		return 0;
	}
	r = process_watch(&p, h->socket, q->deadline_ns, NULL, NULL, &a->end);
	process_end(&p, a);
	a->start_ns = asked_ns;
	if (r >= 0)
		read_outputs(h, q, a);
	return r;
}

/* ---- a resident tool ---- */

static bool is_dead(const struct process *p)
{
	return poll(&(struct pollfd){p->pidfd, POLLIN, 0}, 1, 0) != 0;
}

/* One that died between two requests says nothing about the next. */
static int ensure_resident(struct host *h)
{
	struct tool_answer last = {0};

	if (h->resident.pid > 0 && is_dead(&h->resident)) {
		process_end(&h->resident, &last);
		answer_free(&last);
	}
	return h->resident.pid > 0 ? 0 : start(h, &h->resident, h->tool->resident_argv, 0, NULL);
}

/* Each request has a memory limit of its own. Beside what it holds at rest: some 60 MB of a JavaScript engine. */
static void limit_resident(struct host *h, uint64_t memory_bytes)
{
	struct rlimit limit;

	if (memory_bytes == 0 || prlimit(h->resident.pid, RLIMIT_DATA, NULL, &limit) < 0)
		return;
	limit.rlim_cur = memory_bytes + RESIDENT_REST_BYTES;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	(void)prlimit(h->resident.pid, RLIMIT_DATA, &limit, NULL);
}

/* What it says between answers belongs to none. */
static int ask(struct host *h, const struct host_request *q, struct tool_answer *a)
{
	_cleanup_strbuf_ struct strbuf request = {0}, reply = {0};
	uint32_t size = (uint32_t)q->input_size;

	strbuf_append(&request, &size, sizeof(size));
	strbuf_append(&request, q->input, q->input_size);
	if (request.failed)
		return -ENOMEM;
	a->start_ns = clock_now_ns();
	int r = ensure_resident(h);
	if (r < 0) {
		a->exec_ns = a->exit_ns = a->start_ns;
		not_started(a, r);
		return 0;
	}
	limit_resident(h, q->memory_bytes);
	uint64_t asked_ns = a->start_ns, cpu_ns = process_cpu_ns(&h->resident);
	r = process_watch(&h->resident, h->socket, q->deadline_ns, &request, &reply, &a->end);
	if (r < 0)
		return r;
	uint32_t promised = 0;
	if (reply.len >= sizeof(promised))
		memcpy(&promised, reply.data, sizeof(promised));
	if (a->end != TOOL_EXITED || reply.len != sizeof(promised) + (size_t)promised || reply.failed) {
		if (a->end == TOOL_EXITED && reply.len > sizeof(promised) + (size_t)promised)
			a->end = TOOL_FLOODED; /* more than its answer */
		process_end(&h->resident, a);
		a->start_ns = asked_ns;
		return 0;
	}
	a->exec_ns = asked_ns;
	a->exit_ns = clock_now_ns();
	a->pid = h->resident.pid;
	a->user_ns = process_cpu_ns(&h->resident) - cpu_ns; /* of both kinds; which is which is not known */
	a->out = strbuf_take(&h->resident.out, &a->out_size);
	a->err = strbuf_take(&h->resident.err, &a->err_size);
	a->reply_size = promised;
	a->reply = malloc(a->reply_size + 1);
	if (!a->reply)
		return -ENOMEM;
	memcpy(a->reply, reply.data + sizeof(promised), a->reply_size);
	return 0;
}

/* ---- life ---- */

/* Answers one request. 1: goes on; 0: the worker is gone; -errno. */
static int serve(struct host *h)
{
	struct tool_answer a = {0};
	struct host_request q;
	_cleanup_free_ char *bytes = NULL;
	_cleanup_strbuf_ struct strbuf reply = {0};
	size_t size;

	int r = exchange_receive(h->socket, &bytes, &size);
	if (r <= 0)
		return r;
	r = exchange_get_request(bytes, size, &q);
	if (r < 0)
		return r;
	uint64_t latest_ns = clock_now_ns() + NO_DEADLINE_NS;
	if (!q.deadline_ns || q.deadline_ns > latest_ns)
		q.deadline_ns = latest_ns;
	bool resident = h->tool->resident_argv[0];
	r = resident ? ask(h, &q, &a) : run_once(h, &q, &a);
	a.realtime_offset_ns = clock_realtime_ns() - clock_now_ns();
	if (!resident)
		job_folder_empty(&h->folder);
	if (r >= 0) {
		exchange_put_answer(&reply, &a, q.n_outputs);
		r = exchange_send(h->socket, &reply);
	}
	answer_free(&a);
	host_request_done(&q);
	return r < 0 ? r : 1;
}

static void add_path(struct host *h, const char *path, uint64_t rights)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd >= 0) /* what is not there needs no rule */
		h->paths[h->n_paths++] = (struct landlock_path){fd, rights};
}

static int confine(struct host *h, const char *folders_root)
{
	h->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(system_files); i++)
		add_path(h, system_files[i].path, system_files[i].rights);
	for (size_t i = 0; i < h->tool->n_reads; i++)
		add_path(h, h->tool->reads[i], READ_AND_EXECUTE);
	/* Its folder, and at its end the folder's own place in the root. */
	_cleanup_fd_ int root_fd = open(folders_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	h->paths[h->n_paths] = (struct landlock_path){h->folder.fd, FOLDER_OF_HOST};
	h->paths[h->n_paths + 1] = (struct landlock_path){root_fd, LANDLOCK_REMOVE_DIR};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return -errno;
	int r = tool_seccomp_prepare(h->tool->may_fork, &h->seccomp);
	if (r < 0)
		return r;
	_cleanup_fd_ int ruleset_fd = landlock_prepare(h->paths, h->n_paths + 2);
	return ruleset_fd < 0 ? ruleset_fd : landlock_restrict(ruleset_fd);
}

/* Only SIGKILL ends it: a tool may send it SIGABRT where Landlock does not forbid signals yet. */
static void pass_over_signals(void)
{
	for (int s = 1; s < NSIG; s++)
		if (s != SIGCHLD && s != SIGSEGV && s != SIGBUS)
			signal(s, SIG_IGN);
}

static _Noreturn void host_main(const struct host_start *start_with, int socket)
{
	struct host h = {.tool = start_with->tool, .folder.fd = -1};
	struct tool_answer last = {0};

	/* Its own group, so that a signal to the worker's is none for it. */
	setpgid(0, 0);
	prctl(PR_SET_NAME, "spvscope-tool");
	pass_over_signals();
	for (size_t i = 0; i < start_with->n_close_fds; i++)
		fd_close(start_with->close_fds[i]);
	/* 3 is where a resident tool answers: nothing of ours may have that number when it is put there. */
	h.socket = fcntl(socket, F_DUPFD_CLOEXEC, 4);
	dup3(STDIN_FILENO, 3, O_CLOEXEC);
	if (socket != 3)
		close(socket);
	process_init(&h.resident);
	limits_volunteer_for_oom();
	int r = job_folder_make(&h.folder, start_with->folders_root, start_with->worker_id);
	if (r >= 0)
		r = confine(&h, start_with->folders_root);
	/* A resident tool warms up while the worker waits for its first run. */
	if (r >= 0 && h.tool->resident_argv[0])
		(void)ensure_resident(&h);
	while (r >= 0) {
		r = serve(&h);
		if (r == 0)
			break;
	}
	if (r < 0 && r != -EPIPE)
		log_error(TARGET, "the host of %s gives up: %s", h.tool->name, strerror(-r));
	process_end(&h.resident, &last);
	job_folder_remove(&h.folder);
	_exit(0);
}

/* As a worker does it: one datagram, for which nobody waits. The kernel tells the analyzer who sent it. */
static void register_with_analyzer(const struct host_start *s)
{
	struct {
		char byte;
		uint64_t worker_id;
	} __attribute__((packed)) datagram = {REGISTER_HELPER_BYTE, s->worker_id};

	if (s->registration_fd >= 0 &&
		send(s->registration_fd, &datagram, sizeof(datagram), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug(TARGET, "not registered with the analyzer: %s", strerror(errno));
}

int host_fork(const struct host_start *start_with, int *ret_socket)
{
	_cleanup_fd_ int ours = -1, hosts = -1, registered = -1, tells = -1;
	int pair[2];
	char nothing;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	hosts = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	registered = pair[0];
	tells = pair[1];
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		register_with_analyzer(start_with);
		tells = fd_close(tells);
		registered = fd_close(registered);
		ours = fd_close(ours);
		host_main(start_with, hosts);
	}
	/* It has registered before the worker says that it is ready, and so before anyone attaches. */
	tells = fd_close(tells);
	while (read(registered, &nothing, 1) < 0 && errno == EINTR)
		;
	*ret_socket = TAKE_FD(ours);
	return 0;
}

void host_describe(FILE *out)
{
	fprintf(out, "Files, by Landlock: the tool's program, its libraries and what its back end names (to read and execute), the "
		     "folder\nof the job (to read), the outputs that were made for it (to write), and:\n");
	for (size_t i = 0; i < ARRAY_SIZE(system_files); i++)
		fprintf(out, "  %-20s %s\n", system_files[i].path, system_files[i].why);
	fprintf(out, "\nLimits of each of its processes:\n");
	process_limits_describe(out);
	fprintf(out, "\nSystem calls:\n");
	tool_seccomp_describe(out);
}
