/* SPDX-License-Identifier: Apache-2.0 */
/* See json_walk.h. Runs in the front. */
#include "api/json_walk.h"

static void skip_blanks(struct json_walk *w)
{
	while (*w->at == ' ' || *w->at == '\t' || *w->at == '\n' || *w->at == '\r')
		w->at++;
}

static void skip_string(struct json_walk *w)
{
	for (w->at++; *w->at != '"'; w->at++)
		w->at += *w->at == '\\';
	w->at++;
}

static void skip_container(struct json_walk *w)
{
	unsigned depth = 0;

	do {
		if (*w->at == '"') {
			skip_string(w);
			continue;
		}
		depth += *w->at == '{' || *w->at == '[';
		depth -= *w->at == '}' || *w->at == ']';
		w->at++;
	} while (depth > 0);
}

static void skip_scalar(struct json_walk *w)
{
	while ((*w->at >= '0' && *w->at <= '9') || (*w->at >= 'a' && *w->at <= 'z') || *w->at == 'E' || *w->at == '+' ||
	       *w->at == '-' || *w->at == '.')
		w->at++;
}

bool json_walk_into(struct json_walk *w, char bracket)
{
	skip_blanks(w);
	if (*w->at != bracket)
		return false;
	w->at++;
	return true;
}

bool json_walk_next(struct json_walk *w)
{
	skip_blanks(w);
	if (*w->at == '}' || *w->at == ']') {
		w->at++;
		return false;
	}
	if (*w->at == ',')
		w->at++;
	skip_blanks(w);
	return true;
}

struct json_piece json_walk_value(struct json_walk *w)
{
	struct json_piece p;

	skip_blanks(w);
	p.at = w->at;
	if (*w->at == '"')
		skip_string(w);
	else if (*w->at == '{' || *w->at == '[')
		skip_container(w);
	else
		skip_scalar(w);
	p.len = (size_t)(w->at - p.at);
	return p;
}

struct json_piece json_walk_name(struct json_walk *w)
{
	struct json_piece p = json_walk_value(w);

	skip_blanks(w);
	w->at++; /* the colon */
	return p;
}
