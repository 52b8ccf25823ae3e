/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options and the three places that they come from. Runs in main before anything else. */
#include "server/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "codegen/command/command.h"
#include "server/http/http.h"
#include "server/http/http_listen.h"

#define MAX_FILE_BYTES (256u << 10)

enum option_type {
	OPTION_TEXT,
	OPTION_LIST,   /* may be repeated */
	OPTION_NUMBER, /* with an optional k, M or G (1024) where bytes are meant */
	OPTION_OCTAL,
	OPTION_SWITCH, /* on, off */
	OPTION_WORD,   /* of isolation */
	OPTION_FLAG,   /* takes no value; command line only */
};

struct option_row {
	const char *name;
	enum option_type type;
	size_t offset;
	uint64_t min, max;
	const char *default_value; /* as it would be written; NULL: none */
	const char *value_name;    /* in --help */
	const char *prose;
};

#define AT(member) offsetof(struct config, member)

static const struct option_row rows[] = {
	{ "listen", OPTION_LIST, AT(listen), .value_name = "ADDRESS",
		.prose = "HOST:PORT, [IPV6]:PORT or unix:/path; may be repeated; port 0 takes any free one "
			 "(default 127.0.0.1:7230)" },
	{ "socket-mode", OPTION_OCTAL, AT(socket_mode), 0, 0777, "0660", "MODE", "permissions of unix sockets" },
	{ "allowed-host", OPTION_LIST, AT(allowed_hosts), .value_name = "NAME",
		.prose = "a further name that requests may give as their Host; may be repeated" },
	{ "token", OPTION_TEXT, AT(token), 16, 512, NULL, "TOKEN",
		"what 'Authorization: Bearer' must carry; needed on addresses that are not loopback" },
	{ "token-file", OPTION_TEXT, AT(token_file), 1, 4096, NULL, "FILE", "the same, read from a file" },
	{ "max-connections", OPTION_NUMBER, AT(max_connections), 1, 65536, "1024", "N", "connections at a time" },
	{ "max-held", OPTION_NUMBER, AT(max_held_bytes), 1u << 20, 1ull << 44, "1G", "BYTES",
		"bodies and answers in memory, of all connections; beyond it answers are 503" },
	{ "state-dir", OPTION_TEXT, AT(state_dir), 1, 4096, NULL, "DIR",
		"where results are kept (default $STATE_DIRECTORY, $XDG_STATE_HOME/spvscope, ~/.local/state/spvscope; "
		"/var/lib/spvscope for root)" },
	{ "user", OPTION_TEXT, AT(user), 1, 256, NULL, "USER",
		"when started as root: whom front and workers run as (default spvscope, made if it is missing)" },
	{ "workers", OPTION_NUMBER, AT(n_workers), 0, 1024, "0", "N", "compiles at a time; 0: one per CPU" },
	{ "queue", OPTION_NUMBER, AT(max_queued), 1, 1000000, "1024", "N", "compiles waiting; beyond it answers are 503" },
	{ "isolation", OPTION_WORD, AT(isolation), .default_value = "worker", .value_name = "worker|request",
		.prose = "a reused process or a fresh one, for requests that don't say" },
	{ "worker-max-runs", OPTION_NUMBER, AT(worker_max_runs), 1, 1000000000, "20000", "N",
		"a worker is replaced after so many compiles" },
	{ "worker-max-rss", OPTION_NUMBER, AT(worker_max_rss_bytes), 16u << 20, 1ull << 40, "512M", "BYTES",
		"a worker that has grown beyond this is replaced" },
	{ "max-output", OPTION_NUMBER, AT(output_bytes), 1u << 16, 512u << 20, "64M", "BYTES", "the largest result" },
	{ "analyzer", OPTION_SWITCH, AT(analyzer), .default_value = "on", .value_name = "on|off",
		.prose = "whether compiles can be profiled" },
	{ "trace", OPTION_TEXT, AT(trace), 0, TRACE_FILTER_MAX_BYTES, NULL, "DIRECTIVES",
		"spans of requests that don't say, and this service's log, as 'info,codegen::opt=debug' (default "
		"$SPVSCOPE_LOG, then info; debug in a debug build)" },
	{ "keep-count", OPTION_NUMBER, AT(keep_count), 0, 100000000, "10000", "N", "results on disk; 0: none" },
	{ "keep-bytes", OPTION_NUMBER, AT(keep_bytes), 1u << 20, 1ull << 44, "2G", "BYTES", "their size" },
	{ "keep-age", OPTION_NUMBER, AT(keep_age_s), 1, 1ull << 32, "2592000", "SECONDS", "their age" },
	{ "recent-count", OPTION_NUMBER, AT(memory_count), 1, 1000000, "256", "N", "results in memory" },
	{ "recent-bytes", OPTION_NUMBER, AT(memory_bytes), 1u << 20, 1ull << 40, "64M", "BYTES", "their size" },
	{ "cache-bytes", OPTION_NUMBER, AT(cache_bytes), 0, 1ull << 40, "64M", "BYTES",
		"results in memory that answer the same request again; 0: each is compiled" },
	{ "cache-disk-bytes", OPTION_NUMBER, AT(cache_disk_bytes), 0, 1ull << 44, "256M", "BYTES", "the same on disk; 0: none" },
	{ "command", OPTION_LIST, AT(commands), .value_name = "LINE",
		.prose = "a compiler of your own, as 'NAME LANGUAGES : PROGRAM ARGUMENTS'; may be repeated; "
			 "api/docs/own-compilers.md has all of it" },
	{ "backend-dir", OPTION_LIST, AT(backend_dirs), .value_name = "DIR",
		.prose = "back ends as shared libraries: each *.so there is loaded into the workers' template; may be repeated" },
	{ "drain-ms", OPTION_NUMBER, AT(drain_ms), 0, 600000, "10000", "MS",
		"how long a stop waits for compiles under way" },
	{ "worker-path", OPTION_TEXT, AT(worker_path), 1, 4096, NULL, "FILE", "spvscope-worker (default: found beside spvscoped)" },
	{ "analyzer-path", OPTION_TEXT, AT(analyzer_path), 1, 4096, NULL, "FILE", "spvscope-analyzer (default: likewise)" },
	{ "web-root", OPTION_TEXT, AT(web_root), 1, 4096, NULL, "DIR", "the built viewer (default: likewise)" },
	{ "config", OPTION_TEXT, AT(file), 1, 4096, NULL, "FILE",
		"lines of 'option = value', # for comments (default $XDG_CONFIG_HOME/spvscope/spvscoped.conf or "
		"/etc/spvscope/spvscoped.conf)" },
	{ "help", OPTION_FLAG, AT(show_help), .prose = "this text" },
	{ "version", OPTION_FLAG, AT(show_version), .prose = "versions of the service, its compilers and analyzers" },
};

static int fail(char *error, size_t error_size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(char *error, size_t error_size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, error_size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static const struct option_row *find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
			return &rows[i];
	return NULL;
}

static int list_add(struct string_list *list, const char *value)
{
	char **grown = reallocarray(list->items, list->n + 2, sizeof *grown);

	if (!grown)
		return -ENOMEM;
	list->items = grown;
	grown[list->n] = strdup(value);
	if (!grown[list->n])
		return -ENOMEM;
	grown[++list->n] = NULL;
	return 0;
}

/* Digits, and k, M or G behind them. */
static bool parse_number(const char *text, uint64_t *ret)
{
	static const char suffixes[] = "kMG";
	char *end;
	uint64_t v;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (*end) {
		const char *suffix = strchr(suffixes, *end);
		unsigned shift = suffix ? 10u * (unsigned)(suffix - suffixes + 1) : 0;

		if (!suffix || end[1] || v > UINT64_MAX >> shift)
			return false;
		v <<= shift;
	}
	*ret = v;
	return true;
}

static int set_text(struct config *c, const struct option_row *row, const char *value, const char *from, char *error,
	size_t error_size)
{
	char **slot = (char **)((char *)c + row->offset);
	struct trace_filter scratch;
	char why[256];

	if (strlen(value) < row->min || strlen(value) > row->max)
		return fail(error, error_size, "%s: %s takes %llu to %llu bytes", from, row->name,
			(unsigned long long)row->min, (unsigned long long)row->max);
	if (row->offset == AT(trace)) {
		trace_filter_init(&scratch, SPVSCOPE_LEVEL_INFO);
		if (trace_filter_parse(&scratch, value, why, sizeof why) < 0)
			return fail(error, error_size, "%s: %s", from, why);
	}
	char *copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*slot);
	*slot = copy;
	return 0;
}

/* What only the workers' template reads later is looked at now, while someone sees the answer. */
static int add_to_list(struct config *c, const struct option_row *row, const char *value, const char *from, char *error,
	size_t error_size)
{
	char why[256];

	if (row->offset == AT(commands) && command_check(value, why, sizeof why) < 0)
		return fail(error, error_size, "%s: %s", from, why);
	if (row->offset == AT(backend_dirs) && value[0] != '/')
		return fail(error, error_size, "%s: %s takes an absolute path, not '%.80s'", from, row->name, value);
	return list_add((struct string_list *)((char *)c + row->offset), value);
}

static int set(struct config *c, const struct option_row *row, const char *value, const char *from, char *error,
	size_t error_size)
{
	void *slot = (char *)c + row->offset;
	uint64_t number;
	char *end;

	switch (row->type) {
	case OPTION_TEXT:
		return set_text(c, row, value, from, error, error_size);
	case OPTION_LIST:
		return add_to_list(c, row, value, from, error, error_size);
	case OPTION_NUMBER:
		if (!parse_number(value, &number) || number < row->min || number > row->max)
			return fail(error, error_size, "%s: %s takes a number from %llu to %llu, not '%.40s'", from, row->name,
				(unsigned long long)row->min, (unsigned long long)row->max, value);
		*(uint64_t *)slot = number;
		return 0;
	case OPTION_OCTAL:
		number = strtoull(value, &end, 8);
		if (end == value || *end || number > row->max)
			return fail(error, error_size, "%s: %s takes octal permissions such as 0660, not '%.40s'", from,
				row->name, value);
		*(uint64_t *)slot = number;
		return 0;
	case OPTION_SWITCH:
		if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
			return fail(error, error_size, "%s: %s takes on or off, not '%.40s'", from, row->name, value);
		*(bool *)slot = strcmp(value, "on") == 0;
		return 0;
	case OPTION_WORD:
		if (strcmp(value, "worker") != 0 && strcmp(value, "request") != 0)
			return fail(error, error_size, "%s: %s takes worker or request, not '%.40s'", from, row->name, value);
		*(unsigned *)slot = value[0] == 'w' ? ISOLATION_WORKER : ISOLATION_REQUEST;
		return 0;
	case OPTION_FLAG:
		*(bool *)slot = true;
		return 0;
	}
	return 0;
}

int config_set(struct config *c, const char *name, const char *value, const char *from, char *error, size_t error_size)
{
	const struct option_row *row = find(name, strlen(name));

	if (!row || row->type == OPTION_FLAG || row->offset == AT(file))
		return fail(error, error_size, "%s: there is no option '%.40s'; spvscoped --help lists them", from, name);
	return set(c, row, value, from, error, error_size);
}

/* "--name value" and "--name=value". given[row] is set for each that is there. */
static int read_command_line(struct config *c, int argc, char **argv, bool *given, char *error, size_t error_size)
{
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i], *equals = strchr(word, '=');
		size_t len = equals ? (size_t)(equals - word) : strlen(word);
		const struct option_row *row = NULL;

		if (strcmp(word, "-h") == 0)
			row = find("help", 4);
		else if (strncmp(word, "--", 2) == 0)
			row = find(word + 2, len - 2);
		if (!row)
			return fail(error, error_size, "there is no option '%.60s'; --help lists them", word);
		const char *value = equals ? equals + 1 : NULL;
		if (row->type == OPTION_FLAG && value)
			return fail(error, error_size, "--%s takes no value", row->name);
		if (row->type != OPTION_FLAG && !value) {
			if (i + 1 == argc)
				return fail(error, error_size, "--%s needs a value: %s", row->name, row->value_name);
			value = argv[++i];
		}
		char from[64];
		snprintf(from, sizeof from, "--%s", row->name);
		int r = set(c, row, value, from, error, error_size);
		if (r < 0)
			return r;
		given[row - rows] = true;
	}
	return 0;
}

static char *trim(char *s)
{
	s += strspn(s, " \t");
	for (size_t n = strlen(s); n > 0 && strchr(" \t\r", s[n - 1]); n--)
		s[n - 1] = '\0';
	return s;
}

/* A whole small file, NUL-terminated. */
static int read_whole(const char *path, char **ret)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t n = 0;

	if (fd < 0)
		return -errno;
	text = malloc(MAX_FILE_BYTES + 1);
	if (!text)
		return -ENOMEM;
	for (;;) {
		ssize_t got = read(fd, text + n, MAX_FILE_BYTES - n);

		if (got < 0)
			return -errno;
		n += (size_t)got;
		if (n == MAX_FILE_BYTES)
			return -EFBIG;
		if (got == 0)
			break;
	}
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

/* What the command line says stands; lists are not joined. */
static int read_file(struct config *c, const char *path, const bool *given, char *error, size_t error_size)
{
	_cleanup_free_ char *text = NULL;
	unsigned line_number = 0;
	char *at, *line;
	int r = read_whole(path, &text);

	if (r < 0)
		return fail(error, error_size, "cannot read %s: %s", path, strerror(-r));
	for (at = text; (line = strsep(&at, "\n")); ) {
		char from[PATH_MAX + 16];

		line_number++;
		line = trim(line);
		if (line[0] == '\0' || line[0] == '#')
			continue;
		snprintf(from, sizeof from, "%s:%u", path, line_number);
		char *value = strchr(line, '=');
		if (!value)
			return fail(error, error_size, "%s: a line is 'option = value'", from);
		*value++ = '\0';
		const char *name = trim(line);
		const struct option_row *row = find(name, strlen(name));
		if (row && given[row - rows])
			continue;
		r = config_set(c, name, trim(value), from, error, error_size);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The first configuration file of the usual places that is there; NULL: none. The caller frees. */
static char *usual_file(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n = xdg && xdg[0] == '/' ? asprintf(&path, "%s/spvscope/spvscoped.conf", xdg)
		: home && home[0] ? asprintf(&path, "%s/.config/spvscope/spvscoped.conf", home) : -1;

	if (n >= 0 && access(path, R_OK) == 0)
		return path;
	if (n >= 0)
		free(path);
	return access("/etc/spvscope/spvscoped.conf", R_OK) == 0 ? strdup("/etc/spvscope/spvscoped.conf") : NULL;
}

static char *default_state_dir(void)
{
	const char *systemd = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n;

	if (systemd && systemd[0]) /* may be a list; the first is ours */
		return strndup(systemd, strcspn(systemd, ":"));
	if (geteuid() == 0)
		return strdup("/var/lib/spvscope");
	if (xdg && xdg[0] == '/')
		n = asprintf(&path, "%s/spvscope", xdg);
	else
		n = asprintf(&path, "%s/.local/state/spvscope", home && home[0] ? home : "/tmp");
	return n < 0 ? NULL : path;
}

/* The filter of requests that don't say: configuration, else SPVSCOPE_LOG, else the build's level. */
static int resolve_filter(struct config *c, char *error, size_t error_size)
{
#ifdef SPVSCOPE_DEBUG_BUILD
	const enum spvscope_level level = SPVSCOPE_LEVEL_DEBUG;
#else
	const enum spvscope_level level = SPVSCOPE_LEVEL_INFO;
#endif
	const char *text = c->trace ? c->trace : getenv("SPVSCOPE_LOG");
	char why[256];

	trace_filter_init(&c->trace_filter, level);
	if (trace_filter_parse(&c->trace_filter, text, why, sizeof why) < 0)
		return fail(error, error_size, "%s: %s", c->trace ? "--trace" : "SPVSCOPE_LOG", why);
	return 0;
}

static int resolve_token(struct config *c, char *error, size_t error_size)
{
	if (c->token && c->token_file)
		return fail(error, error_size, "give --token or --token-file, not both");
	if (c->token_file) {
		_cleanup_free_ char *text = NULL;
		int r = read_whole(c->token_file, &text);

		if (r < 0)
			return fail(error, error_size, "cannot read %s: %s", c->token_file, strerror(-r));
		text[strcspn(text, "\r\n")] = '\0';
		r = config_set(c, "token", text, c->token_file, error, error_size);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < c->listen.n; i++)
		if (!c->token && !listener_address_is_loopback(c->listen.items[i]))
			return fail(error, error_size,
				"%.80s can be reached from other machines, which needs --token or --token-file",
				c->listen.items[i]);
	return 0;
}

int config_load(struct config *c, int argc, char **argv, char *error, size_t error_size)
{
	bool given[ARRAY_SIZE(rows)] = { false };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && r >= 0; i++)
		if (rows[i].default_value)
			r = set(c, &rows[i], rows[i].default_value, rows[i].name, error, error_size);
	if (r >= 0)
		r = read_command_line(c, argc, argv, given, error, error_size);
	if (r < 0 || c->show_help || c->show_version)
		return r;
	if (!c->file)
		c->file = usual_file();
	if (c->file)
		r = read_file(c, c->file, given, error, error_size);
	if (r >= 0 && c->listen.n == 0)
		r = list_add(&c->listen, "127.0.0.1:7230");
	if (r >= 0 && !c->state_dir && !(c->state_dir = default_state_dir()))
		r = -ENOMEM;
	if (r >= 0)
		r = resolve_filter(c, error, error_size);
	if (r >= 0)
		r = resolve_token(c, error, error_size);
	return r;
}

static void list_done(struct string_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
}

void config_done(struct config *c)
{
	list_done(&c->listen);
	list_done(&c->allowed_hosts);
	list_done(&c->commands);
	list_done(&c->backend_dirs);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].type == OPTION_TEXT)
			free(*(char **)((char *)c + rows[i].offset));
	*c = (struct config){ 0 };
}

/* Breaks prose at words, in a column behind the option. */
static void help_prose(struct strbuf *out, const char *prose, size_t column, size_t width)
{
	size_t at = column;

	while (*prose) {
		size_t len = strcspn(prose, " ");

		if (at > column && at + 1 + len > width) {
			strbuf_printf(out, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			strbuf_putc(out, ' ');
			at++;
		}
		strbuf_append(out, prose, len);
		at += len;
		prose += len + (prose[len] == ' ');
	}
}

void config_help(struct strbuf *out)
{
	enum { COLUMN = 30, WIDTH = 100 };

	strbuf_puts(out, "spvscoped: compiles shaders to SPIR-V over HTTP and shows where the compile went.\n\n"
			 "Usage: spvscoped [OPTION]…\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char head[80];

		snprintf(head, sizeof head, "  --%s%s%s", rows[i].name, rows[i].value_name ? " " : "",
			rows[i].value_name ? rows[i].value_name : "");
		strbuf_printf(out, "%-*s", COLUMN, head);
		if (strlen(head) >= COLUMN)
			strbuf_printf(out, "\n%*s", COLUMN, "");
		char prose[512];
		snprintf(prose, sizeof prose, rows[i].default_value ? "%s (default %s)" : "%s", rows[i].prose,
			rows[i].default_value);
		help_prose(out, prose, COLUMN, WIDTH);
		strbuf_putc(out, '\n');
	}
	strbuf_puts(out, "\nAll options but --config, --help and --version can stand in the configuration file.\n"
			 "Documentation of the routes: http://127.0.0.1:7230/openapi.json\n");
}
