/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: TCP and unix. */
#ifndef SPVSCOPE_HTTP_LISTEN_H
#define SPVSCOPE_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct listener {
	int fd;
	bool is_unix, is_loopback; /* a unix socket counts as loopback */
	bool is_wildcard;          /* 0.0.0.0 or ::, reached by any of the machine's addresses */
	char host[256];            /* as given: "127.0.0.1"; empty for unix */
	char path[108];            /* of a unix socket */
	dev_t device;              /* of the socket file, so that only our own is removed */
	ino_t inode;
	char url[300];             /* "http://127.0.0.1:7230", "unix:/run/x" */
};

/* Does this address reach no further than this machine? Syntax as listener_open; false for what is malformed. */
bool listener_address_is_loopback(const char *address);
/* "HOST:PORT" (HOST a literal address or localhost), "[V6]:PORT", "unix:/path". 0 or -errno with a sentence in error. */
int listener_open(const char *address, unsigned socket_mode, struct listener *ret, char *error, size_t error_size);
/* Must it be opened before root's privileges are given up, and may it? A port, or a path where only root can put anything:
 * elsewhere another's link could stand in the way. */
bool listener_wants_root(const char *address);
/* The socket file becomes this user's. 0 or -errno. */
int listener_give(const struct listener *l, uid_t uid, gid_t gid);
/* Closes, and removes the socket file when it is still this one's. */
void listener_close(struct listener *l);

#endif
