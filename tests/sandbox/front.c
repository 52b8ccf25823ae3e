/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the front. One thread, in the test program. */
#include "tests/sandbox/front.h"

#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "codegen/job_wire.h"
#include "codegen/trace/span_log.h"
#include "codegen/worker/message.h"

#define WAIT_MS        20000
#define CHILD_SOCKET   3
#define HEAD_BYTES     offsetof(struct worker_message, text)
#define TEST_LOG_BYTES (1u << 20)

static uint64_t last_worker_id;

bool front_poll(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;
	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

/* False: closed. */
static bool receive(int sock, struct worker_message *ret, struct unix_message *ret_datagram)
{
	memset(ret, 0, sizeof(*ret));
	if (!front_poll(sock, WAIT_MS))
		fail_msg("nothing came within %d ms", WAIT_MS);
	int r = unix_message_receive(sock, ret, sizeof(*ret), ret_datagram);
	assert_true(r >= 0);
	if (r == 0)
		return false;
	assert_true(ret_datagram->len >= HEAD_BYTES);
	assert_int_equal(ret->version, WORKER_PROTOCOL_VERSION);
	return true;
}

void front_send(struct front *f, struct worker_message *m, const int *fds, size_t n_fds)
{
	m->version = WORKER_PROTOCOL_VERSION;
	assert_int_equal(unix_message_send(f->control, m, HEAD_BYTES + m->text_len, fds, n_fds), 0);
}

/* What the template tells of its work ahead. False: it is something else. */
static bool take_news(struct front *f, const struct worker_message *m)
{
	if (m->type == WORKER_BACKEND) {
		f->backends_complete = m->text_len == 0;
		if (m->text_len > 0 && m->value < FRONT_MAX_BACKENDS)
			snprintf(f->backends[m->value], sizeof(f->backends[0]), "%.*s", (int)m->text_len, m->text);
		return true;
	}
	if (m->type != WORKER_WARM)
		return false;
	f->warm_done = (unsigned)m->value;
	f->warm_steps = (unsigned)m->value2;
	return true;
}

void front_expect(struct front *f, uint32_t type, struct worker_message *ret, struct unix_message *ret_datagram)
{
	for (;;) {
		if (!receive(f->control, ret, ret_datagram))
			fail_msg("the template has closed its socket, where message %u was awaited", type);
		if (ret->type == type)
			return;
		assert_true(take_news(f, ret));
	}
}

void front_start(struct front *f)
{
	const char *program = getenv("SPVSCOPE_WORKER");
	struct unix_message datagram;
	int pair[2];

	assert_non_null(program);
	memset(f, 0, sizeof(*f));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		/* dup2 onto itself would leave it close-on-exec. */
		if (pair[1] == CHILD_SOCKET)
			fcntl(pair[1], F_SETFD, 0);
		else
			dup2(pair[1], CHILD_SOCKET);
		execl(program, program, "--control-fd=3", NULL);
		_exit(127);
	}
	close(pair[1]);
	f->control = pair[0];
	front_expect(f, WORKER_HELLO, &f->hello, &datagram);
	assert_int_equal(datagram.n_fds, 1);
	f->maps_fd = datagram.fds[0];
}

int front_stop(struct front *f)
{
	int status = -1;
	close(f->control);
	close(f->maps_fd);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	return status;
}

void front_wait_warm(struct front *f)
{
	struct worker_message m;
	struct unix_message datagram;
	while (f->warm_steps == 0 || f->warm_done < f->warm_steps || !f->backends_complete) {
		assert_true(receive(f->control, &m, &datagram));
		if (m.type == WORKER_WARM)
			assert_int_equal(m.value, f->warm_done + 1);
		assert_true(take_news(f, &m));
	}
}

int front_backend(const struct front *f, const char *name)
{
	for (int i = 0; i < FRONT_MAX_BACKENDS; i++) {
		const char *at = f->backends[i];

		if (strncmp(at, name, strlen(name)) != 0 || at[strlen(name)] != '\t')
			continue;
		for (int tab = 0; tab < 4; tab++)
			at += strcspn(at, "\t") + 1;
		return *at == '\t' ? i : -1; /* the field of what is missing */
	}
	return -1;
}

void front_fork(struct front *f, struct front_worker *ret)
{
	front_fork_with_tool(f, -1, ret);
}

void front_fork_with_tool(struct front *f, int backend, struct front_worker *ret)
{
	struct worker_message order = {
		.type = WORKER_FORK,
		.worker_id = ++last_worker_id,
		.value = (uint64_t)(backend + 1),
	};
	struct worker_message m;
	struct unix_message datagram;
	int pair[2];

	memset(ret, 0, sizeof(*ret));
	ret->id = last_worker_id;
	ret->log_bytes = TEST_LOG_BYTES;
	int log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_int_equal(ftruncate(log_fd, (off_t)ret->log_bytes), 0);
	ret->log = mmap(NULL, ret->log_bytes, PROT_READ, MAP_SHARED, log_fd, 0);
	assert_ptr_not_equal(ret->log, MAP_FAILED);
	/* Non-blocking on purpose: the worker must bring its end into the state that it wants. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	front_send(f, &order, (int[]){pair[1], log_fd}, 2);
	close(pair[1]);
	close(log_fd);
	ret->socket = pair[0];

	front_expect(f, WORKER_FORKED, &m, &datagram);
	assert_int_equal(m.worker_id, ret->id);
	assert_int_equal(m.error, 0);
	assert_int_equal(datagram.n_fds, 1);
	ret->pid = m.pid;
	ret->pidfd = datagram.fds[0];
	ret->warm_steps = m.value;
	if (!receive(ret->socket, &m, &datagram))
		fail_msg("the worker closed its socket before it was ready");
	assert_int_equal(m.type, WORKER_READY);
	assert_int_equal(m.pid, ret->pid);
	ret->ready_flags = m.flags;
}

int front_wait_exit(struct front *f, struct front_worker *w, uint64_t *ret_max_rss_kib)
{
	struct worker_message m, reap = {.type = WORKER_REAP, .pid = w->pid};
	struct unix_message datagram;

	front_expect(f, WORKER_EXITED, &m, &datagram);
	assert_int_equal(m.worker_id, w->id);
	assert_int_equal(m.pid, w->pid);
	/* A zombie that keeps its number until we say so. */
	assert_int_equal(kill(w->pid, 0), 0);
	front_send(f, &reap, NULL, 0);
	if (ret_max_rss_kib)
		*ret_max_rss_kib = m.value2;
	return (int)m.value;
}

void front_worker_done(struct front_worker *w)
{
	close(w->socket);
	close(w->pidfd);
	if (w->result_fd)
		close(w->result_fd);
	munmap(w->log, w->log_bytes);
}

void front_send_run(struct front_worker *w, const struct front_run *run, const struct spvscope_job *job)
{
	struct worker_message m = {
		.version = WORKER_PROTOCOL_VERSION,
		.type = WORKER_RUN,
		.worker_id = w->id,
		.run_id = run->id,
		.memory_bytes = run->memory_bytes,
		.output_bytes = run->output_bytes,
		.value = run->deadline_ns,
	};
	struct strbuf bytes = {0};

	job_encode(job, &bytes);
	assert_false(bytes.failed);
	int fds[2], n_fds = 0;
	bool is_long = bytes.len > WORKER_PAYLOAD_MAX;
	if (is_long) {
		int fd = memfd_create("job", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
		m.flags |= WORKER_RUN_JOB_FD;
		fds[n_fds++] = fd;
	}
	if (!w->result_fd) {
		w->result_fd = memfd_create("result", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		m.flags |= WORKER_RUN_RESULT_FD;
		fds[n_fds++] = w->result_fd;
	}
	if (run->filter) {
		m.text_len = (uint32_t)strlen(run->filter);
		memcpy(m.text, run->filter, m.text_len);
	}
	assert_int_equal(worker_message_send_payload(w->socket, &m, bytes.data, is_long ? 0 : bytes.len, fds, (size_t)n_fds), 0);
	if (is_long)
		close(fds[0]);
	strbuf_done(&bytes);
}

/* What a DONE without a payload uses up. */
static void take_from_memfd(struct front_worker *w, struct spvscope_result *result)
{
	int fd = w->result_fd;
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	off_t size = lseek(fd, 0, SEEK_END);

	assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
	assert_true(size > (off_t)WORKER_PAYLOAD_MAX);
	if (result) {
		void *bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
		assert_ptr_not_equal(bytes, MAP_FAILED);
		assert_int_equal(result_decode(bytes, (size_t)size, result), 0);
		munmap(bytes, (size_t)size);
	}
}

bool front_receive_done(struct front_worker *w, struct worker_message *ret, struct spvscope_result *result)
{
	struct unix_message datagram;
	struct worker_envelope e;

	if (!front_poll(w->socket, WAIT_MS))
		fail_msg("nothing came within %d ms", WAIT_MS);
	int r = worker_message_receive_payload(w->socket, &e, &datagram);
	assert_true(r >= 0);
	if (r == 0)
		return false;
	*ret = e.m;
	assert_int_equal(ret->type, WORKER_DONE);
	assert_int_equal(datagram.n_fds, 0);
	if (ret->payload_len > 0) {
		assert_int_equal(ret->error, 0);
		if (result)
			assert_int_equal(result_decode(worker_envelope_payload(&e), ret->payload_len, result), 0);
		return true;
	}
	if (!ret->error)
		take_from_memfd(w, result);
	close(w->result_fd);
	w->result_fd = 0;
	return true;
}

struct trace_tree *front_trace(const struct front_worker *w, uint64_t run_id)
{
	struct trace_tree *tree = NULL;
	assert_int_equal(trace_tree_read(w->log, w->log_bytes, run_id, clock_now_ns(), &tree), 0);
	return tree;
}
