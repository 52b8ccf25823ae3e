/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of Host, Origin and token. Runs in the front, on the loop's thread. */
#include "server/http/http_guard.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static bool is_port(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n >= 1 && n <= 5 && s[n] == '\0';
}

bool guard_host_name(const char *host, char *name, size_t size)
{
	bool bracketed = host[0] == '[';
	size_t len = strcspn(host += bracketed, bracketed ? "]" : ":");
	const char *rest = host + len;

	if (bracketed && *rest++ != ']')
		return false;
	if (*rest == ':' ? !is_port(rest + 1) : *rest != '\0')
		return false;
	if (len == 0 || len >= size)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)host[i]) && !strchr(bracketed ? ":." : "-._", host[i]))
			return false;
		name[i] = (char)tolower((unsigned char)host[i]);
	}
	name[len] = '\0';
	return true;
}

bool guard_is_address(const char *name)
{
	struct in6_addr a;

	return inet_pton(AF_INET, name, &a) == 1 || inet_pton(AF_INET6, name, &a) == 1;
}

bool guard_is_loopback_name(const char *name)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strcmp(name, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, name, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, name, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool guard_origin_is_own(const char *origin, const char *host)
{
	/* A proxy in front may speak TLS, hence both schemes. */
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		size_t len = strlen(schemes[i]);

		if (strncasecmp(origin, schemes[i], len) == 0 && strcasecmp(origin + len, host) == 0)
			return true;
	}
	return false;
}

bool guard_token_is_right(const char *authorization, const char *token)
{
	static const char scheme[] = "Bearer ";
	const char *given = authorization + sizeof scheme - 1;
	size_t n_given, n = strlen(token);
	uint8_t differ = 0;

	if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
		return false;
	n_given = strlen(given);
	for (size_t i = 0; i < n_given; i++)
		differ |= (uint8_t)given[i] ^ (uint8_t)token[n ? i % n : 0];
	return differ == 0 && n_given == n && n > 0;
}
