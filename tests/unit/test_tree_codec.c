/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of api/formats/tree_codec.c and packed.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/formats/formats.h"
#include "api/formats/packed.h"
#include "tests/unit/sample_log.h"
#include "tests/unit/tree_check.h"

/* With values at the edges of their types. */
static struct trace_tree *edge_tree(void)
{
	static uint64_t log[8192 / 8];
	struct trace_tree *t = NULL;
	sample_log_write(log, sizeof(log));
	assert_int_equal(trace_tree_read(log, sizeof(log), SAMPLE_LOG_RUN, 0, &t), 0);
	trace_tree_add(t, TRACE_NO_SPAN, SPVSCOPE_LEVEL_DEBUG, "", UINT64_MAX, 0);
	trace_tree_add(t, 8, SPVSCOPE_LEVEL_ERROR, "\xff not utf-8", 0, UINT64_MAX);
	t->spans[9].pid = UINT32_MAX;
	t->spans[9].used.alloc_bytes = UINT64_MAX;
	t->spans[9].clean = (struct trace_clean){3, 1, 2, UINT64_MAX};
	t->spans[9].profiled = (struct trace_profiled){4, 2, 1000, 700, 100, 200, 50, 640};
	trace_tree_attr_u64(t, 9, "most", UINT64_MAX);
	trace_tree_attr_str(t, 9, "empty", "");
	trace_tree_event(t, TRACE_NO_SPAN, SPVSCOPE_LEVEL_WARN, UINT64_MAX, "outside", "");
	t->dropped = 5;
	t->malformed = UINT64_MAX;
	t->out_of_memory = true;
	return t;
}

static void assert_equal_trees(const struct trace_tree *a, const struct trace_tree *b)
{
	assert_int_equal(a->n_spans, b->n_spans);
	for (size_t i = 0; i < a->n_spans; i++) {
		struct trace_span x = a->spans[i], y = b->spans[i];
		assert_string_equal(x.name, y.name);
		assert_int_equal(x.level, y.level);
		assert_int_equal(x.parent_idx, y.parent_idx);
		assert_int_equal(x.depth, y.depth);
		assert_int_equal(x.pid, y.pid);
		assert_int_equal(x.tid, y.tid);
		assert_int_equal(x.start_ns, y.start_ns);
		assert_int_equal(x.duration_ns, y.duration_ns);
		assert_memory_equal(&x.used, &y.used, sizeof(x.used));
		assert_int_equal(x.measured, y.measured);
		assert_int_equal(x.open, y.open);
		assert_memory_equal(&x.clean, &y.clean, sizeof(x.clean));
		assert_memory_equal(&x.profiled, &y.profiled, sizeof(x.profiled));
	}
	assert_int_equal(a->n_attrs, b->n_attrs);
	for (size_t i = 0; i < a->n_attrs; i++) {
		assert_int_equal(a->attrs[i].span_idx, b->attrs[i].span_idx);
		assert_string_equal(a->attrs[i].key, b->attrs[i].key);
		assert_int_equal(!a->attrs[i].text, !b->attrs[i].text);
		if (a->attrs[i].text)
			assert_string_equal(a->attrs[i].text, b->attrs[i].text);
		else
			assert_int_equal(a->attrs[i].value, b->attrs[i].value);
	}
	assert_int_equal(a->n_events, b->n_events);
	for (size_t i = 0; i < a->n_events; i++) {
		assert_int_equal(a->events[i].span_idx, b->events[i].span_idx);
		assert_int_equal(a->events[i].level, b->events[i].level);
		assert_int_equal(a->events[i].time_ns, b->events[i].time_ns);
		assert_string_equal(a->events[i].name, b->events[i].name);
		assert_string_equal(a->events[i].message, b->events[i].message);
	}
	assert_int_equal(a->dropped, b->dropped);
	assert_int_equal(a->malformed, b->malformed);
	assert_int_equal(a->out_of_memory, b->out_of_memory);
}

static void integers_of_every_size_come_back(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf sb = {0};
	uint64_t before = 0;
	for (unsigned bit = 0; bit < 64; bit++) {
		packed_put(&sb, 1ull << bit);
		packed_put(&sb, (1ull << bit) - 1);
		packed_put_delta(&sb, &before, bit % 2 ? UINT64_MAX >> bit : 1ull << bit);
	}
	packed_put(&sb, UINT64_MAX);
	struct packed_reader r = {(const uint8_t *)sb.data, (const uint8_t *)sb.data + sb.len, false};
	before = 0;
	for (unsigned bit = 0; bit < 64; bit++) {
		assert_int_equal(packed_get(&r), 1ull << bit);
		assert_int_equal(packed_get(&r), (1ull << bit) - 1);
		assert_int_equal(packed_get_delta(&r, &before), bit % 2 ? UINT64_MAX >> bit : 1ull << bit);
	}
	assert_int_equal(packed_get(&r), UINT64_MAX);
	assert_false(r.bad);
	assert_int_equal(packed_get(&r), 0);
	assert_true(r.bad);
}

static void integers_beyond_64_bits_are_refused(void **state)
{
	(void)state;
	static const uint8_t most[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
	static const uint8_t more[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
	static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
	struct packed_reader r = {most, most + sizeof(most), false};
	assert_int_equal(packed_get(&r), UINT64_MAX);
	assert_false(r.bad);
	r = (struct packed_reader){more, more + sizeof(more), false};
	packed_get(&r);
	assert_true(r.bad);
	r = (struct packed_reader){endless, endless + sizeof(endless), false};
	packed_get(&r);
	assert_true(r.bad);
}

static void a_tree_comes_back_from_its_bytes(void **state)
{
	(void)state;
	struct trace_tree *t = edge_tree(), *back = NULL;
	_cleanup_strbuf_ struct strbuf bytes = {0};
	trace_tree_encode(t, &bytes);
	assert_false(bytes.failed);
	assert_int_equal(trace_tree_decode(bytes.data, bytes.len, &back), 0);
	assert_equal_trees(t, back);
	trace_tree_free(back);
	trace_tree_free(t);
}

static void an_empty_tree_comes_back_too(void **state)
{
	(void)state;
	struct trace_tree *t = trace_tree_new(), *back = NULL;
	_cleanup_strbuf_ struct strbuf bytes = {0};
	trace_tree_encode(t, &bytes);
	assert_int_equal(trace_tree_decode(bytes.data, bytes.len, &back), 0);
	assert_equal_trees(t, back);
	trace_tree_free(back);
	trace_tree_free(t);
}

static void cut_or_lengthened_bytes_are_refused(void **state)
{
	(void)state;
	struct trace_tree *t = edge_tree(), *back = NULL;
	_cleanup_strbuf_ struct strbuf bytes = {0};
	trace_tree_encode(t, &bytes);
	for (size_t cut = 0; cut < bytes.len; cut++)
		assert_int_equal(trace_tree_decode(bytes.data, cut, &back), -EBADMSG);
	strbuf_putc(&bytes, 0);
	assert_int_equal(trace_tree_decode(bytes.data, bytes.len, &back), -EBADMSG);
	assert_int_equal(trace_tree_decode(NULL, 0, &back), -EBADMSG);
	assert_null(back);
	trace_tree_free(t);
}

static void check_and_export(const struct trace_tree *t)
{
	struct trace_info info = {0};
	_cleanup_strbuf_ struct strbuf nested = {0};
	tree_check(t, false);
	format_span_tree(t, 0, &nested);
	assert_false(nested.failed);
	for (const struct span_format *f = span_formats; f->name; f++) {
		_cleanup_strbuf_ struct strbuf out = {0};
		f->write(t, &info, &out);
		assert_false(out.failed);
	}
}

static void damaged_bytes_give_sound_trees_or_none_for_10000_seeds(void **state)
{
	(void)state;
	struct trace_tree *t = edge_tree(), *back = NULL;
	_cleanup_strbuf_ struct strbuf bytes = {0};
	unsigned decoded = 0;
	trace_tree_encode(t, &bytes);
	uint8_t *copy = malloc(bytes.len);
	for (uint64_t i = 1; i <= 10000; i++) {
		uint64_t seed = i * 0x9e3779b97f4a7c15ull;
		memcpy(copy, bytes.data, bytes.len);
		sample_damage(copy + 4, bytes.len - 4, &seed);
		if (trace_tree_decode(copy, bytes.len, &back) < 0)
			continue;
		decoded++;
		check_and_export(back);
		trace_tree_free(back);
	}
	assert_true(decoded > 0 && decoded < 10000);
	free(copy);
	trace_tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_of_every_size_come_back),
		cmocka_unit_test(integers_beyond_64_bits_are_refused),
		cmocka_unit_test(a_tree_comes_back_from_its_bytes),
		cmocka_unit_test(an_empty_tree_comes_back_too),
		cmocka_unit_test(cut_or_lengthened_bytes_are_refused),
		cmocka_unit_test(damaged_bytes_give_sound_trees_or_none_for_10000_seeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
