/* SPDX-License-Identifier: Apache-2.0 */
/* The line of the configuration that describes a command. Runs in the front, to check it, and in the template. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/backends.h"
#include "codegen/command/command.h"
#include "codegen/command/command_private.h"

static int fail(char *error, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(char *error, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The next word, with its quotes taken off, in place; NULL at the end. */
static char *next_word(char **at)
{
	char *from = *at + strspn(*at, " \t"), *to = from, *out = from;
	bool quoted = false;

	if (*from == '\0')
		return NULL;
	for (; *to && (quoted || (*to != ' ' && *to != '\t')); to++) {
		if (*to == '"')
			quoted = !quoted;
		else
			*out++ = *to;
	}
	*at = *to ? to + 1 : to;
	*out = '\0';
	return from;
}

static bool is_name(const char *text)
{
	if (!isalnum((unsigned char)*text) || strlen(text) > COMMAND_MAX_NAME_BYTES)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_.+", *text))
			return false;
	return true;
}

static int take_head(struct command *c, char *head, char *error, size_t size)
{
	char *word;

	c->name = next_word(&head);
	if (!c->name || !is_name(c->name))
		return fail(error, size, "a command begins with its name, of letters, digits and -_.+");
	word = next_word(&head);
	if (!word)
		return fail(error, size, "behind the name of a command stand the languages that it takes, a comma between them");
	int r = backend_languages(word, &c->languages, &c->other_language);
	if (r < 0)
		return fail(error, size, "'%.40s' is no language here, and a command has one of its own at most", c->other_language);
	while (r == 0 && (word = next_word(&head))) {
		if (strcmp(word, "fork") == 0)
			c->may_fork = true;
		else if (strncmp(word, "read=/", 6) != 0)
			r = fail(error, size, "'%.40s' is neither fork nor read=/some/path", word);
		else if (c->n_reads == COMMAND_MAX_READS)
			r = fail(error, size, "a command has at most %d read=", COMMAND_MAX_READS);
		else
			c->reads[c->n_reads++] = word + strlen("read=");
	}
	return r;
}

/* Every {word} must be one that is known; braces that hold none are the program's own. */
static int check_argument(const char *arg, char *error, size_t size)
{
	for (const char *open = strchr(arg, '{'); open; open = strchr(open + 1, '{')) {
		size_t len = strspn(open + 1, "abcdefghijklmnopqrstuvwxyz");
		bool known = len == 0 || open[1 + len] != '}';

		for (size_t i = 0; command_words[i] && !known; i++)
			known = strlen(command_words[i]) == len && strncmp(open + 1, command_words[i], len) == 0;
		if (!known)
			return fail(error, size, "{%.*s} is none of {input} {output} {stage} {env} {spirv} {entry} {defines}", (int)len,
				open + 1);
	}
	return 0;
}

void command_done(struct command *c)
{
	free(c->line);
	*c = (struct command){0};
}

int command_parse(const char *line, struct command *ret, char *error, size_t size)
{
	struct command c = {.line = strdup(line)};
	char *word, *colon = c.line ? strstr(c.line, " : ") : NULL;
	int r;

	if (!c.line)
		return -ENOMEM;
	if (colon) {
		*colon = '\0';
		char *tail = colon + 3;
		r = take_head(&c, c.line, error, size);
		while (r == 0 && (word = next_word(&tail))) {
			if (c.n_argv == COMMAND_MAX_ARGS)
				r = fail(error, size, "a command has at most %d arguments", COMMAND_MAX_ARGS);
			else
				r = check_argument(c.argv[c.n_argv++] = word, error, size);
		}
		if (r == 0 && c.n_argv == 0)
			r = fail(error, size, "behind the colon stands the program with its arguments");
	} else {
		r = fail(error, size, "a command is NAME LANGUAGES : PROGRAM ARGUMENTS, with blanks around the colon");
	}
	if (r < 0)
		command_done(&c);
	else
		*ret = c;
	return r;
}

int command_check(const char *line, char *error, size_t error_size)
{
	struct command c;
	int r = command_parse(line, &c, error, error_size);

	if (r == 0)
		command_done(&c);
	return r;
}
