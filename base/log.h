/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a program (libraries return, programs log): one line a message on standard error, filtered by the same
 * directives as spans. Set up once in main before threads start; log_write may be called from any thread. */
#ifndef SPVSCOPE_BASE_LOG_H
#define SPVSCOPE_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_OFF, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Decides whether a line of this level and module path ("server::pool") is written; NULL writes info and above. */
typedef bool (*log_filter_fn)(void *ctx, enum log_level level, const char *target);

void log_setup(const char *program, log_filter_fn filter, void *ctx);
bool log_enabled(enum log_level level, const char *target);
void log_write(enum log_level level, const char *target, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(target, ...) log_write(LOG_ERROR, target, __VA_ARGS__)
#define log_warn(target, ...)  log_write(LOG_WARN, target, __VA_ARGS__)
#define log_info(target, ...)  log_write(LOG_INFO, target, __VA_ARGS__)
#define log_debug(target, ...)                                                                     \
	do {                                                                                       \
		if (log_enabled(LOG_DEBUG, target))                                                \
			log_write(LOG_DEBUG, target, __VA_ARGS__);                                 \
	} while (0)

#endif
