/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a compile request's fields: what each is called in JSON and in a query, its type, range and default, and
 * where it goes. Decoders, the encoder, error texts and the check against openapi.yaml are made from it. */
#ifndef SPVSCOPE_REQUEST_FIELDS_H
#define SPVSCOPE_REQUEST_FIELDS_H

#include <jansson.h>

#include "api/request.h"

enum field_type {
	FIELD_TEXT,    /* char *; max: most bytes */
	FIELD_WORD,    /* an enum of 4 bytes */
	FIELD_BOOL,
	FIELD_FLAG,    /* a bit of a uint64_t; false is the default */
	FIELD_NUMBER32,
	FIELD_NUMBER64,
	FIELD_CUSTOM,  /* its own functions */
};

/* The words of an enum. */
struct field_words {
	int (*parse)(const char *text, unsigned *ret); /* 0 or -EINVAL */
	const char *(*name)(unsigned value);
	const char *(*list)(void);                     /* "none, size, performance" */
};

/* A request that is being written: members follow each other, and a group is open while fields of it come. */
struct request_writer {
	struct strbuf *out;
	const char *group; /* path of the field that opened it; group_len bytes of it name the group; 0: none */
	size_t group_len;
	bool is_first;
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
	uint64_t flag;       /* of FIELD_FLAG */
	uint32_t languages;  /* bits of 1u << enum spvscope_language that it means something for; 0: all */
	int (*set_json)(struct compile_request *r, const struct request_field *f, json_t *value, struct diag *d);
	int (*set_text)(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);
	/* Of a custom field: key and value, unless it has its default. NULL: written with another, or apart. */
	void (*write)(const struct compile_request *r, const struct request_field *f, struct request_writer *w);
};

extern const struct request_field request_fields[];
extern const size_t n_request_fields;

/* An object of JSON, with the limits that all bodies have; the caller drops it. 0, -EINVAL with d filled, -ENOMEM. */
int request_parse_json(const char *body, size_t len, json_t **ret, struct diag *d);
/* As compile_request_from_json, of what has been parsed. */
int compile_request_from_tree(json_t *root, struct compile_request *ret, struct diag *d);

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

/* request_options.c: fields that become settings of the job; their forms are a table there. */
int field_settings_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_undefine_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);
int field_glsl_version_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d);
int field_glsl_version_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d);
void field_settings_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w);
void field_glsl_version_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w);

/* The same, written; request_write.c. */
void field_files_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w);
void field_spirv_version_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w);
void field_defines_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w);
void field_optimize_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w);
void field_emit_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w);
void field_level_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w);
void field_filter_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w);

/* The words of "emit", each with its bit; the last row has no word. */
struct emit_word {
	const char *word;
	uint32_t bit;
};
extern const struct emit_word emit_words[];
/* The words of "optimize" that are recipes, by enum spvscope_optimize; SPVSCOPE_OPTIMIZE_PASSES of them. */
extern const char *const optimize_words[SPVSCOPE_OPTIMIZE_PASSES];

/* Key and colon of a field that is being written. */
void request_writer_key(struct request_writer *w, const char *path);
/* Does the field have its default? Decided by whether request_json would write it. */
bool request_field_is_default(const struct compile_request *r, const struct compile_request *defaults,
	const struct request_field *f);
/* The table as JSON, for those who offer its options: [{"field", "parameter", …}]; prose is the contract's. */
void request_fields_json(struct strbuf *out);

/* Sets a field of a plain type; where is what the error calls it. */
int field_set_text(struct compile_request *r, const struct request_field *f, const char *where, const char *text,
	size_t len, struct diag *d);

/* "'text…' is not one of: a, b, c". Always -EINVAL. */
int field_unknown_word(struct diag *d, const char *where, const char *text, const char *words);
/* The type's name in an error: "a string". Always -EINVAL. */
int field_wrong_type(struct diag *d, const char *where, const char *wanted, const json_t *got);

#endif
