/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of JSON that keeps nothing. Runs in the front. */
#include "api/json_check.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/strbuf.h"

struct reader {
	const char *at, *end;
	const char *blanks;
};

static bool take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end && *r->at && strchr(r->blanks, *r->at))
		r->at++;
}

static bool take_digits(struct reader *r)
{
	const char *begin = r->at;

	while (r->at < r->end && isdigit((unsigned char)*r->at))
		r->at++;
	return r->at > begin;
}

static bool take_number(struct reader *r)
{
	take(r, '-');
	if (!take(r, '0') && !take_digits(r))
		return false;
	if (take(r, '.') && !take_digits(r))
		return false;
	if (take(r, 'e') || take(r, 'E')) {
		if (!take(r, '+'))
			take(r, '-');
		return take_digits(r);
	}
	return true;
}

static bool take_string(struct reader *r)
{
	if (!take(r, '"'))
		return false;
	while (r->at < r->end) {
		unsigned char c = (unsigned char)*r->at++;

		if (c == '"')
			return true;
		if (c < 0x20)
			return false;
		if (c != '\\')
			continue;
		if (r->at == r->end || !strchr("\"\\/bfnrtu", *r->at) || !*r->at)
			return false;
		if (*r->at++ != 'u')
			continue;
		for (unsigned i = 0; i < 4; i++, r->at++)
			if (r->at == r->end || !isxdigit((unsigned char)*r->at))
				return false;
	}
	return false;
}

static bool take_scalar(struct reader *r)
{
	static const char *const words[] = { "true", "false", "null" };

	if (r->at < r->end && *r->at == '"')
		return take_string(r);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(r->end - r->at) >= n && memcmp(r->at, words[i], n) == 0) {
			r->at += n;
			return true;
		}
	}
	return take_number(r);
}

/* `"key":` in an object. */
static bool take_key(struct reader *r)
{
	skip_blanks(r);
	if (!take_string(r))
		return false;
	skip_blanks(r);
	return take(r, ':');
}

/* Opens containers until a value or an empty container stands; then closes what ends there. */
static bool take_value(struct reader *r)
{
	uint64_t is_object = 0; /* a bit for each open container, innermost lowest */
	unsigned depth = 0;

	for (;;) {
		bool object, opened = false;

		skip_blanks(r);
		object = r->at < r->end && *r->at == '{';
		if (object || (r->at < r->end && *r->at == '[')) {
			if (depth++ == JSON_CHECK_MAX_DEPTH)
				return false;
			is_object = is_object << 1 | object;
			r->at++;
			skip_blanks(r);
			opened = r->at == r->end || *r->at != (object ? '}' : ']');
			if (opened && object && !take_key(r))
				return false;
		} else if (!take_scalar(r)) {
			return false;
		}
		while (!opened) {
			skip_blanks(r);
			if (depth == 0)
				return true;
			if (take(r, ',')) {
				if (is_object & 1 && !take_key(r))
					return false;
				break;
			}
			if (!take(r, is_object & 1 ? '}' : ']'))
				return false;
			is_object >>= 1;
			depth--;
		}
	}
}

bool json_is_whole(const char *text, size_t len)
{
	struct reader r = { .at = text, .end = text + len, .blanks = " \t" };

	return strbuf_is_json_text(text, len) && take_value(&r) && r.at == r.end;
}

bool json_is_good(const char *text, size_t len)
{
	struct reader r = { .at = text, .end = text + len, .blanks = " \t\r\n" };

	if (!strbuf_is_json_text(text, len) || !take_value(&r))
		return false;
	skip_blanks(&r);
	return r.at == r.end;
}
