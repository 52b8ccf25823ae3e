/* SPDX-License-Identifier: Apache-2.0 */
/* What `spvscoped --version` says. Used in main. */
#ifndef SPVSCOPE_VERSION_TEXT_H
#define SPVSCOPE_VERSION_TEXT_H

#include "base/strbuf.h"

/* The service's version, and what the analyzer at that path says of itself and its objects; or why that cannot be had. */
void version_text(const char *analyzer_path, struct strbuf *text);

#endif
