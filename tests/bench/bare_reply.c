/* SPDX-License-Identifier: Apache-2.0 */
/* The least that libmicrohttpd can do: takes a request's body, throws it away and sends the same bytes each time. What an
 * answer from the cache is measured against.
 *
 *   bare_reply BODY_BYTES HEADER_BYTES     prints its port, and serves until its standard input closes
 *
 * HEADER_BYTES are added to the head, so that as many bytes go over the wire as from the service. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *data, size_t *data_size, void **con_cls)
{
	static int begun;

	(void)url;
	(void)method;
	(void)version;
	(void)data;
	if (!*con_cls) {
		*con_cls = &begun;
		return MHD_YES;
	}
	if (*data_size) {
		*data_size = 0;
		return MHD_YES;
	}
	return MHD_queue_response(connection, 200, cls);
}

static char *filled(size_t size)
{
	char *bytes = malloc(size + 1);

	if (bytes) {
		memset(bytes, 'x', size);
		bytes[size] = '\0';
	}
	return bytes;
}

int main(int argc, char **argv)
{
	size_t body_size = argc == 3 ? strtoul(argv[1], NULL, 10) : 0, header_size = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	_cleanup_free_ char *body = filled(body_size), *header = filled(header_size);
	struct MHD_Response *response;
	struct MHD_Daemon *daemon;
	char byte;

	if (argc != 3 || !body || !header) {
		fprintf(stderr, "usage: bare_reply BODY_BYTES HEADER_BYTES\n");
		return 2;
	}
	response = MHD_create_response_from_buffer(body_size, body, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, "X-Padding", header);
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_access, response, MHD_OPTION_END);
	if (!daemon) {
		fprintf(stderr, "bare_reply: cannot serve\n");
		return 1;
	}
	printf("%u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	MHD_stop_daemon(daemon);
	MHD_destroy_response(response);
	return 0;
}
