/* SPDX-License-Identifier: Apache-2.0 */
/* Records in a folder of each test's own, and calls of the store that wait for their callback. */
#ifndef SPVSCOPE_TESTS_RECORDS_FIXTURE_H
#define SPVSCOPE_TESTS_RECORDS_FIXTURE_H

#include <stdbool.h>

#include "server/records/records.h"

#define FIRST_NS 1700000000000000000ull

struct fixture {
	char dir[64];
	char database[128];
	struct records_options options;
	struct loop *loop;
	struct records *records;
};

struct waiting {
	struct loop *loop;
	int n_pending;
	int result;
	struct record *record; /* a reference */
	unsigned numbers[64];  /* of a list */
	size_t n;
	bool more, all_kept;
};

#define RECORDS_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Opens the store by f->options; closes it, if it is open. */
void fixture_start(struct fixture *f);
void fixture_stop(struct fixture *f);

/* A record that is told by its number: id "0000…n", trace id "1000…n", a second apart. */
void id_of(unsigned n, char id[COMPILE_ID_CHARS + 1]);
void trace_id_of(unsigned n, char id[COMPILE_ID_CHARS + 1]);
struct record *make_record(unsigned n);

/* For `arg`: a struct waiting, whose loop ends when none of its calls is pending. */
void got_result(void *arg, int result);
void got_record(void *arg, struct record *record);

int publish(struct fixture *f, unsigned n, bool keep);
void publish_many(struct fixture *f, unsigned n);
/* A reference, or NULL. */
struct record *find_record(struct fixture *f, const char *id);
bool has_record(struct fixture *f, unsigned n);
struct waiting list_records(struct fixture *f, const struct records_query *q);
int delete_record(struct fixture *f, unsigned n);

#endif
