/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of server/cache/: which requests share a result, and what room results take. */
#include "tests/unit/cmocka_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "server/cache/cache.h"

static struct compile_request request(const char *source)
{
	struct compile_request q = {0};

	compile_request_init(&q);
	q.job.language = SPVSCOPE_LANGUAGE_GLSL;
	q.job.stage = SPVSCOPE_STAGE_FRAGMENT;
	q.job.source.data = (uint8_t *)strdup(source);
	q.job.source.size = strlen(source);
	return q;
}

static void add_file(struct compile_request *q, const char *name, const char *text)
{
	q->job.files = reallocarray(q->job.files, q->job.n_files + 1, sizeof(*q->job.files));
	q->job.files[q->job.n_files++] = (struct spvscope_file){.name = strdup(name), .data = (uint8_t *)strdup(text),
		.size = strlen(text)};
}

static struct cache_key key_of(const struct compile_request *q, const char *compilers, const char *filter, bool fresh)
{
	struct cache_key key;

	assert_int_equal(cache_key_of_request(q, compilers, filter, fresh, &key), 0);
	return key;
}

static void what_decides_the_result_is_in_the_key_and_nothing_else(void **state)
{
	struct compile_request q = request("void main() {}");
	struct cache_key first = key_of(&q, "a 1", "info", false), other;

	(void)state;
	q.keep = true;
	q.document.uri = strdup("file:///a");
	q.document.version = 7;
	add_file(&q, "a.glsl", "x");
	other = key_of(&q, "a 1", "info", false);
	assert_true(cache_key_equal(&first, &other));
	other = key_of(&q, "a 2", "info", false);
	assert_false(cache_key_equal(&first, &other));
	other = key_of(&q, "a 1", "debug", false);
	assert_false(cache_key_equal(&first, &other));
	other = key_of(&q, "a 1", "info", true);
	assert_false(cache_key_equal(&first, &other));
	q.job.validate = false;
	other = key_of(&q, "a 1", "info", false);
	assert_false(cache_key_equal(&first, &other));
	compile_request_done(&q);
}

static void files_count_by_the_last_part_of_their_names(void **state)
{
	char *names[] = {(char *)"a.glsl"};
	struct cache_names some = {.names = names, .n = 1}, all = {.all = true};
	struct compile_request q = request("");
	struct cache_key none, with, more;

	(void)state;
	cache_key_of_files(&q.job, &some, &none);
	add_file(&q, "other.glsl", "x");
	cache_key_of_files(&q.job, &some, &with);
	assert_true(cache_key_equal(&none, &with));
	cache_key_of_files(&q.job, &all, &more);
	assert_false(cache_key_equal(&none, &more));
	add_file(&q, "x/../y/a.glsl", "x");
	cache_key_of_files(&q.job, &some, &with);
	assert_false(cache_key_equal(&none, &with));
	add_file(&q, "a.glsl/..", "x"); /* has no last part that could be told: always counts */
	cache_key_of_files(&q.job, &some, &more);
	assert_false(cache_key_equal(&with, &more));
	compile_request_done(&q);
}

static struct cached *result(const char *id, size_t n_words)
{
	struct cached *c = cached_new();

	snprintf(c->outcome.id, sizeof(c->outcome.id), "%32s", id);
	for (char *at = c->outcome.id; *at == ' '; at++)
		*at = '0';
	memset(c->outcome.trace_id, 'b', COMPILE_ID_CHARS);
	c->outcome.result.language = SPVSCOPE_LANGUAGE_GLSL;
	c->outcome.result.spirv = calloc(n_words, sizeof(uint32_t));
	c->outcome.result.n_spirv_words = n_words;
	return c;
}

static void what_was_put_is_found_until_others_need_the_room(void **state)
{
	struct compile_request q = request("");
	struct cache_counters counters;
	struct cache *cache;

	(void)state;
	assert_int_equal(cache_new(NULL, &(struct cache_options){.memory_bytes = 200000}, &cache), 0);
	for (int i = 0; i < 40; i++) {
		struct cache_key key, files;
		struct cached *c = result("1", 4000);

		memset(&key, i + 1, sizeof(key));
		cache_key_of_files(&q.job, &c->names, &files);
		c->files = files;
		cache_put(cache, &key, c);
		assert_ptr_equal(cache_find(cache, &key, &q.job), c);
		cached_unref(c);
		cache_counters(cache, &counters);
		assert_true(counters.memory_bytes <= 200000);
	}
	assert_true(counters.evicted >= 25);
	cache_free(cache);
	compile_request_done(&q);
}

static void an_answer_is_found_by_the_same_bytes_alone(void **state)
{
	struct cache_exact exact = {.pieces = {{"ab", 2}, {"c", 1}}, .n = 2}, shifted = {.pieces = {{"a", 1}, {"bc", 2}}, .n = 2};
	struct compile_request q = request("");
	struct cached *c = result("1", 10);
	struct cache_answer answer = {.cached = c, .status = 200, .len = 2}, found;
	struct cache_key key = {{1}};
	struct cache *cache;
	size_t size;

	(void)state;
	assert_int_equal(cache_new(NULL, &(struct cache_options){.memory_bytes = 1 << 20}, &cache), 0);
	cache_key_of_files(&q.job, &c->names, &c->files);
	cache_put(cache, &key, c);
	for (int i = 0; i < 10; i++) {
		char *copy = cache_exact_copy(&exact, &size);

		cache_put_answer(cache, copy, size, &answer, strdup("ok"));
	}
	assert_true(cache_find_answer(cache, &exact, &found));
	assert_memory_equal(found.body, "ok", 2);
	assert_false(cache_find_answer(cache, &shifted, &found));
	cache_drop_answers(cache);
	assert_false(cache_find_answer(cache, &exact, &found));
	cached_unref(c);
	cache_free(cache);
	compile_request_done(&q);
}

static void a_result_comes_back_from_its_bytes_and_damage_is_refused(void **state)
{
	struct cached *c = result("7", 3), *back;
	_cleanup_strbuf_ struct strbuf bytes = {0};

	(void)state;
	c->outcome.result.stage = SPVSCOPE_STAGE_FRAGMENT;
	c->names.names = calloc(1, sizeof(char *));
	c->names.names[0] = strdup("a.glsl");
	c->names.n = 1;
	cached_encode(c, &bytes);
	assert_false(bytes.failed);
	assert_int_equal(cached_decode(bytes.data, bytes.len, &back), 0);
	assert_string_equal(back->outcome.id, c->outcome.id);
	assert_int_equal(back->outcome.result.n_spirv_words, 3);
	assert_string_equal(back->names.names[0], "a.glsl");
	cached_unref(back);
	for (size_t cut = 0; cut < bytes.len; cut++)
		assert_true(cached_decode(bytes.data, cut, &back) < 0);
	for (size_t i = 0; i < bytes.len; i++) { /* whatever it says then, it must not break anything */
		bytes.data[i] ^= 0xff;
		if (cached_decode(bytes.data, bytes.len, &back) == 0)
			cached_unref(back);
		bytes.data[i] ^= 0xff;
	}
	cached_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_decides_the_result_is_in_the_key_and_nothing_else),
		cmocka_unit_test(files_count_by_the_last_part_of_their_names),
		cmocka_unit_test(what_was_put_is_found_until_others_need_the_room),
		cmocka_unit_test(an_answer_is_found_by_the_same_bytes_alone),
		cmocka_unit_test(a_result_comes_back_from_its_bytes_and_damage_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
