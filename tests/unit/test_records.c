/* SPDX-License-Identifier: Apache-2.0 */
/* The store against a real loop and a real database in a directory of its own for each test. */
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "server/records/records.h"

#define FIRST_NS 1700000000000000000ull

struct fixture {
	char dir[64];
	char database[128];
	struct records_options options;
	struct loop *loop;
	struct records *records;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/spvscope-records-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->database, sizeof(f->database), "%s/spvscope.db", f->dir);
	f->options = (struct records_options){
		.state_dir = f->dir, .memory_count = 256, .memory_bytes = 64 << 20, .disk_count = 10000,
		.disk_bytes = 2ull << 30, .disk_age_s = 100ull * 365 * 86400,
	};
	*state = f;
	return 0;
}

static void start(struct fixture *f)
{
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(records_open(f->loop, &f->options, &f->records), 0);
}

static void stop(struct fixture *f)
{
	records_close(f->records);
	if (f->loop)
		loop_free(f->loop);
	f->records = NULL;
	f->loop = NULL;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	stop(f);
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* A record that is told by its number: id "0000…n", trace id "1000…n", a second apart. */
static void id_of(unsigned n, char id[COMPILE_ID_CHARS + 1])
{
	snprintf(id, COMPILE_ID_CHARS + 1, "%032x", n);
}

static void trace_id_of(unsigned n, char id[COMPILE_ID_CHARS + 1])
{
	snprintf(id, COMPILE_ID_CHARS + 1, "1%031x", n);
}

static struct record *make_record(unsigned n)
{
	struct record *r = record_new();
	int64_t root;

	id_of(n, r->id);
	trace_id_of(n, r->trace_id);
	r->started_unix_ns = FIRST_NS + n * NS_PER_S;
	r->duration_ns = 1000 + n;
	r->name = strdup("shaders/a.frag");
	r->language = strdup(n % 2 ? "hlsl" : "glsl");
	r->stage = strdup("fragment");
	r->status = strdup(n % 3 ? "ok" : "failed");
	r->analyzer = strdup("release");
	r->response = strdup("{\"status\":\"ok\"}");
	r->request = strdup("{\"language\": \"glsl\"}");
	r->source = strdup("void main(){}");
	r->source_size = strlen(r->source);
	r->spirv = calloc(1, 2000);
	r->spirv_size = 2000;
	r->spirv[0] = 3;
	r->log = strdup("[]");
	r->origin_ns = 77;
	r->tree = trace_tree_new();
	root = trace_tree_add(r->tree, TRACE_NO_SPAN, SPVSCOPE_LEVEL_INFO, "server::request", 77, 1000);
	assert_int_equal(trace_tree_attr_u64(r->tree, (uint32_t)root, "ir.bytes_before", 2000), 0);
	r->n_spans = 1;
	r->profile = profile_new();
	profile_add_sample(r->profile, &(struct profile_sample){
		.stack = (uint32_t)profile_add_stack(r->profile, PROFILE_NO_STACK,
			(uint32_t)profile_add_frame(r->profile, "main", "a.out", "", 0)),
	});
	r->n_samples = 1;
	return r;
}

/* ---- calls that wait for their callback ---- */

struct waiting {
	struct loop *loop;
	int n_pending;
	int result;
	struct record *record; /* a reference */
	unsigned numbers[64];  /* of a list */
	size_t n;
	bool more, all_kept;
};

static void got_result(void *arg, int result)
{
	struct waiting *w = arg;

	w->result = result;
	if (--w->n_pending == 0)
		loop_quit(w->loop);
}

static void got_record(void *arg, struct record *record)
{
	struct waiting *w = arg;

	w->record = record ? record_ref(record) : NULL;
	if (--w->n_pending == 0)
		loop_quit(w->loop);
}

static void got_list(void *arg, const struct record_summary *rows, size_t n_rows, bool more)
{
	struct waiting *w = arg;

	w->n = n_rows;
	w->more = more;
	w->all_kept = true;
	for (size_t i = 0; i < n_rows; i++) {
		w->numbers[i] = (unsigned)strtoul(rows[i].id, NULL, 16);
		w->all_kept = w->all_kept && rows[i].kept;
		assert_string_equal(rows[i].stage, "fragment");
	}
	if (--w->n_pending == 0)
		loop_quit(w->loop);
}

static int publish(struct fixture *f, unsigned n, bool keep)
{
	struct waiting w = { .loop = f->loop, .n_pending = 1, .result = 1 };
	struct record *record = make_record(n);

	records_publish(f->records, record, keep, got_result, &w);
	record_unref(record);
	loop_run(f->loop);
	return w.result;
}

static void publish_many(struct fixture *f, unsigned n)
{
	struct waiting w = { .loop = f->loop, .n_pending = (int)n };

	for (unsigned i = 0; i < n; i++) {
		struct record *record = make_record(i);

		records_publish(f->records, record, true, got_result, &w);
		record_unref(record);
	}
	loop_run(f->loop);
	assert_int_equal(w.result, 0);
}

/* A reference, or NULL. */
static struct record *get(struct fixture *f, const char *id)
{
	struct waiting w = { .loop = f->loop, .n_pending = 1 };

	assert_true(records_get(f->records, id, got_record, &w) != 0);
	loop_run(f->loop);
	return w.record;
}

static bool has(struct fixture *f, unsigned n)
{
	char id[COMPILE_ID_CHARS + 1];
	struct record *record;

	id_of(n, id);
	record = get(f, id);
	record_unref(record);
	return record != NULL;
}

static struct waiting list(struct fixture *f, const struct records_query *q)
{
	struct waiting w = { .loop = f->loop, .n_pending = 1 };

	assert_true(records_list(f->records, q, got_list, &w) != 0);
	loop_run(f->loop);
	return w;
}

static int delete(struct fixture *f, unsigned n)
{
	struct waiting w = { .loop = f->loop, .n_pending = 1 };
	char id[COMPILE_ID_CHARS + 1];

	id_of(n, id);
	assert_true(records_delete(f->records, id, got_result, &w) != 0);
	loop_run(f->loop);
	return w.result;
}

/* ---- tests ---- */

static void test_a_record_is_found_by_both_its_ids(void **state)
{
	struct fixture *f = *state;
	char id[COMPILE_ID_CHARS + 1];
	struct record *a, *b;

	start(f);
	assert_int_equal(publish(f, 7, false), 0);
	id_of(7, id);
	a = get(f, id);
	trace_id_of(7, id);
	b = get(f, id);
	assert_non_null(a);
	assert_ptr_equal(a, b);
	assert_false(a->kept);
	record_unref(a);
	record_unref(b);
	assert_null(get(f, "no such id"));
	assert_null(get(f, "a text that is longer than any id, and then some more of it"));
	assert_null(get(f, ""));
}

static void test_a_kept_record_comes_back_whole_after_a_restart(void **state)
{
	struct fixture *f = *state;
	char id[COMPILE_ID_CHARS + 1];
	struct record *r;

	start(f);
	assert_int_equal(publish(f, 1, true), 0);
	assert_int_equal(publish(f, 2, false), 0);
	stop(f);
	start(f);
	assert_false(has(f, 2));
	trace_id_of(1, id);
	r = get(f, id);
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

	start(f);
	w.loop = f->loop;
	id_of(5, r->id);
	trace_id_of(5, r->trace_id);
	r->source = strdup("");
	records_publish(f->records, r, true, got_result, &w);
	record_unref(r);
	loop_run(f->loop);
	assert_int_equal(w.result, 0);
	stop(f);
	start(f);
	id_of(5, id);
	r = get(f, id);
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

	start(f);
	assert_int_equal(publish(f, 1, true), 0);
	id_of(1, id);
	r = get(f, id);
	assert_true(r->kept);
	record_unref(r);
}

static void test_the_least_recently_used_leaves_memory_first(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	f->options.memory_count = 3;
	f->options.disk_count = 0;
	start(f);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(publish(f, i, false), 0);
	assert_true(has(f, 0));
	assert_int_equal(publish(f, 3, false), 0);
	assert_true(has(f, 0));
	assert_false(has(f, 1));
	assert_true(has(f, 2));
	assert_true(has(f, 3));
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
	start(f);
	assert_int_equal(publish(f, 1, false), 0);
	assert_int_equal(publish(f, 2, false), 0);
	assert_true(has(f, 2));
	records_counters(f->records, &c);
	assert_int_equal(c.in_memory, 1);
}

static void test_a_kept_record_that_left_memory_is_found_on_disk(void **state)
{
	struct fixture *f = *state;

	f->options.memory_count = 1;
	start(f);
	publish_many(f, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_true(has(f, i));
}

static void test_a_look_up_waits_for_an_announced_record(void **state)
{
	struct fixture *f = *state;
	struct waiting w = { .n_pending = 2 };
	struct record *record = make_record(9);

	start(f);
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

	start(f);
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

	start(f);
	assert_int_equal(records_expect(f->records, record->id, record->trace_id), 0);
	waiting = records_get(f->records, record->id, must_not_be_called, NULL);
	stored = records_get(f->records, "elsewhere", must_not_be_called, NULL);
	records_cancel(f->records, waiting);
	records_cancel(f->records, stored);
	records_cancel(f->records, 4711);
	records_publish(f->records, record, false, NULL, NULL);
	record_unref(record);
	assert_true(has(f, 9));
	assert_int_equal(publish(f, 10, true), 0); /* the thread has passed the other one by now */
}

static void test_closing_leaves_waiting_look_ups_unanswered(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(records_expect(f->records, "a", "b"), 0);
	assert_true(records_get(f->records, "a", must_not_be_called, NULL) != 0);
	assert_true(records_get(f->records, "elsewhere", must_not_be_called, NULL) != 0);
	stop(f);
}

static void test_a_list_is_newest_first_and_pages(void **state)
{
	struct fixture *f = *state;
	struct waiting w;

	f->options.memory_count = 4; /* so that the list is made of both */
	start(f);
	publish_many(f, 10);
	assert_int_equal(publish(f, 10, false), 0);

	w = list(f, &(struct records_query){ .limit = 3 });
	assert_int_equal(w.n, 3);
	assert_true(w.more);
	assert_false(w.all_kept);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(w.numbers[i], 10 - i);

	w = list(f, &(struct records_query){ .limit = 20, .before_unix_ns = FIRST_NS + 8 * NS_PER_S });
	assert_int_equal(w.n, 8);
	assert_false(w.more);
	assert_true(w.all_kept);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(w.numbers[i], 7 - i);

	w = list(f, &(struct records_query){ .limit = 11 });
	assert_int_equal(w.n, 11);
	assert_false(w.more);
}

static void test_a_list_filters_by_status_and_language(void **state)
{
	struct fixture *f = *state;
	struct waiting w;

	f->options.memory_count = 3;
	start(f);
	publish_many(f, 12);
	w = list(f, &(struct records_query){ .limit = 20, .status = "failed" });
	assert_int_equal(w.n, 4);
	assert_int_equal(w.numbers[0], 9);
	w = list(f, &(struct records_query){ .limit = 20, .status = "failed", .language = "glsl" });
	assert_int_equal(w.n, 2);
	assert_int_equal(w.numbers[0], 6);
	w = list(f, &(struct records_query){ .limit = 20, .language = "' OR 1=1 --" });
	assert_int_equal(w.n, 0);
}

static void test_a_deleted_record_is_gone_from_memory_and_disk(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	start(f);
	assert_int_equal(publish(f, 1, true), 0);
	assert_int_equal(publish(f, 2, false), 0);
	assert_int_equal(delete(f, 1), 1);
	assert_int_equal(delete(f, 1), 0);
	assert_int_equal(delete(f, 2), 1);
	assert_false(has(f, 1));
	assert_false(has(f, 2));
	records_counters(f->records, &c);
	assert_int_equal(c.on_disk, 0);
	assert_int_equal(c.disk_bytes, 0);
	stop(f);
	start(f);
	assert_false(has(f, 1));
}

static void test_without_a_disk_nothing_is_kept(void **state)
{
	struct fixture *f = *state;

	f->options.disk_count = 0;
	start(f);
	assert_int_equal(publish(f, 1, true), -EOPNOTSUPP);
	assert_true(has(f, 1));
	assert_false(has(f, 2));
	assert_int_equal(list(f, &(struct records_query){ .limit = 5 }).n, 1);
	assert_int_equal(delete(f, 1), 1);
	assert_int_equal(delete(f, 1), 0);
	assert_int_not_equal(access(f->database, F_OK), 0);
}

static void test_retention_by_count_drops_the_oldest(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	f->options.disk_count = 3;
	start(f);
	publish_many(f, 10);
	stop(f);
	start(f);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(has(f, i), i >= 7);
	records_counters(f->records, &c);
	assert_int_equal(c.on_disk, 3);
}

static void test_retention_by_bytes_drops_the_oldest(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	f->options.disk_bytes = 10000; /* four of some 2,200 */
	start(f);
	publish_many(f, 10);
	stop(f);
	start(f);
	records_counters(f->records, &c);
	assert_true(c.disk_bytes <= 10000);
	assert_true(c.on_disk >= 3 && c.on_disk <= 4);
	assert_true(has(f, 9));
	assert_false(has(f, 5));
}

static void test_a_record_larger_than_the_whole_store_is_refused(void **state)
{
	struct fixture *f = *state;
	struct records_counters c;

	f->options.disk_bytes = 1000;
	start(f);
	assert_int_equal(publish(f, 1, true), -EFBIG);
	records_counters(f->records, &c);
	assert_int_equal(c.write_errors, 1);
	assert_int_equal(c.on_disk, 0);
}

static void test_retention_by_age_works_at_the_next_start_too(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish_many(f, 3);
	stop(f);
	f->options.disk_age_s = 60;
	start(f);
	assert_false(has(f, 10)); /* what is asked first is answered before the thread tidies up */
	stop(f);
	f->options.disk_age_s = 100ull * 365 * 86400;
	start(f);
	assert_false(has(f, 0));
	assert_false(has(f, 2));
}

static void test_an_id_that_is_on_disk_already_is_refused_alone(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(publish(f, 1, true), 0);
	assert_int_equal(publish(f, 1, true), -EEXIST);
	assert_int_equal(publish(f, 2, true), 0);
	assert_true(has(f, 1));
	assert_true(has(f, 2));
}

/* Else another process that has it open, and closes it, deletes the log that we are writing to. */
static void test_an_open_database_stays_locked(void **state)
{
	struct fixture *f = *state;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET }; /* of the whole file */
	int status = -1;

	start(f);
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
	start(f);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(database, &st), 0);
	assert_int_equal(st.st_mode & 0077, 0);
	stop(f);
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
	start(f);
	assert_int_equal(publish(f, 1, true), 0);
	assert_int_equal(moved_aside(f), 1);
	stop(f);

	overwrite(f, 0, 8192); /* within the same second */
	start(f);
	assert_false(has(f, 1));
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

	start(f);
	publish_many(f, 50);
	stop(f);
	overwrite(f, offset_of_table(f, "results"), 4096);
	start(f);
	assert_int_equal(moved_aside(f), 0);
	assert_int_equal(publish(f, 100, true), 0);
	assert_int_equal(moved_aside(f), 1);
	assert_int_equal(publish(f, 101, true), 0);
	stop(f);
	start(f);
	assert_true(has(f, 100));
	assert_true(has(f, 101));
	assert_false(has(f, 3));
	assert_int_equal(moved_aside(f), 1);
}

static void test_damage_that_shows_while_reading_is_moved_aside(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish_many(f, 50);
	stop(f);
	overwrite(f, offset_of_table(f, "traces"), 4096);
	start(f);
	assert_false(has(f, 3));
	assert_int_equal(publish(f, 100, true), 0);
	assert_int_equal(moved_aside(f), 1);
}

static void test_a_cut_database_is_moved_aside(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish_many(f, 50);
	stop(f);
	assert_int_equal(truncate(f->database, 5000), 0);
	start(f);
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

	start(f);
	assert_int_equal(publish(f, 1, true), 0);
	stop(f);
	run_sql(f, "PRAGMA user_version = 99");
	start(f);
	assert_false(has(f, 1));
	assert_int_equal(moved_aside(f), 1);
	stop(f);
	run_sql(f, "PRAGMA application_id = 5");
	start(f);
	assert_int_equal(moved_aside(f), 2);
	stop(f);
	run_sql(f, "DROP TABLE samples");
	start(f);
	assert_int_equal(moved_aside(f), 3);
	assert_int_equal(publish(f, 2, true), 0);
	stop(f);
	run_sql(f, "PRAGMA user_version = 1"); /* it has what the upgrade would make */
	start(f);
	assert_int_equal(moved_aside(f), 4);
}

static void test_a_database_of_version_1_is_brought_up_with_its_records(void **state)
{
	struct fixture *f = *state;
	char id[COMPILE_ID_CHARS + 1];
	struct record *r;

	start(f);
	assert_int_equal(publish(f, 1, true), 0);
	stop(f);
	run_sql(f, "ALTER TABLE results DROP COLUMN request; PRAGMA user_version = 1");
	start(f);
	assert_int_equal(moved_aside(f), 0);
	id_of(1, id);
	r = get(f, id);
	assert_non_null(r);
	assert_null(r->request);
	assert_string_equal(r->source, "void main(){}");
	assert_int_equal(r->tree->n_spans, 1);
	record_unref(r);
	assert_int_equal(publish(f, 2, true), 0);
	stop(f);
	start(f);
	id_of(2, id);
	r = get(f, id);
	assert_non_null(r);
	assert_string_equal(r->request, "{\"language\": \"glsl\"}");
	record_unref(r);
}

static void test_a_record_whose_tree_is_damaged_is_not_found_and_hurts_no_other(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish_many(f, 2);
	stop(f);
	run_sql(f, "UPDATE traces SET tree = x'00ff00ff' WHERE seq = 1");
	start(f);
	assert_false(has(f, 0));
	assert_true(has(f, 1));
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
	start(f);
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

		start(f);
		for (unsigned i = 0; i < n; i++)
			assert_true(has(f, told[i]));
		assert_int_equal(moved_aside(f), 0);
		stop(f);
		unlink(f->database);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_record_is_found_by_both_its_ids),
		TEST(test_a_kept_record_comes_back_whole_after_a_restart),
		TEST(test_a_record_of_nothing_but_ids_is_kept_too),
		TEST(test_kept_is_told_on_the_record_in_memory),
		TEST(test_the_least_recently_used_leaves_memory_first),
		TEST(test_memory_is_bounded_by_bytes_but_holds_the_newest),
		TEST(test_a_kept_record_that_left_memory_is_found_on_disk),
		TEST(test_a_look_up_waits_for_an_announced_record),
		TEST(test_a_look_up_of_a_withdrawn_record_gets_nothing),
		TEST(test_a_cancelled_look_up_is_not_answered),
		TEST(test_closing_leaves_waiting_look_ups_unanswered),
		TEST(test_a_list_is_newest_first_and_pages),
		TEST(test_a_list_filters_by_status_and_language),
		TEST(test_a_deleted_record_is_gone_from_memory_and_disk),
		TEST(test_without_a_disk_nothing_is_kept),
		TEST(test_retention_by_count_drops_the_oldest),
		TEST(test_retention_by_bytes_drops_the_oldest),
		TEST(test_a_record_larger_than_the_whole_store_is_refused),
		TEST(test_retention_by_age_works_at_the_next_start_too),
		TEST(test_an_id_that_is_on_disk_already_is_refused_alone),
		TEST(test_an_open_database_stays_locked),
		TEST(test_the_state_directory_is_made_private),
		TEST(test_a_state_directory_that_cannot_be_made_is_an_error),
		TEST(test_a_file_that_is_no_database_is_moved_aside),
		TEST(test_damage_that_shows_while_writing_loses_no_new_record),
		TEST(test_damage_that_shows_while_reading_is_moved_aside),
		TEST(test_a_cut_database_is_moved_aside),
		TEST(test_databases_of_others_and_of_newer_versions_are_moved_aside),
		TEST(test_a_database_of_version_1_is_brought_up_with_its_records),
		TEST(test_a_record_whose_tree_is_damaged_is_not_found_and_hurts_no_other),
		TEST(test_what_was_told_kept_survives_kill_9),
	};

	alarm(50); /* a callback that never comes */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
