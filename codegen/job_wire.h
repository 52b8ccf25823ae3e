/* SPDX-License-Identifier: Apache-2.0 */
/* A job and a result as bytes between front and worker (base/wire.h). Both sides are built together: a version word
 * stands first and a mismatch is refused. The front decodes results of hostile workers: counts and lengths are checked
 * against the bytes that are there, enums against their ranges. */
#ifndef SPVSCOPE_CODEGEN_JOB_WIRE_H
#define SPVSCOPE_CODEGEN_JOB_WIRE_H

#include "base/strbuf.h"
#include "spvscope/codegen.h"

void job_encode(const struct spvscope_job *job, struct strbuf *out);
/* ret must be zeroed. 0, -EBADMSG, -ENOMEM; on failure ret is empty again. */
int job_decode(const void *data, size_t size, struct spvscope_job *ret);
void result_encode(const struct spvscope_result *result, struct strbuf *out);
int result_decode(const void *data, size_t size, struct spvscope_result *ret);

#endif
