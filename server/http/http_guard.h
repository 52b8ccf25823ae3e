/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call: Host against DNS rebinding, Origin and Sec-Fetch-Site against other sites' pages, the token. Pure
 * functions over header values. */
#ifndef SPVSCOPE_HTTP_GUARD_H
#define SPVSCOPE_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* The name or address of a Host value ("localhost:7230", "[::1]"), without port and brackets, in lower case. false when
 * it is malformed or longer than size. */
bool guard_host_name(const char *host, char *name, size_t size);
bool guard_is_loopback_name(const char *name); /* localhost, 127.0.0.0/8, ::1 */
bool guard_is_address(const char *name);       /* an IPv4 or IPv6 literal */

/* Is Origin the same as the Host it came with? */
bool guard_origin_is_own(const char *origin, const char *host);

/* "Bearer TOKEN" against the token, in time that does not depend on where they differ. */
bool guard_token_is_right(const char *authorization, const char *token);

#endif
