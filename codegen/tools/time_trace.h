/* SPDX-License-Identifier: Apache-2.0 */
/* The file that clang writes with -ftime-trace, as spans. Runs in workers, on the compiling thread. */
#ifndef SPVSCOPE_TOOLS_TIME_TRACE_H
#define SPVSCOPE_TOOLS_TIME_TRACE_H

#include "codegen/run.h"
#include "codegen/tools/tool.h"

/* Tells the events of the JSON text as debug spans inside the answer's span, on the answer's clock; prefix is the name before
 * theirs, "codegen::tool::clang". What is no time trace is passed over. 0 or -ENOMEM. */
int time_trace_tell(struct codegen_run *run, const struct tool_answer *a, const char *prefix, const char *json, size_t size);

#endif
