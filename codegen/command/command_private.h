/* SPDX-License-Identifier: Apache-2.0 */
/* A command as it was read. Private to codegen/command. */
#ifndef SPVSCOPE_COMMAND_COMMAND_PRIVATE_H
#define SPVSCOPE_COMMAND_COMMAND_PRIVATE_H

#include "codegen/run.h"
#include "codegen/tools/tool.h"

#define COMMAND_MAX_NAME_BYTES 64
#define COMMAND_MAX_ARGS       256
#define COMMAND_MAX_READS      16

struct command {
	struct codegen_backend backend; /* what the table borrows */
	struct tool tool;
	char *line;                     /* owned; the words below lie in it */
	char *name;
	const char *other_language;
	uint32_t languages;
	bool may_fork;
	char *reads[COMMAND_MAX_READS];
	size_t n_reads;
	char *argv[COMMAND_MAX_ARGS];   /* the program first */
	size_t n_argv;
};

extern const char *const command_words[]; /* what may stand in braces; NULL behind the last */

int command_parse(const char *line, struct command *ret, char *error, size_t error_size);
void command_done(struct command *c);

#endif
