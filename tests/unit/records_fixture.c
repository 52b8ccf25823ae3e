/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cmocka_head.h"

#include "tests/unit/records_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

int fixture_setup(void **state)
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

void fixture_start(struct fixture *f)
{
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(records_open(f->loop, &f->options, &f->records), 0);
}

void fixture_stop(struct fixture *f)
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

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	fixture_stop(f);
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

void id_of(unsigned n, char id[COMPILE_ID_CHARS + 1])
{
	snprintf(id, COMPILE_ID_CHARS + 1, "%032x", n);
}

void trace_id_of(unsigned n, char id[COMPILE_ID_CHARS + 1])
{
	snprintf(id, COMPILE_ID_CHARS + 1, "1%031x", n);
}

struct record *make_record(unsigned n)
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

void got_result(void *arg, int result)
{
	struct waiting *w = arg;

	w->result = result;
	if (--w->n_pending == 0)
		loop_quit(w->loop);
}

void got_record(void *arg, struct record *record)
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

int publish(struct fixture *f, unsigned n, bool keep)
{
	struct waiting w = { .loop = f->loop, .n_pending = 1, .result = 1 };
	struct record *record = make_record(n);

	records_publish(f->records, record, keep, got_result, &w);
	record_unref(record);
	loop_run(f->loop);
	return w.result;
}

void publish_many(struct fixture *f, unsigned n)
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

struct record *find_record(struct fixture *f, const char *id)
{
	struct waiting w = { .loop = f->loop, .n_pending = 1 };

	assert_true(records_get(f->records, id, got_record, &w) != 0);
	loop_run(f->loop);
	return w.record;
}

bool has_record(struct fixture *f, unsigned n)
{
	char id[COMPILE_ID_CHARS + 1];
	struct record *record;

	id_of(n, id);
	record = find_record(f, id);
	record_unref(record);
	return record != NULL;
}

struct waiting list_records(struct fixture *f, const struct records_query *q)
{
	struct waiting w = { .loop = f->loop, .n_pending = 1 };

	assert_true(records_list(f->records, q, got_list, &w) != 0);
	loop_run(f->loop);
	return w;
}

int delete_record(struct fixture *f, unsigned n)
{
	struct waiting w = { .loop = f->loop, .n_pending = 1 };
	char id[COMPILE_ID_CHARS + 1];

	id_of(n, id);
	assert_true(records_delete(f->records, id, got_result, &w) != 0);
	loop_run(f->loop);
	return w.result;
}

/* ---- tests ---- */
