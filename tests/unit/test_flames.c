/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what profiles are exported as: flame_columns.c, flame_tree.c, flame_folded.c, flame_select.c. */
#include "tests/unit/cmocka_head.h"

#include <string.h>

#include <jansson.h>

#include "api/formats/formats.h"
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
			const char *word = json_string_value(type);
			size_t width = !strcmp(word, "u8") ? 1 : !strcmp(word, "i32") ? 4 : 8;
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
		cmocka_unit_test(columns_of_a_span_hold_its_samples_only),
		cmocka_unit_test(time_off_the_cpu_weighs_its_nanoseconds),
		cmocka_unit_test(page_faults_are_counted),
		cmocka_unit_test(an_empty_profile_is_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
