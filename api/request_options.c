/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a compile request that become settings of the job: lists, objects and maps of names and numbers, decoded
 * and encoded by one table of their forms. Runs in the front. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/errors.h"
#include "api/request_fields.h"
#include "base/cleanup.h"

#define NAME_MAX_BYTES 256

enum member_type {
	MEMBER_NONE = 0,
	MEMBER_NAME,
	MEMBER_STAGE,
	MEMBER_NUMBER,
	MEMBER_SIGNED,   /* an int32_t in the number's place */
	MEMBER_RESOURCE, /* enum spvscope_resource there */
	MEMBER_BACKING,  /* enum spvscope_backing there */
};

struct member {
	const char *key;
	enum member_type type;
	unsigned number; /* its place in spvscope_setting.numbers */
	bool required;
};

static const struct form {
	const char *path;
	enum spvscope_setting_kind kind;
	enum { FORM_LIST, FORM_OBJECT, FORM_MAP, FORM_NAMES } form; /* of a map, the first member is what names lead to */
	struct member members[4];
} forms[] = {
	{ "undefines", SPVSCOPE_SETTING_UNDEFINE, FORM_NAMES, { { 0 } } },
	{ "binding_bases", SPVSCOPE_SETTING_BINDING_BASE, FORM_LIST,
		{ { "resource", MEMBER_RESOURCE, 0, true }, { "base", MEMBER_NUMBER, 1, true },
			{ "set", MEMBER_NUMBER, 2, false }, { "stage", MEMBER_STAGE, 0, false } } },
	{ "resource_bindings", SPVSCOPE_SETTING_RESOURCE_BINDING, FORM_LIST,
		{ { "name", MEMBER_NAME, 0, false }, { "set", MEMBER_NUMBER, 0, true },
			{ "binding", MEMBER_NUMBER, 1, false }, { "stage", MEMBER_STAGE, 0, false } } },
	{ "resource_limits", SPVSCOPE_SETTING_RESOURCE_LIMIT, FORM_MAP, { { "", MEMBER_SIGNED, 0, true } } },
	{ "uniform_locations", SPVSCOPE_SETTING_UNIFORM_LOCATION, FORM_MAP, { { "", MEMBER_NUMBER, 0, true } } },
	{ "block_backing", SPVSCOPE_SETTING_BLOCK_BACKING, FORM_MAP, { { "", MEMBER_BACKING, 0, true } } },
	{ "default_uniform_block", SPVSCOPE_SETTING_DEFAULT_BLOCK, FORM_OBJECT,
		{ { "name", MEMBER_NAME, 0, true }, { "set", MEMBER_NUMBER, 0, true }, { "binding", MEMBER_NUMBER, 1, true } } },
	{ "atomic_counter_block", SPVSCOPE_SETTING_ATOMIC_BLOCK, FORM_OBJECT,
		{ { "name", MEMBER_NAME, 0, true }, { "set", MEMBER_NUMBER, 0, true } } },
};

static const struct form *form_of(const char *path)
{
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(forms) && strcmp(forms[i].path, path) != 0)
		i++;
	return &forms[i];
}

static const char *resource_word(unsigned i)
{
	return i < SPVSCOPE_N_RESOURCES ? spvscope_resource_name((enum spvscope_resource)i) : NULL;
}

static const char *backing_word(unsigned i)
{
	return i < SPVSCOPE_N_BACKINGS ? spvscope_backing_name((enum spvscope_backing)i) : NULL;
}

static int take_word(json_t *v, const char *where, const char *(*word)(unsigned i), uint32_t *ret, struct diag *d)
{
	char words[160] = "";

	if (!json_is_string(v))
		return field_wrong_type(d, where, "a string", v);
	for (unsigned i = 0; word(i); i++) {
		if (strcmp(word(i), json_string_value(v)) == 0) {
			*ret = i;
			return 0;
		}
		snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", i ? ", " : "", word(i));
	}
	return field_unknown_word(d, where, json_string_value(v), words);
}

static int take_number(json_t *v, const char *where, long long min, long long max, uint32_t *ret, struct diag *d)
{
	if (!json_is_integer(v))
		return field_wrong_type(d, where, "a whole number", v);
	if (json_integer_value(v) < min || json_integer_value(v) > max)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, where, "must be between %lld and %lld, not %lld", min, max,
			(long long)json_integer_value(v));
	*ret = (uint32_t)json_integer_value(v);
	return 0;
}

static int take_name(const char *name, size_t len, const char *where, struct spvscope_setting *s, struct diag *d)
{
	if (len == 0 || len > NAME_MAX_BYTES)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, where, "a name has 1 to %d bytes", NAME_MAX_BYTES);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= 0x20 || name[i] == 0x7f)
			return diag_set(d, API_ERROR_UNKNOWN_VALUE, where, "a name has no blanks or control characters");
	free(s->name);
	s->name = strndup(name, len);
	return s->name ? 0 : -ENOMEM;
}

static int take_member(const struct member *m, json_t *v, const char *where, struct spvscope_setting *s, struct diag *d)
{
	switch (m->type) {
	case MEMBER_NAME:
		if (!json_is_string(v))
			return field_wrong_type(d, where, "a string", v);
		return take_name(json_string_value(v), json_string_length(v), where, s, d);
	case MEMBER_STAGE:
		if (!json_is_string(v))
			return field_wrong_type(d, where, "a string", v);
		if (spvscope_stage_parse(json_string_value(v), &s->stage) < 0)
			return field_unknown_word(d, where, json_string_value(v), spvscope_stage_words());
		return 0;
	case MEMBER_NUMBER:
		return take_number(v, where, 0, INT32_MAX, &s->numbers[m->number], d);
	case MEMBER_SIGNED:
		return take_number(v, where, INT32_MIN, INT32_MAX, &s->numbers[m->number], d);
	case MEMBER_RESOURCE:
		return take_word(v, where, resource_word, &s->numbers[m->number], d);
	case MEMBER_BACKING:
		return take_word(v, where, backing_word, &s->numbers[m->number], d);
	case MEMBER_NONE:
		break;
	}
	return -EINVAL;
}

static const struct member *find_member(const struct form *f, const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(f->members) && f->members[i].type; i++)
		if (strcmp(f->members[i].key, key) == 0)
			return &f->members[i];
	return NULL;
}

static int refuse_key(const struct form *f, const char *where, const char *key, struct diag *d)
{
	char words[160] = "";

	for (size_t i = 0; i < ARRAY_SIZE(f->members) && f->members[i].type; i++)
		snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", i ? ", " : "", f->members[i].key);
	return diag_set(d, API_ERROR_UNKNOWN_FIELD, where, "there is no '%.40s' here; there are: %s", key, words);
}

static int take_object(const struct form *f, json_t *v, const char *where, struct spvscope_setting *s, struct diag *d)
{
	char inner[sizeof d->where];
	const char *key;
	json_t *value;

	if (!json_is_object(v))
		return field_wrong_type(d, where, "an object", v);
	json_object_foreach (v, key, value) {
		const struct member *m = find_member(f, key);

		if (!m)
			return refuse_key(f, where, key, d);
		snprintf(inner, sizeof inner, "%.60s.%.40s", where, key);
		int r = take_member(m, value, inner, s, d);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(f->members) && f->members[i].type; i++)
		if (f->members[i].required && !json_object_get(v, f->members[i].key))
			return diag_set(d, API_ERROR_MISSING_FIELD, where, "lacks '%s'", f->members[i].key);
	if (f->kind == SPVSCOPE_SETTING_RESOURCE_BINDING && !s->name != (s->numbers[1] == SPVSCOPE_ANY_NUMBER))
		return diag_set(d, API_ERROR_MISSING_FIELD, where, "has name and binding, or neither");
	return 0;
}

/* A new setting at the end of the job's; it is counted at once, so that it is freed. NULL: too many, or no memory. */
static struct spvscope_setting *add_setting(struct compile_request *r, const struct form *f, struct diag *d, int *ret)
{
	struct spvscope_job *job = &r->job;

	if (job->n_settings == REQUEST_MAX_SETTINGS) {
		*ret = diag_set(d, API_ERROR_TOO_MANY, f->path, "at most %d settings are taken in all", REQUEST_MAX_SETTINGS);
		return NULL;
	}
	struct spvscope_setting *grown = reallocarray(job->settings, job->n_settings + 1, sizeof *grown);
	if (!grown) {
		*ret = -ENOMEM;
		return NULL;
	}
	job->settings = grown;
	grown[job->n_settings] = (struct spvscope_setting){
		.kind = f->kind,
		.numbers = { SPVSCOPE_ANY_NUMBER, SPVSCOPE_ANY_NUMBER, SPVSCOPE_ANY_NUMBER },
	};
	return &grown[job->n_settings++];
}

static bool is_limit(const char *name)
{
	for (size_t i = 0; spvscope_limit_name(i); i++)
		if (strcmp(spvscope_limit_name(i), name) == 0)
			return true;
	return false;
}

static int take_entry(struct compile_request *r, const struct form *f, const char *name, json_t *v, struct diag *d)
{
	char where[sizeof d->where];
	int result = 0;

	snprintf(where, sizeof where, "%s[\"%.60s\"]", f->path, name);
	if (f->kind == SPVSCOPE_SETTING_RESOURCE_LIMIT && !is_limit(name))
		return diag_set(d, API_ERROR_UNKNOWN_VALUE, where,
			"glslang has no such limit; `glslangValidator -c` lists them, MaxDrawBuffers for one");
	struct spvscope_setting *s = add_setting(r, f, d, &result);
	if (!s)
		return result;
	result = take_name(name, strlen(name), where, s, d);
	return result < 0 ? result : take_member(&f->members[0], v, where, s, d);
}

static int add_undefine(struct compile_request *r, const char *name, struct diag *d)
{
	const struct form *f = form_of("undefines");
	int result = 0;

	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != strlen(name) ||
		(name[0] >= '0' && name[0] <= '9'))
		return diag_set(d, API_ERROR_UNKNOWN_VALUE, f->path, "'%.40s' is no macro's name", name);
	struct spvscope_setting *s = add_setting(r, f, d, &result);
	return s ? take_name(name, strlen(name), f->path, s, d) : result;
}

int field_undefine_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d)
{
	(void)f;
	return add_undefine(r, text, d);
}

static int take_list(struct compile_request *r, const struct form *f, json_t *v, struct diag *d)
{
	json_t *element;
	size_t i;
	int result = 0;

	if (!json_is_array(v))
		return field_wrong_type(d, f->path, "an array", v);
	json_array_foreach (v, i, element) {
		char where[sizeof d->where];

		snprintf(where, sizeof where, "%s[%zu]", f->path, i);
		if (f->form == FORM_NAMES) {
			if (!json_is_string(element))
				return field_wrong_type(d, where, "a string", element);
			result = add_undefine(r, json_string_value(element), d);
		} else {
			struct spvscope_setting *s = add_setting(r, f, d, &result);

			if (s)
				result = take_object(f, element, where, s, d);
		}
		if (result < 0)
			return result;
	}
	return 0;
}

int field_settings_json(struct compile_request *r, const struct request_field *field, json_t *v, struct diag *d)
{
	const struct form *f = form_of(field->path);
	struct spvscope_setting *s;
	const char *name;
	json_t *element;
	int result = 0;

	if (f->form == FORM_LIST || f->form == FORM_NAMES)
		return take_list(r, f, v, d);
	if (f->form == FORM_OBJECT) {
		s = add_setting(r, f, d, &result);
		return s ? take_object(f, v, f->path, s, d) : result;
	}
	if (!json_is_object(v))
		return field_wrong_type(d, f->path, "an object of names", v);
	json_object_foreach (v, name, element) {
		result = take_entry(r, f, name, element, d);
		if (result < 0)
			return result;
	}
	return 0;
}

/* ---- written ---- */

static bool is_there(const struct member *m, const struct spvscope_setting *s)
{
	switch (m->type) {
	case MEMBER_NAME:
		return s->name;
	case MEMBER_STAGE:
		return s->stage != SPVSCOPE_STAGE_NONE;
	case MEMBER_SIGNED: /* -1 is a value */
		return true;
	default:
		return s->numbers[m->number] != SPVSCOPE_ANY_NUMBER;
	}
}

static void write_member(const struct member *m, const struct spvscope_setting *s, struct strbuf *out)
{
	uint32_t number = s->numbers[m->number];

	switch (m->type) {
	case MEMBER_NAME:
		strbuf_json_string(out, s->name, strlen(s->name));
		return;
	case MEMBER_STAGE:
		strbuf_printf(out, "\"%s\"", spvscope_stage_name(s->stage));
		return;
	case MEMBER_RESOURCE:
		strbuf_printf(out, "\"%s\"", spvscope_resource_name((enum spvscope_resource)number));
		return;
	case MEMBER_BACKING:
		strbuf_printf(out, "\"%s\"", spvscope_backing_name((enum spvscope_backing)number));
		return;
	case MEMBER_SIGNED:
		strbuf_printf(out, "%" PRId32, (int32_t)number);
		return;
	default:
		strbuf_printf(out, "%" PRIu32, number);
		return;
	}
}

static void write_object(const struct form *f, const struct spvscope_setting *s, struct strbuf *out)
{
	const char *before = "{";

	for (size_t i = 0; i < ARRAY_SIZE(f->members) && f->members[i].type; i++) {
		if (!is_there(&f->members[i], s))
			continue;
		strbuf_printf(out, "%s\"%s\": ", before, f->members[i].key);
		write_member(&f->members[i], s, out);
		before = ", ";
	}
	strbuf_putc(out, '}');
}

void field_settings_write(const struct compile_request *r, const struct request_field *field, struct request_writer *w)
{
	static const char brackets[][2] = { [FORM_LIST] = "[]", [FORM_OBJECT] = "  ", [FORM_MAP] = "{}", [FORM_NAMES] = "[]" };
	const struct form *f = form_of(field->path);
	const char *ends = brackets[f->form];
	size_t n = 0;

	for (size_t i = 0; i < r->job.n_settings; i++) {
		const struct spvscope_setting *s = &r->job.settings[i];

		if (s->kind != f->kind)
			continue;
		if (n++ == 0) {
			request_writer_key(w, f->path);
			if (ends[0] != ' ')
				strbuf_putc(w->out, ends[0]);
		} else {
			strbuf_puts(w->out, ", ");
		}
		if (f->form == FORM_MAP || f->form == FORM_NAMES)
			strbuf_json_string(w->out, s->name, strlen(s->name));
		if (f->form == FORM_MAP) {
			strbuf_puts(w->out, ": ");
			write_member(&f->members[0], s, w->out);
		} else if (f->form != FORM_NAMES) {
			write_object(f, s, w->out);
		}
	}
	if (n && ends[1] != ' ')
		strbuf_putc(w->out, ends[1]);
}

/* ---- "450core" ---- */

static const char *const profiles[SPVSCOPE_N_PROFILES] = {
	[SPVSCOPE_PROFILE_NONE] = "", [SPVSCOPE_PROFILE_CORE] = "core", [SPVSCOPE_PROFILE_COMPATIBILITY] = "compatibility",
	[SPVSCOPE_PROFILE_ES] = "es",
};

int field_glsl_version_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d)
{
	static const uint32_t versions[] = { 100, 110, 120, 130, 140, 150, 300, 310, 320, 330, 400, 410, 420, 430, 440, 450, 460 };
	uint32_t version = 0;
	size_t n = strspn(text, "0123456789");

	for (size_t i = 0; i < n && i < 4; i++)
		version = version * 10 + (uint32_t)(text[i] - '0');
	for (size_t i = 0; i < ARRAY_SIZE(versions) && n == 3; i++)
		for (unsigned p = 0; p < SPVSCOPE_N_PROFILES && version == versions[i]; p++)
			if (strcmp(text + n, profiles[p]) == 0) {
				r->job.options.glsl_version = version;
				r->job.options.glsl_profile = (enum spvscope_profile)p;
				return 0;
			}
	return diag_set(d, API_ERROR_UNKNOWN_VALUE, f->path,
		"'%.40s' is no version of GLSL: one of 100 110 120 130 140 150 300 310 320 330 400 410 420 430 440 450 460, then "
		"nothing or one of core compatibility es", text);
}

int field_glsl_version_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	if (!json_is_string(v))
		return field_wrong_type(d, f->path, "a string such as \"450core\"", v);
	return field_glsl_version_text(r, f, json_string_value(v), d);
}

void field_glsl_version_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w)
{
	const struct spvscope_options *o = &r->job.options;

	if (!o->glsl_version)
		return;
	request_writer_key(w, f->path);
	strbuf_printf(w->out, "\"%" PRIu32 "%s\"", o->glsl_version, profiles[o->glsl_profile]);
}
