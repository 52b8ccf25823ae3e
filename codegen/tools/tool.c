/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of a tool's run: asks the host, and tells the trace. Runs on the compiling thread, inside the worker's
 * sandbox. */
#include "codegen/tools/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "codegen/run.h"
#include "codegen/tools/exchange.h"
#include "codegen/tools/process.h"

/* The front ends a worker at the deadline, and with it what the tool has printed so far: the tool goes a little earlier. */
#define EARLIER_PART 16
#define EARLIER_MAX_NS (250 * NS_PER_MS)

#define SPIRV_MAGIC 0x07230203u

static struct {
	const struct tool *tool;
	int socket;
	uint64_t memory_bytes, deadline_ns;
} channel = {.socket = -1};

void tool_channel_set(const struct tool *tool, int socket)
{
	channel.tool = tool;
	channel.socket = socket;
}

bool tool_is_at_hand(const struct tool *t)
{
	return channel.tool == t && channel.socket >= 0;
}

void tool_channel_limits(uint64_t memory_bytes, uint64_t deadline_ns)
{
	channel.memory_bytes = memory_bytes;
	channel.deadline_ns = deadline_ns;
}

static uint64_t tool_deadline_ns(void)
{
	uint64_t now_ns = clock_now_ns();

	if (channel.deadline_ns == 0 || channel.deadline_ns <= now_ns)
		return channel.deadline_ns;
	uint64_t left_ns = channel.deadline_ns - now_ns, earlier_ns = left_ns / EARLIER_PART;
	return channel.deadline_ns - (earlier_ns < EARLIER_MAX_NS ? earlier_ns : EARLIER_MAX_NS);
}

/* As it would be typed, for people. */
static void tell_command(const struct codegen_run *run, uint32_t span, const struct tool *t,
	const struct tool_request *request)
{
	_cleanup_strbuf_ struct strbuf text = {0};
	const char *const *argv = t->resident_argv[0] ? (const char *const *)t->resident_argv : request->argv;

	for (size_t i = 0; argv && argv[i]; i++) {
		if (i)
			strbuf_putc(&text, ' ');
		strbuf_puts(&text, argv[i]);
	}
	if (!text.failed)
		span_str(run, span, "tool.command", text.data);
}

static const char *const end_names[TOOL_N_ENDS] = {
	[TOOL_EXITED] = "exited",
	[TOOL_SIGNALED] = "died of a signal",
	[TOOL_TIMED_OUT] = "ended at its time limit",
	[TOOL_FLOODED] = "ended for its output",
	[TOOL_CROWDED] = "ended for its number of processes",
	[TOOL_NOT_STARTED] = "could not be started",
};

static void tell_end(const struct codegen_run *run, uint32_t span, const struct tool_answer *a, bool resident)
{
	span_str(run, span, "tool.end", a->reply_size ? "answered" : end_names[a->end]);
	if (a->pid)
		span_u64(run, span, "tool.pid", (uint64_t)a->pid);
	if (a->end == TOOL_EXITED && !a->reply_size)
		span_u64(run, span, "tool.exit_code", (uint64_t)a->status);
	if (a->end == TOOL_SIGNALED)
		span_str(run, span, "tool.signal", sigabbrev_np(a->status));
	if (a->end != TOOL_NOT_STARTED && !resident) {
		span_u64(run, span, "tool.exec_after_ns", a->exec_ns - a->start_ns);
		span_u64(run, span, "tool.exit_after_ns", a->exit_ns - a->start_ns);
	}
	if (a->n_left)
		span_u64(run, span, "tool.processes_ended_with_it", a->n_left);
}

/* What is zero was not measured, or is not worth a line. */
static void tell_usage(const struct codegen_run *run, uint32_t span, const struct tool_answer *a)
{
	const struct {
		const char *key;
		uint64_t value;
	} figures[] = {
		{"tool.cpu_ns", a->user_ns + a->system_ns},
		{"tool.system_ns", a->system_ns},
		{"tool.max_rss_bytes", a->max_rss_bytes},
		{"tool.minor_faults", a->minor_faults},
		{"tool.major_faults", a->major_faults},
		{"tool.voluntary_switches", a->voluntary_switches},
		{"tool.involuntary_switches", a->involuntary_switches},
		{"tool.stdout_bytes", a->out_size},
		{"tool.stderr_bytes", a->err_size},
	};

	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		if (figures[i].value)
			span_u64(run, span, figures[i].key, figures[i].value);
	/* Kept as far as an attribute goes; the back end has read all of it. Some print their SPIR-V. */
	if (a->out_size && strbuf_is_json_text(a->out, a->out_size))
		span_str(run, span, "tool.stdout", a->out);
	if (a->err_size && strbuf_is_json_text(a->err, a->err_size))
		span_str(run, span, "tool.stderr", a->err);
}

/* From fork to exec: the new process, before it is the tool. */
static void tell_start(const struct codegen_run *run, const struct tool_answer *a, const char *name)
{
	const struct spvscope_tracer *t = run->tracer;
	struct spvscope_usage at = {.now_ns = a->start_ns};
	char text[SPVSCOPE_SPAN_NAME_MAX + 1];

	if (!t || a->exec_ns <= a->start_ns)
		return;
	snprintf(text, sizeof(text), "codegen::tool::%s::exec", name);
	uint32_t span = t->begin_at(t->ctx, SPVSCOPE_LEVEL_DEBUG, text, &at);
	at.now_ns = a->exec_ns;
	if (span)
		t->end_at(t->ctx, span, &at);
}

static int exchange(const struct tool_request *request, struct tool_answer *ret)
{
	_cleanup_strbuf_ struct strbuf out = {0};
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	exchange_put_request(&out, request, channel.memory_bytes, tool_deadline_ns());
	int r = exchange_send(channel.socket, &out);
	strbuf_done(&out);
	if (r >= 0)
		r = exchange_receive(channel.socket, &bytes, &size);
	if (r <= 0)
		return r < 0 ? r : -EPIPE;
	return exchange_get_answer(bytes, size, ret);
}

int tool_require(struct codegen_run *run, const struct tool *t, const char *who)
{
	if (t->program && !t->missing)
		return CODEGEN_GOOD;
	return run_refuse(run, "spvscope", "not-installed", "%s: %s%s%s", who,
		t->missing ? t->missing : "its program has not been looked for",
		t->install ? "; to install it: " : "", t->install ? t->install : "");
}

int tool_run(struct codegen_run *run, const struct tool_request *request, struct tool_answer *ret)
{
	const struct tool *t = request->tool ? request->tool : run->backend->tool;
	char name[SPVSCOPE_SPAN_NAME_MAX + 1];

	*ret = (struct tool_answer){0};
	snprintf(name, sizeof(name), "codegen::tool::%s", t->name);
	uint32_t span = span_begin(run, SPVSCOPE_LEVEL_INFO, name);
	tell_command(run, span, t, request);
	span_str(run, span, "tool.program", t->program);
	span_str(run, span, "tool.version", t->version);
	int r = exchange(request, ret);
	if (r < 0) {
		span_end(run, span);
		if (r != -ENOMEM)
			run_refuse(run, "spvscope", "tool-host", "the host of %s is gone: %s", t->name, strerror(-r));
		return r == -ENOMEM ? r : -ECHILD;
	}
	ret->tool = t;
	ret->span = span;
	tell_end(run, span, ret, t->resident_argv[0]);
	tell_usage(run, span, ret);
	if (!t->resident_argv[0])
		tell_start(run, ret, t->name);
	return 0;
}

void tool_answer_done(struct codegen_run *run, struct tool_answer *a)
{
	span_end(run, a->span);
	answer_free(a);
}

/* A limit on memory that was hit shows as a failed exit: clang and V8 abort in words of their own, others just die. */
static bool ran_out_of_memory(const struct tool_answer *a)
{
	bool failed = a->end == TOOL_SIGNALED || (a->end == TOOL_EXITED && a->status != 0);

	return failed && channel.memory_bytes && a->max_rss_bytes > channel.memory_bytes / 8 * 7;
}

static void put_left(char *text, size_t size, const struct tool_answer *a)
{
	text[0] = '\0';
	if (a->n_left)
		snprintf(text, size, ", with %u further process%s of its own", a->n_left, a->n_left == 1 ? "" : "es");
}

int tool_judge(struct codegen_run *run, const struct tool_answer *a)
{
	const char *name = a->tool->name;
	double ran_ms = (double)(a->exit_ns - a->start_ns) / 1e6;
	char left[80];

	put_left(left, sizeof(left), a);
	if (ran_out_of_memory(a)) {
		run_refuse(run, name, "out-of-memory", "%s had used up its memory of %llu MiB%s", name,
			(unsigned long long)(channel.memory_bytes >> 20), left);
		return -ENOMEM;
	}
	switch (a->end) {
	case TOOL_EXITED:
		if (!a->n_left)
			return 0;
		return run_diagnose(run, &(struct spvscope_diagnostic){
			.severity = SPVSCOPE_SEVERITY_WARNING,
			.source = (char *)name,
			.code = (char *)"left-behind",
			.message = (char *)"the tool left processes behind when it exited; they were ended",
		}) < 0 ? -ENOMEM : 0;
	case TOOL_TIMED_OUT:
		run_refuse(run, name, "timed-out", "%s had not ended after %.0f ms: it was ended%s", name, ran_ms, left);
		return -ETIME;
	case TOOL_FLOODED:
		run_refuse(run, name, "flooded", "%s printed more than is kept: it was ended%s", name, left);
		return -ECHILD;
	case TOOL_CROWDED:
		run_refuse(run, name, "too-many-processes", "%s had more than %d processes and threads: it was ended%s", name,
			PROCESS_MAX_TASKS, left);
		return -ECHILD;
	case TOOL_SIGNALED:
		run_refuse(run, name, "crashed", "%s died of SIG%s%s", name,
			sigabbrev_np(a->status) ? sigabbrev_np(a->status) : "???", left);
		return -ECHILD;
	default:
		run_refuse(run, name, "not-started", "%s could not be started: %s", name, strerror(a->status));
		return -ECHILD;
	}
}

int tool_keep_spirv(struct codegen_run *run, const char *tool, const char *bytes, size_t size)
{
	uint32_t magic = 0;

	if (size >= sizeof(magic))
		memcpy(&magic, bytes, sizeof(magic));
	if (magic != SPIRV_MAGIC || size % sizeof(uint32_t))
		return run_refuse(run, tool, "no-spirv", "%s wrote no SPIR-V, but %zu bytes of something else", tool, size);
	run->result->spirv = malloc(size);
	if (!run->result->spirv)
		return -ENOMEM;
	memcpy(run->result->spirv, bytes, size);
	run->result->n_spirv_words = size / sizeof(uint32_t);
	return CODEGEN_GOOD;
}
