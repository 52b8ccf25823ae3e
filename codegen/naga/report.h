/* SPDX-License-Identifier: Apache-2.0 */
/* naga's printed reports as diagnostics. Runs in workers, on the compiling thread. */
#ifndef SPVSCOPE_NAGA_REPORT_H
#define SPVSCOPE_NAGA_REPORT_H

#include "codegen/run.h"

/* kind is the code: "parse", "validation" or "write". CODEGEN_WRONG or -ENOMEM. */
int naga_report_tell(struct codegen_run *run, const char *kind, const char *text);

/* The same as the words of a message alone. The caller frees; NULL: no memory. */
char *naga_report_message(const char *text);

#endif
