/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the socket between a worker and its tool host: requests one way, answers the other, one at a time, each a
 * u32 length and that many bytes (base/wire.h). Either side may have been taken over by what it worked on, so each
 * checks what it reads. */
#ifndef SPVSCOPE_TOOLS_EXCHANGE_H
#define SPVSCOPE_TOOLS_EXCHANGE_H

#include "codegen/tools/tool.h"

#define EXCHANGE_MAX_BYTES (512u << 20)
#define EXCHANGE_MAX_ARGS  TOOL_MAX_ARGS

/* A request as the host has it: everything is its own copy. */
struct host_request {
	uint64_t memory_bytes, deadline_ns;
	char **argv; /* NULL-terminated */
	size_t n_argv;
	struct tool_file *files; /* names and data owned */
	size_t n_files;
	char *outputs[TOOL_MAX_OUTPUTS];
	size_t n_outputs;
	char *input;
	size_t input_size;
};

void exchange_put_request(struct strbuf *out, const struct tool_request *q, uint64_t memory_bytes, uint64_t deadline_ns);
/* 0, -EBADMSG, -ENOMEM. */
int exchange_get_request(const void *data, size_t size, struct host_request *ret);
void host_request_done(struct host_request *q);

void exchange_put_answer(struct strbuf *out, const struct tool_answer *a, size_t n_outputs);
int exchange_get_answer(const void *data, size_t size, struct tool_answer *ret);
void answer_free(struct tool_answer *a);

/* Blocking. Only calls that a confined worker may make. receive: 1 with bytes that the caller frees, 0 when the other side
 * has closed, -errno. */
int exchange_send(int socket, const struct strbuf *bytes);
int exchange_receive(int socket, char **ret, size_t *ret_size);

#endif
