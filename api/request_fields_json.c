/* SPDX-License-Identifier: Apache-2.0 */
/* The table of fields for those who offer its options to people: /v1/languages serves it. Prose stands in the contract
 * alone, which is built in. Runs in the front. */
#include <inttypes.h>
#include <string.h>

#include "api/openapi_json.h"
#include "api/request_fields.h"
#include "base/cleanup.h"

static const char *type_name(const struct request_field *f, const json_t *schema)
{
	const char *type = json_string_value(json_object_get(schema, "type"));

	switch (f->type) {
	case FIELD_TEXT:
		return "string";
	case FIELD_WORD:
		return "word";
	case FIELD_BOOL:
	case FIELD_FLAG:
		return "boolean";
	case FIELD_NUMBER32:
	case FIELD_NUMBER64:
		return "integer";
	case FIELD_CUSTOM:
		break;
	}
	return type ? type : "any"; /* the contract's schema says more */
}

/* The contract's schema of "target.env". */
static const json_t *schema_of(const json_t *contract, const char *path)
{
	const json_t *at = json_object_get(json_object_get(contract, "components"), "schemas");

	at = json_object_get(at, "CompileRequest");
	while (at && *path) {
		size_t len = strcspn(path, ".");
		char part[64];

		if (len >= sizeof part)
			return NULL;
		memcpy(part, path, len);
		part[len] = '\0';
		at = json_object_get(json_object_get(at, "properties"), part);
		path += len + (path[len] == '.');
	}
	return at;
}

static void put_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_printf(out, ", \"%s\": ", key);
	if (text)
		strbuf_json_string(out, text, strlen(text));
	else
		strbuf_puts(out, "null");
}

static void put_words(struct strbuf *out, const struct request_field *f)
{
	const char *before = "";

	strbuf_puts(out, ", \"words\": ");
	if (!f->words) {
		strbuf_puts(out, "null");
		return;
	}
	strbuf_putc(out, '[');
	for (const char *p = f->words->list(); *p;) {
		size_t n = strcspn(p, ",");

		strbuf_printf(out, "%s\"%.*s\"", before, (int)n, p);
		before = ", ";
		p += n;
		p += strspn(p, ", ");
	}
	strbuf_putc(out, ']');
}

static void put_languages(struct strbuf *out, uint32_t languages)
{
	const char *before = "";

	strbuf_puts(out, ", \"languages\": ");
	if (!languages) {
		strbuf_puts(out, "null");
		return;
	}
	strbuf_putc(out, '[');
	for (unsigned l = 0; l < SPVSCOPE_N_LANGUAGES; l++) {
		if (!(languages & 1u << l))
			continue;
		strbuf_printf(out, "%s\"%s\"", before, spvscope_language_name((enum spvscope_language)l));
		before = ", ";
	}
	strbuf_putc(out, ']');
}

static void put_field(struct strbuf *out, const struct request_field *f, const json_t *schema)
{
	bool is_number = f->type == FIELD_NUMBER32 || f->type == FIELD_NUMBER64;

	strbuf_printf(out, "{\"field\": \"%s\"", f->path);
	put_text(out, "parameter", f->query);
	put_text(out, "type", type_name(f, schema));
	if (is_number)
		strbuf_printf(out, ", \"minimum\": %" PRIu64 ", \"maximum\": %" PRIu64, f->min, f->max);
	else
		strbuf_puts(out, ", \"minimum\": null, \"maximum\": null");
	strbuf_printf(out, ", \"default\": %s", f->default_json ? f->default_json : "null");
	put_words(out, f);
	put_languages(out, f->languages);
	put_text(out, "description", json_string_value(json_object_get(schema, "description")));
	strbuf_putc(out, '}');
}

void request_fields_json(struct strbuf *out)
{
	json_t *contract = json_loadb((const char *)openapi_json, openapi_json_size, 0, NULL);

	strbuf_putc(out, '[');
	for (size_t i = 0; i < n_request_fields; i++) {
		if (!request_fields[i].path)
			continue;
		if (i)
			strbuf_puts(out, ",\n");
		put_field(out, &request_fields[i], schema_of(contract, request_fields[i].path));
	}
	strbuf_putc(out, ']');
	json_decref(contract);
}
