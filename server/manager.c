/* SPDX-License-Identifier: Apache-2.0 */
/* The privileged first process: forks the front, which becomes another user, and afterwards does nothing but start
 * analyzers, pass signals on and wait. manager_run and what it calls run there, as root, with one thread and no
 * allocation; become_user runs in the front before it has threads; ask_manager runs in the front on the loop's thread. */
#include "server/manager.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/unix_message.h"
#include "server/child.h"

#define TARGET                "server::manager"
#define FALLBACK_USER         "nobody"
#define USERADD               "/usr/sbin/useradd"
#define ANALYZER_FAREWELL_NS  (2 * NS_PER_S)
#define MAX_ANALYZERS         4 /* one is usual; a second while the first is still going */

/* The front's whole vocabulary. */
#define ASK_ANALYZER 'A'

struct manager_answer {
	int32_t error; /* negative errno, 0 is none: then the analyzer's socket comes with it */
	int32_t pid;
};

struct user {
	uid_t uid;
	gid_t gid;
	char name[64];
};

/* ---- the user ---- */

static bool find_user(const char *name, struct user *ret)
{
	struct passwd *pw = getpwnam(name);

	if (!pw)
		return false;
	*ret = (struct user){.uid = pw->pw_uid, .gid = pw->pw_gid};
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return true;
}

static bool make_user(const char *name)
{
	const char *const argv[] = {USERADD, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
		"--shell", "/usr/sbin/nologin", name, NULL};
	int status;
	pid_t pid;

	if (posix_spawn(&pid, USERADD, NULL, NULL, (char *const *)argv, environ) != 0)
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int choose_user(const char *wanted, struct user *ret)
{
	const char *name = wanted ? wanted : MANAGER_DEFAULT_USER;

	if (find_user(name, ret))
		return ret->uid ? 0 : -EPERM;
	if (strcmp(name, MANAGER_DEFAULT_USER) != 0) {
		log_error(TARGET, "there is no user \"%s\"; name one with --user, or make it: useradd --system %s", name,
			name);
		return -ENOENT;
	}
	if (make_user(name) && find_user(name, ret)) {
		log_info(TARGET, "made the system user \"%s\"", name);
		return 0;
	}
	if (!find_user(FALLBACK_USER, ret)) {
		log_error(TARGET, "the user \"%s\" is missing and could not be made; name another with --user", name);
		return -ENOENT;
	}
	log_warn(TARGET, "the user \"%s\" is missing and could not be made; serving as \"%s\"", name, FALLBACK_USER);
	return 0;
}

/* ---- its folders ---- */

static int make_folder(const char *path, mode_t mode)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (const char *at = path; (at = strchr(at + 1, '/'));) {
		snprintf(part, sizeof(part), "%.*s", (int)(at - path), path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* Files that an earlier start as another user left; nothing behind a link is touched, nor what has a second name. */
static void give_files(int dir_fd, const struct user *u)
{
	int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	struct stat st;

	if (!dir) {
		fd_close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    st.st_nlink == 1 && fchownat(dir_fd, e->d_name, u->uid, u->gid, AT_SYMLINK_NOFOLLOW) < 0)
			log_warn(TARGET, "cannot give %s to %s: %s", e->d_name, u->name, strerror(errno));
	closedir(dir);
}

static int give_folder(const char *path, mode_t mode, const struct user *u)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int r;

	if (!path)
		return 0;
	r = make_folder(path, mode);
	if (r >= 0) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			r = -errno;
	}
	if (r >= 0 && st.st_uid != u->uid) {
		/* A sticky or shared folder such as /tmp belongs to all: it is used as it is. */
		if (st.st_mode & (S_ISVTX | S_IWOTH))
			return 0;
		give_files(fd, u);
		r = fchown(fd, u->uid, u->gid) < 0 ? -errno : 0;
	}
	if (r < 0)
		log_error(TARGET, "cannot make %s ready for %s: %s", path, u->name, strerror(-r));
	return r;
}

/* ---- the front's side of the fork ---- */

static int check_no_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (data[i].effective || data[i].permitted)
			return -EPERM;
	return setuid(0) == 0 ? -EPERM : 0;
}

static int become_user(const struct user *u, pid_t manager)
{
	int r = 0;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || initgroups(u->name, u->gid) < 0 ||
	    setresgid(u->gid, u->gid, u->gid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r >= 0)
		r = check_no_capabilities();
	if (r < 0) {
		log_error(TARGET, "cannot become %s: %s", u->name, strerror(-r));
		return r;
	}
	/* After the change of user, which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return getppid() == manager ? 0 : -ESRCH;
}

static void tell_unreachable(const char *path, const struct user *u)
{
	if (path && access(path, R_OK | W_OK | X_OK) < 0)
		log_error(TARGET, "%s is out of reach for %s (%s); name another place, or another --user", path, u->name,
			strerror(errno));
}

/* ---- the manager's life ---- */

struct manager {
	const struct manager_options *o;
	pid_t front;
	int socket, signal_fd;
	struct spawned analyzers[MAX_ANALYZERS];
	int front_status;
	bool front_ended;
};

static struct spawned *free_slot(struct manager *m)
{
	for (size_t i = 0; i < MAX_ANALYZERS; i++)
		if (!m->analyzers[i].pid)
			return &m->analyzers[i];
	return NULL;
}

static int start_analyzer(struct manager *m, int *ret_socket, pid_t *ret_pid)
{
	struct spawned *slot = free_slot(m);
	int r = slot && m->o->analyzer_path ? 0 : -EAGAIN;

	if (r >= 0)
		r = analyzer_spawn(-1, m->o->analyzer_path, ret_socket, ret_pid);
	if (r >= 0)
		*slot = (struct spawned){.pid = *ret_pid, .pidfd = -1};
	return r;
}

static void serve_front(struct manager *m)
{
	struct manager_answer answer = {0};
	struct unix_message um;
	_cleanup_fd_ int socket = -1;
	char what = 0;
	int r = unix_message_receive(m->socket, &what, sizeof(what), &um);

	if (r <= 0) {
		if (r != -EAGAIN && r != -EINTR)
			m->socket = fd_close(m->socket); /* it is ending */
		return;
	}
	unix_message_close_fds(&um);
	answer.error = what == ASK_ANALYZER ? start_analyzer(m, &socket, &answer.pid) : -EINVAL;
	unix_message_send(m->socket, &answer, sizeof(answer), &socket, socket >= 0 ? 1 : 0);
}

static void reap(struct manager *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == m->front) {
			m->front_ended = true;
			m->front_status = status;
		}
		for (size_t i = 0; i < MAX_ANALYZERS; i++)
			if (m->analyzers[i].pid == pid)
				m->analyzers[i].pid = 0;
	}
}

static void take_signal(struct manager *m)
{
	struct signalfd_siginfo si;

	while (read(m->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(m);
		else
			kill(m->front, (int)si.ssi_signo);
	}
}

/* Their control sockets ended with the front: they go by themselves, or are made to. */
static void end_analyzers(struct manager *m)
{
	uint64_t deadline_ns = clock_now_ns() + ANALYZER_FAREWELL_NS;

	for (size_t i = 0; i < MAX_ANALYZERS; i++)
		while (m->analyzers[i].pid) {
			struct pollfd p = {.fd = m->signal_fd, .events = POLLIN};

			if (clock_now_ns() > deadline_ns)
				kill(m->analyzers[i].pid, SIGKILL);
			poll(&p, 1, 100);
			take_signal(m);
			reap(m);
		}
}

static int manager_run(struct manager *m)
{
	while (!m->front_ended) {
		struct pollfd p[2] = {{.fd = m->signal_fd, .events = POLLIN}, {.fd = m->socket, .events = POLLIN}};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return EXIT_FAILURE;
		if (p[0].revents)
			take_signal(m);
		if (p[1].revents && m->socket >= 0)
			serve_front(m);
	}
	m->socket = fd_close(m->socket);
	end_analyzers(m);
	if (WIFSIGNALED(m->front_status)) {
		log_error(TARGET, "the front was ended by signal %d", WTERMSIG(m->front_status));
		return 128 + WTERMSIG(m->front_status);
	}
	return WEXITSTATUS(m->front_status);
}

static void remember_program(const char *path)
{
	int r = path ? spawn_remember(path) : 0;

	if (r < 0)
		log_error(TARGET, "cannot open %s: %s", path, strerror(-r));
}

static int prepare(const struct manager_options *o, struct user *ret_user)
{
	int r = choose_user(o->user, ret_user);

	if (r < 0)
		return r;
	r = give_folder(o->state_dir, 0700, ret_user);
	if (r >= 0)
		r = give_folder(o->runtime_dir, 0755, ret_user);
	remember_program(o->worker_path);
	remember_program(o->analyzer_path);
	return r;
}

int manager_start(const struct manager_options *o, int *ret_is_front, int *ret_manager_fd)
{
	struct manager m = {.o = o};
	pid_t manager = getpid();
	sigset_t mask, before;
	struct user user;
	int pair[2], r;

	r = prepare(o, &user);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, &before); /* before the fork: none is lost */
	m.front = fork();
	if (m.front == 0) {
		close(pair[1]);
		r = o->before_drop(o->arg, user.uid, user.gid);
		if (r >= 0)
			r = become_user(&user, manager);
		sigprocmask(SIG_SETMASK, &before, NULL);
		if (r < 0)
			_exit(EXIT_FAILURE);
		tell_unreachable(o->state_dir, &user);
		*ret_is_front = true;
		*ret_manager_fd = pair[0];
		return 0;
	}
	r = m.front < 0 ? -errno : 0;
	close(pair[0]);
	m.socket = pair[1];
	m.signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r < 0 || m.signal_fd < 0)
		return r < 0 ? r : -errno;
	*ret_is_front = false;
	*ret_manager_fd = -1;
	return manager_run(&m);
}

/* ---- the front's side of the socket ---- */

static int ask_manager(int manager_fd, int *ret_socket_fd, int *ret_pid)
{
	static const char what = ASK_ANALYZER;
	struct pollfd p = {.fd = manager_fd, .events = POLLIN};
	struct manager_answer answer;
	struct unix_message um;
	int r = unix_message_send(manager_fd, &what, sizeof(what), NULL, 0);

	if (r < 0)
		return r;
	if (poll(&p, 1, 5000) != 1)
		return -ETIMEDOUT;
	r = unix_message_receive(manager_fd, &answer, sizeof(answer), &um);
	if (r <= 0)
		return r < 0 ? r : -EPIPE;
	if (um.len != sizeof(answer) || (answer.error == 0 && um.n_fds != 1)) {
		unix_message_close_fds(&um);
		return -EBADMSG;
	}
	if (answer.error) {
		unix_message_close_fds(&um);
		return answer.error;
	}
	*ret_socket_fd = um.fds[0];
	*ret_pid = 0; /* the manager reaps it */
	return 0;
}

int analyzer_spawn(int manager_fd, const char *path, int *ret_socket_fd, int *ret_pid)
{
	const char *const argv[] = {"spvscope-analyzer", "--control-fd=3", NULL};
	_cleanup_fd_ int ours = -1, theirs = -1;
	struct spawned process;
	int pair[2], r;

	if (manager_fd >= 0)
		return ask_manager(manager_fd, ret_socket_fd, ret_pid);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	r = spawn_process(path, argv, theirs, &process);
	if (r < 0)
		return r;
	fd_close(process.pidfd);
	*ret_socket_fd = TAKE_FD(ours);
	*ret_pid = process.pid;
	return 0;
}
