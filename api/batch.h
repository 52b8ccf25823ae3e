/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/batch: fields that all compiles share, and for each those that differ. Runs in the front. */
#ifndef SPVSCOPE_BATCH_H
#define SPVSCOPE_BATCH_H

#include <stddef.h>

#include "api/request.h"

#define BATCH_MAX_COMPILES 10000
#define BATCH_MAX_ID_BYTES 128

struct batch_request;

/* Checks all but the fields of the compiles. 0, -EINVAL with d filled, -ENOMEM. */
int batch_request_from_json(const char *body, size_t len, struct batch_request **ret, struct diag *d);
void batch_request_free(struct batch_request *b); /* takes NULL */
size_t batch_request_count(const struct batch_request *b);
/* What the caller calls the i-th; its number where it says nothing. Lives until the next call. */
const char *batch_request_id(struct batch_request *b, size_t i);
/* The i-th as if it had come alone: what it says stands, objects ("files", "defines") are joined with those of "shared".
 * ret as for compile_request_from_json. */
int batch_request_decode(struct batch_request *b, size_t i, struct compile_request *ret, struct diag *d);

#endif
