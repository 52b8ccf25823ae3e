/* SPDX-License-Identifier: Apache-2.0 */
/* Content negotiation of RFC 9110, section 12.5.1, as far as the routes need it. Pure functions. */
#ifndef SPVSCOPE_ACCEPT_H
#define SPVSCOPE_ACCEPT_H

#include <stddef.h>

/* The index of the offered media type ("text/plain") that Accept wants most; among equals the first one offered.
 * accept NULL or empty takes the first. -1 when it takes none of them. */
int accept_choose(const char *accept, const char *const *offered, size_t n_offered);

#endif
