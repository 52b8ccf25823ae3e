/* SPDX-License-Identifier: Apache-2.0 */
/* The template's event loop: messages of the front, ends of workers, and a step of warming whenever there is neither.
 * Never reads submitted bytes. Runs on the only thread of the spvscope-worker process, so that fork is whole. */
#include "codegen/worker/template.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file_identity.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "codegen/backends.h"
#include "codegen/tools/job_folder.h"
#include "codegen/tools/tool.h"
#include "codegen/worker/descriptors.h"
#include "codegen/worker/message.h"
#include "codegen/worker/orphans.h"
#include "codegen/worker/sandbox.h"
#include "codegen/worker/worker.h"
#include "spvscope/codegen.h"

#define TARGET "worker::template"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* A forked worker, from its fork to its REAP. */
struct child {
	uint64_t worker_id;
	pid_t pid;
	int pidfd;         /* owned */
	bool exited;       /* EXITED was sent; it is a zombie that keeps its number */
	bool reap_at_exit; /* REAP came first */
	bool has_host;     /* for a tool, which may outlive it by a moment */
};

struct template {
	int control_fd;      /* borrowed */
	int epoll_fd;        /* its data is the pid of a child, 0 for the control socket */
	int registration_fd; /* the analyzer's; -1: none */
	struct sandbox *sandbox;
	struct child *children;
	size_t n_children, children_capacity;
	unsigned warm_done, warm_steps;
	size_t n_backends; /* that were looked at */
	bool backends_told;
	struct orphans orphans;
};

static int watch(struct template *t, int fd, pid_t pid)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)pid};
	return epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static struct child *find_child(struct template *t, pid_t pid)
{
	for (size_t i = 0; i < t->n_children; i++)
		if (t->children[i].pid == pid)
			return &t->children[i];
	return NULL;
}

static int grow_children(struct template *t)
{
	if (t->n_children < t->children_capacity)
		return 0;
	size_t capacity = t->children_capacity ? 2 * t->children_capacity : 16;
	struct child *children = reallocarray(t->children, capacity, sizeof(*children));
	if (!children)
		return -ENOMEM;
	t->children = children;
	t->children_capacity = capacity;
	return 0;
}

/* The pid's number is free from here on. */
static void forget_child(struct template *t, struct child *c)
{
	while (waitid(P_PID, (id_t)c->pid, &(siginfo_t){0}, WEXITED) < 0 && errno == EINTR)
		;
	fd_close(c->pidfd);
	*c = t->children[--t->n_children];
}

/* ---- what we say ---- */

/* The mappings as symbolizers want them. Taken after everything is loaded; a worker has the same, for it is a fork. */
static int copy_maps(void)
{
	_cleanup_strbuf_ struct strbuf maps = {0};
	char chunk[4096];
	ssize_t n;

	_cleanup_fd_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		strbuf_append(&maps, chunk, (size_t)n);
	if (n < 0)
		return -errno;
	return maps.failed ? -ENOMEM : descriptors_seal("spvscope-maps", &maps);
}

static int say_hello(const struct template *t)
{
	struct worker_message m = {.type = WORKER_HELLO, .pid = getpid()};
	_cleanup_fd_ int maps_fd = copy_maps();

	if (maps_fd < 0)
		log_warn(TARGET, "no copy of /proc/self/maps, so stacks will have no names: %s", strerror(-maps_fd));
	return worker_message_send(t->control_fd, &m, spvscope_compiler_versions(), &maps_fd, maps_fd >= 0 ? 1 : 0);
}

static int say_forked(const struct template *t, uint64_t worker_id, pid_t pid, int pidfd, int error)
{
	struct worker_message m = {
		.type = WORKER_FORKED,
		.worker_id = worker_id,
		.pid = pid,
		.error = error,
		.value = t->warm_done,
	};
	return worker_message_send(t->control_fd, &m, NULL, &pidfd, pidfd >= 0 ? 1 : 0);
}

static int wait_status(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		return (info->si_status & 0xFF) << 8;
	case CLD_DUMPED:
		return info->si_status | 0x80;
	default:
		return info->si_status;
	}
}

/* Tells of a child's end and leaves it a zombie: its number must not come round while an analyzer holds it. */
static int say_exited(struct template *t, struct child *c)
{
	siginfo_t info = {0};
	struct rusage usage = {0};

	/* The C library's waitid has no usage; the kernel's has it as a fifth argument, with WNOWAIT too. */
	if (syscall(SYS_waitid, P_PIDFD, c->pidfd, &info, WEXITED | WNOWAIT | WNOHANG, &usage) < 0)
		return -errno;
	if (info.si_pid == 0)
		return 0;
	epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, c->pidfd, NULL);
	c->exited = true;
	if (c->has_host)
		orphans_expect(&t->orphans);
	struct worker_message m = {
		.type = WORKER_EXITED,
		.worker_id = c->worker_id,
		.pid = c->pid,
		.value = (uint64_t)wait_status(&info),
		.value2 = (uint64_t)usage.ru_maxrss,
	};
	if (c->reap_at_exit)
		forget_child(t, c);
	return worker_message_send(t->control_fd, &m, NULL, NULL, 0);
}

/* ---- what we are told ---- */

/* Forks; in the child it does not return. *ret_pidfd is the table's. */
static int fork_worker(struct template *t, const struct worker_start *start, pid_t *ret_pid, int *ret_pidfd)
{
	int r = grow_children(t);
	if (r < 0)
		return r;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		worker_main(start);
	/* No race: the number is the child's until we reap it. */
	_cleanup_fd_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		r = -errno;
	else
		r = watch(t, pidfd, pid);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	t->children[t->n_children++] =
		(struct child){.worker_id = start->worker_id, .pid = pid, .pidfd = TAKE_FD(pidfd), .has_host = start->tool};
	return 0;
}

/* What a worker for the tool of that back end needs beyond others. */
static int choose_tool(uint64_t number, struct worker_start *start)
{
	const struct codegen_backend *b = number < BACKENDS_MAX ? backend_at((size_t)number) : NULL;

	if (!b || !b->tool || b->tool->missing || !b->tool->program)
		return -ENOENT;
	start->tool = b->tool;
	return job_folders_root(&start->folders_root);
}

static int on_fork(struct template *t, const struct worker_message *m, struct unix_message *datagram)
{
	struct worker_start start = {
		.worker_id = m->worker_id,
		.socket_fd = datagram->fds[0],
		.span_log_fd = datagram->fds[1],
		.registration_fd = t->registration_fd,
		.template_pid = getpid(),
		.sandbox = t->sandbox,
	};
	pid_t pid = 0;
	int pidfd = -1;

	int r = m->value ? choose_tool(m->value - 1, &start) : 0;
	if (r >= 0)
		r = fork_worker(t, &start, &pid, &pidfd);
	if (r < 0)
		log_error(TARGET, "cannot fork worker %llu: %s", (unsigned long long)m->worker_id, strerror(-r));
	return say_forked(t, m->worker_id, pid, pidfd, r < 0 ? -r : 0);
}

static int on_reap(struct template *t, const struct worker_message *m, struct unix_message *datagram)
{
	(void)datagram;
	struct child *c = find_child(t, m->pid);
	if (!c)
		return 0; /* a late word about one that is gone */
	if (c->exited)
		forget_child(t, c);
	else
		c->reap_at_exit = true;
	return 0;
}

static int on_analyzer(struct template *t, const struct worker_message *m, struct unix_message *datagram)
{
	(void)m;
	fd_close(t->registration_fd);
	t->registration_fd = -1;
	if (datagram->n_fds == 0)
		return 0;
	t->registration_fd = TAKE_FD(datagram->fds[0]);
	/* No worker waits for a slow analyzer. */
	return descriptors_set_blocking(t->registration_fd, 0);
}

static const struct order {
	uint32_t type;
	size_t min_fds, max_fds;
	int (*carry_out)(struct template *t, const struct worker_message *m, struct unix_message *datagram);
} orders[] = {
	{WORKER_FORK, 2, 2, on_fork},
	{WORKER_REAP, 0, 0, on_reap},
	{WORKER_ANALYZER, 0, 1, on_analyzer},
};

/* 1: carried out; 0: the front has closed. */
static int serve_front(struct template *t)
{
	struct worker_message m;
	struct unix_message datagram;

	int r = worker_message_receive(t->control_fd, &m, &datagram);
	if (r <= 0)
		return r;
	r = -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		const struct order *o = &orders[i];
		if (o->type == m.type && datagram.n_fds >= o->min_fds && datagram.n_fds <= o->max_fds)
			r = o->carry_out(t, &m, &datagram);
	}
	unix_message_close_fds(&datagram);
	return r < 0 ? r : 1;
}

/* ---- life ---- */

static int warm_one_step(struct template *t)
{
	int r = spvscope_warm(t->warm_done);
	if (r < 0)
		log_warn(TARGET, "warm-up step %u failed: %s", t->warm_done, strerror(-r));
	t->warm_done++;
	struct worker_message m = {.type = WORKER_WARM, .value = t->warm_done, .value2 = t->warm_steps};
	return worker_message_send(t->control_fd, &m, NULL, NULL, 0);
}

/* Of all the files that a tool is made of, so that another build of the same version is another tool. */
static uint64_t identity_of(const struct tool *tool)
{
	uint64_t identity = 0;

	for (size_t i = 0; tool && i < tool->n_reads; i++)
		identity = file_identity_mix(identity, tool->reads[i]);
	return identity;
}

/* One back end a call: finds what it needs, some 10 to 100 ms where programs are asked for their versions, and tells. */
static int find_one_backend(struct template *t)
{
	const struct codegen_backend *b = backend_at(t->n_backends);
	struct worker_message m = {.type = WORKER_BACKEND, .value = t->n_backends};
	char text[WORKER_TEXT_MAX + 1] = "";

	if (b) {
		int r = backend_find(t->n_backends);
		if (r < 0)
			log_warn(TARGET, "back end %s: %s", b->name, strerror(-r));
		struct tool *tool = b->tool;
		/* Without Landlock a tool would read whatever this user may: "#include </etc/passwd>" would be answered. */
		if (tool && !tool->missing && (r < 0 || landlock_abi() == 0))
			tool->missing = strdup(r < 0 ? strerror(-r) : "it needs Landlock, which this kernel does not offer");
		m.value2 = b->languages;
		m.flags = tool ? WORKER_BACKEND_RUNS_TOOL : 0;
		snprintf(text, sizeof(text), "%s\t%s\t%016" PRIx64 "\t%s\t%s\t%s\t%s", b->name,
			b->other_language ? b->other_language : "", identity_of(tool),
			tool && tool->version ? tool->version : "", tool && tool->missing ? tool->missing : "",
			tool && tool->install ? tool->install : "", tool && tool->program ? tool->program : "");
		t->n_backends++;
	} else {
		t->backends_told = true;
	}
	return worker_message_send(t->control_fd, &m, text, NULL, 0);
}

/* The first tables come first: with them nearly all compiles are fast. */
static int work_ahead(struct template *t)
{
	return t->warm_done > 0 && !t->backends_told ? find_one_backend(t) : warm_one_step(t);
}

static bool is_child(void *arg, pid_t pid)
{
	return find_child(arg, pid);
}

/* 1: goes on; 0: the front has closed. */
static int run_once(struct template *t)
{
	struct epoll_event events[16];
	bool cold = t->warm_done < t->warm_steps || !t->backends_told;
	int sweep_ms = orphans_sweep(&t->orphans, is_child, t);

	int n = epoll_wait(t->epoll_fd, events, ARRAY_SIZE(events), cold ? 0 : sweep_ms);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	for (int i = 0; i < n; i++) {
		pid_t pid = (pid_t)events[i].data.u64;
		struct child *c = pid ? find_child(t, pid) : NULL;
		int r = pid == 0 ? serve_front(t) : c ? say_exited(t, c) : 0;
		if (r < 0 || (r == 0 && pid == 0))
			return r;
	}
	if (n == 0 && cold) {
		int r = work_ahead(t);
		if (r < 0)
			return r;
	}
	return 1;
}

/* The front's mask and ignored signals came through exec. It ends us by closing the socket, after it has drained: a
 * Ctrl-C or a stop of the whole group is for the front alone. What kills a compiler must kill it. */
static void reset_signals(void)
{
	static const int passed_over[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	for (size_t i = 0; i < ARRAY_SIZE(passed_over); i++)
		signal(passed_over[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Standard input and output are nobody's; a compiler that prints must not write into a socket that got number 1. */
static int replace_standard_streams(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		close(fd);
	return 0;
}

static void template_done(struct template *t)
{
	for (size_t i = 0; i < t->n_children; i++) {
		syscall(SYS_pidfd_send_signal, t->children[i].pidfd, SIGKILL, NULL, 0);
		fd_close(t->children[i].pidfd);
	}
	free(t->children);
	fd_close(t->registration_fd);
	fd_close(t->epoll_fd);
	sandbox_free(t->sandbox);
	job_folders_remove_root();
}

static int template_init(struct template *t)
{
	const int keep[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, t->control_fd};

	descriptors_close_all_but(keep, ARRAY_SIZE(keep));
	reset_signals();
	orphans_adopt();
	prctl(PR_SET_NAME, "spvscope-tmpl");
	int r = replace_standard_streams();
	if (r >= 0)
		r = descriptors_set_blocking(t->control_fd, 1);
	if (r >= 0)
		r = sandbox_prepare(&t->sandbox);
	if (r < 0)
		return r;
	t->warm_steps = spvscope_warm_steps();
	t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return t->epoll_fd < 0 ? -errno : watch(t, t->control_fd, 0);
}

int template_run(int control_fd)
{
	_cleanup_(template_done) struct template t = {
		.control_fd = control_fd,
		.epoll_fd = -1,
		.registration_fd = -1,
	};

	int r = template_init(&t);
	if (r < 0)
		return r;
	r = say_hello(&t);
	if (r < 0)
		return r;
	do
		r = run_once(&t);
	while (r > 0);
	return r == -EPIPE ? 0 : r;
}
