/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a text is JSON: documents that workers made are handed on as they are, and batches are read by parts, once this
 * is believed of them. Pure; any thread. */
#ifndef SPVSCOPE_JSON_CHECK_H
#define SPVSCOPE_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_CHECK_MAX_DEPTH 64

/* Is text one whole JSON value in UTF-8, without line breaks, nested at most JSON_CHECK_MAX_DEPTH deep? Takes time by its
 * length and no memory. */
bool json_is_whole(const char *text, size_t len);
/* The same, where line breaks and blanks may stand as RFC 8259 has them. */
bool json_is_good(const char *text, size_t len);

#endif
