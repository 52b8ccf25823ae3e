/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the program of a tool and what the dynamic linker loads for it. Runs in the template at its start: nothing that was
 * submitted has been seen yet, so the programs that are asked about themselves here run unconfined. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "codegen/tools/tool.h"

#define PATIENCE_NS (2 * NS_PER_S)
#define MAX_TEXT    65536
#define MAX_TASKS   64 /* beyond those that the machine has: the limit counts all of the user's */

/* Where programs are when PATH does not say so: a service's PATH is short. */
static const char usual_folders[] = "/usr/local/bin:/usr/bin:/bin";

void tool_done(struct tool *t)
{
	free(t->program);
	free(t->version);
	free(t->missing);
	for (size_t i = 0; i < t->n_reads; i++)
		free(t->reads[i]);
	for (size_t i = 0; i < ARRAY_SIZE(t->resident_argv); i++)
		free(t->resident_argv[i]);
	*t = (struct tool){0};
}

int tool_may_read(struct tool *t, const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);

	if (!real)
		return -errno;
	for (size_t i = 0; i < t->n_reads; i++)
		if (strcmp(t->reads[i], real) == 0)
			return 0;
	if (t->n_reads == TOOL_MAX_READS)
		return -ENOSPC;
	t->reads[t->n_reads++] = TAKE_PTR(real);
	return 0;
}

/* ---- asking programs ---- */

static _Noreturn void become(const char *program, const char *const argv[], int out_fd)
{
	char *const env[] = {(char *)"PATH=/usr/local/bin:/usr/bin:/bin", (char *)"LC_ALL=C.UTF-8", NULL};

	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct sysinfo info;

	/* It is trusted, but may not be what it is taken for: what it starts is one group, and few. */
	setpgid(0, 0);
	if (sysinfo(&info) == 0)
		setrlimit(RLIMIT_NPROC, &(struct rlimit){info.procs + MAX_TASKS, info.procs + MAX_TASKS});
	if (dup2(out_fd, STDOUT_FILENO) < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDERR_FILENO) < 0)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	execve(program, (char *const *)argv, env);
	_exit(127);
}

/* It has, or does before the time is over; it is not reaped. */
static bool has_ended(pid_t pid, uint64_t until_ns)
{
	_cleanup_fd_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	uint64_t now_ns = clock_now_ns();
	struct pollfd p = {pidfd, POLLIN, 0};

	return pidfd >= 0 && poll(&p, 1, now_ns < until_ns ? (int)((until_ns - now_ns) / NS_PER_MS) + 1 : 0) > 0;
}

/* What it prints on standard output, cut; an empty text when it does not end well in time. */
static int ask(const char *program, const char *const argv[], struct strbuf *out)
{
	uint64_t until_ns = clock_now_ns() + PATIENCE_NS;
	int pair[2], status = 0;
	char chunk[4096];
	bool timely = true;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	_cleanup_fd_ int in = pair[0];
	pid_t pid = fork();
	if (pid == 0)
		become(program, argv, pair[1]);
	close(pair[1]);
	if (pid < 0)
		return -errno;
	while (timely) {
		uint64_t now_ns = clock_now_ns();
		struct pollfd p = {in, POLLIN, 0};

		timely = now_ns < until_ns && poll(&p, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) > 0;
		ssize_t n = timely ? read(in, chunk, sizeof(chunk)) : 0;
		if (n <= 0)
			break;
		if (out->len < MAX_TEXT)
			strbuf_append(out, chunk, (size_t)n);
	}
	timely = timely && has_ended(pid, until_ns);
	/* While it is not reaped its number is the group's alone. A child that has not come as far as setpgid has no group. */
	kill(-pid, SIGKILL);
	if (!timely)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	while (waitpid(-pid, NULL, 0) > 0) /* what it left came to this process, the subreaper */
		;
	if (!timely || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		strbuf_reset(out);
	return out->failed ? -ENOMEM : 0;
}

char *tool_first_line(const struct tool *t, const char *const argv[])
{
	_cleanup_strbuf_ struct strbuf out = {0};

	if (!t->program || ask(t->program, argv, &out) < 0 || out.len == 0)
		return NULL;
	return strndup(out.data, strcspn(out.data, "\r\n"));
}

/* ---- libraries ---- */

/* The dynamic linker that a program wants, or NULL: it is static, or no program for this machine. */
static char *interpreter_of(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr e;

	if (fd < 0 || pread(fd, &e, sizeof(e), 0) != sizeof(e) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
		e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phentsize != sizeof(Elf64_Phdr))
		return NULL;
	for (unsigned i = 0; i < e.e_phnum; i++) {
		char text[PATH_MAX] = "";
		Elf64_Phdr p;

		if (pread(fd, &p, sizeof(p), (off_t)(e.e_phoff + i * sizeof(p))) != sizeof(p))
			return NULL;
		if (p.p_type != PT_INTERP || p.p_filesz >= sizeof(text))
			continue;
		if (pread(fd, text, p.p_filesz, (off_t)p.p_offset) != (ssize_t)p.p_filesz)
			return NULL;
		return strdup(text);
	}
	return NULL;
}

/* "	libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f…)" */
static int add_listed(struct tool *t, char *lines)
{
	for (char *line; (line = strsep(&lines, "\n"));) {
		char *path = strchr(line, '/'), *arrow = strstr(line, "=> ");
		if (arrow)
			path = arrow + 3;
		if (!path || path[0] != '/')
			continue;
		path[strcspn(path, " \t(")] = '\0';
		int r = tool_may_read(t, path);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int add_libraries(struct tool *t, const char *path)
{
	_cleanup_free_ char *interpreter = interpreter_of(path);
	_cleanup_strbuf_ struct strbuf list = {0};

	if (!interpreter)
		return 0;
	int r = tool_may_read(t, interpreter);
	if (r >= 0)
		r = ask(interpreter, (const char *const[]){interpreter, "--list", path, NULL}, &list);
	if (r >= 0 && list.len > 0)
		r = add_listed(t, list.data);
	return r;
}

/* A script's interpreter is a program to read too. */
static int add_script(struct tool *t, const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[256] = "";

	if (fd < 0 || read(fd, head, sizeof(head) - 1) < 2 || head[0] != '#' || head[1] != '!')
		return 0;
	char *at = head + 2 + strspn(head + 2, " \t");
	at[strcspn(at, " \t\r\n")] = '\0';
	int r = tool_may_read(t, at);
	return r < 0 ? r : add_libraries(t, at);
}

int tool_may_run(struct tool *t, const char *path)
{
	int r = tool_may_read(t, path);

	return r < 0 ? r : add_libraries(t, path);
}

/* ---- the program ---- */

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

/* In the folders of a list with colons. NULL: in none. */
static char *look_in(const char *folders, const char *name)
{
	while (folders && *folders) {
		size_t len = strcspn(folders, ":");
		_cleanup_free_ char *path = NULL;

		if (len > 0 && folders[0] == '/' && asprintf(&path, "%.*s/%s", (int)len, folders, name) >= 0 &&
			is_program(path))
			return realpath(path, NULL);
		folders += len + (folders[len] == ':');
	}
	return NULL;
}

static char *look_for(const char *name)
{
	if (name[0] == '/')
		return is_program(name) ? realpath(name, NULL) : NULL;
	char *path = look_in(getenv("PATH"), name);
	return path ? path : look_in(usual_folders, name);
}

int tool_find_program(struct tool *t, const char *const names[])
{
	for (size_t i = 0; names[i] && !t->program; i++)
		t->program = look_for(names[i]);
	if (!t->program) {
		if (asprintf(&t->missing, "%s is not installed", names[0]) < 0)
			t->missing = NULL;
		return t->missing ? -ENOENT : -ENOMEM;
	}
	int r = tool_may_read(t, t->program);
	if (r >= 0)
		r = add_libraries(t, t->program);
	return r < 0 ? r : add_script(t, t->program);
}
