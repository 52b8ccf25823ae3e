/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes listening sockets. Runs in the front, at start and at the end. */
#include "server/http/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "server/http/http_guard.h"

static const char unix_prefix[] = "unix:";

/* "HOST:PORT" or "[V6]:PORT" taken apart; localhost is 127.0.0.1. No name is ever looked up. */
static int parse_tcp(const char *address, char *host, size_t host_size, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	const char *colon = strrchr(address, ':');
	char *end;

	if (!colon || !guard_host_name(address, host, host_size))
		return -EINVAL;
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (colon[1] == '\0' || *end != '\0' || port > 65535)
		return -EINVAL;

	const char *literal = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, literal, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*ret_len = sizeof *v4;
	} else if (inet_pton(AF_INET6, literal, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*ret_len = sizeof *v6;
	} else {
		return -EINVAL;
	}
	return 0;
}

bool listener_address_is_loopback(const char *address)
{
	struct sockaddr_storage sa;
	socklen_t len;
	char host[256];

	if (strncmp(address, unix_prefix, sizeof unix_prefix - 1) == 0)
		return true;
	return parse_tcp(address, host, sizeof host, &sa, &len) == 0 && guard_is_loopback_name(host);
}

static int open_tcp(const char *address, struct listener *l, char *error, size_t error_size)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof sa;
	int one = 1;

	if (parse_tcp(address, l->host, sizeof l->host, &sa, &len) < 0) {
		snprintf(error, error_size,
			"'%.80s' is none of ADDRESS:PORT, [IPV6]:PORT, localhost:PORT and unix:/path", address);
		return -EINVAL;
	}
	l->is_loopback = guard_is_loopback_name(l->host);
	l->is_wildcard = strcmp(l->host, "0.0.0.0") == 0 || strcmp(l->host, "::") == 0;

	_cleanup_fd_ int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		goto failed;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, SOMAXCONN) < 0)
		goto failed;
	len = sizeof sa;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		goto failed;
	unsigned port = ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
						      : ((struct sockaddr_in6 *)&sa)->sin6_port);
	snprintf(l->url, sizeof l->url, sa.ss_family == AF_INET ? "http://%s:%u" : "http://[%s]:%u", l->host, port);
	l->fd = TAKE_FD(fd);
	return 0;
failed:;
	int r = -errno;
	snprintf(error, error_size, "cannot listen on %s: %s", address, strerror(-r));
	return r;
}

/* A socket file of a service that was killed: nobody answers it, so it may go. 0 when the way is free. */
static int clear_stale(const struct sockaddr_un *sa)
{
	struct stat st;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	_cleanup_fd_ int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return -errno;
	if (connect(probe, (const struct sockaddr *)sa, sizeof *sa) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(sa->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int open_unix(const char *path, unsigned mode, struct listener *l, char *error, size_t error_size)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;
	int r;

	l->is_unix = l->is_loopback = true;
	if (path[0] != '/' || strlen(path) >= sizeof sa.sun_path) {
		snprintf(error, error_size, "'%.120s' must be an absolute path of at most %zu bytes", path,
			sizeof sa.sun_path - 1);
		return -EINVAL;
	}
	strcpy(sa.sun_path, path);
	r = clear_stale(&sa);
	if (r < 0) {
		snprintf(error, error_size, "cannot listen on %s: %s", path,
			r == -EADDRINUSE ? "another process listens there"
			: r == -EEXIST   ? "a file that is no socket is in the way"
					 : strerror(-r));
		return r;
	}
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Between bind and chmod nobody can connect, since it does not listen yet. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || chmod(path, mode) < 0 ||
		stat(path, &st) < 0 || listen(fd, SOMAXCONN) < 0) {
		r = -errno;
		snprintf(error, error_size, "cannot listen on %s: %s", path, strerror(-r));
		return r;
	}
	strcpy(l->path, path);
	l->device = st.st_dev;
	l->inode = st.st_ino;
	snprintf(l->url, sizeof l->url, "unix:%s", path);
	l->fd = TAKE_FD(fd);
	return 0;
}

int listener_open(const char *address, unsigned socket_mode, struct listener *ret, char *error, size_t error_size)
{
	struct listener l = { .fd = -1 };
	int r;

	if (strncmp(address, unix_prefix, sizeof unix_prefix - 1) == 0)
		r = open_unix(address + sizeof unix_prefix - 1, socket_mode, &l, error, error_size);
	else
		r = open_tcp(address, &l, error, error_size);
	if (r >= 0)
		*ret = l;
	return r;
}

/* Nobody else can put anything there, nor change what any part of the path means. path is canonical. Above it a sticky
 * folder such as /tmp will do, where only owners can move things. */
static bool only_root_writes(char *path)
{
	mode_t stickiness = 0;
	struct stat st;

	for (;; stickiness = S_ISVTX) {
		char *slash = strrchr(path, '/');

		if (lstat(path[0] ? path : "/", &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != 0 ||
		    (st.st_mode & (S_IWGRP | S_IWOTH) && !(st.st_mode & stickiness)))
			return false;
		if (!slash)
			return true;
		*slash = '\0';
	}
}

bool listener_wants_root(const char *address)
{
	_cleanup_free_ char *folder = NULL, *real = NULL;

	if (strncmp(address, unix_prefix, sizeof unix_prefix - 1) != 0)
		return true;
	const char *path = address + sizeof unix_prefix - 1, *slash = strrchr(path, '/');
	if (path[0] != '/')
		return false;
	folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	real = folder ? realpath(folder, NULL) : NULL;
	return real && only_root_writes(real);
}

int listener_give(const struct listener *l, uid_t uid, gid_t gid)
{
	return l->is_unix && lchown(l->path, uid, gid) < 0 ? -errno : 0;
}

void listener_close(struct listener *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	if (l->is_unix && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
		unlink(l->path);
	l->fd = fd_close(l->fd);
}
