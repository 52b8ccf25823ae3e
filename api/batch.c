/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a batch, and makes each compile of it when its turn has come. Runs in the front.
 *
 * Making a tree of 1,000 compiles takes 20 to 30 ms, in which nothing is compiled. So the text is looked over first, which
 * takes a tenth of that, and each compile is read from its own part when its turn has come. The tree of the whole is made
 * only of what is no batch, to say why. */
#include "api/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/errors.h"
#include "api/json_check.h"
#include "api/json_walk.h"
#include "api/request_fields.h"
#include "base/cleanup.h"

struct part {
	struct json_piece whole, id; /* id: as it stands in whole; len 0: it has none */
};

struct batch_request {
	char *text;
	struct part *parts; /* of text, one for each compile */
	size_t n_parts, parts_capacity;
	json_t *shared;     /* NULL: none */
	json_t *id;         /* the one that was told last */
	char number[24];
};

/* ---- why it is no batch ---- */

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

/* 0: it is one. */
static int check(json_t *root, struct diag *d)
{
	json_t *shared = json_object_get(root, "shared"), *compiles = json_object_get(root, "compiles"), *value;
	const char *key;
	size_t i;

	json_object_foreach (root, key, value)
		if (strcmp(key, "shared") != 0 && strcmp(key, "compiles") != 0)
			return diag_set(d, API_ERROR_UNKNOWN_FIELD, key, "there is no field '%.80s'; a batch has shared and compiles",
				key);
	if (shared && !json_is_object(shared))
		return field_wrong_type(d, "shared", "an object", shared);
	if (!compiles)
		return diag_set(d, API_ERROR_MISSING_FIELD, "compiles", "must be there: one object for each compile");
	if (!json_is_array(compiles))
		return field_wrong_type(d, "compiles", "an array", compiles);
	if (json_array_size(compiles) > BATCH_MAX_COMPILES)
		return diag_set(d, API_ERROR_TOO_MANY, "compiles", "there are %zu; at most %d are taken",
			json_array_size(compiles), BATCH_MAX_COMPILES);
	json_array_foreach (compiles, i, value) {
		int r = check_compile(value, i, d);

		if (r < 0)
			return r;
	}
	return 0;
}

/* What take_apart did not take. What is left without a reason, it had no memory for. */
static int tell_why(const char *body, size_t len, struct diag *d)
{
	_cleanup_(json_decrefp) json_t *root = NULL;
	int r = request_parse_json(body, len, &root, d);

	if (r >= 0)
		r = check(root, d);
	return r < 0 ? r : -ENOMEM;
}

/* ---- by parts; false: it is no batch ---- */

static json_t *decode_string(const struct json_piece *p)
{
	return json_loadb(p->at, p->len, JSON_DECODE_ANY, NULL);
}

static bool is_name(const struct json_piece *p, const char *name)
{
	_cleanup_(json_decrefp) json_t *decoded = NULL;
	size_t len = strlen(name);

	if (!memchr(p->at, '\\', p->len))
		return p->len == len + 2 && memcmp(p->at + 1, name, len) == 0;
	decoded = decode_string(p);
	return decoded && strcmp(json_string_value(decoded), name) == 0;
}

static bool is_id(const struct json_piece *p)
{
	_cleanup_(json_decrefp) json_t *decoded = NULL;

	if (p->at[0] != '"')
		return false;
	if (p->len <= BATCH_MAX_ID_BYTES + 2) /* with its quotes; escapes are longer than what they stand for */
		return true;
	decoded = decode_string(p);
	return decoded && json_string_length(decoded) <= BATCH_MAX_ID_BYTES;
}

/* Steps over one compile. */
static bool find_part(struct json_walk *w, struct part *ret)
{
	*ret = (struct part){ .whole.at = w->at };
	if (!json_walk_into(w, '{'))
		return false;
	while (json_walk_next(w)) {
		struct json_piece name = json_walk_name(w), value = json_walk_value(w);

		if (!is_name(&name, "id"))
			continue;
		if (ret->id.len || !is_id(&value))
			return false;
		ret->id = value;
	}
	ret->whole.len = (size_t)(w->at - ret->whole.at);
	return true;
}

static struct part *add_part(struct batch_request *b)
{
	if (b->n_parts == b->parts_capacity) {
		size_t capacity = b->parts_capacity ? 2 * b->parts_capacity : 64;
		struct part *parts = reallocarray(b->parts, capacity, sizeof *parts);

		if (!parts)
			return NULL;
		b->parts = parts;
		b->parts_capacity = capacity;
	}
	return &b->parts[b->n_parts++];
}

static bool find_parts(struct batch_request *b, struct json_walk *w)
{
	if (!json_walk_into(w, '['))
		return false;
	while (json_walk_next(w)) {
		struct part *part = b->n_parts < BATCH_MAX_COMPILES ? add_part(b) : NULL;

		if (!part || !find_part(w, part))
			return false;
	}
	return true;
}

static bool read_shared(struct batch_request *b, const struct json_piece *p)
{
	struct diag unused = { 0 };

	return request_parse_json(p->at, p->len, &b->shared, &unused) >= 0;
}

static bool take_apart(struct batch_request *b, const char *body, size_t len)
{
	bool has_compiles = false;
	struct json_walk w;

	if (!json_is_good(body, len) || !(b->text = strndup(body, len)))
		return false;
	w.at = b->text;
	if (!json_walk_into(&w, '{'))
		return false;
	while (json_walk_next(&w)) {
		struct json_piece name = json_walk_name(&w), value;

		if (!has_compiles && is_name(&name, "compiles")) {
			if (!find_parts(b, &w))
				return false;
			has_compiles = true;
			continue;
		}
		value = json_walk_value(&w);
		if (b->shared || !is_name(&name, "shared") || !read_shared(b, &value))
			return false;
	}
	return has_compiles;
}

/* ---- the batch ---- */

int batch_request_from_json(const char *body, size_t len, struct batch_request **ret, struct diag *d)
{
	struct batch_request *b = calloc(1, sizeof *b);

	if (!b)
		return -ENOMEM;
	if (!take_apart(b, body, len)) {
		batch_request_free(b);
		return tell_why(body, len, d);
	}
	*ret = b;
	return 0;
}

void batch_request_free(struct batch_request *b)
{
	if (!b)
		return;
	json_decref(b->shared);
	json_decref(b->id);
	free(b->parts);
	free(b->text);
	free(b);
}

size_t batch_request_count(const struct batch_request *b)
{
	return b->n_parts;
}

const char *batch_request_id(struct batch_request *b, size_t i)
{
	const struct json_piece *piece = &b->parts[i].id;

	json_decref(b->id);
	b->id = piece->len ? decode_string(piece) : NULL;
	if (b->id)
		return json_string_value(b->id);
	snprintf(b->number, sizeof b->number, "%zu", i);
	return b->number;
}

int batch_request_decode(struct batch_request *b, size_t i, struct compile_request *ret, struct diag *d)
{
	_cleanup_(json_decrefp) json_t *whole = b->shared ? json_copy(b->shared) : json_object(), *own = NULL;
	int error = request_parse_json(b->parts[i].whole.at, b->parts[i].whole.len, &own, d);
	const char *key;
	json_t *value;

	if (error < 0)
		return error;
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
