/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a batch, and makes each compile of it when its turn has come. Runs in the front. */
#include "api/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/errors.h"
#include "api/request_fields.h"
#include "base/cleanup.h"

struct batch_request {
	json_t *root;
	json_t *shared;   /* borrowed from root; NULL: none */
	json_t *compiles; /* likewise */
	char number[24];
};

static int check_compile(json_t *compile, size_t i, struct diag *d)
{
	char where[64];
	json_t *id;

	snprintf(where, sizeof where, "compiles[%zu]", i);
	if (!json_is_object(compile))
		return field_wrong_type(d, where, "an object", compile);
	id = json_object_get(compile, "id");
	snprintf(where, sizeof where, "compiles[%zu].id", i);
	if (id && !json_is_string(id))
		return field_wrong_type(d, where, "a string", id);
	if (id && json_string_length(id) > BATCH_MAX_ID_BYTES)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, where, "is %zu bytes long; at most %d are taken",
			json_string_length(id), BATCH_MAX_ID_BYTES);
	return 0;
}

static int check(struct batch_request *b, struct diag *d)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach (b->root, key, value)
		if (strcmp(key, "shared") != 0 && strcmp(key, "compiles") != 0)
			return diag_set(d, API_ERROR_UNKNOWN_FIELD, key, "there is no field '%.80s'; a batch has shared and compiles",
				key);
	b->shared = json_object_get(b->root, "shared");
	b->compiles = json_object_get(b->root, "compiles");
	if (b->shared && !json_is_object(b->shared))
		return field_wrong_type(d, "shared", "an object", b->shared);
	if (!b->compiles)
		return diag_set(d, API_ERROR_MISSING_FIELD, "compiles", "must be there: one object for each compile");
	if (!json_is_array(b->compiles))
		return field_wrong_type(d, "compiles", "an array", b->compiles);
	if (json_array_size(b->compiles) > BATCH_MAX_COMPILES)
		return diag_set(d, API_ERROR_TOO_MANY, "compiles", "there are %zu; at most %d are taken",
			json_array_size(b->compiles), BATCH_MAX_COMPILES);
	json_array_foreach (b->compiles, i, value) {
		int r = check_compile(value, i, d);

		if (r < 0)
			return r;
	}
	return 0;
}

int batch_request_from_json(const char *body, size_t len, struct batch_request **ret, struct diag *d)
{
	struct batch_request *b = calloc(1, sizeof *b);
	int r = b ? request_parse_json(body, len, &b->root, d) : -ENOMEM;

	if (r >= 0)
		r = check(b, d);
	if (r < 0) {
		batch_request_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

void batch_request_free(struct batch_request *b)
{
	if (!b)
		return;
	json_decref(b->root);
	free(b);
}

size_t batch_request_count(const struct batch_request *b)
{
	return json_array_size(b->compiles);
}

const char *batch_request_id(struct batch_request *b, size_t i)
{
	const char *id = json_string_value(json_object_get(json_array_get(b->compiles, i), "id"));

	if (id)
		return id;
	snprintf(b->number, sizeof b->number, "%zu", i);
	return b->number;
}

int batch_request_decode(struct batch_request *b, size_t i, struct compile_request *ret, struct diag *d)
{
	json_t *own = json_array_get(b->compiles, i), *value;
	_cleanup_(json_decrefp) json_t *whole = b->shared ? json_copy(b->shared) : json_object();
	const char *key;

	if (!whole)
		return -ENOMEM;
	json_object_foreach (own, key, value) {
		json_t *shared = json_object_get(whole, key);
		int r;

		if (strcmp(key, "id") == 0)
			continue;
		if (json_is_object(value) && json_is_object(shared)) {
			json_t *joined = json_copy(shared);

			r = joined ? json_object_update(joined, value) : -1;
			if (r == 0)
				r = json_object_set_new(whole, key, joined);
			else
				json_decref(joined);
		} else {
			r = json_object_set(whole, key, value);
		}
		if (r < 0)
			return -ENOMEM;
	}
	/* One source, whichever form it has. */
	if (json_object_get(own, "source"))
		json_object_del(whole, "source_base64");
	else if (json_object_get(own, "source_base64"))
		json_object_del(whole, "source");
	return compile_request_from_tree(whole, ret, d);
}
