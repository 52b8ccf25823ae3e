/* SPDX-License-Identifier: Apache-2.0 */
/* Steps through JSON text that json_is_good has found so, so that a part of it can be read without reading the rest: as
 * all strings and brackets end in it, no step looks for their ends. Anything may happen with other text. Pure; any thread. */
#ifndef SPVSCOPE_JSON_WALK_H
#define SPVSCOPE_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>

/* As it stands in the text: a string has its quotes and escapes. */
struct json_piece {
	const char *at;
	size_t len;
};

struct json_walk {
	const char *at;
};

/* Into the object or array that begins here. False, and nothing is done: neither begins here. */
bool json_walk_into(struct json_walk *w, char bracket);
/* To its next member or element. False: there is none, and the walk goes on behind it. */
bool json_walk_next(struct json_walk *w);
/* A member's name; its value follows. */
struct json_piece json_walk_name(struct json_walk *w);
struct json_piece json_walk_value(struct json_walk *w);

#endif
