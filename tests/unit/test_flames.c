/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what profiles are exported as: flame_columns.c, flame_tree.c, flame_folded.c, flame_select.c, flame_outline.c. */
#include "tests/unit/cmocka_head.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "api/formats/flame_outline.h"
#include "api/formats/formats.h"
#include "bpf/protocol.h"
#include "tests/unit/sample_profile.h"

static const struct trace_info info = {.trace_id = "0123456789abcdef0123456789abcdef"};

struct fixture {
	struct profile *profile;
	struct trace_tree *tree;
	struct strbuf out;
};

static const char *written_of(struct fixture *f, enum profile_kind kind, const char *format, uint32_t span)
{
	*f = (struct fixture){.profile = sample_profile(), .tree = sample_profile_tree()};
	sample_waits(f->profile);
	flame_format_find(format)->write(f->profile, span == TRACE_NO_SPAN ? NULL : f->tree, span, kind, &info, &f->out);
	assert_false(f->out.failed);
	return f->out.data;
}

static const char *written(struct fixture *f, const char *format, uint32_t span)
{
	return written_of(f, PROFILE_ON_CPU, format, span);
}

static void done(struct fixture *f)
{
	profile_free(f->profile);
	trace_tree_free(f->tree);
	strbuf_done(&f->out);
}

static void folded_stacks_are_merged_and_sorted(void **state)
{
	(void)state;
	struct fixture f;
	assert_string_equal(written(&f, "folded", TRACE_NO_SPAN),
		"[truncated] 1\n"
		"[truncated];opt;pass 1\n"
		"main;compile 1\n"
		"main;compile;opt;pass 2\n"
		"main;compile;parse(a: b) 3\n");
	done(&f);
}

static void a_span_limits_the_stacks_to_its_subtree(void **state)
{
	(void)state;
	static const struct {
		uint32_t span;
		const char *folded;
	} rows[] = {
		{0, "[truncated];opt;pass 1\nmain;compile 1\nmain;compile;opt;pass 2\nmain;compile;parse(a: b) 3\n"},
		{1, "main;compile;parse(a: b) 3\n"},
		{2, "[truncated];opt;pass 1\nmain;compile;opt;pass 2\n"},
		{3, "main;compile;opt;pass 2\n"},
		{77, ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		const char *text = written(&f, "folded", rows[i].span);
		assert_string_equal(text ? text : "", rows[i].folded);
		done(&f);
	}
}

static json_t *parse(const char *text)
{
	json_error_t e;
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &e);
	if (!j)
		fail_msg("%s at %d:%d in %.200s", e.text, e.line, e.column, text);
	return j;
}

static json_int_t integer(const json_t *j, const char *key)
{
	const json_t *v = json_object_get(j, key);
	if (!json_is_integer(v))
		fail_msg("no integer \"%s\"", key);
	return json_integer_value(v);
}

static void assert_node(const json_t *node, const char *name, int self, int total, size_t n_children)
{
	assert_non_null(node);
	assert_string_equal(json_string_value(json_object_get(node, "name")), name);
	assert_int_equal(integer(node, "self"), self);
	assert_int_equal(integer(node, "total"), total);
	assert_int_equal(json_array_size(json_object_get(node, "children")), n_children);
}

static json_t *child(const json_t *node, size_t i)
{
	return json_array_get(json_object_get(node, "children"), i);
}

static void the_tree_counts_what_is_below(void **state)
{
	(void)state;
	struct fixture f;
	json_t *all = parse(written(&f, "tree", TRACE_NO_SPAN));
	assert_node(all, "all", 0, 8, 2);
	assert_int_equal(integer(all, "complete"), 6);
	assert_int_equal(integer(all, "truncated"), 2);
	assert_int_equal(integer(all, "lost"), 9);
	/* the larger ones first */
	assert_node(child(all, 0), "main", 0, 6, 1);
	assert_string_equal(json_string_value(json_object_get(child(all, 0), "module")), "libglslang.so");
	json_t *compile = child(child(all, 0), 0);
	assert_node(compile, "compile", 1, 6, 2);
	assert_node(child(compile, 0), "parse(a; b)", 3, 3, 0);
	assert_node(child(compile, 1), "opt", 0, 2, 1);
	assert_node(child(child(compile, 1), 0), "pass", 2, 2, 0);
	assert_node(child(all, 1), "[truncated]", 1, 2, 1);
	json_decref(all);
	done(&f);
}

static json_int_t cell(json_t *document, const char *table, const char *column, size_t row)
{
	json_t *array = json_object_get(json_object_get(document, table), column);
	assert_true(row < json_array_size(array));
	return json_integer_value(json_array_get(array, row));
}

static void columns_hold_every_sample(void **state)
{
	(void)state;
	struct fixture f;
	json_t *d = parse(written(&f, "columns", TRACE_NO_SPAN));
	assert_string_equal(json_string_value(json_object_get(d, "format")), "spvscope-columns");
	assert_int_equal(integer(d, "version"), 1);
	assert_string_equal(json_string_value(json_object_get(d, "kind")), "on-cpu");
	assert_string_equal(json_string_value(json_object_get(d, "unit")), "samples");
	assert_string_equal(json_string_value(json_object_get(d, "trace_id")), info.trace_id);
	assert_int_equal(integer(d, "frequency_hz"), 4999);
	assert_int_equal(integer(d, "total"), 8);
	assert_int_equal(integer(d, "complete"), 6);
	assert_int_equal(integer(d, "truncated"), 2);
	assert_int_equal(integer(d, "lost"), 9);
	json_t *strings = json_object_get(d, "strings");
	assert_string_equal(json_string_value(json_array_get(strings, 0)), "");
	/* sample 0: parse, called by the first compile, called by main */
	json_int_t stack = cell(d, "samples", "stack", 0), frame = cell(d, "stacks", "frame", (size_t)stack);
	assert_string_equal(json_string_value(json_array_get(strings, (size_t)cell(d, "frames", "name", (size_t)frame))),
		"parse(a; b)");
	assert_string_equal(json_string_value(json_array_get(strings, (size_t)cell(d, "frames", "file", (size_t)frame))),
		"p.cpp");
	assert_int_equal(cell(d, "frames", "line", (size_t)frame), 5);
	stack = cell(d, "stacks", "parent", (size_t)stack);
	assert_int_equal(cell(d, "frames", "line", (size_t)cell(d, "stacks", "frame", (size_t)stack)), 10);
	stack = cell(d, "stacks", "parent", (size_t)stack);
	assert_int_equal(cell(d, "stacks", "parent", (size_t)stack), -1);
	assert_int_equal(cell(d, "samples", "span", 0), 2); /* span ids count from one */
	assert_int_equal(cell(d, "samples", "time_ns", 0), 1000);
	assert_int_equal(cell(d, "samples", "in_kernel", 0), 0);
	assert_int_equal(cell(d, "samples", "in_kernel", 1), 1);
	assert_int_equal(cell(d, "samples", "run", 7), 1);
	assert_int_equal(cell(d, "samples", "stack", 7), -1);
	assert_int_equal(cell(d, "samples", "span", 7), 0);
	assert_int_equal(cell(d, "samples", "result", 7), ANALYZER_RESULT_BAD_READ);
	json_decref(d);
	done(&f);
}

static size_t width_of(const json_t *type)
{
	const char *word = json_string_value(type);
	return !strcmp(word, "u8") ? 1 : !strcmp(word, "i32") ? 4 : 8;
}

static void packed_columns_hold_what_the_columns_hold(void **state)
{
	(void)state;
	struct fixture f;
	json_t *columns = parse(written(&f, "columns", TRACE_NO_SPAN));
	done(&f);
	const char *packed = written(&f, "packed", TRACE_NO_SPAN);
	const char *newline = strchr(packed, '\n');
	assert_non_null(newline);
	json_t *line = json_loadb(packed, (size_t)(newline - packed), 0, NULL);
	assert_non_null(line);
	size_t at = (size_t)(newline - packed) + 1;
	const char *group, *name;
	json_t *table, *type;
	json_object_foreach(line, group, table) {
		if (!json_is_object(table))
			continue;
		size_t rows = (size_t)integer(table, "rows");
		json_object_foreach(table, name, type) {
			if (!json_is_string(type))
				continue;
			size_t width = width_of(type);
			at = (at + 7) / 8 * 8;
			for (size_t i = 0; i < rows; i++, at += width) {
				int32_t number = 0;
				double real;
				memcpy(width == 8 ? (void *)&real : &number, packed + at, width);
				assert_int_equal(width == 8 ? (json_int_t)real : number, cell(columns, group, name, i));
			}
		}
	}
	assert_int_equal((at + 7) / 8 * 8, f.out.len);
	json_decref(line);
	json_decref(columns);
	done(&f);
}

/* A number of a packed answer, found as its README says. */
static int64_t packed_cell(const char *packed, const char *of, const char *column, size_t row)
{
	const char *newline = strchr(packed, '\n'), *group, *name;
	json_t *line = json_loadb(packed, (size_t)(newline - packed), 0, NULL), *table, *type;
	size_t at = (size_t)(newline - packed) + 1;
	int64_t found = INT64_MIN;
	assert_non_null(line);
	json_object_foreach(line, group, table) {
		json_object_foreach(table, name, type) {
			if (!json_is_string(type))
				continue;
			size_t width = width_of(type), rows = (size_t)integer(table, "rows");
			at = (at + 7) / 8 * 8;
			if (!strcmp(group, of) && !strcmp(name, column) && row < rows) {
				int32_t number = 0;
				double real;
				memcpy(width == 8 ? (void *)&real : &number, packed + at + row * width, width);
				found = width == 8 ? (int64_t)real : number;
			}
			at += rows * width;
		}
	}
	json_decref(line);
	return found;
}

enum { N_SIDES = FLAME_OUTLINE_MIN_STACKS };

/* main > hot, sampled often, and below main N_SIDES functions that were sampled once each. */
static struct profile *broad_profile(uint32_t *ret_hot)
{
	struct profile *p = profile_new();
	assert_non_null(p);
	int64_t main_frame = profile_add_frame(p, "main", "worker", "", 0);
	int64_t main_stack = profile_add_stack(p, PROFILE_NO_STACK, (uint32_t)main_frame);
	int64_t hot = profile_add_stack(p, (uint32_t)main_stack, (uint32_t)profile_add_frame(p, "hot", "worker", "", 0));
	struct profile_sample sample = {.tid = 7, .pid = 7, .stack = (uint32_t)hot};
	for (unsigned i = 0; i < N_SIDES * 2; i++) {
		sample.result = i ? ANALYZER_RESULT_COMPLETE : ANALYZER_RESULT_COMPLETE + 1;
		sample.flags = i == 1 ? ANALYZER_SAMPLE_IN_KERNEL : 0;
		assert_int_equal(profile_add_sample(p, &sample), 0);
	}
	sample.flags = 0;
	for (unsigned i = 0; i < N_SIDES; i++) {
		char name[32];
		snprintf(name, sizeof(name), "side %u", i);
		int64_t frame = profile_add_frame(p, name, "library", "", 0);
		sample.stack = (uint32_t)profile_add_stack(p, (uint32_t)main_stack, (uint32_t)frame);
		assert_int_equal(profile_add_sample(p, &sample), 0);
	}
	*ret_hot = (uint32_t)hot;
	return p;
}

static void a_large_profile_has_an_outline_of_what_can_be_seen(void **state)
{
	(void)state;
	uint32_t hot;
	struct profile *p = broad_profile(&hot);
	struct strbuf out = {0};
	flame_format_find("packed")->write(p, NULL, TRACE_NO_SPAN, PROFILE_ON_CPU, &info, &out);
	assert_false(out.failed);
	static const struct {
		const char *group, *column;
		size_t row;
		int64_t value;
	} rows[] = {
		/* only main and hot have enough weight */
		{"outline_stacks", "parent", 0, -1}, {"outline_stacks", "parent", 1, 0}, {"outline_stacks", "frame", 1, 1},
		{"outline_stacks", "frame", 2, INT64_MIN},
		/* the sides stand at main; hot's samples are told apart by how they ended */
		{"outline_samples", "stack", 0, 0}, {"outline_samples", "count", 0, N_SIDES}, {"outline_samples", "weight", 0, N_SIDES},
		{"outline_samples", "stack", 1, 1}, {"outline_samples", "count", 1, N_SIDES * 2 - 2}, {"outline_samples", "result", 1, 0},
		{"outline_samples", "count", 2, 1}, {"outline_samples", "in_kernel", 2, 1}, {"outline_samples", "result", 2, 0},
		{"outline_samples", "count", 3, 1}, {"outline_samples", "in_kernel", 3, 0}, {"outline_samples", "result", 3, 1},
		{"outline_samples", "count", 4, INT64_MIN},
		/* where they ended in truth, the kernel behind the last frame */
		{"outline_own", "weight", 0, 0}, {"outline_own", "weight", 1, N_SIDES * 2 - 1}, {"outline_own", "weight", 2, 1},
		{"outline_own", "weight", N_SIDES + 1, 1}, {"outline_own", "weight", N_SIDES + 2, 1},
		{"outline_own", "weight", N_SIDES + 3, INT64_MIN},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (packed_cell(out.data, rows[i].group, rows[i].column, rows[i].row) != rows[i].value)
			fail_msg("%s.%s[%zu] is not %lld", rows[i].group, rows[i].column, rows[i].row, (long long)rows[i].value);
	strbuf_done(&out);
	profile_free(p);
}

static void a_second_thread_in_a_run_leaves_the_outline_out(void **state)
{
	(void)state;
	uint32_t hot;
	struct profile *p = broad_profile(&hot);
	struct strbuf out = {0};
	struct profile_sample other = {.tid = 8, .pid = 7, .stack = hot};
	assert_int_equal(profile_add_sample(p, &other), 0);
	flame_format_find("packed")->write(p, NULL, TRACE_NO_SPAN, PROFILE_ON_CPU, &info, &out);
	assert_int_equal(packed_cell(out.data, "outline_stacks", "parent", 0), INT64_MIN);
	strbuf_done(&out);
	profile_free(p);
}

static void time_off_the_cpu_weighs_its_nanoseconds(void **state)
{
	(void)state;
	struct fixture f;
	assert_string_equal(written_of(&f, PROFILE_OFF_CPU, "folded", TRACE_NO_SPAN),
		"[truncated];main;[runnable: woken] 500\n"
		"main;[blocked: futex] 3000\n");
	done(&f);
	json_t *d = parse(written_of(&f, PROFILE_OFF_CPU, "columns", 1));
	assert_string_equal(json_string_value(json_object_get(d, "kind")), "off-cpu");
	assert_string_equal(json_string_value(json_object_get(d, "unit")), "ns");
	assert_int_equal(integer(d, "total"), 2);
	assert_int_equal(integer(d, "truncated"), 1);
	assert_int_equal(integer(d, "lost"), 2);
	assert_int_equal(cell(d, "samples", "weight", 0), 3000);
	assert_int_equal(cell(d, "samples", "weight", 1), 500);
	assert_int_equal(cell(d, "samples", "pid", 0), 70);
	assert_int_equal(cell(d, "samples", "tid", 0), 71);
	json_decref(d);
	done(&f);
	d = parse(written_of(&f, PROFILE_OFF_CPU, "tree", TRACE_NO_SPAN));
	assert_string_equal(json_string_value(json_object_get(d, "unit")), "ns");
	assert_node(d, "all", 0, 3500, 2);
	assert_int_equal(integer(d, "complete"), 3000);
	assert_int_equal(integer(d, "truncated"), 500);
	json_decref(d);
	done(&f);
	d = parse(written_of(&f, PROFILE_OFF_CPU, "columns", 2));
	assert_int_equal(integer(d, "total"), 0);
	json_decref(d);
	done(&f);
}

static void page_faults_are_counted(void **state)
{
	(void)state;
	struct fixture f;
	assert_string_equal(written_of(&f, PROFILE_FAULTS, "folded", TRACE_NO_SPAN), "main 1\n");
	done(&f);
	json_t *d = parse(written_of(&f, PROFILE_FAULTS, "columns", TRACE_NO_SPAN));
	assert_string_equal(json_string_value(json_object_get(d, "unit")), "faults");
	assert_int_equal(integer(d, "total"), 1);
	json_decref(d);
	done(&f);
}

static void columns_of_a_span_hold_its_samples_only(void **state)
{
	(void)state;
	struct fixture f;
	json_t *d = parse(written(&f, "columns", 2));
	assert_int_equal(json_array_size(json_object_get(json_object_get(d, "samples"), "stack")), 3);
	assert_int_equal(integer(d, "total"), 3);
	assert_int_equal(integer(d, "complete"), 2);
	assert_int_equal(cell(d, "samples", "span", 0), 4);
	assert_int_equal(cell(d, "samples", "span", 2), 3);
	json_decref(d);
	done(&f);
}

static void an_empty_profile_is_no_trouble(void **state)
{
	(void)state;
	struct profile *p = profile_new();
	for (const struct flame_format *f = flame_formats; f->name; f++) {
		_cleanup_strbuf_ struct strbuf out = {0};
		f->write(p, NULL, TRACE_NO_SPAN, PROFILE_ON_CPU, &info, &out);
		assert_false(out.failed);
		if (strcmp(f->name, "folded"))
			json_decref(parse(out.data));
	}
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded_stacks_are_merged_and_sorted),
		cmocka_unit_test(a_span_limits_the_stacks_to_its_subtree),
		cmocka_unit_test(the_tree_counts_what_is_below),
		cmocka_unit_test(columns_hold_every_sample),
		cmocka_unit_test(packed_columns_hold_what_the_columns_hold),
		cmocka_unit_test(a_large_profile_has_an_outline_of_what_can_be_seen),
		cmocka_unit_test(a_second_thread_in_a_run_leaves_the_outline_out),
		cmocka_unit_test(columns_of_a_span_hold_its_samples_only),
		cmocka_unit_test(time_off_the_cpu_weighs_its_nanoseconds),
		cmocka_unit_test(page_faults_are_counted),
		cmocka_unit_test(an_empty_profile_is_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
