/* SPDX-License-Identifier: Apache-2.0 */
/* A request target ("/v1/traces/ab?format=text") taken apart, and matched against route templates. Pure functions. */
#ifndef SPVSCOPE_HTTP_TARGET_H
#define SPVSCOPE_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_TARGET_MAX_BYTES   8192
#define HTTP_TARGET_MAX_QUERIES 2048

struct http_query {
	char *key, *value; /* point into the target's memory */
};

struct http_target {
	char *memory; /* owned: the decoded path, then the queries */
	char *path;
	struct http_query *queries; /* owned */
	size_t n_queries;
};

/* Percent-decodes path and parameters once. Refuses what is not origin-form, malformed escapes, control characters and
 * encoded NULs, "." and ".." segments and encoded slashes. 0, -EINVAL with a sentence in *ret_why (static), -ENOMEM. */
int http_target_parse(const char *raw, struct http_target *ret, const char **ret_why);
void http_target_done(struct http_target *t);

/* Does a template match a decoded path? *ret_part is what {} or {*} took, inside path ({} ends at the next '/'). */
bool http_template_matches(const char *path_template, const char *path, const char **ret_part, size_t *ret_part_len);

#endif
