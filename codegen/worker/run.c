/* SPDX-License-Identifier: Apache-2.0 */
/* One run, on a worker's only thread and inside the sandbox: makes only calls that seccomp.c lists. */
#include "codegen/worker/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "codegen/job_wire.h"
#include "codegen/tools/tool.h"
#include "codegen/trace/thread_context.h"
#include "codegen/trace/writer.h"
#include "codegen/worker/alloc.h"
#include "codegen/worker/descriptors.h"
#include "codegen/worker/message.h"

#define TARGET "worker::run"

static int load_job_from(int fd, struct spvscope_job *ret)
{
	/* A job that could still change under the decoder would be decoded twice into two things. */
	int r = descriptors_check_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	if (r < 0)
		return r;
	off_t size = lseek(fd, 0, SEEK_END);
	if (size <= 0)
		return -EBADMSG;
	/* Read, not mapped: a worker may map no file, see seccomp.c. */
	_cleanup_free_ char *bytes = malloc((size_t)size);
	if (!bytes)
		return -ENOMEM;
	if (pread(fd, bytes, (size_t)size, 0) != (ssize_t)size)
		return -EBADMSG;
	return job_decode(bytes, (size_t)size, ret);
}

static int load_job(const struct worker_envelope *e, int job_fd, struct spvscope_job *ret)
{
	return job_fd >= 0 ? load_job_from(job_fd, ret) : job_decode(worker_envelope_payload(e), e->m.payload_len, ret);
}

static void start_trace(struct trace_writer *writer, const struct worker_message *m)
{
	static const uint8_t no_trace[sizeof(m->trace_id)];
	struct trace_filter filter;
	char text[WORKER_TEXT_MAX + 1], error[256];

	memcpy(text, m->text, m->text_len);
	text[m->text_len] = '\0';
	trace_filter_init(&filter, SPVSCOPE_LEVEL_INFO);
	if (trace_filter_parse(&filter, text, error, sizeof(error)) < 0)
		log_warn(TARGET, "run %llu: %s", (unsigned long long)m->run_id, error);
	trace_writer_start(writer, m->run_id, &filter);
	if (memcmp(m->trace_id, no_trace, sizeof(no_trace)) != 0)
		trace_writer_publish(writer, m->trace_id);
}

/* Inside the memory limit. *ret_retires is set when the compiler's state is not known any more. */
static int compile(struct run_context *c, const struct worker_message *m, const struct spvscope_job *job,
	struct spvscope_result *result, bool *ret_retires)
{
	int r = memory_limit_begin(&c->memory, m->memory_bytes);
	if (r < 0)
		return r;
	tool_channel_limits(m->memory_bytes, m->value);
	int compiled = spvscope_compile(job, trace_writer_tracer(c->writer), result);
	r = memory_limit_lift(&c->memory);
	*ret_retires = compiled < 0 || r < 0 || result->status == SPVSCOPE_STATUS_OUT_OF_MEMORY ||
		result->status == SPVSCOPE_STATUS_CRASHED;
	/* Our own trouble has a status too (out of memory), so that there is still a result to tell. */
	if (compiled < 0 && result->status == SPVSCOPE_STATUS_OK)
		return compiled;
	return r;
}

/* Into *bytes, and into the memfd what is too long for a message. -EFBIG when it is larger than the run may answer. */
static int write_result(struct run_context *c, const struct worker_message *m, const struct spvscope_result *result,
	struct strbuf *bytes)
{
	bytes->limit = m->output_bytes;
	result_encode(result, bytes);
	if (bytes->failed)
		return m->output_bytes > 0 ? -EFBIG : -ENOMEM;
	if (bytes->len <= WORKER_PAYLOAD_MAX)
		return 0;
	return c->result_fd < 0 ? -EBADF : descriptors_fill(c->result_fd, bytes);
}

/* From the job's bytes to the result's. */
static int run_job(struct run_context *c, const struct worker_envelope *e, int job_fd, struct strbuf *ret_bytes,
	bool *ret_retires)
{
	const struct spvscope_tracer *tracer = trace_writer_tracer(c->writer);
	_cleanup_(spvscope_job_done) struct spvscope_job job = {0};
	_cleanup_(spvscope_result_done) struct spvscope_result result = {0};

	uint32_t span = tracer->begin(tracer->ctx, SPVSCOPE_LEVEL_DEBUG, "worker::receive");
	int r = load_job(e, job_fd, &job);
	tracer->end(tracer->ctx, span);
	if (r < 0)
		return r;
	r = compile(c, &e->m, &job, &result, ret_retires);
	if (r < 0)
		return r;
	span = tracer->begin(tracer->ctx, SPVSCOPE_LEVEL_DEBUG, "worker::send");
	r = write_result(c, &e->m, &result, ret_bytes);
	tracer->end(tracer->ctx, span);
	return r;
}

int run_serve(struct run_context *c, const struct worker_envelope *e, int job_fd)
{
	_cleanup_strbuf_ struct strbuf bytes = {0};
	struct worker_message done = {
		.type = WORKER_DONE,
		.run_id = e->m.run_id,
		.start_ns = clock_now_ns(),
	};
	uint64_t cpu_ns = clock_thread_cpu_ns();
	bool retires = false;

	start_trace(c->writer, &e->m);
	int r = run_job(c, e, job_fd, &bytes, &retires);
	thread_context_stop(); /* also of spans that an error left open */
	done.cpu_ns = clock_thread_cpu_ns() - cpu_ns;
	done.end_ns = clock_now_ns();
	if (memory_limit_settle(&c->memory))
		retires = true;
	if (r < 0)
		done.error = -r;
	if (retires)
		done.flags |= WORKER_RETIRES;
	bool in_message = r >= 0 && bytes.len <= WORKER_PAYLOAD_MAX;
	r = worker_message_send_payload(c->socket_fd, &done, bytes.data, in_message ? bytes.len : 0, NULL, 0);
	/* Behind the answer, when nobody waits. */
	fd_close(job_fd);
	if (!in_message)
		c->result_fd = fd_close(c->result_fd);
	if (r < 0)
		return r;
	alloc_tidy();
	return retires ? 0 : 1;
}
