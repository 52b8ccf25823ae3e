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
#include "bpf/unwind_tables.h"
#include "tests/bpf/analyzer_front.h"
#include "tests/unit/cmocka_head.h"

#define FREQUENCY_HZ 4999

static int start(void **state)
{
	struct front *f = calloc(1, sizeof(*f));

	front_start(f, false);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct front *f = *state;
	int status = front_end(f);

	free(f);
	return status;
}

/* The running test is left when this machine or user cannot analyze. */
static void need_analyzer(const struct front *f, enum analyzer_kind object)
{
	if (f->hello.objects & 1u << object)
		return;
	print_message("# skipped: %s\n", f->hello.kinds ? "this object is not built" : f->hello.text);
	skip();
}

static int make_tables(const struct burner *b)
{
	struct unwind_tables_head head;
	uint64_t start_ns = clock_now_ns();
	int fd = -1;

	assert_int_equal(unwind_tables_make(b->maps, b->maps_len, &head, &fd), 0);
	print_message("# %u rows of %u mappings in %.1f ms\n", head.n_rows, head.n_mappings,
		(double)(clock_now_ns() - start_ns) / 1e6);
	assert_int_equal(head.n_without, 0);
	return fd;
}

static struct records sample_for_ms(struct front *f, const struct burner *b, enum analyzer_kind kind, unsigned ms,
	struct analyzer_counters *ret)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	uint64_t session = f->next_session++;
	struct analyzer_message m = front_ask(f, ANALYZER_ATTACH, session, b->pid, kind, FREQUENCY_HZ, NULL);
	struct records r;
	int fd = -1;

	assert_string_equal(m.text, "");
	assert_int_equal(front_ask(f, ANALYZER_ENABLE, session, 0, 0, 0, NULL).error, 0);
	nanosleep(&ts, NULL);
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
	_cleanup_fd_ int tables_fd = make_tables(&b);
	assert_int_equal(front_send_tables(f, ++f->space, tables_fd), 0);
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

	need_analyzer(f, ANALYZER_RELEASE);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		check_program(f, &programs[i], ANALYZER_RELEASE);
}

static void the_debug_object_unwinds_as_well(void **state)
{
	struct front *f = *state;

	need_analyzer(f, ANALYZER_DEBUG);
	check_program(f, &programs[1], ANALYZER_DEBUG);
}

static void where_tables_are_missing_the_sample_says_so(void **state)
{
	struct front *f = *state;
	struct analyzer_counters counters;
	struct records r;
	struct burner b;
	struct unwind_tables_head head;
	char *line;
	int fd = -1;

	need_analyzer(f, ANALYZER_RELEASE);
	burner_start(&b, f, true, "burn"); /* with frame pointers, to be followed where no table is */
	/* The program's own mappings are not told. */
	line = memmem(b.maps, b.maps_len, "libc.so", 7);
	assert_non_null(line);
	while (line > b.maps && line[-1] != '\n')
		line--;
	assert_int_equal(unwind_tables_make(line, b.maps_len - (size_t)(line - b.maps), &head, &fd), 0);
	assert_int_equal(front_send_tables(f, ++f->space, fd), 0);
	fd_close(fd);
	r = sample_for_ms(f, &b, ANALYZER_RELEASE, 100, &counters);
	burner_end(&b);
	records_done(&r);
	assert_true(counters.samples > 20);
	assert_int_equal(counters.complete, 0);
	assert_int_equal(counters.results[ANALYZER_RESULT_NO_MAPPING], counters.samples);
}

static void unsound_tables_are_refused_and_spoil_nothing(void **state)
{
	struct front *f = *state;
	struct burner b;
	_cleanup_fd_ int open_fd = memfd_create("tables", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	need_analyzer(f, ANALYZER_RELEASE);
	burner_start_bare(&b, f, "burn");
	_cleanup_fd_ int tables_fd = make_tables(&b);
	assert_int_equal(front_send_tables(f, 0, tables_fd), EINVAL);
	assert_int_equal(front_send_tables(f, 5, -1), EBADF);
	assert_int_equal(front_send_tables(f, 5, open_fd), EINVAL); /* not sealed, and empty */
	assert_int_equal(front_send_tables(f, 5, tables_fd), 0);
	assert_int_equal(front_send_tables(f, 5, tables_fd), EEXIST);
	/* The oldest makes room, as long as nobody holds it. */
	for (uint64_t space = 6; space < 20; space++)
		assert_int_equal(front_send_tables(f, space, tables_fd), 0);
	f->space = 19;
	assert_int_equal(front_ask(f, ANALYZER_ATTACH, 1, b.pid, ANALYZER_RELEASE, FREQUENCY_HZ, NULL).error, 0);
	for (uint64_t space = 20; space < 40; space++)
		assert_int_equal(front_send_tables(f, space, tables_fd), 0);
	assert_int_equal(front_send_tables(f, 19, tables_fd), EEXIST);
	assert_int_equal(front_ask(f, ANALYZER_DETACH, 1, 0, 0, 0, NULL).error, 0);
	burner_end(&b);
}

int main(void)
{
#define with_front(test) cmocka_unit_test_setup_teardown(test, start, end)
	const struct CMUnitTest tests[] = {
		with_front(stacks_without_frame_pointers_are_complete),
		with_front(the_debug_object_unwinds_as_well),
		with_front(where_tables_are_missing_the_sample_says_so),
		with_front(unsound_tables_are_refused_and_spoil_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
