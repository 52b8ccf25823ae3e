/* SPDX-License-Identifier: Apache-2.0 */
/* spvscoped: reads its options, builds the front, runs it until it is told to stop, and takes it down again. Started as
 * root, the first process becomes the manager and the rest of this runs in a child without privilege. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/config.h"
#include "server/front.h"
#include "server/http/http_listen.h"
#include "server/manager.h"
#include "server/paths.h"
#include "server/version.h"

#define LOG           "server::main"
#define LAST_WORDS_NS (2 * NS_PER_S) /* for answers to be written once compiles have ended */

struct program {
	struct config config;
	struct front front;
	int signal_fd, manager_fd;
	struct listener *listeners; /* opened by root, one an address, fd -1: not; NULL: not root */
	struct loop_source *signal_watch;
	struct strbuf urls;
	bool announced;
};

/* The service's log obeys the same directives as its spans. */
static bool log_passes(void *ctx, enum log_level level, const char *target)
{
	return trace_filter_matches(ctx, (enum spvscope_level)level, target);
}

static int say(const char *error, int r)
{
	fprintf(stderr, "spvscoped: %s\n", error[0] ? error : strerror(-r));
	return r;
}

static void on_answers_written(void *arg)
{
	struct program *p = arg;

	loop_quit(p->front.loop);
}

static void on_compiles_ended(void *arg)
{
	struct program *p = arg;

	http_drain(p->front.http, clock_now_ns() + LAST_WORDS_NS, on_answers_written, p);
}

/* The first signal drains, a second one ends it at once. */
static void on_signal(void *arg, uint32_t events)
{
	struct program *p = arg;
	struct signalfd_siginfo info;

	(void)events;
	if (read(p->signal_fd, &info, sizeof info) != sizeof info)
		return;
	if (p->front.closing) {
		loop_quit(p->front.loop);
		return;
	}
	log_info(LOG, "stopping: %s", strsignal((int)info.ssi_signo));
	p->front.closing = true;
	http_stop_listening(p->front.http);
	compile_service_drain(p->front.service, clock_now_ns() + p->config.drain_ms * NS_PER_MS, on_compiles_ended, p);
}

/* At the end of each turn: lets HTTP write, and announces once that compiles are taken. */
static uint64_t on_turn(void *arg)
{
	struct program *p = arg;

	if (!p->announced) {
		struct compile_service_state state;

		compile_service_state(p->front.service, &state);
		if (state.can_serve) {
			p->announced = true;
			printf("spvscoped ready%s\n", p->urls.data);
			fflush(stdout);
		}
	}
	return http_turn(p->front.http);
}

static int watch_signals(struct program *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signal_fd < 0)
		return -errno;
	return loop_watch(p->front.loop, p->signal_fd, EPOLLIN, on_signal, p, &p->signal_watch);
}

static int open_http(struct program *p)
{
	const struct config *c = &p->config;
	struct http_options o = {
		.routes = front_routes,
		.app = &p->front,
		.token = c->token,
		.allowed_hosts = (const char *const *)c->allowed_hosts.items,
		.max_connections = (unsigned)c->max_connections,
		.max_held_bytes = (size_t)c->max_held_bytes,
		.socket_mode = (unsigned)c->socket_mode,
	};
	int r = http_new(p->front.loop, &o, &p->front.http);

	if (r < 0)
		return say("", r);
	for (size_t i = 0; i < c->listen.n; i++) {
		char url[300], error[512];

		r = http_listen(p->front.http, c->listen.items[i], p->listeners ? &p->listeners[i] : NULL, url, sizeof url,
			error, sizeof error);
		if (r < 0)
			return say(error, r);
		strbuf_printf(&p->urls, " %s", url);
	}
	return p->urls.failed ? -ENOMEM : 0;
}

static int open_records(struct program *p)
{
	const struct config *c = &p->config;
	struct records_options o = {
		.state_dir = c->state_dir,
		.memory_count = c->memory_count,
		.memory_bytes = c->memory_bytes,
		.disk_count = c->keep_count,
		.disk_bytes = c->keep_bytes,
		.disk_age_s = c->keep_age_s,
	};
	int r = records_open(p->front.loop, &o, &p->front.records);

	if (r < 0)
		fprintf(stderr, "spvscoped: cannot keep results in %s: %s\n", c->state_dir, strerror(-r));
	return r;
}

static int open_cache(struct program *p)
{
	struct cache_options o = {
		.memory_bytes = p->config.cache_bytes,
		.disk_bytes = p->config.cache_disk_bytes,
		.state_dir = p->config.state_dir,
		.free_ready = http_ready_free,
	};

	return o.memory_bytes ? cache_new(p->front.loop, &o, &p->front.cache) : 0;
}

static void worker_args_free(char ***args)
{
	for (char **a = *args; a && *a; a++)
		free(*a);
	free(*args);
}

static bool put_args(char **args, const char *option, const struct string_list *list)
{
	while (*args)
		args++;
	for (size_t i = 0; i < list->n; i++)
		if (asprintf(&args[i], "--%s=%s", option, list->items[i]) < 0) {
			args[i] = NULL;
			return false;
		}
	return true;
}

/* What the workers' template is to be told of the configuration. NULL when there is no memory for it. */
static char **make_worker_args(const struct config *c)
{
	_cleanup_(worker_args_free) char **args = calloc(c->commands.n + c->backend_dirs.n + 1, sizeof *args);

	if (!args || !put_args(args, "command", &c->commands) || !put_args(args, "backend-dir", &c->backend_dirs))
		return NULL;
	return TAKE_PTR(args);
}

static int open_service(struct program *p)
{
	const struct config *c = &p->config;
	_cleanup_(worker_args_free) char **worker_args = make_worker_args(c);
	_cleanup_strbuf_ struct strbuf unwind = {0};
	struct compile_service_options o = {
		.worker_path = c->worker_path,
		.worker_args = (const char *const *)worker_args,
		.analyzer_path = c->analyzer ? c->analyzer_path : NULL,
		.n_workers = (unsigned)c->n_workers,
		.max_queued = (unsigned)c->max_queued,
		.worker_max_runs = c->worker_max_runs,
		.worker_max_rss_bytes = c->worker_max_rss_bytes,
		.output_bytes = c->output_bytes,
		.isolation = (enum isolation)c->isolation,
		.analyzer = c->analyzer,
		.trace_filter = c->trace_filter,
		.manager_fd = p->manager_fd,
		.cache = p->front.cache,
	};
	int r;

	strbuf_printf(&unwind, "%s/unwind", c->state_dir);
	o.unwind_folder = unwind.failed ? NULL : unwind.data;
	r = compile_service_new(p->front.loop, p->front.records, &o, &p->front.service);
	if (r < 0)
		fprintf(stderr, "spvscoped: cannot start %s: %s\n", c->worker_path, strerror(-r));
	return r;
}

static int front_open(struct program *p)
{
	int r;

	p->front.config = &p->config;
	p->front.started_ns = clock_now_ns();
	r = loop_new(&p->front.loop);
	if (r >= 0)
		r = watch_signals(p);
	if (r < 0)
		return say("", r);
	r = open_http(p);
	if (r >= 0)
		r = open_records(p);
	if (r >= 0)
		r = open_cache(p);
	if (r >= 0)
		r = open_service(p);
	if (r < 0)
		return r;
	r = events_new(&p->front, &p->front.events);
	if (r < 0)
		return say("", r);
	r = assets_load(&p->front.assets, p->config.web_root);
	if (r < 0)
		log_warn(LOG, "the viewer in %s cannot be read whole: %s", p->config.web_root, strerror(-r));
	loop_set_before_sleep(p->front.loop, on_turn, p);
	return 0;
}

/* Requests go first, since they refer to compiles; these end every process that they started. */
static void front_close(struct program *p)
{
	http_free(p->front.http);
	compile_service_free(p->front.service);
	cache_free(p->front.cache);
	records_close(p->front.records);
	events_free(p->front.events);
	assets_done(&p->front.assets);
	loop_source_free(p->signal_watch);
	fd_close(p->signal_fd);
	fd_close(p->manager_fd);
	loop_free(p->front.loop);
	strbuf_done(&p->urls);
}

static int run_front(struct program *p)
{
	struct rlimit files;

	/* One descriptor a connection: the soft limit is for programs that use select. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	/* One heap for all threads: what one thread allocates another frees here, and a heap of a thread's own would
	 * grow and shrink by single pages, each a system call. */
	mallopt(M_ARENA_MAX, 1);
	int r = front_open(p);
	if (r >= 0)
		r = loop_run(p->front.loop);
	if (r >= 0)
		log_info(LOG, "stopped");
	front_close(p);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int find_companions(struct config *c)
{
	if (!c->worker_path)
		c->worker_path = companion_path(COMPANION_WORKER);
	if (!c->analyzer_path)
		c->analyzer_path = companion_path(COMPANION_ANALYZER);
	if (!c->web_root)
		c->web_root = companion_path(COMPANION_WEB);
	return c->worker_path && c->analyzer_path && c->web_root ? 0 : -ENOMEM;
}

/* A unix socket's directory that is not there yet is made for the user that the front becomes; /run/x for
 * unix:/run/x/socket. One that is there (/tmp) stays as it is. */
static char *runtime_dir(const struct config *c)
{
	for (size_t i = 0; i < c->listen.n; i++) {
		const char *address = c->listen.items[i], *slash = strrchr(address, '/');

		if (strncmp(address, "unix:/", 6) != 0 || slash <= address + 5)
			continue;
		char *dir = strndup(address + 5, (size_t)(slash - (address + 5)));
		if (!dir || access(dir, F_OK) < 0)
			return dir;
		free(dir);
	}
	return NULL;
}

/* What the service's user may not open: ports below 1024, sockets in folders of root. */
static int open_as_root(void *arg, uid_t uid, gid_t gid)
{
	struct program *p = arg;
	const struct config *c = &p->config;
	char error[512];

	p->listeners = calloc(c->listen.n + 1, sizeof *p->listeners);
	if (!p->listeners)
		return say("", -ENOMEM);
	for (size_t i = 0; i < c->listen.n; i++)
		p->listeners[i].fd = -1;
	for (size_t i = 0; i < c->listen.n; i++) {
		if (!listener_wants_root(c->listen.items[i]))
			continue;
		int r = listener_open(c->listen.items[i], (unsigned)c->socket_mode, &p->listeners[i], error, sizeof error);
		if (r < 0)
			return say(error, r);
		r = listener_give(&p->listeners[i], uid, gid);
		if (r < 0)
			return say("", r);
	}
	return 0;
}

/* Root stays behind as the manager. *ret_status is the exit status when this process is not the front. */
static bool become_front(struct program *p, int *ret_status)
{
	_cleanup_free_ char *runtime = runtime_dir(&p->config);
	struct manager_options o = {
		.user = p->config.user,
		.worker_path = p->config.worker_path,
		.analyzer_path = p->config.analyzer ? p->config.analyzer_path : NULL,
		.state_dir = p->config.state_dir,
		.runtime_dir = runtime,
		.before_drop = open_as_root,
		.arg = p,
	};
	int is_front = 0, r;

	if (geteuid() != 0)
		return true;
	r = manager_start(&o, &is_front, &p->manager_fd);
	if (r >= 0 && is_front)
		return true;
	*ret_status = r < 0 ? EXIT_FAILURE : r;
	return false;
}

static int print(struct strbuf *text)
{
	if (!text->failed)
		fwrite(text->data, 1, text->len, stdout);
	strbuf_done(text);
	return EXIT_SUCCESS;
}

static int print_version(const struct config *c)
{
	struct strbuf text = { 0 };

	version_text(c->analyzer_path, &text);
	return print(&text);
}

int main(int argc, char **argv)
{
	struct program p = { .signal_fd = -1, .manager_fd = -1 };
	struct strbuf help = { 0 };
	char error[512] = "";
	int status = EXIT_SUCCESS;
	int r = config_load(&p.config, argc, argv, error, sizeof error);

	if (r < 0) {
		say(error, r);
		status = 2;
	} else if (p.config.show_help) {
		config_help(&help);
		status = print(&help);
	} else if (find_companions(&p.config) < 0) {
		status = EXIT_FAILURE;
	} else if (p.config.show_version) {
		status = print_version(&p.config);
	} else {
		log_setup("spvscoped", log_passes, &p.config.trace_filter);
		if (become_front(&p, &status))
			status = run_front(&p);
	}
	free(p.listeners);
	config_done(&p.config);
	return status;
}
