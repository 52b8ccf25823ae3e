/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks of programs that keep no frame pointers, unwound in the running kernel by tables from their .eh_frame. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/symbols.h"
#include "bpf/unwind_closure.h"
#include "tests/bpf/analyzer_front.h"
#include "tests/bpf/bring_tables.h"
#include "tests/unit/cmocka_head.h"

static struct records sample_for_ms(struct front *f, const struct burner *b, enum analyzer_kind kind, unsigned ms,
	struct analyzer_counters *ret)
{
	uint64_t session = f->next_session++;
	struct analyzer_message m = front_ask(f, ANALYZER_ATTACH, session, b->pid, kind, FRONT_FREQUENCY_HZ, NULL);
	struct records r;
	int fd = -1;

	assert_string_equal(m.text, "");
	assert_int_equal(front_ask(f, ANALYZER_ENABLE, session, 0, 0, 0, NULL).error, 0);
	burner_work_for_ms(b, ms);
	assert_int_equal(front_ask(f, ANALYZER_DISABLE, session, 0, 0, 0, NULL).error, 0);
	m = front_ask(f, ANALYZER_DETACH, session, 0, 0, 0, &fd);
	*ret = m.counters;
	records_read(&r, fd);
	return r;
}

/* Whether the named frames follow each other from some frame on, with others between them where a name is "*". */
static bool has_frames(struct symbolizer *s, const struct analyzer_sample *sample, const char *const *names)
{
	uint32_t at = 0;

	for (; *names; names++) {
		bool any = strcmp(*names, "*") == 0;
		if (any)
			names++;
		for (;; at++) {
			if (at == sample->n_ips)
				return false;
			if (strcmp(symbolizer_lookup(s, sample->ips[at], at > 0).name, *names) == 0)
				break;
			if (!any)
				return false;
		}
		at++;
	}
	return true;
}

static void print_stack(struct symbolizer *s, const struct analyzer_sample *sample)
{
	print_message("# result %u:", sample->result);
	for (uint32_t i = 0; i < sample->n_ips; i++)
		print_message(" %s", symbolizer_lookup(s, sample->ips[i], i > 0).name);
	print_message("\n");
}

struct program {
	const char *mode;
	const char *const frames[10]; /* innermost first */
};

#define MAIN "main", "*", "_start"

/* "*" first: the sample may lie in something that is called. */
static const struct program programs[] = {
	{"burn", {"*", "burn_inner", "burn_middle", "burn_outer", MAIN}},
	{"sort", {"*", "sort_outer", MAIN}},
	{"signal", {"*", "burn_inner", "handler", "*", "signal_outer", MAIN}},
	{"thread", {"*", "burn_inner", "burn_middle", "thread_main"}}, /* the callers in the C library may have no names */
	{"realigned", {"*", "burn_inner", "burn_middle", "realigned_outer", MAIN}},
	{"growing", {"*", "burn_inner", "burn_middle", "growing_outer", MAIN}},
};

static void check_program(struct front *f, const struct program *p, enum analyzer_kind kind)
{
	unsigned n = 0, n_complete = 0, n_in_order = 0, n_printed = 0;
	struct analyzer_counters counters;
	struct symbolizer *s;
	struct burner b;

	burner_start_bare(&b, f, p->mode);
	bring_tables(f, &b);
	struct records r = sample_for_ms(f, &b, kind, 200, &counters);
	assert_int_equal(symbolizer_new(b.maps, b.maps_len, &s), 0);
	for (const struct analyzer_record *at = NULL; (at = records_next(&r, at));) {
		const struct analyzer_sample *sample = (const void *)at;
		bool in_order;
		if (at->type != ANALYZER_RECORD_SAMPLE)
			continue;
		in_order = has_frames(s, sample, p->frames);
		n++;
		n_complete += sample->result == ANALYZER_RESULT_COMPLETE;
		n_in_order += in_order;
		if ((!in_order || sample->result != ANALYZER_RESULT_COMPLETE) && n_printed++ < 4)
			print_stack(s, sample);
	}
	symbolizer_free(s);
	records_done(&r);
	burner_end(&b);
	print_message("# %s: %u samples, %u complete, %u with the frames in order\n", p->mode, n, n_complete, n_in_order);
	assert_int_equal(counters.samples, n);
	assert_int_equal(counters.complete, n_complete);
	assert_int_equal(counters.results[ANALYZER_RESULT_COMPLETE], n_complete);
	assert_true(n > 50);
	assert_true(n_complete * 1000 >= n * 995);
	/* The thread's program starts threads, and a signal's raises it, which is sampled as well. */
	assert_true(n_in_order * 100 >= n * 90);
}

static void stacks_without_frame_pointers_are_complete(void **state)
{
	struct front *f = *state;

	front_need_object(f, ANALYZER_RELEASE);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		check_program(f, &programs[i], ANALYZER_RELEASE);
}

static void the_debug_object_unwinds_as_well(void **state)
{
	struct front *f = *state;

	front_need_object(f, ANALYZER_DEBUG);
	check_program(f, &programs[1], ANALYZER_DEBUG);
}

static void where_a_table_is_missing_the_sample_says_so(void **state)
{
	struct front *f = *state;
	struct analyzer_counters counters;
	struct records r;
	struct burner b;
	char *line;

	front_need_object(f, ANALYZER_RELEASE);
	burner_start(&b, f, true, "burn"); /* with frame pointers, to be followed where no table is */
	/* The program's own mappings are not told. */
	line = memmem(b.maps, b.maps_len, "libc.so", 7);
	assert_non_null(line);
	while (line > b.maps && line[-1] != '\n')
		line--;
	assert_int_equal(unwind_files_of_maps(line, b.maps_len - (size_t)(line - b.maps), bring_table, f), 0);
	r = sample_for_ms(f, &b, ANALYZER_RELEASE, 100, &counters);
	burner_end(&b);
	records_done(&r);
	assert_true(counters.samples > 20);
	assert_int_equal(counters.complete, 0);
	assert_int_equal(counters.results[ANALYZER_RESULT_NO_TABLE], counters.samples);
}

static void a_table_that_comes_late_is_used(void **state)
{
	struct front *f = *state;
	struct analyzer_counters counters;
	struct records r;
	struct burner b;

	front_need_object(f, ANALYZER_RELEASE);
	burner_start_bare(&b, f, "burn");
	_cleanup_fd_ int vdso_fd = unwind_open_vdso();
	bring_table(f, "[vdso]", vdso_fd);
	r = sample_for_ms(f, &b, ANALYZER_RELEASE, 50, &counters);
	records_done(&r);
	assert_int_equal(counters.complete, 0);
	bring_tables(f, &b);
	r = sample_for_ms(f, &b, ANALYZER_RELEASE, 100, &counters);
	records_done(&r);
	burner_end(&b);
	assert_true(counters.samples > 20);
	assert_int_equal(counters.complete, counters.samples);
}

static void unsound_tables_are_refused_and_spoil_nothing(void **state)
{
	struct front *f = *state;
	struct analyzer_counters counters;
	struct records r;
	struct burner b;
	_cleanup_fd_ int open_fd = memfd_create("tables", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	_cleanup_fd_ int image_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), table_fd = -1;
	_cleanup_fd_ int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct unwind_table_head head;
	bool was_kept;

	front_need_object(f, ANALYZER_RELEASE);
	burner_start_bare(&b, f, "burn");
	bring_tables(f, &b);
	assert_int_equal(unwind_cache_get(NULL, image_fd, &head, &was_kept, &table_fd), 0);
	assert_int_equal(front_send_table(f, 0, table_fd, image_fd), EINVAL);
	assert_int_equal(front_send_table(f, 500, -1, -1), EBADF);
	assert_int_equal(front_send_table(f, 500, open_fd, image_fd), EINVAL); /* not sealed, and empty */
	assert_int_equal(front_send_table(f, 500, table_fd, null_fd), EINVAL);
	assert_int_equal(front_send_table(f, 500, table_fd, image_fd), 0);
	assert_int_equal(front_send_table(f, 501, table_fd, image_fd), 0); /* in place of the other */
	r = sample_for_ms(f, &b, ANALYZER_RELEASE, 100, &counters);
	records_done(&r);
	burner_end(&b);
	assert_true(counters.samples > 20);
	assert_int_equal(counters.complete, counters.samples);
}

/* ---- programs that a worker runs ---- */

struct tool {
	const char *what;
	const char *command;
	unsigned ms;
};

/* The tables of a program before it was ever run: of all that its loader will map. */
static void bring_closure(struct front *f, const char *program)
{
	uint64_t start_ns = clock_now_ns(), n = f->n_images;
	struct unwind_closure closure;

	assert_int_equal(unwind_closure_find(program, &closure), 0);
	assert_int_equal(closure.n_missing, 0);
	for (size_t i = 0; i < closure.n; i++) {
		_cleanup_fd_ int fd = open(closure.paths[i], O_RDONLY | O_CLOEXEC);
		bring_table(f, closure.paths[i], fd);
	}
	unwind_closure_done(&closure);
	print_message("# %lu tables of %s in %.1f ms\n", f->n_images - n, program, (double)(clock_now_ns() - start_ns) / 1e6);
}

struct tally {
	unsigned n, n_complete, n_processes, n_first_complete;
	unsigned results[ANALYZER_N_RESULTS];
	uint32_t pids[4096];
};

/* As file+offset, by what the kernel told of the process's mappings. */
static void print_mapped(const struct records *r, const struct analyzer_sample *sample, uint64_t ip)
{
	const struct analyzer_mapping *found = NULL;

	for (const struct analyzer_record *at = NULL; (at = records_next(r, at));) {
		const struct analyzer_mapping *m = (const void *)at;
		if (at->type == ANALYZER_RECORD_MAPPING && m->pid == sample->pid && ip >= m->start && ip < m->end &&
		    (!found || m->time_ns <= sample->time_ns))
			found = m;
	}
	if (found)
		print_message(" %s+%lx", found->name, ip - found->start + found->file_offset);
	else
		print_message(" %lx", ip);
}

static void print_incomplete(const struct records *r, const struct analyzer_sample *sample)
{
	print_message("#   pid %u%s, result %u:", sample->pid, sample->flags ? ", in the kernel" : "", sample->result);
	for (uint32_t i = 0; i < sample->n_ips && i < 16; i++)
		print_mapped(r, sample, sample->ips[i]);
	print_message("\n");
}

static void count_children(const struct records *r, pid_t parent, struct tally *t)
{
	for (const struct analyzer_record *at = NULL; (at = records_next(r, at));) {
		const struct analyzer_sample *sample = (const void *)at;
		bool complete = sample->result == ANALYZER_RESULT_COMPLETE, known = false;
		if (at->type != ANALYZER_RECORD_SAMPLE || sample->pid == (uint32_t)parent)
			continue;
		for (unsigned i = 0; i < t->n_processes && !known; i++)
			known = t->pids[i] == sample->pid;
		if (!known && t->n_processes < ARRAY_SIZE(t->pids)) {
			t->pids[t->n_processes++] = sample->pid;
			t->n_first_complete += complete;
		}
		t->n++;
		t->n_complete += complete;
		if (!complete && t->n - t->n_complete < 40)
			print_incomplete(r, sample);
		t->results[sample->result]++;
	}
}

static void check_tool(struct front *f, const struct tool *tool, enum analyzer_kind kind)
{
	char program[256];
	struct tally t = {0};
	struct analyzer_counters counters;
	struct burner b;

	snprintf(program, sizeof(program), "%.*s", (int)strcspn(tool->command, " "), tool->command);
	if (access(program, X_OK) < 0) {
		print_message("# %s is not here: not tried\n", program);
		return;
	}
	setenv("BURNER_TOOL", tool->command, 1);
	burner_start_bare(&b, f, "tool");
	bring_tables(f, &b);
	bring_closure(f, program);
	struct records r = sample_for_ms(f, &b, kind, tool->ms, &counters);
	count_children(&r, b.pid, &t);
	records_done(&r);
	burner_end(&b);
	print_message("# %s: %u samples of %u processes, %u complete; of each one's first %u\n", tool->what, t.n,
		t.n_processes, t.n_complete, t.n_first_complete);
	for (unsigned i = 1; i < ANALYZER_N_RESULTS; i++)
		if (t.results[i])
			print_message("#   result %u: %u\n", i, t.results[i]);
	assert_true(t.n > 100 && t.n_processes >= 2);
	assert_true(t.n_complete * 1000 >= t.n * 990);
	assert_true(t.n_first_complete * 10 >= t.n_processes * 9);
}

static void programs_that_a_worker_runs_are_unwound_from_their_first_sample(void **state)
{
	static const struct tool tools[] = {
		{"burner", BURNER_BARE_PATH " -1 brief", 500},
		{"clang", "/usr/bin/clang-22 --target=spirv64 -x cl -cl-std=CL3.0 -O2 -c -o /dev/null " TOOL_SOURCE, 1000},
	};
	struct front *f = *state;

	front_need_object(f, ANALYZER_RELEASE);
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		check_tool(f, &tools[i], ANALYZER_RELEASE);
}

/* Into the same file, as soon as nobody runs it any more. */
static void write_program(const char *from, const char *to)
{
	const struct timespec nap = {.tv_nsec = 10000000};
	_cleanup_fd_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	char chunk[65536];
	ssize_t n;

	for (int tries = 0; out < 0 && tries < 1000; tries++) {
		out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
		if (out < 0 && errno == ETXTBSY)
			nanosleep(&nap, NULL);
	}
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, chunk, sizeof(chunk))) > 0)
		assert_int_equal(write(out, chunk, (size_t)n), n);
	assert_int_equal(n, 0);
}

/* Again and again, for 20 ms of the time of what starts it. */
static void run_tool(struct front *f, struct tally *t)
{
	struct analyzer_counters counters;
	struct burner b;

	*t = (struct tally){0};
	burner_start_bare(&b, f, "tool");
	bring_tables(f, &b);
	struct records r = sample_for_ms(f, &b, ANALYZER_RELEASE, 20, &counters);
	count_children(&r, b.pid, t);
	records_done(&r);
	burner_end(&b);
	print_message("# %u samples, %u complete, %u without a table\n", t->n, t->n_complete, t->results[ANALYZER_RESULT_NO_TABLE]);
	assert_true(t->n > 50);
}

/* Another build in the place of the first: the same file by its numbers, with functions elsewhere. */
static void the_same_number_of_another_program_is_no_table(void **state)
{
	char folder[] = "/tmp/analyzer-XXXXXX", path[64], command[96];
	struct front *f = *state;
	struct tally t;

	front_need_object(f, ANALYZER_RELEASE);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/program", folder);
	snprintf(command, sizeof(command), "%s -1 brief", path);
	write_program(BURNER_BARE_PATH, path);
	setenv("BURNER_TOOL", command, 1);
	bring_closure(f, path);
	run_tool(f, &t);
	assert_true(t.n_complete * 100 >= t.n * 90);
	write_program(OTHER_BUILD_PATH, path);
	run_tool(f, &t);
	assert_true(t.results[ANALYZER_RESULT_NO_TABLE] * 100 >= t.n * 50); /* its loader has one */
	bring_closure(f, path);
	run_tool(f, &t);
	assert_true(t.n_complete * 100 >= t.n * 90);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

#if defined(__x86_64__)
/* A stack that leads nowhere makes the programs look for new mappings in vain, and then let it be for a moment. It must be
 * no more than a moment: what is mapped meanwhile is to be found. */
static void what_is_mapped_behind_a_broken_stack_is_found(void **state)
{
	struct front *f = *state;
	struct analyzer_counters counters;
	unsigned n_mappings = 0;
	struct records r;
	struct burner b;

	front_need_object(f, ANALYZER_RELEASE);
	burner_start_bare(&b, f, "astray");
	bring_tables(f, &b);
	r = sample_for_ms(f, &b, ANALYZER_RELEASE, 400, &counters);
	for (const struct analyzer_record *at = NULL; (at = records_next(&r, at));)
		n_mappings += at->type == ANALYZER_RECORD_MAPPING;
	records_done(&r);
	burner_end(&b);
	print_message("# %lu samples: in the new code %lu, astray %lu; %u mappings told\n", counters.samples,
		counters.results[ANALYZER_RESULT_NO_TABLE], counters.results[ANALYZER_RESULT_NO_MAPPING], n_mappings);
	assert_true(counters.samples > 100);
	assert_true(counters.results[ANALYZER_RESULT_NO_TABLE] > counters.results[ANALYZER_RESULT_NO_MAPPING]);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_front(stacks_without_frame_pointers_are_complete),
		with_front(the_debug_object_unwinds_as_well),
		with_front(where_a_table_is_missing_the_sample_says_so),
		with_front(a_table_that_comes_late_is_used),
		with_front(unsound_tables_are_refused_and_spoil_nothing),
		with_front(programs_that_a_worker_runs_are_unwound_from_their_first_sample),
		with_front(the_same_number_of_another_program_is_no_table),
#if defined(__x86_64__)
		with_front(what_is_mapped_behind_a_broken_stack_is_found),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
