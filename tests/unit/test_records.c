/* SPDX-License-Identifier: Apache-2.0 */
/* The store against a real loop and a real database in a directory of its own for each test. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/unit/records_fixture.h"

static void test_a_record_is_found_by_both_its_ids(void **state)
{
	struct fixture *f = *state;
	char id[COMPILE_ID_CHARS + 1];
	struct record *a, *b;

	fixture_start(f);
	assert_int_equal(publish(f, 7, false), 0);
	id_of(7, id);
	a = find_record(f, id);
	trace_id_of(7, id);
	b = find_record(f, id);
	assert_non_null(a);
	assert_ptr_equal(a, b);
	assert_false(a->kept);
	record_unref(a);
	record_unref(b);
	assert_null(find_record(f, "no such id"));
	assert_null(find_record(f, "a text that is longer than any id, and then some more of it"));
	assert_null(find_record(f, ""));
}

static void test_a_kept_record_comes_back_whole_after_a_restart(void **state)
{
	struct fixture *f = *state;
	char id[COMPILE_ID_CHARS + 1];
	struct record *r;

	fixture_start(f);
	assert_int_equal(publish(f, 1, true), 0);
	assert_int_equal(publish(f, 2, false), 0);
	fixture_stop(f);
	fixture_start(f);
	assert_false(has_record(f, 2));
	trace_id_of(1, id);
	r = find_record(f, id);
	assert_non_null(r);
	assert_true(r->kept);
	assert_string_equal(r->trace_id, id);
	assert_int_equal(r->started_unix_ns, FIRST_NS + NS_PER_S);
	assert_int_equal(r->duration_ns, 1001);
	assert_string_equal(r->name, "shaders/a.frag");
	assert_string_equal(r->language, "hlsl");
	assert_string_equal(r->response, "{\"status\":\"ok\"}");
	assert_string_equal(r->request, "{\"language\": \"glsl\"}");
	assert_int_equal(r->source_size, 13);
	assert_string_equal(r->source, "void main(){}");
	assert_int_equal(r->spirv_size, 2000);
	assert_int_equal(r->spirv[0], 3);
	assert_null(r->disassembly);
	assert_null(r->traceparent);
	assert_string_equal(r->log, "[]");
	assert_int_equal(r->origin_ns, 77);
	assert_int_equal(r->tree->n_spans, 1);
	assert_string_equal(r->tree->spans[0].name, "server::request");
	assert_int_equal(r->tree->attrs[0].value, 2000);
	assert_int_equal(r->profile->n_samples, 1);
	record_unref(r);
}

static void test_a_record_of_nothing_but_ids_is_kept_too(void **state)
{
	struct fixture *f = *state;
	struct waiting w = { .n_pending = 1, .result = 1 };
	char id[COMPILE_ID_CHARS + 1];
	struct record *r = record_new();

	fixture_start(f);
	w.loop = f->loop;
	id_of(5, r->id);
	trace_id_of(5, r->trace_id);
	r->source = strdup("");
	records_publish(f->records, r, true, got_result, &w);
	record_unref(r);
	loop_run(f->loop);
	assert_int_equal(w.result, 0);
	fixture_stop(f);
	fixture_start(f);
	id_of(5, id);
	r = find_record(f, id);
	assert_non_null(r);
	assert_null(r->tree);
	assert_null(r->profile);
	assert_null(r->spirv);
	assert_string_equal(r->source, "");
	record_unref(r);
}

static void test_kept_is_told_on_the_record_in_memory(void **state)
{
	struct fixture *f = *state;
	char id[COMPILE_ID_CHARS + 1];
	struct record *r;

	fixture_start(f);
	assert_int_equal(publish(f, 1, true), 0);
	id_of(1, id);
	r = find_record(f, id);
	assert_true(r->kept);
	record_unref(r);
}

static void test_the_least_recently_used_leaves_memory_first(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	f->options.memory_count = 3;
	f->options.disk_count = 0;
	fixture_start(f);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(publish(f, i, false), 0);
	assert_true(has_record(f, 0));
	assert_int_equal(publish(f, 3, false), 0);
	assert_true(has_record(f, 0));
	assert_false(has_record(f, 1));
	assert_true(has_record(f, 2));
	assert_true(has_record(f, 3));
	records_counters(f->records, &c);
	assert_int_equal(c.in_memory, 3);
	assert_int_equal(c.evicted, 1);
	assert_true(c.memory_bytes > 3 * 2000);
}

static void test_memory_is_bounded_by_bytes_but_holds_the_newest(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	f->options.memory_bytes = 100;
	f->options.disk_count = 0;
	fixture_start(f);
	assert_int_equal(publish(f, 1, false), 0);
	assert_int_equal(publish(f, 2, false), 0);
	assert_true(has_record(f, 2));
	records_counters(f->records, &c);
	assert_int_equal(c.in_memory, 1);
}

static void test_a_kept_record_that_left_memory_is_found_on_disk(void **state)
{
	struct fixture *f = *state;

	f->options.memory_count = 1;
	fixture_start(f);
	publish_many(f, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_true(has_record(f, i));
}

static void test_a_look_up_waits_for_an_announced_record(void **state)
{
	struct fixture *f = *state;
	struct waiting w = { .n_pending = 2 };
	struct record *record = make_record(9);

	fixture_start(f);
	w.loop = f->loop;
	assert_int_equal(records_expect(f->records, record->id, record->trace_id), 0);
	assert_true(records_get(f->records, record->trace_id, got_record, &w) != 0);
	records_publish(f->records, record, false, got_result, &w);
	loop_run(f->loop);
	assert_ptr_equal(w.record, record);
	record_unref(w.record);
	record_unref(record);
}

static void test_a_look_up_of_a_withdrawn_record_gets_nothing(void **state)
{
	struct fixture *f = *state;
	struct waiting w = { .n_pending = 2 };
	struct record *record = make_record(9);

	fixture_start(f);
	w.loop = f->loop;
	assert_int_equal(records_expect(f->records, record->id, record->trace_id), 0);
	assert_true(records_get(f->records, record->id, got_record, &w) != 0);
	assert_true(records_get(f->records, record->trace_id, got_record, &w) != 0);
	records_forget(f->records, record->trace_id);
	loop_run(f->loop);
	assert_null(w.record);
	record_unref(record);
}

static void must_not_be_called(void *arg, struct record *record)
{
	(void)arg, (void)record;
	fail_msg("a cancelled look-up was answered");
}

static void test_a_cancelled_look_up_is_not_answered(void **state)
{
	struct fixture *f = *state;
	struct record *record = make_record(9);
	uint64_t waiting, stored;

	fixture_start(f);
	assert_int_equal(records_expect(f->records, record->id, record->trace_id), 0);
	waiting = records_get(f->records, record->id, must_not_be_called, NULL);
	stored = records_get(f->records, "elsewhere", must_not_be_called, NULL);
	records_cancel(f->records, waiting);
	records_cancel(f->records, stored);
	records_cancel(f->records, 4711);
	records_publish(f->records, record, false, NULL, NULL);
	record_unref(record);
	assert_true(has_record(f, 9));
	assert_int_equal(publish(f, 10, true), 0); /* the thread has passed the other one by now */
}

static void test_closing_leaves_waiting_look_ups_unanswered(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	assert_int_equal(records_expect(f->records, "a", "b"), 0);
	assert_true(records_get(f->records, "a", must_not_be_called, NULL) != 0);
	assert_true(records_get(f->records, "elsewhere", must_not_be_called, NULL) != 0);
	fixture_stop(f);
}

static void test_a_list_is_newest_first_and_pages(void **state)
{
	struct fixture *f = *state;
	struct waiting w;

	f->options.memory_count = 4; /* so that the list is made of both */
	fixture_start(f);
	publish_many(f, 10);
	assert_int_equal(publish(f, 10, false), 0);

	w = list_records(f, &(struct records_query){ .limit = 3 });
	assert_int_equal(w.n, 3);
	assert_true(w.more);
	assert_false(w.all_kept);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(w.numbers[i], 10 - i);

	w = list_records(f, &(struct records_query){ .limit = 20, .before_unix_ns = FIRST_NS + 8 * NS_PER_S });
	assert_int_equal(w.n, 8);
	assert_false(w.more);
	assert_true(w.all_kept);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(w.numbers[i], 7 - i);

	w = list_records(f, &(struct records_query){ .limit = 11 });
	assert_int_equal(w.n, 11);
	assert_false(w.more);
}

static void test_a_list_filters_by_status_and_language(void **state)
{
	struct fixture *f = *state;
	struct waiting w;

	f->options.memory_count = 3;
	fixture_start(f);
	publish_many(f, 12);
	w = list_records(f, &(struct records_query){ .limit = 20, .status = "failed" });
	assert_int_equal(w.n, 4);
	assert_int_equal(w.numbers[0], 9);
	w = list_records(f, &(struct records_query){ .limit = 20, .status = "failed", .language = "glsl" });
	assert_int_equal(w.n, 2);
	assert_int_equal(w.numbers[0], 6);
	w = list_records(f, &(struct records_query){ .limit = 20, .language = "' OR 1=1 --" });
	assert_int_equal(w.n, 0);
}

static void test_a_deleted_record_is_gone_from_memory_and_disk(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	fixture_start(f);
	assert_int_equal(publish(f, 1, true), 0);
	assert_int_equal(publish(f, 2, false), 0);
	assert_int_equal(delete_record(f, 1), 1);
	assert_int_equal(delete_record(f, 1), 0);
	assert_int_equal(delete_record(f, 2), 1);
	assert_false(has_record(f, 1));
	assert_false(has_record(f, 2));
	records_counters(f->records, &c);
	assert_int_equal(c.on_disk, 0);
	assert_int_equal(c.disk_bytes, 0);
	fixture_stop(f);
	fixture_start(f);
	assert_false(has_record(f, 1));
}

static void test_without_a_disk_nothing_is_kept(void **state)
{
	struct fixture *f = *state;

	f->options.disk_count = 0;
	fixture_start(f);
	assert_int_equal(publish(f, 1, true), -EOPNOTSUPP);
	assert_true(has_record(f, 1));
	assert_false(has_record(f, 2));
	assert_int_equal(list_records(f, &(struct records_query){ .limit = 5 }).n, 1);
	assert_int_equal(delete_record(f, 1), 1);
	assert_int_equal(delete_record(f, 1), 0);
	assert_int_not_equal(access(f->database, F_OK), 0);
}

static void test_retention_by_count_drops_the_oldest(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	f->options.disk_count = 3;
	fixture_start(f);
	publish_many(f, 10);
	fixture_stop(f);
	fixture_start(f);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(has_record(f, i), i >= 7);
	records_counters(f->records, &c);
	assert_int_equal(c.on_disk, 3);
}

static void test_retention_by_bytes_drops_the_oldest(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	f->options.disk_bytes = 10000; /* four of some 2,200 */
	fixture_start(f);
	publish_many(f, 10);
	fixture_stop(f);
	fixture_start(f);
	records_counters(f->records, &c);
	assert_true(c.disk_bytes <= 10000);
	assert_true(c.on_disk >= 3 && c.on_disk <= 4);
	assert_true(has_record(f, 9));
	assert_false(has_record(f, 5));
}

static void test_a_record_larger_than_the_whole_store_is_refused(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	f->options.disk_bytes = 1000;
	fixture_start(f);
	assert_int_equal(publish(f, 1, true), -EFBIG);
	records_counters(f->records, &c);
	assert_int_equal(c.write_errors, 1);
	assert_int_equal(c.on_disk, 0);
}

static void test_retention_by_age_works_at_the_next_start_too(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	publish_many(f, 3);
	fixture_stop(f);
	f->options.disk_age_s = 60;
	fixture_start(f);
	assert_false(has_record(f, 10)); /* what is asked first is answered before the thread tidies up */
	fixture_stop(f);
	f->options.disk_age_s = 100ull * 365 * 86400;
	fixture_start(f);
	assert_false(has_record(f, 0));
	assert_false(has_record(f, 2));
}

static void test_an_id_that_is_on_disk_already_is_refused_alone(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	assert_int_equal(publish(f, 1, true), 0);
	assert_int_equal(publish(f, 1, true), -EEXIST);
	assert_int_equal(publish(f, 2, true), 0);
	assert_true(has_record(f, 1));
	assert_true(has_record(f, 2));
}

/* Else another process that has it open, and closes it, deletes the log that we are writing to. */
static void test_an_open_database_stays_locked(void **state)
{
	struct fixture *f = *state;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET }; /* of the whole file */
	int status = -1;

	fixture_start(f);
	publish_many(f, 1);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open(f->database, O_RDWR);

		_exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_RDLCK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_the_state_directory_is_made_private(void **state)
{
	struct fixture *f = *state;
	char deep[128], database[160];
	struct stat st;

	snprintf(deep, sizeof(deep), "%s/a/b", f->dir);
	snprintf(database, sizeof(database), "%s/spvscope.db", deep);
	f->options.state_dir = deep;
	fixture_start(f);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(database, &st), 0);
	assert_int_equal(st.st_mode & 0077, 0);
	fixture_stop(f);
}

static void test_a_state_directory_that_cannot_be_made_is_an_error(void **state)
{
	struct fixture *f = *state;
	char below[160];
	FILE *file = fopen(f->database, "w");

	fclose(file);
	snprintf(below, sizeof(below), "%s/state", f->database);
	f->options.state_dir = below;
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(records_open(f->loop, &f->options, &f->records), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORDS_TEST(test_a_record_is_found_by_both_its_ids),
		RECORDS_TEST(test_a_kept_record_comes_back_whole_after_a_restart),
		RECORDS_TEST(test_a_record_of_nothing_but_ids_is_kept_too),
		RECORDS_TEST(test_kept_is_told_on_the_record_in_memory),
		RECORDS_TEST(test_the_least_recently_used_leaves_memory_first),
		RECORDS_TEST(test_memory_is_bounded_by_bytes_but_holds_the_newest),
		RECORDS_TEST(test_a_kept_record_that_left_memory_is_found_on_disk),
		RECORDS_TEST(test_a_look_up_waits_for_an_announced_record),
		RECORDS_TEST(test_a_look_up_of_a_withdrawn_record_gets_nothing),
		RECORDS_TEST(test_a_cancelled_look_up_is_not_answered),
		RECORDS_TEST(test_closing_leaves_waiting_look_ups_unanswered),
		RECORDS_TEST(test_a_list_is_newest_first_and_pages),
		RECORDS_TEST(test_a_list_filters_by_status_and_language),
		RECORDS_TEST(test_a_deleted_record_is_gone_from_memory_and_disk),
		RECORDS_TEST(test_without_a_disk_nothing_is_kept),
		RECORDS_TEST(test_retention_by_count_drops_the_oldest),
		RECORDS_TEST(test_retention_by_bytes_drops_the_oldest),
		RECORDS_TEST(test_a_record_larger_than_the_whole_store_is_refused),
		RECORDS_TEST(test_retention_by_age_works_at_the_next_start_too),
		RECORDS_TEST(test_an_id_that_is_on_disk_already_is_refused_alone),
		RECORDS_TEST(test_an_open_database_stays_locked),
		RECORDS_TEST(test_the_state_directory_is_made_private),
		RECORDS_TEST(test_a_state_directory_that_cannot_be_made_is_an_error),
	};

	alarm(50); /* a callback that never comes */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
