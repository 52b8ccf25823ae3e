/* SPDX-License-Identifier: Apache-2.0 */
/* What SPIRV-Cross does with a finished module. Runs on the compiling thread; exceptions may come out (guard.h). */
#ifndef SPVSCOPE_SPIRV_CROSS_H
#define SPVSCOPE_SPIRV_CROSS_H

#include "codegen/run.h"

/* Makes the products of run->result->spirv that the job's `emit` names, each in a span of its own. CODEGEN_GOOD,
 * CODEGEN_WRONG with a diagnostic, -ENOMEM. */
int spirv_cross_products(struct codegen_run *run);
/* "2021-01-15-…": what the library says of itself; NULL where the program was built without it. */
const char *spirv_cross_version(void);

#endif
