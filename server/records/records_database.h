/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the store: the open database, its tables and its prepared statements. records_database.c opens and mends
 * it, records_disk.c reads and writes records with it. */
#ifndef SPVSCOPE_RECORDS_DATABASE_H
#define SPVSCOPE_RECORDS_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/records/records.h"

#define RECORDS_EXPIRE_SLICE 64 /* records deleted in one transaction */

enum records_statement {
	BEGIN, COMMIT, ROLLBACK, SAVE, RELEASE, UNDO,
	PUT_COMPILATION, PUT_RESULT, PUT_TRACE, PUT_SAMPLES,
	GET, LIST, DELETE, OLDEST, DELETE_SEQ, TOTALS, VACUUM,
	N_STATEMENTS,
};

struct records_disk {
	sqlite3 *db;           /* NULL: could not be opened again; tried at each operation */
	sqlite3_stmt *statements[N_STATEMENTS];
	char *path;
	uint64_t max_count, max_bytes, max_age_s;
	uint64_t count, bytes; /* written by the owner thread, read by any: atomic */
	bool damaged;          /* an operation met damage: begin anew */
};

/* Opens d->path; what cannot be used is moved aside once. 0 or -errno. */
int records_database_open(struct records_disk *d);
void records_database_close(struct records_disk *d);
/* To call before each operation: damage that shows only while reading or writing is moved aside too. 0 or -errno. */
int records_database_heal(struct records_disk *d);

/* Ends the use of a statement whose last step gave rc: ready for the next, errors as -errno, damage marked. */
int records_statement_end(struct records_disk *d, enum records_statement which, int rc);
/* Steps a statement to its end, rows ignored. */
int records_statement_run(struct records_disk *d, enum records_statement which);
int records_database_totals(struct records_disk *d); /* count and bytes, afresh */

#endif
