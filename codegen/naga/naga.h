/* SPDX-License-Identifier: Apache-2.0 */
/* What naga does with a finished module. Runs in workers, on the compiling thread. */
#ifndef SPVSCOPE_NAGA_H
#define SPVSCOPE_NAGA_H

#include "codegen/run.h"

/* Writes run->result->spirv as WGSL, in a span of its own. CODEGEN_GOOD, CODEGEN_WRONG with a diagnostic, negative as of a
 * back end. */
int naga_translate(struct codegen_run *run);

#endif
