/* SPDX-License-Identifier: Apache-2.0 */
/* A byte string that grows. Zero-initialized is empty and valid. An allocation failure is remembered in `failed` and
 * makes every later append a no-op, so that callers check once at the end. Not thread-safe. */
#ifndef SPVSCOPE_BASE_STRBUF_H
#define SPVSCOPE_BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *data;        /* owned; NUL-terminated whenever not NULL */
	size_t len;        /* bytes, without the NUL */
	size_t capacity;
	size_t limit;      /* most bytes it may hold; 0 means no limit; beyond it `failed` is set */
	bool failed;
};

void strbuf_done(struct strbuf *sb);
void strbuf_reset(struct strbuf *sb); /* empties, keeps the memory, clears `failed` */
void strbuf_reserve(struct strbuf *sb, size_t more); /* room for so many bytes at once, if there is */
void strbuf_append(struct strbuf *sb, const void *data, size_t len);
void strbuf_puts(struct strbuf *sb, const char *s);
void strbuf_putc(struct strbuf *sb, char c);
void strbuf_printf(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Appends s[0..len) as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void strbuf_json_string(struct strbuf *sb, const char *s, size_t len);
/* Whether it is text that such a string gives back unchanged: UTF-8 without NUL bytes, which JSON readers refuse. */
bool strbuf_is_json_text(const void *s, size_t len);

/* Gives the bytes away, NUL-terminated; NULL when an append failed. The strbuf is empty afterwards. */
char *strbuf_take(struct strbuf *sb, size_t *ret_len);

#define _cleanup_strbuf_ __attribute__((cleanup(strbuf_done)))

#endif
