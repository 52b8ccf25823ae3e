/* SPDX-License-Identifier: Apache-2.0 */
/* What clang and compilers that speak like it print: "file:line:column: error: text". Runs in workers, on the compiling
 * thread. */
#ifndef SPVSCOPE_TOOLS_CLANG_MESSAGES_H
#define SPVSCOPE_TOOLS_CLANG_MESSAGES_H

#include "codegen/tools/job_files.h"

/* Tells each message of the text as a diagnostic of `source`. With clang's -fdiagnostics-print-source-range-info the range is
 * the one around its caret, else the token there. Returns whether there was an error: CODEGEN_WRONG, CODEGEN_GOOD, or
 * -ENOMEM. */
int clang_messages_tell(struct codegen_run *run, const struct job_files *files, const char *source, const char *text);

#endif
