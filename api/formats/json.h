/* SPDX-License-Identifier: Apache-2.0 */
/* Small pieces of JSON, written fast: a flame graph has millions of numbers. Private to api/formats. */
#ifndef SPVSCOPE_FORMATS_JSON_H
#define SPVSCOPE_FORMATS_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/* The largest integer that a JavaScript number holds exactly. */
#define JSON_MAX_INTEGER 9007199254740991ull

/* Larger values, which only a broken or hostile process tells, become JSON_MAX_INTEGER. */
void json_u64(struct strbuf *out, uint64_t v);
/* A value that must not be bent: larger ones become a string of digits. */
void json_u64_exact(struct strbuf *out, uint64_t v);
/* A string, or null. */
void json_text(struct strbuf *out, const char *s);

/* One member; lead stands before it: "{", ",", or "" with what is needed. key needs no escaping. */
void json_member_u64(struct strbuf *out, const char *lead, const char *key, uint64_t v);
void json_member_text(struct strbuf *out, const char *lead, const char *key, const char *s);
void json_member_bool(struct strbuf *out, const char *lead, const char *key, bool v);

#endif
