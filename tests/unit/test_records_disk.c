/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of server/records/records_disk.c and records_database.c: databases that are damaged, foreign, old, or written to by a
 * process that is killed. */
#include "tests/unit/cmocka_head.h"

#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/unit/records_fixture.h"

/* ---- databases that cannot be used ---- */

static unsigned n_damaged;

static int count_damaged(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type;
	n_damaged += !strncmp(path + ftw->base, "spvscope.db.damaged-", 20) && !strchr(path + ftw->base + 20, '-');
	return 0;
}

static unsigned moved_aside(struct fixture *f)
{
	n_damaged = 0;
	nftw(f->dir, count_damaged, 8, FTW_PHYS);
	return n_damaged;
}

static void overwrite(struct fixture *f, long offset, size_t size)
{
	FILE *file = fopen(f->database, "r+");

	if (!file)
		file = fopen(f->database, "w");
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	for (size_t i = 0; i < size; i++)
		fputc(0x5a, file);
	fclose(file);
}

static void test_a_file_that_is_no_database_is_moved_aside(void **state)
{
	struct fixture *f = *state;

	overwrite(f, 0, 8192);
	fixture_start(f);
	assert_int_equal(publish(f, 1, true), 0);
	assert_int_equal(moved_aside(f), 1);
	fixture_stop(f);

	overwrite(f, 0, 8192); /* within the same second */
	fixture_start(f);
	assert_false(has_record(f, 1));
	assert_int_equal(moved_aside(f), 2);
}

static long offset_of_table(struct fixture *f, const char *table)
{
	sqlite3_stmt *s;
	sqlite3 *db;
	long offset;

	assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT (rootpage - 1) * 4096 FROM sqlite_schema WHERE name = ?", -1,
		&s, NULL), SQLITE_OK);
	sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	offset = (long)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return offset;
}

static void test_damage_that_shows_while_writing_loses_no_new_record(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	publish_many(f, 50);
	fixture_stop(f);
	overwrite(f, offset_of_table(f, "results"), 4096);
	fixture_start(f);
	assert_int_equal(moved_aside(f), 0);
	assert_int_equal(publish(f, 100, true), 0);
	assert_int_equal(moved_aside(f), 1);
	assert_int_equal(publish(f, 101, true), 0);
	fixture_stop(f);
	fixture_start(f);
	assert_true(has_record(f, 100));
	assert_true(has_record(f, 101));
	assert_false(has_record(f, 3));
	assert_int_equal(moved_aside(f), 1);
}

static void test_damage_that_shows_while_reading_is_moved_aside(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	publish_many(f, 50);
	fixture_stop(f);
	overwrite(f, offset_of_table(f, "traces"), 4096);
	fixture_start(f);
	assert_false(has_record(f, 3));
	assert_int_equal(publish(f, 100, true), 0);
	assert_int_equal(moved_aside(f), 1);
}

static void test_a_cut_database_is_moved_aside(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	publish_many(f, 50);
	fixture_stop(f);
	assert_int_equal(truncate(f->database, 5000), 0);
	fixture_start(f);
	assert_int_equal(publish(f, 100, true), 0);
	assert_int_equal(moved_aside(f), 1);
}

static void run_sql(struct fixture *f, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_databases_of_others_and_of_newer_versions_are_moved_aside(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	assert_int_equal(publish(f, 1, true), 0);
	fixture_stop(f);
	run_sql(f, "PRAGMA user_version = 99");
	fixture_start(f);
	assert_false(has_record(f, 1));
	assert_int_equal(moved_aside(f), 1);
	fixture_stop(f);
	run_sql(f, "PRAGMA application_id = 5");
	fixture_start(f);
	assert_int_equal(moved_aside(f), 2);
	fixture_stop(f);
	run_sql(f, "DROP TABLE samples");
	fixture_start(f);
	assert_int_equal(moved_aside(f), 3);
	assert_int_equal(publish(f, 2, true), 0);
	fixture_stop(f);
	run_sql(f, "PRAGMA user_version = 1"); /* it has what the upgrade would make */
	fixture_start(f);
	assert_int_equal(moved_aside(f), 4);
}

static void test_a_database_of_version_1_is_brought_up_with_its_records(void **state)
{
	struct fixture *f = *state;
	char id[COMPILE_ID_CHARS + 1];
	struct record *r;

	fixture_start(f);
	assert_int_equal(publish(f, 1, true), 0);
	fixture_stop(f);
	run_sql(f, "ALTER TABLE results DROP COLUMN request; PRAGMA user_version = 1");
	fixture_start(f);
	assert_int_equal(moved_aside(f), 0);
	id_of(1, id);
	r = find_record(f, id);
	assert_non_null(r);
	assert_null(r->request);
	assert_string_equal(r->source, "void main(){}");
	assert_int_equal(r->tree->n_spans, 1);
	record_unref(r);
	assert_int_equal(publish(f, 2, true), 0);
	fixture_stop(f);
	fixture_start(f);
	id_of(2, id);
	r = find_record(f, id);
	assert_non_null(r);
	assert_string_equal(r->request, "{\"language\": \"glsl\"}");
	record_unref(r);
}

static void test_a_record_whose_tree_is_damaged_is_not_found_and_hurts_no_other(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	publish_many(f, 2);
	fixture_stop(f);
	run_sql(f, "UPDATE traces SET tree = x'00ff00ff' WHERE seq = 1");
	fixture_start(f);
	assert_false(has_record(f, 0));
	assert_true(has_record(f, 1));
	assert_int_equal(moved_aside(f), 0);
}

/* ---- durability ---- */

struct writer {
	int fd;
	unsigned number;
};

static void tell_parent(void *arg, int error)
{
	struct writer *w = arg;

	if (error || write(w->fd, &w->number, sizeof(w->number)) != sizeof(w->number))
		_exit(1);
	free(w);
}

/* Keeps records without end, eight at a time in flight, and tells of each that is on disk. */
static void write_until_killed(struct fixture *f, int fd)
{
	fixture_start(f);
	for (unsigned n = 0;; n++) {
		struct writer *writer = malloc(sizeof(*writer));
		struct record *record = make_record(n);

		*writer = (struct writer){ .fd = fd, .number = n };
		records_publish(f->records, record, true, tell_parent, writer);
		record_unref(record);
		if (n % 8 == 7)
			publish(f, 1000000 + n, false); /* one turn of the loop */
	}
}

static void test_what_was_told_kept_survives_kill_9(void **state)
{
	struct fixture *f = *state;

	for (unsigned round = 0; round < 5; round++) {
		unsigned told[200], n = 0;
		int fds[2], status;
		pid_t child;

		assert_int_equal(pipe(fds), 0);
		child = fork();
		if (child == 0) {
			close(fds[0]);
			write_until_killed(f, fds[1]);
		}
		close(fds[1]);
		while (n < 20 + 37 * round && read(fds[0], &told[n], sizeof(told[n])) == sizeof(told[n]))
			n++;
		kill(child, SIGKILL);
		while (n < 200 && read(fds[0], &told[n], sizeof(told[n])) == sizeof(told[n]))
			n++;
		close(fds[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_true(n >= 20);

		fixture_start(f);
		for (unsigned i = 0; i < n; i++)
			assert_true(has_record(f, told[i]));
		assert_int_equal(moved_aside(f), 0);
		fixture_stop(f);
		unlink(f->database);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORDS_TEST(test_a_file_that_is_no_database_is_moved_aside),
		RECORDS_TEST(test_damage_that_shows_while_writing_loses_no_new_record),
		RECORDS_TEST(test_damage_that_shows_while_reading_is_moved_aside),
		RECORDS_TEST(test_a_cut_database_is_moved_aside),
		RECORDS_TEST(test_databases_of_others_and_of_newer_versions_are_moved_aside),
		RECORDS_TEST(test_a_database_of_version_1_is_brought_up_with_its_records),
		RECORDS_TEST(test_a_record_whose_tree_is_damaged_is_not_found_and_hurts_no_other),
		RECORDS_TEST(test_what_was_told_kept_survives_kill_9),
	};

	alarm(50); /* a callback that never comes */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
