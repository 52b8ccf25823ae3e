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

static int load_job(int fd, struct spvscope_job *ret)
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

/* -EFBIG when it is larger than the run may answer. */
static int write_result(const struct worker_message *m, const struct spvscope_result *result, int fd)
{
	_cleanup_strbuf_ struct strbuf bytes = {.limit = m->output_bytes};

	result_encode(result, &bytes);
	if (bytes.failed)
		return m->output_bytes > 0 ? -EFBIG : -ENOMEM;
	return descriptors_fill(fd, &bytes);
}

/* From the job's bytes to the result's. */
static int run_job(struct run_context *c, const struct worker_message *m, int job_fd, int result_fd, bool *ret_retires)
{
	const struct spvscope_tracer *tracer = trace_writer_tracer(c->writer);
	_cleanup_(spvscope_job_done) struct spvscope_job job = {0};
	_cleanup_(spvscope_result_done) struct spvscope_result result = {0};

	uint32_t span = tracer->begin(tracer->ctx, SPVSCOPE_LEVEL_DEBUG, "worker::receive");
	int r = load_job(job_fd, &job);
	tracer->end(tracer->ctx, span);
	if (r < 0)
		return r;
	r = compile(c, m, &job, &result, ret_retires);
	if (r < 0)
		return r;
	span = tracer->begin(tracer->ctx, SPVSCOPE_LEVEL_DEBUG, "worker::send");
	r = write_result(m, &result, result_fd);
	tracer->end(tracer->ctx, span);
	return r;
}

int run_serve(struct run_context *c, const struct worker_message *m, int job_fd, int result_fd)
{
	struct worker_message done = {
		.type = WORKER_DONE,
		.run_id = m->run_id,
		.start_ns = clock_now_ns(),
	};
	uint64_t cpu_ns = clock_thread_cpu_ns();
	bool retires = false;

	start_trace(c->writer, m);
	int r = run_job(c, m, job_fd, result_fd, &retires);
	thread_context_stop(); /* also of spans that an error left open */
	done.cpu_ns = clock_thread_cpu_ns() - cpu_ns;
	done.end_ns = clock_now_ns();
	if (memory_limit_settle(&c->memory))
		retires = true;
	if (r < 0)
		done.error = -r;
	if (retires)
		done.flags |= WORKER_RETIRES;
	r = worker_message_send(c->socket_fd, &done, NULL, NULL, 0);
	/* Behind the answer, when nobody waits. */
	fd_close(job_fd);
	fd_close(result_fd);
	if (r < 0)
		return r;
	alloc_tidy();
	return retires ? 0 : 1;
}
