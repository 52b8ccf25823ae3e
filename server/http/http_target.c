/* SPDX-License-Identifier: Apache-2.0 */
/* Request targets: percent-decoding and route templates. Runs in the front, on the loop's thread. */
#include "server/http/http_target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes in place from *at up to a byte of stop; leaves *at behind it and returns the byte that it stopped at. */
static int decode(char **at, char **to, const char *stop, bool is_query, const char **ret_why)
{
	for (;;) {
		unsigned char c = (unsigned char)**at;

		if (c == '\0' || strchr(stop, c)) {
			*at += c != '\0';
			*(*to)++ = '\0';
			return c;
		}
		(*at)++;
		if (c == '%') {
			int high = hex((*at)[0]), low = high < 0 ? -1 : hex((*at)[1]);

			if (low < 0) {
				*ret_why = "a % in the target is not followed by two hexadecimal digits";
				return -EINVAL;
			}
			c = (unsigned char)(high << 4 | low);
			*at += 2;
			if (!is_query && c == '/') {
				*ret_why = "the path has an encoded slash";
				return -EINVAL;
			}
		} else if (c == '+' && is_query) {
			c = ' ';
		} else if (c <= 0x20 || c == 0x7f || c == '#') {
			*ret_why = "the target has a character that must be encoded";
			return -EINVAL;
		}
		/* In a query value a tab or a line's end may stand, encoded; a NUL would cut it. */
		if (c == '\0' || (!is_query && (c < 0x20 || c == 0x7f))) {
			*ret_why = "the target has an encoded control character";
			return -EINVAL;
		}
		*(*to)++ = (char)c;
	}
}

static bool has_dot_segment(const char *path)
{
	for (const char *at = path; (at = strchr(at, '/')); ) {
		size_t len = strcspn(++at, "/");

		if ((len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
			return true;
	}
	return false;
}

/* The parameters behind '?'. Decoding only ever shortens, so it is done in place. */
static int parse_queries(struct http_target *t, char *at, const char **ret_why)
{
	size_t n = 1;

	for (const char *p = at; *p; p++)
		n += *p == '&';
	if (n > HTTP_TARGET_MAX_QUERIES) {
		*ret_why = "the target has too many parameters";
		return -EINVAL;
	}
	t->queries = calloc(n, sizeof *t->queries);
	if (!t->queries)
		return -ENOMEM;
	char *to = at;
	while (*at) {
		struct http_query q = { .key = to };
		int stop = decode(&at, &to, "=&", true, ret_why);

		if (stop < 0)
			return stop;
		q.value = to - 1; /* the NUL behind the key: an empty text */
		if (stop == '=') {
			q.value = to;
			stop = decode(&at, &to, "&", true, ret_why);
			if (stop < 0)
				return stop;
		}
		if (q.key[0] != '\0' || q.value[0] != '\0')
			t->queries[t->n_queries++] = q;
	}
	return 0;
}

int http_target_parse(const char *raw, struct http_target *ret, const char **ret_why)
{
	struct http_target t = { 0 };

	*ret_why = NULL;
	if (strlen(raw) > HTTP_TARGET_MAX_BYTES)
		*ret_why = "the target is longer than 8192 bytes";
	else if (raw[0] != '/')
		*ret_why = "the target must begin with a slash";
	if (*ret_why)
		return -EINVAL;

	/* Two bytes more: decoding writes a NUL behind each part where a separator or the end was. */
	size_t len = strlen(raw);
	t.memory = malloc(len + 2);
	if (!t.memory)
		return -ENOMEM;
	memcpy(t.memory, raw, len + 1);
	t.memory[len + 1] = '\0';

	char *at = t.memory, *to = t.memory;
	t.path = t.memory;
	int stop = decode(&at, &to, "?", false, ret_why), r = stop < 0 ? stop : 0;
	if (r == 0 && has_dot_segment(t.path)) {
		*ret_why = "the path has a dot segment";
		r = -EINVAL;
	}
	if (r == 0 && stop == '?')
		r = parse_queries(&t, at, ret_why);
	if (r < 0) {
		http_target_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

void http_target_done(struct http_target *t)
{
	free(t->queries);
	free(t->memory);
	*t = (struct http_target){ 0 };
}

bool http_template_matches(const char *path_template, const char *path, const char **ret_part, size_t *ret_part_len)
{
	const char *t = path_template;

	*ret_part = NULL;
	*ret_part_len = 0;
	while (*t) {
		if (strncmp(t, "{*}", 3) == 0) {
			*ret_part = path;
			*ret_part_len = strlen(path);
			return *path != '\0';
		}
		if (strncmp(t, "{}", 2) == 0) {
			*ret_part = path;
			*ret_part_len = strcspn(path, "/");
			if (*ret_part_len == 0)
				return false;
			path += *ret_part_len;
			t += 2;
			continue;
		}
		if (*t++ != *path++)
			return false;
	}
	return *path == '\0';
}
