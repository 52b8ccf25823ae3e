/* SPDX-License-Identifier: Apache-2.0 */
/* Filter directives. Parsed by the front (requests, configuration) and again by the worker; matched on every span of
 * the thread that compiles, so matching allocates nothing and looks at the level first. */
#include "codegen/trace/filter.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

static const struct {
	const char *word;
	enum spvscope_level level;
} level_words[] = {
	{"off", SPVSCOPE_LEVEL_OFF},
	{"error", SPVSCOPE_LEVEL_ERROR},
	{"warn", SPVSCOPE_LEVEL_WARN},
	{"info", SPVSCOPE_LEVEL_INFO},
	{"debug", SPVSCOPE_LEVEL_DEBUG},
	{"trace", SPVSCOPE_LEVEL_DEBUG}, /* behind debug: the first word of a level is its name */
};

#define LEVELS_IN_WORDS "off, error, warn, info, debug"

const char *trace_level_name(enum spvscope_level level)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_words); i++)
		if (level_words[i].level == level)
			return level_words[i].word;
	return "unknown";
}

/* A piece of the directives' text: not NUL-terminated. */
struct piece {
	const char *at;
	size_t len;
};

static int level_parse(struct piece p, enum spvscope_level *ret_level)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_words); i++) {
		if (strlen(level_words[i].word) == p.len && !strncasecmp(level_words[i].word, p.at, p.len)) {
			*ret_level = level_words[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

int trace_level_parse(const char *text, enum spvscope_level *ret_level)
{
	return level_parse((struct piece){text, strlen(text)}, ret_level);
}

static struct piece trim(struct piece p)
{
	while (p.len && (*p.at == ' ' || *p.at == '\t')) {
		p.at++;
		p.len--;
	}
	while (p.len && (p.at[p.len - 1] == ' ' || p.at[p.len - 1] == '\t'))
		p.len--;
	return p;
}

/* Segments of letters, digits, '_', '-' and '.', joined by "::". */
static bool path_is_well_formed(struct piece p)
{
	size_t segment = 0;
	for (size_t i = 0; i < p.len; i++) {
		char c = p.at[i];
		if (c == ':') {
			if (segment == 0 || i + 1 >= p.len || p.at[i + 1] != ':')
				return false;
			segment = 0;
			i++;
		} else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			   c == '_' || c == '-' || c == '.') {
			segment++;
		} else {
			return false;
		}
	}
	return segment > 0;
}

/* Says what is wrong with p, quoted, cut, and with nothing in it that could steer a terminal. */
static int refuse(struct piece p, const char *right, char *error, size_t error_size)
{
	char quoted[49];
	size_t n = p.len < sizeof(quoted) - 1 ? p.len : sizeof(quoted) - 1;
	for (size_t i = 0; i < n; i++)
		quoted[i] = p.at[i] >= 0x20 && p.at[i] < 0x7F ? p.at[i] : '?';
	quoted[n] = '\0';
	if (error_size)
		snprintf(error, error_size, "the filter directive \"%s%s\" %s", quoted, n < p.len ? "…" : "", right);
	return -EINVAL;
}

/* Sets the level of a path. The same path again replaces what was said before: the last one wins. */
static struct trace_directive *directive_slot(struct trace_filter *f, struct piece path)
{
	for (size_t i = 0; i < f->n_directives; i++) {
		struct trace_directive *d = &f->directives[i];
		if (d->path_len == path.len && !memcmp(d->path, path.at, path.len))
			return d;
	}
	if (f->n_directives == TRACE_FILTER_MAX_DIRECTIVES)
		return NULL;
	struct trace_directive *d = &f->directives[f->n_directives++];
	memset(d->path, 0, sizeof(d->path));
	memcpy(d->path, path.at, path.len);
	d->path_len = path.len;
	return d;
}

static int parse_directive(struct trace_filter *f, struct piece whole, char *error, size_t error_size)
{
	struct piece path = whole, word = {0};
	enum spvscope_level level = SPVSCOPE_LEVEL_DEBUG;

	const char *equals = memchr(whole.at, '=', whole.len);
	if (equals) {
		path = trim((struct piece){whole.at, (size_t)(equals - whole.at)});
		word = trim((struct piece){equals + 1, (size_t)(whole.at + whole.len - equals - 1)});
		if (level_parse(word, &level) < 0)
			return refuse(whole, "has no level behind \"=\" (one of " LEVELS_IN_WORDS ")", error, error_size);
	} else if (level_parse(whole, &level) == 0) {
		f->default_level = level;
		return 0;
	}
	if (!path_is_well_formed(path))
		return refuse(whole, "is neither a level (" LEVELS_IN_WORDS ") nor a path like codegen::opt, alone or "
			"with =level", error, error_size);
	if (path.len > TRACE_FILTER_MAX_PATH)
		return refuse(whole, "has a path of more than 127 bytes", error, error_size);
	struct trace_directive *d = directive_slot(f, path);
	if (!d)
		return refuse(whole, "is one too many: at most 32 paths", error, error_size);
	d->level = level;
	return 0;
}

static_assert(TRACE_FILTER_MAX_PATH == 127 && TRACE_FILTER_MAX_DIRECTIVES == 32 && TRACE_FILTER_MAX_BYTES == 1024,
	"the error texts name these limits");

static void find_max_level(struct trace_filter *f)
{
	f->max_level = f->default_level;
	for (size_t i = 0; i < f->n_directives; i++)
		if (f->directives[i].level > f->max_level)
			f->max_level = f->directives[i].level;
}

void trace_filter_init(struct trace_filter *f, enum spvscope_level level)
{
	memset(f, 0, sizeof(*f));
	f->default_level = level;
	f->max_level = level;
}

int trace_filter_parse(struct trace_filter *f, const char *text, char *error, size_t error_size)
{
	struct trace_filter parsed = *f;
	struct piece rest = {text, text ? strlen(text) : 0};

	if (rest.len > TRACE_FILTER_MAX_BYTES)
		return refuse(rest, "and what follows it have more than 1024 bytes", error, error_size);
	while (rest.len) {
		const char *comma = memchr(rest.at, ',', rest.len);
		size_t len = comma ? (size_t)(comma - rest.at) : rest.len;
		struct piece directive = trim((struct piece){rest.at, len});
		if (directive.len) { /* nothing between two commas says nothing */
			int r = parse_directive(&parsed, directive, error, error_size);
			if (r < 0)
				return r;
		}
		size_t step = len + (comma ? 1 : 0);
		rest = (struct piece){rest.at + step, rest.len - step};
	}
	find_max_level(&parsed);
	*f = parsed;
	return 0;
}

bool trace_filter_matches(const struct trace_filter *f, enum spvscope_level level, const char *name)
{
	if (level == SPVSCOPE_LEVEL_OFF || level > f->max_level)
		return false;
	enum spvscope_level most = f->default_level;
	size_t longest = 0; /* paths are never empty */
	for (size_t i = 0; i < f->n_directives; i++) {
		const struct trace_directive *d = &f->directives[i];
		if (d->path_len < longest || strncmp(d->path, name, d->path_len))
			continue;
		const char *behind = name + d->path_len;
		if (*behind != '\0' && (behind[0] != ':' || behind[1] != ':'))
			continue;
		longest = d->path_len;
		most = d->level;
	}
	return level <= most;
}
