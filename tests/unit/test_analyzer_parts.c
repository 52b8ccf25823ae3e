/* SPDX-License-Identifier: Apache-2.0 */
/* What the analyzer process does without a kernel: its records in order, the words of its events, the layout check. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/event_text.h"
#include "bpf/gather.h"
#include "bpf/load.h"

static void append_sample(struct gather *g, uint64_t time_ns, uint32_t n_ips)
{
	struct analyzer_sample *s = gather_append(g, ANALYZER_RECORD_SAMPLE, sizeof(*s), n_ips, time_ns);

	assert_non_null(s);
	s->n_ips = n_ips;
	s->tid = (uint32_t)time_ns;
	for (uint32_t i = 0; i < n_ips; i++)
		s->ips[i] = time_ns + i;
}

static void check_order(struct gather *g, size_t n)
{
	struct analyzer_handover h;
	struct stat st;
	_cleanup_free_ char *data = NULL;
	uint64_t last_ns = 0;
	size_t at = 0;

	assert_int_equal(gather_hand_over(g, &h), 0);
	if (h.fd >= 0) {
		assert_int_equal(fstat(h.fd, &st), 0);
		h.len = (size_t)st.st_size;
		assert_true(h.len > ANALYZER_HANDOVER_IN_MESSAGE_BYTES);
		data = malloc(h.len);
		assert_int_equal(pread(h.fd, data, h.len, 0), h.len);
		assert_int_equal(pwrite(h.fd, "x", 1, 0), -1); /* sealed */
		h.data = data;
	}
	for (; at < h.len; n--) {
		const struct analyzer_sample *s = (const void *)((const char *)h.data + at);
		assert_true(s->time_ns >= last_ns);
		assert_int_equal(s->tid, (uint32_t)s->time_ns);
		for (uint32_t i = 0; i < s->n_ips; i++)
			assert_int_equal(s->ips[i], s->time_ns + i);
		last_ns = s->time_ns;
		at += s->head.size;
	}
	assert_int_equal(n, 0);
	fd_close(h.fd);
}

static void records_are_handed_over_in_the_order_of_time(void **state)
{
	struct gather g = {0};

	(void)state;
	for (uint64_t i = 0; i < 5000; i++)
		append_sample(&g, 1 + i * 7919 % 5003, (uint32_t)(i % 127));
	assert_true(g.disordered);
	check_order(&g, 5000);
	gather_done(&g);
	for (uint64_t i = 0; i < 3000; i++)
		append_sample(&g, 1 + i, 3);
	assert_false(g.disordered);
	assert_int_equal(g.n_samples, 3000);
	check_order(&g, 3000);
	gather_done(&g);
	for (uint64_t i = 0; i < 50; i++)
		append_sample(&g, 50 - i, 3);
	assert_true(g.len <= ANALYZER_HANDOVER_IN_MESSAGE_BYTES);
	check_order(&g, 50);
	gather_done(&g);
}

static void nothing_gathered_is_nothing_handed_over(void **state)
{
	struct gather g = {0};
	struct analyzer_handover h;

	(void)state;
	assert_int_equal(gather_hand_over(&g, &h), 0);
	assert_int_equal(h.len, 0);
	assert_int_equal(h.fd, -1);
	gather_done(&g);
}

static void a_hand_over_has_a_limit(void **state)
{
	struct gather g = {.len = ANALYZER_HANDOVER_MAX_BYTES - 100};

	(void)state;
	assert_null(gather_append(&g, ANALYZER_RECORD_SAMPLE, sizeof(struct analyzer_sample), 100, 1));
	assert_int_equal(g.n_samples, 0);
}

static void events_read_as_sentences(void **state)
{
	static const struct {
		struct ring_event event;
		const char *name, *text;
	} rows[] = {
		{{.kind = ANALYZER_EVENT_PAGE_FAULT, .args = {0x7F0012345000, 6, 1}}, "page-fault",
			"write of 0x7f0012345000: anonymous memory, the page was not there"},
		{{.kind = ANALYZER_EVENT_PAGE_FAULT, .args = {0x1000, 4, 1}, .text = "libc.so.6"}, "page-fault",
			"read of 0x1000: libc.so.6, the page was not there"},
		{{.kind = ANALYZER_EVENT_PAGE_FAULT, .args = {0, 4, 0}}, "page-fault",
			"read of 0x0: no known mapping, the page was not there"},
		{{.kind = ANALYZER_EVENT_SYSCALL, .args = {9999, 3, 1500}}, "syscall",
			"system call 9999 returned 3 after 1.5 µs"},
		{{.kind = ANALYZER_EVENT_SYSCALL, .args = {9999, (uint64_t)-2, 2000}}, "syscall",
			"system call 9999: No such file or directory after 2.0 µs"},
		{{.kind = ANALYZER_EVENT_WAKEUP, .args = {0, 0}, .text = "swapper/0"}, "wake-up",
			"woken by an interrupt on an idle CPU"},
		{{.kind = ANALYZER_EVENT_WAKEUP, .args = {4, 5, 1}, .text = "spvscoped"}, "wake-up",
			"woken by spvscoped (pid 4, thread 5)"},
		{{.kind = ANALYZER_EVENT_WAKEUP, .args = {4, 5, 0}, .text = "burner"}, "wake-up",
			"woken by burner (pid 4, thread 5), or by an interrupt that came upon it"},
		{{.kind = ANALYZER_EVENT_MAPPING, .args = {ANALYZER_MAPPING_MADE | 5ull << 32, 0x7F0000000000, 4096},
			.text = "libc.so.6"}, "mapping", "mapped 0x7f0000000000, 4096 bytes of libc.so.6, r-x"},
		{{.kind = ANALYZER_EVENT_MAPPING, .args = {ANALYZER_MAPPING_REMOVED, 0x1000, 8192}}, "mapping",
			"unmapped 0x1000, 8192 bytes of anonymous memory"},
		{{.head = {.pid = 7}, .kind = ANALYZER_EVENT_FORK, .args = {7, 8}}, "fork", "started thread 8"},
		{{.head = {.pid = 7}, .kind = ANALYZER_EVENT_FORK, .args = {9, 9}}, "fork", "forked process 9"},
		{{.kind = ANALYZER_EVENT_EXEC, .text = "/usr/bin/clang"}, "exec", "became /usr/bin/clang"},
		{{.kind = ANALYZER_EVENT_EXIT, .args = {11, 1}}, "exit", "the process was ended by SIGSEGV"},
		{{.kind = ANALYZER_EVENT_EXIT, .args = {3 << 8, 0}}, "exit", "the thread exited with 3"},
		{{.kind = 99}, "unknown", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct analyzer_event to = {0};
		event_text(&rows[i].event, &to);
		assert_string_equal(to.name, rows[i].name);
		assert_string_equal(to.text, rows[i].text);
	}
}

static void durations_are_told_in_the_unit_that_fits(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{0, "0 ns"}, {999, "999 ns"}, {1000, "1.0 µs"}, {148088, "148.1 µs"}, {1300000, "1.3 ms"}, {148088500, "148.1 ms"},
		{2500000000, "2.5 s"}, {UINT64_MAX, "18446744073.7 s"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[DURATION_TEXT_SIZE];
		duration_text(rows[i].ns, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

static void an_object_of_another_layout_is_refused_with_both_versions(void **state)
{
	struct analyzer_layout layout = {.version = ANALYZER_LAYOUT_VERSION};
	char text[256] = "", wanted[64];

	(void)state;
	assert_int_equal(object_check_layout("release", &layout, text, sizeof(text)), 0);
	layout.version = 4711;
	assert_int_equal(object_check_layout("release", &layout, text, sizeof(text)), -EPROTO);
	assert_non_null(strstr(text, "version 4711"));
	snprintf(wanted, sizeof(wanted), "version %u", ANALYZER_LAYOUT_VERSION);
	assert_non_null(strstr(text, wanted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_handed_over_in_the_order_of_time),
		cmocka_unit_test(nothing_gathered_is_nothing_handed_over),
		cmocka_unit_test(a_hand_over_has_a_limit),
		cmocka_unit_test(events_read_as_sentences),
		cmocka_unit_test(durations_are_told_in_the_unit_that_fits),
		cmocka_unit_test(an_object_of_another_layout_is_refused_with_both_versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
