/* SPDX-License-Identifier: Apache-2.0 */
/* The table of errors.def as an enum and look-ups. struct diag.code holds an enum api_error. Any thread. */
#ifndef SPVSCOPE_ERRORS_H
#define SPVSCOPE_ERRORS_H

#include "base/diag.h"
#include "base/strbuf.h"

enum api_error {
	API_ERROR_NONE = 0,
#define ERROR(name, word, status, prose) API_ERROR_##name,
#include "api/errors.def"
#undef ERROR
	API_N_ERRORS,
};

const char *api_error_word(enum api_error e);  /* "unknown_field"; "internal" for what is out of range */
unsigned api_error_status(enum api_error e);   /* the HTTP status */
const char *api_error_prose(enum api_error e); /* what it means, in a few words */

/* {"error": {"code": …, "message": …, "where": …}} and a newline. */
void api_error_json(const struct diag *d, struct strbuf *out);

#endif
