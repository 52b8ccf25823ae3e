/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a compile request's fields: what each is called in JSON and in a query, its type, range and default, and
 * where it goes. Decoders, error texts and the check against openapi.yaml are made from it. */
#ifndef SPVSCOPE_REQUEST_FIELDS_H
#define SPVSCOPE_REQUEST_FIELDS_H

#include <jansson.h>

#include "api/request.h"

enum field_type {
	FIELD_TEXT,    /* char *; max: most bytes */
	FIELD_WORD,    /* an enum of 4 bytes */
	FIELD_BOOL,
	FIELD_NUMBER32,
	FIELD_NUMBER64,
	FIELD_CUSTOM,  /* its own functions */
};

/* The words of an enum. */
struct field_words {
	int (*parse)(const char *text, unsigned *ret); /* 0 or -EINVAL */
	const char *(*list)(void);                     /* "none, size, performance" */
};

struct request_field {
	const char *path;    /* in JSON: "target.env" */
	const char *query;   /* the parameter's name; NULL: JSON only */
	enum field_type type;
	size_t offset;       /* in struct compile_request */
	uint64_t min, max;
	const char *default_json; /* as openapi.yaml writes it; NULL: none, or worked out */
	const struct field_words *words;
	bool may_repeat;     /* the parameter */
	int (*set_json)(struct compile_request *r, const struct request_field *f, json_t *value, struct diag *d);
	int (*set_text)(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);
};

extern const struct request_field request_fields[];
extern const size_t n_request_fields;

/* Custom fields of the table, request_custom.c. */
int field_source_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_source_base64_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_files_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_spirv_version_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_spirv_version_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);
int field_defines_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_define_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);
int field_optimize_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_optimize_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);
int field_pass_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);
int field_emit_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_emit_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);
int field_level_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_level_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);
int field_filter_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_filter_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);

/* Sets a field of a plain type; where is what the error calls it. */
int field_set_text(struct compile_request *r, const struct request_field *f, const char *where, const char *text,
	size_t len, struct diag *d);

/* "'text…' is not one of: a, b, c". Always -EINVAL. */
int field_unknown_word(struct diag *d, const char *where, const char *text, const char *words);
/* The type's name in an error: "a string". Always -EINVAL. */
int field_wrong_type(struct diag *d, const char *where, const char *wanted, const json_t *got);

#endif
