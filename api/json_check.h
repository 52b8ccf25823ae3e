/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that workers made are handed on as they are; this is what is believed of them first. Pure; any thread. */
#ifndef SPVSCOPE_JSON_CHECK_H
#define SPVSCOPE_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_CHECK_MAX_DEPTH 64

/* Is text one whole JSON value in UTF-8, without line breaks, nested at most JSON_CHECK_MAX_DEPTH deep? Takes time by its
 * length and no memory. */
bool json_is_whole(const char *text, size_t len);

#endif
