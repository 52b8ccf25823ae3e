/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses among media types by an Accept header. Loop thread. */
#include "server/http/accept.h"

#include <string.h>
#include <strings.h>

/* How closely a range ("text/plain", "text/ *", "* / *") names a type: 3, 2, 1; 0 not at all. */
static int closeness(const char *range, size_t len, const char *type)
{
	const char *slash = strchr(type, '/');
	size_t major = slash ? (size_t)(slash - type) : strlen(type);

	if (len == strlen(type) && strncasecmp(range, type, len) == 0)
		return 3;
	if (len == major + 2 && strncasecmp(range, type, major + 1) == 0 && range[len - 1] == '*')
		return 2;
	return len == 3 && memcmp(range, "*/*", 3) == 0;
}

/* Thousandths of a weight: "q=0.5" is 500; what is malformed counts in full. */
static int weight(const char *parameters, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++) {
		if (parameters[i] != ';' && parameters[i] != ' ')
			continue;
		if ((parameters[i + 1] != 'q' && parameters[i + 1] != 'Q') || parameters[i + 2] != '=')
			continue;
		int q = 0, scale = 1000;
		for (size_t at = i + 3; at < len && scale > 0; at++) {
			if (parameters[at] == '.')
				continue;
			if (parameters[at] < '0' || parameters[at] > '9')
				break;
			q += (parameters[at] - '0') * scale;
			scale /= 10;
		}
		return q < 1000 ? q : 1000;
	}
	return 1000;
}

/* The weight of the closest range that takes type; 0 when none does. */
static int weight_of(const char *accept, const char *type)
{
	int best_closeness = 0, q = 0;

	while (*accept) {
		size_t len = strcspn(accept, ","), skip = strspn(accept, " \t");
		size_t name;

		skip = skip < len ? skip : len;
		name = strcspn(accept + skip, ";, \t");
		int c = closeness(accept + skip, name, type);
		if (c > best_closeness) {
			best_closeness = c;
			q = weight(accept + skip + name, len - skip - name);
		}
		accept += len + (accept[len] == ',');
	}
	return q;
}

int accept_choose(const char *accept, const char *const *offered, size_t n_offered)
{
	int best = -1, best_q = 0;

	if (!accept || !accept[0])
		return 0;
	for (size_t i = 0; i < n_offered; i++)
		if (strcmp(accept, offered[i]) == 0) /* what most say */
			return (int)i;
	for (size_t i = 0; i < n_offered; i++) {
		int q = weight_of(accept, offered[i]);

		if (q > best_q) {
			best_q = q;
			best = (int)i;
		}
	}
	return best;
}
