/* SPDX-License-Identifier: Apache-2.0 */
/* The program's log on standard error. The set-up is written once before threads start and only read afterwards; each
 * line is one write(2), so that lines of several threads and processes do not mix. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LOG_LINE_MAX 2048

static const char *log_program = "spvscope";
static log_filter_fn log_filter;
static void *log_filter_ctx;

void log_setup(const char *program, log_filter_fn filter, void *ctx)
{
	log_program = program;
	log_filter = filter;
	log_filter_ctx = ctx;
}

bool log_enabled(enum log_level level, const char *target)
{
	if (level == LOG_OFF)
		return false;
	return log_filter ? log_filter(log_filter_ctx, level, target) : level <= LOG_INFO;
}

static size_t put_prefix(char *line, size_t size, enum log_level level, const char *target)
{
	static const char *const words[] = {"off", "ERROR", "WARN", "INFO", "DEBUG"};
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	int n = snprintf(line, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %-5s %s[%d] %s: ",
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		now.tv_nsec / 1000000, (size_t)level < ARRAY_SIZE(words) ? words[level] : "?",
		log_program, (int)getpid(), target);
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

void log_write(enum log_level level, const char *target, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	int saved_errno = errno;

	if (!log_enabled(level, target))
		return;
	size_t prefix = put_prefix(line, sizeof(line) - 1, level, target);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line + prefix, sizeof(line) - 1 - prefix, fmt, ap);
	va_end(ap);
	size_t len = prefix + (n > 0 ? (size_t)n : 0);
	if (len > sizeof(line) - 2) {
		len = sizeof(line) - 2;
		memcpy(line + len - 3, "...", 3);
	}
	/* A message stays one line and steers no terminal, whatever text got into it. */
	for (size_t i = prefix; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
			line[i] = ' ';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0) {
		/* There is nobody left to tell. */
	}
	errno = saved_errno;
}
