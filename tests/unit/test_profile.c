/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of api/profile.c and api/formats/profile_codec.c. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/formats/formats.h"
#include "api/formats/packed.h"
#include "base/cleanup.h"
#include "tests/unit/sample_log.h"
#include "tests/unit/sample_profile.h"

static void equal_things_are_kept_once(void **state)
{
	(void)state;
	struct profile *p = profile_new();
	assert_int_equal(p->n_strings, 1);
	assert_int_equal(profile_add_string(p, NULL), 0);
	assert_int_equal(profile_add_string(p, ""), 0);
	assert_int_equal(profile_add_string(p, "a"), 1);
	assert_int_equal(profile_add_string(p, "a"), 1);
	assert_int_equal(profile_add_frame(p, "f", "m", NULL, 3), 0);
	assert_int_equal(profile_add_frame(p, "f", "m", "", 3), 0);
	assert_int_equal(profile_add_frame(p, "f", "m", "", 4), 1);
	assert_int_equal(profile_add_stack(p, PROFILE_NO_STACK, 0), 0);
	assert_int_equal(profile_add_stack(p, 0, 0), 1);
	assert_int_equal(profile_add_stack(p, 0, 0), 1);
	assert_int_equal(p->n_strings, 4);
	profile_free(p);
	profile_free(NULL);
}

static void tens_of_thousands_of_frames_are_found_again(void **state)
{
	(void)state;
	struct profile *p = profile_new();
	char name[32];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20000; i++) {
			snprintf(name, sizeof(name), "function_%d", i);
			assert_int_equal(profile_add_frame(p, name, "module", "file", (uint32_t)i % 7), i);
			assert_int_equal(profile_add_stack(p, i ? (uint32_t)i / 2 : PROFILE_NO_STACK, (uint32_t)i), i);
		}
	}
	assert_int_equal(p->n_stacks, 20000);
	profile_free(p);
}

static struct profile *sample_waiting_profile(void)
{
	struct profile *p = sample_profile();
	sample_waits(p);
	return p;
}

static void what_is_not_there_is_refused(void **state)
{
	(void)state;
	struct profile *p = profile_new();
	struct profile_sample sample = {.stack = 0};
	assert_int_equal(profile_add_stack(p, PROFILE_NO_STACK, 0), -EINVAL);
	assert_int_equal(profile_add_sample(p, &sample), -EINVAL);
	sample = (struct profile_sample){.stack = PROFILE_NO_STACK, .kind = PROFILE_N_KINDS};
	assert_int_equal(profile_add_sample(p, &sample), -EINVAL);
	profile_add_frame(p, "f", "", "", 0);
	assert_int_equal(profile_add_stack(p, 0, 0), -EINVAL);
	uint32_t at = PROFILE_NO_STACK;
	for (int i = 0; i < PROFILE_MAX_DEPTH; i++)
		at = (uint32_t)profile_add_stack(p, at, 0);
	assert_int_equal(at, PROFILE_MAX_DEPTH - 1);
	assert_int_equal(profile_add_stack(p, at, 0), -E2BIG);
	profile_free(p);
}

static void kinds_are_found_by_their_names(void **state)
{
	(void)state;
	for (enum profile_kind kind = 0; kind < PROFILE_N_KINDS; kind++)
		assert_int_equal(profile_kind_find(profile_kind_name(kind)), kind);
	assert_int_equal(profile_kind_find("off"), PROFILE_N_KINDS);
}

static void samples_on_the_cpu_are_counted_by_result(void **state)
{
	(void)state;
	struct profile *p = sample_waiting_profile();
	assert_int_equal(p->n_samples, 11);
	assert_int_equal(p->complete, 6);
	assert_int_equal(p->truncated, 2);
	profile_free(p);
}

static void assert_equal_profiles(const struct profile *a, const struct profile *b)
{
	assert_int_equal(a->n_strings, b->n_strings);
	for (size_t i = 0; i < a->n_strings; i++)
		assert_string_equal(a->strings[i], b->strings[i]);
	assert_int_equal(a->n_frames, b->n_frames);
	assert_memory_equal(a->frames, b->frames, a->n_frames * sizeof(*a->frames));
	assert_int_equal(a->n_stacks, b->n_stacks);
	assert_memory_equal(a->stacks, b->stacks, a->n_stacks * sizeof(*a->stacks));
	assert_int_equal(a->n_samples, b->n_samples);
	assert_memory_equal(a->samples, b->samples, a->n_samples * sizeof(*a->samples));
	assert_int_equal(a->frequency_hz, b->frequency_hz);
	assert_int_equal(a->complete, b->complete);
	assert_int_equal(a->truncated, b->truncated);
	assert_memory_equal(a->lost, b->lost, sizeof(a->lost));
}

static void a_profile_comes_back_from_its_bytes(void **state)
{
	(void)state;
	struct profile *p = sample_waiting_profile(), *back = NULL;
	_cleanup_strbuf_ struct strbuf bytes = {0};
	profile_encode(p, &bytes);
	assert_false(bytes.failed);
	assert_int_equal(profile_decode(bytes.data, bytes.len, &back), 0);
	assert_equal_profiles(p, back);
	/* What was decoded can be added to, and finds what is there. */
	assert_int_equal(profile_add_string(back, "main"), profile_add_string(p, "main"));
	assert_int_equal(profile_add_frame(back, "new", "", "", 0), p->n_frames);
	assert_int_equal(profile_add_stack(back, PROFILE_NO_STACK, 0), 0);
	profile_free(back);
	profile_free(p);
}

/* As records on disk have it that an older version kept: one sample on the CPU. */
static void bytes_of_the_first_version_are_read(void **state)
{
	(void)state;
	static const uint64_t numbers[] = {1, 4999, 1, 0, 3};
	static const uint64_t rest[] = {1, 1, 1, 0, 0, /* frame */ 1, 0, 0, /* stack */ 1, 20, 2, 4, 0, 0, 1 /* sample */};
	_cleanup_strbuf_ struct strbuf bytes = {0};
	struct profile *back = NULL;

	strbuf_puts(&bytes, "SVPR");
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		packed_put(&bytes, numbers[i]);
	packed_put(&bytes, 2);
	packed_put_string(&bytes, "");
	packed_put_string(&bytes, "main");
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
		packed_put(&bytes, rest[i]);
	assert_int_equal(profile_decode(bytes.data, bytes.len, &back), 0);
	assert_int_equal(back->n_samples, 1);
	assert_int_equal(back->lost[PROFILE_ON_CPU], 3);
	assert_int_equal(back->samples[0].kind, PROFILE_ON_CPU);
	assert_int_equal(back->samples[0].time_ns, 10);
	assert_int_equal(back->samples[0].stack, 0);
	assert_int_equal(back->samples[0].span, 1);
	assert_int_equal(back->samples[0].flags, 1);
	profile_free(back);
}

static void an_empty_profile_comes_back_too(void **state)
{
	(void)state;
	struct profile *p = profile_new(), *back = NULL;
	_cleanup_strbuf_ struct strbuf bytes = {0};
	profile_encode(p, &bytes);
	assert_int_equal(profile_decode(bytes.data, bytes.len, &back), 0);
	assert_int_equal(back->n_samples, 0);
	profile_free(back);
	profile_free(p);
}

static void cut_or_lengthened_bytes_are_refused(void **state)
{
	(void)state;
	struct profile *p = sample_waiting_profile(), *back = NULL;
	_cleanup_strbuf_ struct strbuf bytes = {0};
	profile_encode(p, &bytes);
	for (size_t cut = 0; cut < bytes.len; cut++)
		assert_int_equal(profile_decode(bytes.data, cut, &back), -EBADMSG);
	strbuf_putc(&bytes, 0);
	assert_int_equal(profile_decode(bytes.data, bytes.len, &back), -EBADMSG);
	assert_int_equal(profile_decode(NULL, 0, &back), -EBADMSG);
	assert_null(back);
	profile_free(p);
}

static void check_and_export(struct profile *p)
{
	struct trace_info info = {0};
	for (size_t i = 0; i < p->n_stacks; i++)
		assert_true(p->stacks[i].frame < p->n_frames &&
			(p->stacks[i].parent == PROFILE_NO_STACK || p->stacks[i].parent < i));
	for (size_t i = 0; i < p->n_samples; i++)
		assert_true(p->samples[i].stack == PROFILE_NO_STACK || p->samples[i].stack < p->n_stacks);
	for (const struct flame_format *f = flame_formats; f->name; f++) {
		_cleanup_strbuf_ struct strbuf out = {0};
		for (enum profile_kind kind = 0; kind < PROFILE_N_KINDS; kind++)
			f->write(p, NULL, TRACE_NO_SPAN, kind, &info, &out);
		assert_false(out.failed);
	}
}

static void damaged_bytes_give_sound_profiles_or_none_for_10000_seeds(void **state)
{
	(void)state;
	struct profile *p = sample_waiting_profile(), *back = NULL;
	_cleanup_strbuf_ struct strbuf bytes = {0};
	unsigned decoded = 0;
	profile_encode(p, &bytes);
	uint8_t *copy = malloc(bytes.len);
	for (uint64_t i = 1; i <= 10000; i++) {
		uint64_t seed = i * 0x9e3779b97f4a7c15ull;
		memcpy(copy, bytes.data, bytes.len);
		sample_damage(copy + 4, bytes.len - 4, &seed);
		if (profile_decode(copy, bytes.len, &back) < 0)
			continue;
		decoded++;
		check_and_export(back);
		profile_free(back);
	}
	assert_true(decoded > 0 && decoded < 10000);
	free(copy);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_things_are_kept_once),
		cmocka_unit_test(tens_of_thousands_of_frames_are_found_again),
		cmocka_unit_test(what_is_not_there_is_refused),
		cmocka_unit_test(samples_on_the_cpu_are_counted_by_result),
		cmocka_unit_test(kinds_are_found_by_their_names),
		cmocka_unit_test(bytes_of_the_first_version_are_read),
		cmocka_unit_test(a_profile_comes_back_from_its_bytes),
		cmocka_unit_test(an_empty_profile_comes_back_too),
		cmocka_unit_test(cut_or_lengthened_bytes_are_refused),
		cmocka_unit_test(damaged_bytes_give_sound_profiles_or_none_for_10000_seeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
