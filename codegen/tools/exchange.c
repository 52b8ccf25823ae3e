/* SPDX-License-Identifier: Apache-2.0 */
/* Packing and unpacking of requests and answers. Runs in workers, on the compiling thread, and in tool hosts. */
#include "codegen/tools/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "base/wire.h"

/* ---- requests ---- */

void exchange_put_request(struct strbuf *out, const struct tool_request *q, uint64_t memory_bytes, uint64_t deadline_ns)
{
	uint32_t n_argv = 0;

	while (q->argv && q->argv[n_argv])
		n_argv++;
	wire_put_u64(out, memory_bytes);
	wire_put_u64(out, deadline_ns);
	wire_put_u32(out, n_argv);
	for (uint32_t i = 0; i < n_argv; i++)
		wire_put_string(out, q->argv[i]);
	wire_put_u32(out, (uint32_t)q->n_files);
	for (size_t i = 0; i < q->n_files; i++) {
		wire_put_string(out, q->files[i].name);
		wire_put_bytes(out, q->files[i].data, q->files[i].size);
	}
	wire_put_u32(out, (uint32_t)q->n_outputs);
	for (size_t i = 0; i < q->n_outputs; i++)
		wire_put_string(out, q->outputs[i]);
	wire_put_bytes(out, q->input, q->input_size);
}

/* A string that must be there. */
static char *get_string(struct wire_reader *r)
{
	char *s = wire_get_string(r);

	if (!s)
		r->bad = true;
	return s;
}

/* A NUL-terminated copy; NULL with the reader gone bad, or with *no_memory set. */
static char *get_copy(struct wire_reader *r, size_t *ret_size, bool *no_memory)
{
	const void *data = wire_get_bytes(r, ret_size);

	if (r->bad)
		return NULL;
	char *copy = malloc(*ret_size + 1);
	if (!copy) {
		*no_memory = true;
		return NULL;
	}
	if (*ret_size)
		memcpy(copy, data, *ret_size);
	copy[*ret_size] = '\0';
	return copy;
}

static uint32_t get_count(struct wire_reader *r, uint32_t most)
{
	uint32_t n = wire_get_u32(r);

	if (n > most)
		r->bad = true;
	return r->bad ? 0 : n;
}

static void get_files(struct wire_reader *r, struct host_request *q, bool *no_memory)
{
	uint32_t n = get_count(r, TOOL_MAX_FILES);

	q->files = calloc(n ? n : 1, sizeof(*q->files));
	if (!q->files) {
		*no_memory = true;
		return;
	}
	for (; q->n_files < n && !r->bad && !*no_memory; q->n_files++) {
		q->files[q->n_files].name = get_string(r);
		q->files[q->n_files].data = get_copy(r, &q->files[q->n_files].size, no_memory);
	}
}

int exchange_get_request(const void *data, size_t size, struct host_request *ret)
{
	struct wire_reader r;
	bool no_memory = false;

	*ret = (struct host_request){0};
	wire_reader_init(&r, data, size);
	ret->memory_bytes = wire_get_u64(&r);
	ret->deadline_ns = wire_get_u64(&r);
	uint32_t n = get_count(&r, EXCHANGE_MAX_ARGS);
	ret->argv = calloc(n + 1, sizeof(*ret->argv));
	if (!ret->argv)
		no_memory = true;
	for (uint32_t i = 0; i < n && !r.bad && !no_memory; i++)
		ret->argv[ret->n_argv++] = get_string(&r);
	if (!no_memory)
		get_files(&r, ret, &no_memory);
	n = get_count(&r, TOOL_MAX_OUTPUTS);
	for (uint32_t i = 0; i < n && !r.bad; i++)
		ret->outputs[ret->n_outputs++] = get_string(&r);
	ret->input = get_copy(&r, &ret->input_size, &no_memory);
	int error = no_memory ? -ENOMEM : r.bad || r.at != r.end ? -EBADMSG : 0;
	if (error)
		host_request_done(ret);
	return error;
}

void host_request_done(struct host_request *q)
{
	for (size_t i = 0; i < q->n_argv; i++)
		free(q->argv[i]);
	free(q->argv);
	for (size_t i = 0; i < q->n_files; i++) {
		free((void *)q->files[i].name);
		free((void *)q->files[i].data);
	}
	free(q->files);
	for (size_t i = 0; i < q->n_outputs; i++)
		free(q->outputs[i]);
	free(q->input);
	*q = (struct host_request){0};
}

/* ---- answers ---- */

/* The plain numbers, in the order that they travel in. */
static const size_t numbers[] = {
#define AT(member) offsetof(struct tool_answer, member)
	AT(start_ns), AT(exec_ns), AT(exit_ns), AT(realtime_offset_ns), AT(user_ns), AT(system_ns), AT(max_rss_bytes),
	AT(minor_faults), AT(major_faults), AT(voluntary_switches), AT(involuntary_switches),
#undef AT
};

void exchange_put_answer(struct strbuf *out, const struct tool_answer *a, size_t n_outputs)
{
	wire_put_u32(out, a->end);
	wire_put_u32(out, (uint32_t)a->status);
	wire_put_u32(out, (uint32_t)a->pid);
	wire_put_u32(out, a->n_left);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		wire_put_u64(out, *(const uint64_t *)((const char *)a + numbers[i]));
	wire_put_bytes(out, a->out, a->out_size);
	wire_put_bytes(out, a->err, a->err_size);
	wire_put_bytes(out, a->reply, a->reply_size);
	wire_put_u32(out, (uint32_t)n_outputs);
	for (size_t i = 0; i < n_outputs; i++)
		wire_put_bytes(out, a->outputs[i], a->output_sizes[i]);
}

int exchange_get_answer(const void *data, size_t size, struct tool_answer *ret)
{
	struct wire_reader r;
	bool no_memory = false;

	*ret = (struct tool_answer){0};
	wire_reader_init(&r, data, size);
	uint32_t end = wire_get_u32(&r);
	if (end >= TOOL_N_ENDS)
		r.bad = true;
	ret->end = r.bad ? TOOL_NOT_STARTED : (enum tool_end)end;
	ret->status = (int32_t)wire_get_u32(&r);
	ret->pid = (pid_t)wire_get_u32(&r);
	ret->n_left = wire_get_u32(&r);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		*(uint64_t *)((char *)ret + numbers[i]) = wire_get_u64(&r);
	ret->out = get_copy(&r, &ret->out_size, &no_memory);
	ret->err = get_copy(&r, &ret->err_size, &no_memory);
	ret->reply = get_copy(&r, &ret->reply_size, &no_memory);
	uint32_t n = get_count(&r, TOOL_MAX_OUTPUTS);
	for (uint32_t i = 0; i < n && !r.bad && !no_memory; i++)
		ret->outputs[i] = get_copy(&r, &ret->output_sizes[i], &no_memory);
	int error = no_memory ? -ENOMEM : r.bad || r.at != r.end ? -EBADMSG : 0;
	if (error)
		answer_free(ret);
	return error;
}

void answer_free(struct tool_answer *a)
{
	free(a->out);
	free(a->err);
	free(a->reply);
	for (size_t i = 0; i < TOOL_MAX_OUTPUTS; i++)
		free(a->outputs[i]);
	*a = (struct tool_answer){0};
}

/* ---- the socket ---- */

static int send_all(int socket, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		struct iovec iov = {(char *)(uintptr_t)data + done, size - done};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = sendmsg(socket, &m, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int exchange_send(int socket, const struct strbuf *bytes)
{
	if (bytes->failed)
		return -ENOMEM;
	if (bytes->len > EXCHANGE_MAX_BYTES)
		return -EMSGSIZE;
	uint32_t size = (uint32_t)bytes->len;
	int r = send_all(socket, &size, sizeof(size));
	return r < 0 ? r : send_all(socket, bytes->data, bytes->len);
}

/* 1, or 0 at the end of the stream. */
static int receive_all(int socket, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		struct iovec iov = {(char *)data + done, size - done};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(socket, &m, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 || errno == ECONNRESET ? 0 : -errno;
		done += (size_t)n;
	}
	return 1;
}

int exchange_receive(int socket, char **ret, size_t *ret_size)
{
	uint32_t size;
	int r = receive_all(socket, &size, sizeof(size));

	if (r <= 0)
		return r;
	if (size > EXCHANGE_MAX_BYTES)
		return -EBADMSG;
	_cleanup_free_ char *bytes = malloc(size ? size : 1);
	if (!bytes)
		return -ENOMEM;
	r = receive_all(socket, bytes, size);
	if (r <= 0)
		return r;
	*ret = TAKE_PTR(bytes);
	*ret_size = size;
	return 1;
}
