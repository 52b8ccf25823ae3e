/* SPDX-License-Identifier: Apache-2.0 */
/* What a compiler's authors need to see a failure without this service: the input as files, and a script with the
 * compiler's own command line, together as a tar archive. Runs in the front. */
#ifndef SPVSCOPE_REPRODUCE_H
#define SPVSCOPE_REPRODUCE_H

#include "api/request.h"

/* report: what is told of the failure, as JSON. The archive (POSIX ustar) has one directory, spvscope-ID. */
void reproduce_tar(const struct compile_request *q, const char *id, const char *report, struct strbuf *out);

#endif
