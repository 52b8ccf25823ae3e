/* SPDX-License-Identifier: Apache-2.0 */
/* The real spvscope-worker, with the test as its front. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "codegen/worker/sandbox.h"
#include "codegen/worker/message.h"
#include "tests/sandbox/front.h"

#ifndef WORKER_SANITIZED
#define WORKER_SANITIZED 0
#endif

#define SPIRV_MAGIC 0x07230203u

static const char shader[] =
	"#version 450\n"
	"layout(location = 0) in vec3 normal;\n"
	"layout(location = 0) out vec4 color;\n"
	"void main() { color = vec4(normalize(normal) * 0.5 + 0.5, 1.0); }\n";
static const char crashing_shader[] = "#version 450\n#pragma STDGL\nvoid main(){}";

static struct front the_front;

static struct spvscope_job glsl_job(const char *source)
{
	return (struct spvscope_job){
		.language = SPVSCOPE_LANGUAGE_GLSL,
		.stage = SPVSCOPE_STAGE_FRAGMENT,
		.source = {.data = (uint8_t *)(uintptr_t)source, .size = strlen(source)},
		.env = SPVSCOPE_ENV_VULKAN_1_3,
		.validate = true,
		.emit = SPVSCOPE_EMIT_SPIRV,
	};
}

static struct front_run a_run(uint64_t id)
{
	return (struct front_run){
		.id = id,
		.filter = "debug",
		.memory_bytes = 1ull << 30,
		.output_bytes = 64u << 20,
	};
}

static void run_once(struct front_worker *w, uint64_t run_id)
{
	struct spvscope_job job = glsl_job(shader);
	struct front_run run = a_run(run_id);
	struct spvscope_result result = {0};
	struct worker_message done;

	front_send_run(w, &run, &job);
	assert_true(front_receive_done(w, &done, &result));
	assert_int_equal(done.error, 0);
	assert_int_equal(done.run_id, run_id);
	assert_int_equal(result.status, SPVSCOPE_STATUS_OK);
	assert_true(result.n_spirv_words > 20);
	assert_int_equal(result.spirv[0], SPIRV_MAGIC);
	spvscope_result_done(&result);
}

/* Closing a worker's socket is how it is told to end. */
static void end_worker(struct front *f, struct front_worker *w)
{
	assert_int_equal(shutdown(w->socket, SHUT_RDWR), 0);
	int status = front_wait_exit(f, w, NULL);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	front_worker_done(w);
}

/* ---- the template ---- */

static void it_says_hello_before_it_is_warm_with_versions_and_its_mappings(void **state)
{
	(void)state;
	char maps[65536] = "";
	struct front f;
	front_start(&f);
	assert_int_equal(f.hello.pid, f.pid);
	assert_non_null(strstr(f.hello.text, "glslang"));
	assert_true(pread(f.maps_fd, maps, sizeof(maps) - 1, 0) > 0);
	assert_non_null(strstr(maps, "spvscope-worker"));
	assert_non_null(strstr(maps, "r-xp"));
	assert_true(fcntl(f.maps_fd, F_GET_SEALS) & F_SEAL_WRITE);
	assert_int_equal(f.warm_done, 0);
	assert_int_equal(front_stop(&f), 0);
}

static void a_cold_worker_can_be_had_at_once_and_compiles(void **state)
{
	(void)state;
	struct front f;
	struct front_worker w;
	front_start(&f);
	front_fork(&f, &w);
	assert_true(w.warm_steps < spvscope_warm_steps());
	run_once(&w, 1);
	end_worker(&f, &w);
	assert_int_equal(front_stop(&f), 0);
}

static void signals_for_the_whole_group_do_not_end_it(void **state)
{
	(void)state;
	struct front_worker w;
	assert_int_equal(kill(the_front.pid, SIGINT), 0);
	assert_int_equal(kill(the_front.pid, SIGTERM), 0);
	front_fork(&the_front, &w);
	assert_int_equal(kill(w.pid, SIGINT), 0);
	assert_int_equal(kill(w.pid, SIGTERM), 0);
	run_once(&w, 2);
	end_worker(&the_front, &w);
}

static void workers_die_with_a_killed_template(void **state)
{
	(void)state;
	struct front f;
	struct front_worker w[3];
	int status;
	front_start(&f);
	for (int i = 0; i < 3; i++)
		front_fork(&f, &w[i]);
	assert_int_equal(kill(f.pid, SIGKILL), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(front_poll(w[i].pidfd, 5000)); /* readable: the process has ended */
		front_worker_done(&w[i]);
	}
	assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
	close(f.control);
	close(f.maps_fd);
}

static void workers_die_with_a_closed_control_socket(void **state)
{
	(void)state;
	struct front f;
	struct front_worker w;
	front_start(&f);
	front_fork(&f, &w);
	assert_int_equal(front_stop(&f), 0);
	assert_true(front_poll(w.pidfd, 5000));
	front_worker_done(&w);
}

static void a_nonsense_message_ends_the_template_not_the_machine(void **state)
{
	(void)state;
	struct front f;
	struct worker_message m = {.type = 999};
	int status;
	front_start(&f);
	front_send(&f, &m, NULL, 0);
	assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	close(f.control);
	close(f.maps_fd);
}

static void a_reap_that_comes_before_the_end_is_remembered(void **state)
{
	(void)state;
	struct front_worker w;
	struct worker_message m, reap = {.type = WORKER_REAP};
	struct unix_message datagram;
	front_fork(&the_front, &w);
	reap.pid = w.pid;
	front_send(&the_front, &reap, NULL, 0);
	shutdown(w.socket, SHUT_RDWR);
	front_expect(&the_front, WORKER_EXITED, &m, &datagram);
	assert_int_equal(m.worker_id, w.id);
	assert_int_equal(kill(w.pid, 0), -1);
	front_worker_done(&w);
}

static void workers_register_with_the_analyzer_and_the_kernel_attests_them(void **state)
{
	(void)state;
	struct worker_message m = {.type = WORKER_ANALYZER};
	struct unix_message datagram;
	struct front_worker w;
	char bytes[64];
	int pair[2], on = 1;
	uint64_t id;
	int64_t thread_context;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	front_send(&the_front, &m, &pair[1], 1);
	close(pair[1]);
	front_fork(&the_front, &w);
	assert_true(w.ready_flags & WORKER_REGISTERED);
	assert_int_equal(unix_message_receive(pair[0], bytes, sizeof(bytes), &datagram), 1);
	assert_int_equal(datagram.pid, w.pid);
	assert_int_equal(datagram.len, 17);
	assert_int_equal(bytes[0], 'R');
	memcpy(&id, bytes + 1, sizeof(id));
	assert_int_equal(id, w.id);
	/* A pointer in the program's own thread-local block, which lies next to the thread pointer. */
	memcpy(&thread_context, bytes + 9, sizeof(thread_context));
	assert_true(thread_context != 0 && thread_context % 8 == 0 && llabs(thread_context) < 1 << 20);
	end_worker(&the_front, &w);

	/* An analyzer that has died takes no worker with it. */
	close(pair[0]);
	front_fork(&the_front, &w);
	assert_false(w.ready_flags & WORKER_REGISTERED);
	end_worker(&the_front, &w);
	front_send(&the_front, &m, NULL, 0);
	front_fork(&the_front, &w);
	assert_false(w.ready_flags & WORKER_REGISTERED);
	end_worker(&the_front, &w);
}

/* ---- runs ---- */

static void a_warm_worker_serves_run_after_run_with_spans(void **state)
{
	(void)state;
	struct front_worker w;
	front_fork(&the_front, &w);
	assert_int_equal(w.warm_steps, spvscope_warm_steps());
	for (uint64_t run = 10; run < 15; run++) {
		run_once(&w, run);
		struct trace_tree *tree = front_trace(&w, run);
		bool parsed = false;
		uint64_t alloc_bytes = 0;
		for (size_t i = 0; i < tree->n_spans; i++) {
			parsed |= strcmp(tree->spans[i].name, "codegen::parse") == 0;
			alloc_bytes += tree->spans[i].used.alloc_bytes;
			assert_false(tree->spans[i].open);
		}
		assert_true(parsed);
		assert_true(WORKER_SANITIZED || alloc_bytes > 10000);
		assert_false(tree->out_of_memory);
		assert_int_equal(tree->malformed, 0);
		trace_tree_free(tree);
	}
	end_worker(&the_front, &w);
}

static void it_is_confined_as_far_as_this_kernel_goes(void **state)
{
	(void)state;
	struct front_worker w;
	front_fork(&the_front, &w);
	if (!WORKER_SANITIZED)
		assert_true(w.ready_flags & WORKER_CONFINED_SECCOMP);
	if (landlock_abi() > 0)
		assert_true(w.ready_flags & WORKER_CONFINED_LANDLOCK);
	end_worker(&the_front, &w);
	if (WORKER_SANITIZED || landlock_abi() == 0)
		skip();
}

/* Does the text of /proc/PID/fd's links hold only these? */
static void a_worker_holds_its_own_socket_and_nothing_of_others(void **state)
{
	(void)state;
	struct front_worker first, w;
	unsigned n_sockets = 0, n_null = 0, n_statm = 0, n_other = 0;
	char path[64], target[256];

	front_fork(&the_front, &first);
	front_fork(&the_front, &w);
	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)w.pid, fd);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		if (n < 0 || (WORKER_SANITIZED && fd == 2)) /* its reports are to be seen */
			continue;
		target[n] = '\0';
		if (strncmp(target, "socket:", 7) == 0)
			n_sockets++;
		else if (strcmp(target, "/dev/null") == 0)
			n_null++;
		else if (strstr(target, "/statm"))
			n_statm++;
		else
			n_other++;
	}
	assert_int_equal(n_sockets, 1);
	assert_int_equal(n_null, WORKER_SANITIZED ? 2 : 3);
	assert_int_equal(n_statm, 1);
	assert_int_equal(n_other, 0);
	end_worker(&the_front, &w);
	end_worker(&the_front, &first);
}

static void a_crash_is_a_wait_status_and_the_spans_up_to_it(void **state)
{
	(void)state;
	if (WORKER_SANITIZED)
		skip(); /* reads beyond an empty vector, which that allocator happens to let pass */
	struct spvscope_job job = glsl_job(crashing_shader);
	struct front_run run = a_run(20);
	struct worker_message done;
	struct front_worker w;
	bool open_parse = false;

	front_fork(&the_front, &w);
	front_send_run(&w, &run, &job);
	assert_false(front_receive_done(&w, &done, NULL));
	int status = front_wait_exit(&the_front, &w, NULL);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	assert_false(WCOREDUMP(status));
	struct trace_tree *tree = front_trace(&w, 20);
	for (size_t i = 0; i < tree->n_spans; i++)
		open_parse |= tree->spans[i].open && strcmp(tree->spans[i].name, "codegen::parse") == 0;
	assert_true(open_parse);
	assert_false(tree->out_of_memory);
	trace_tree_free(tree);
	front_worker_done(&w);
}

/* Each macro doubles the one before; nested deep enough, the text is larger than any memory. */
static void write_macro_bomb(char *out, size_t size)
{
	size_t len = (size_t)snprintf(out, size, "#version 450\n#define a0 1+1+1+1+1+1+1+1\n");
	for (int i = 1; i < 26; i++)
		len += (size_t)snprintf(out + len, size - len, "#define a%d a%d+a%d\n", i, i - 1, i - 1);
	snprintf(out + len, size - len, "int x=a25;void main(){}\n");
}

static void a_macro_bomb_ends_as_out_of_memory_within_its_limit(void **state)
{
	(void)state;
	char source[2048];
	write_macro_bomb(source, sizeof(source));
	struct spvscope_job job = glsl_job(source);
	struct front_run run = a_run(30);
	struct spvscope_result result = {0};
	struct worker_message done;
	struct front_worker w;
	uint64_t max_rss_kib, rest_kib;

	run.memory_bytes = 128u << 20;
	front_fork(&the_front, &w);
	shutdown(w.socket, SHUT_RDWR);
	front_wait_exit(&the_front, &w, &rest_kib);
	front_worker_done(&w);

	front_fork(&the_front, &w);
	front_send_run(&w, &run, &job);
	if (front_receive_done(&w, &done, &result)) {
		assert_int_equal(done.error, 0);
		assert_int_equal(result.status, SPVSCOPE_STATUS_OUT_OF_MEMORY);
		assert_true(done.flags & WORKER_RETIRES);
		spvscope_result_done(&result);
	}
	front_wait_exit(&the_front, &w, &max_rss_kib);
	print_message("# macro bomb: at most %llu KiB resident, %llu at rest, limit %llu more\n",
		(unsigned long long)max_rss_kib, (unsigned long long)rest_kib,
		(unsigned long long)(run.memory_bytes >> 10));
	if (WORKER_SANITIZED) { /* shadow and red zones come on top, and refusals are not seen */
		front_worker_done(&w);
		return;
	}
	assert_in_range(max_rss_kib, 0, rest_kib + (run.memory_bytes >> 10) + 16384);
	struct trace_tree *tree = front_trace(&w, 30);
	assert_true(tree->out_of_memory);
	trace_tree_free(tree);
	front_worker_done(&w);
}

static void a_hanging_compile_can_be_killed_at_any_moment(void **state)
{
	(void)state;
	char source[2048];
	write_macro_bomb(source, sizeof(source));
	struct spvscope_job job = glsl_job(source);
	struct front_run run = a_run(40);
	struct worker_message done;
	struct front_worker w;

	run.memory_bytes = 0;
	front_fork(&the_front, &w);
	front_send_run(&w, &run, &job);
	assert_false(front_poll(w.socket, 100));
	assert_int_equal(kill(w.pid, SIGKILL), 0);
	assert_false(front_receive_done(&w, &done, NULL));
	int status = front_wait_exit(&the_front, &w, NULL);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	front_worker_done(&w);
}

static void a_result_above_the_output_limit_is_refused_and_the_worker_goes_on(void **state)
{
	(void)state;
	struct spvscope_job job = glsl_job(shader);
	struct front_run run = a_run(50);
	struct worker_message done;
	struct front_worker w;

	run.output_bytes = 100;
	front_fork(&the_front, &w);
	front_send_run(&w, &run, &job);
	assert_true(front_receive_done(&w, &done, NULL));
	assert_int_equal(done.error, EFBIG);
	assert_false(done.flags & WORKER_RETIRES);
	run_once(&w, 51);
	end_worker(&the_front, &w);
}

static void a_job_that_is_not_sealed_or_not_a_job_is_refused(void **state)
{
	(void)state;
	struct worker_message m = {.type = WORKER_RUN, .run_id = 60, .flags = WORKER_RUN_JOB_FD}, done;
	struct front_worker w;
	int fd = memfd_create("job", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	front_fork(&the_front, &w);
	assert_int_equal(write(fd, "nonsense", 8), 8);
	assert_int_equal(worker_message_send_payload(w.socket, &m, NULL, 0, &fd, 1), 0);
	assert_true(front_receive_done(&w, &done, NULL));
	assert_int_equal(done.error, EPERM);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	assert_int_equal(worker_message_send_payload(w.socket, &m, NULL, 0, &fd, 1), 0);
	assert_true(front_receive_done(&w, &done, NULL));
	assert_int_equal(done.error, EBADMSG);
	m.flags = 0;
	assert_int_equal(worker_message_send_payload(w.socket, &m, "nonsense", 8, NULL, 0), 0);
	assert_true(front_receive_done(&w, &done, NULL));
	assert_int_equal(done.error, EBADMSG);
	close(fd);
	run_once(&w, 61);
	end_worker(&the_front, &w);
}

/* Both ways of a job and of a result, in turn, in one worker. */
static void short_and_long_jobs_and_results_come_through(void **state)
{
	(void)state;
	static char source[WORKER_PAYLOAD_MAX * 2];
	struct front_worker w;
	size_t at = (size_t)sprintf(source, "#version 450\nlayout(location = 0) out vec4 c;\nvoid main()\n{\n\tc = vec4(0);\n");

	while (at < sizeof(source) - 100)
		at += (size_t)sprintf(source + at, "\tc = sin(c) * %zu.5 + c.yxwz;\n", at);
	strcpy(source + at, "}\n");
	front_fork(&the_front, &w);
	for (uint64_t id = 70; id < 76; id++) {
		struct spvscope_job job = glsl_job(id % 3 == 0 ? shader : source);
		struct spvscope_result result = {0};
		struct front_run run = a_run(id);
		struct worker_message done;

		run.output_bytes = 8u << 20;
		front_send_run(&w, &run, &job);
		assert_true(front_receive_done(&w, &done, &result));
		assert_int_equal(done.error, 0);
		assert_int_equal(result.status, SPVSCOPE_STATUS_OK);
		assert_int_equal(done.payload_len > 0, id % 3 == 0);
		spvscope_result_done(&result);
	}
	end_worker(&the_front, &w);
}

/* ---- figures, never judged ---- */

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

#define N_TIMES 41

static void what_forks_and_runs_cost(void **state)
{
	(void)state;
	uint64_t forks_ns[N_TIMES], trips_ns[N_TIMES], over_ns[N_TIMES];
	struct front_worker w;

	for (int i = 0; i < N_TIMES; i++) {
		uint64_t t = clock_now_ns();
		front_fork(&the_front, &w);
		forks_ns[i] = clock_now_ns() - t;
		if (i < N_TIMES - 1)
			end_worker(&the_front, &w);
	}
	run_once(&w, 99);
	for (int i = 0; i < N_TIMES; i++) {
		struct spvscope_job job = glsl_job(shader);
		struct front_run run = a_run(100 + (uint64_t)i);
		struct spvscope_result result = {0};
		struct worker_message done;
		uint64_t t = clock_now_ns();
		front_send_run(&w, &run, &job);
		assert_true(front_receive_done(&w, &done, &result));
		trips_ns[i] = clock_now_ns() - t;
		struct trace_tree *tree = front_trace(&w, run.id);
		uint64_t inside_ns = 0;
		for (size_t s = 0; s < tree->n_spans; s++)
			if (tree->spans[s].parent_idx == TRACE_NO_SPAN &&
				strncmp(tree->spans[s].name, "codegen::", 9) == 0)
				inside_ns += tree->spans[s].duration_ns;
		over_ns[i] = trips_ns[i] - inside_ns;
		trace_tree_free(tree);
		spvscope_result_done(&result);
	}
	end_worker(&the_front, &w);
	qsort(forks_ns, N_TIMES, sizeof(uint64_t), compare_u64);
	qsort(trips_ns, N_TIMES, sizeof(uint64_t), compare_u64);
	qsort(over_ns, N_TIMES, sizeof(uint64_t), compare_u64);
	print_message("# median of %d: fork to ready %.2f ms; run and back %.2f ms, of which outside codegen %.0f us\n",
		N_TIMES, (double)forks_ns[N_TIMES / 2] / 1e6, (double)trips_ns[N_TIMES / 2] / 1e6,
		(double)over_ns[N_TIMES / 2] / 1e3);
}

static int start_front(void **state)
{
	(void)state;
	front_start(&the_front);
	front_wait_warm(&the_front);
	return 0;
}

static int stop_front(void **state)
{
	(void)state;
	return front_stop(&the_front) == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_hello_before_it_is_warm_with_versions_and_its_mappings),
		cmocka_unit_test(a_cold_worker_can_be_had_at_once_and_compiles),
		cmocka_unit_test(signals_for_the_whole_group_do_not_end_it),
		cmocka_unit_test(workers_die_with_a_killed_template),
		cmocka_unit_test(workers_die_with_a_closed_control_socket),
		cmocka_unit_test(a_nonsense_message_ends_the_template_not_the_machine),
		cmocka_unit_test(a_reap_that_comes_before_the_end_is_remembered),
		cmocka_unit_test(workers_register_with_the_analyzer_and_the_kernel_attests_them),
		cmocka_unit_test(a_warm_worker_serves_run_after_run_with_spans),
		cmocka_unit_test(it_is_confined_as_far_as_this_kernel_goes),
		cmocka_unit_test(a_worker_holds_its_own_socket_and_nothing_of_others),
		cmocka_unit_test(a_crash_is_a_wait_status_and_the_spans_up_to_it),
		cmocka_unit_test(a_macro_bomb_ends_as_out_of_memory_within_its_limit),
		cmocka_unit_test(a_hanging_compile_can_be_killed_at_any_moment),
		cmocka_unit_test(a_result_above_the_output_limit_is_refused_and_the_worker_goes_on),
		cmocka_unit_test(a_job_that_is_not_sealed_or_not_a_job_is_refused),
		cmocka_unit_test(short_and_long_jobs_and_results_come_through),
		cmocka_unit_test(what_forks_and_runs_cost),
	};
	return cmocka_run_group_tests(tests, start_front, stop_front);
}
