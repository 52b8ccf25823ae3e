/* SPDX-License-Identifier: Apache-2.0 */
/* The look-ups of errors.def, and an error as the contract writes it. */
#include "api/errors.h"

#include <string.h>

static const struct {
	const char *word;
	unsigned status;
	const char *prose;
} rows[API_N_ERRORS] = {
	[API_ERROR_NONE] = { "internal", 500, "the service is at fault" },
#define ERROR(name, word, status, prose) [API_ERROR_##name] = { word, status, prose },
#include "api/errors.def"
#undef ERROR
};

static size_t row_of(enum api_error e)
{
	return (unsigned)e < API_N_ERRORS ? (unsigned)e : API_ERROR_NONE;
}

const char *api_error_word(enum api_error e)
{
	return rows[row_of(e)].word;
}

unsigned api_error_status(enum api_error e)
{
	return rows[row_of(e)].status;
}

const char *api_error_prose(enum api_error e)
{
	return rows[row_of(e)].prose;
}

void api_error_json(const struct diag *d, struct strbuf *out)
{
	const char *message = d->message[0] ? d->message : api_error_prose(d->code);

	strbuf_printf(out, "{\"error\": {\"code\": \"%s\", \"message\": ", api_error_word(d->code));
	strbuf_json_string(out, message, strlen(message));
	strbuf_puts(out, ", \"where\": ");
	if (d->where[0])
		strbuf_json_string(out, d->where, strlen(d->where));
	else
		strbuf_puts(out, "null");
	strbuf_puts(out, "}}\n");
}
