/* SPDX-License-Identifier: Apache-2.0 */
/* Back ends of the user's own: a program, and how it is called. One line of the configuration each:
 *
 *   NAME LANGUAGE[,LANGUAGE…] [fork] [read=PATH]… : PROGRAM ARGUMENT…
 *
 * Words are parted by blanks; "double quotes" keep them together. In an argument
 *
 *   {input}   is the source's file in the folder in which the program starts
 *   {output}  the file that it is to write; without it SPIR-V is awaited on standard output
 *   {stage}   the stage's short word, as in file names: vert, frag, comp …
 *   {env}     the target environment: vulkan1.3 …
 *   {spirv}   the SPIR-V version: 1.6
 *   {entry}   the entry point
 *   {defines} as a word of its own: -DNAME=VALUE for each define
 *
 * `fork` lets it start programs of its own, `read` gives it a file or folder beside its libraries. A language may be one that
 * nobody else here knows. */
#ifndef SPVSCOPE_COMMAND_COMMAND_H
#define SPVSCOPE_COMMAND_COMMAND_H

#include <stddef.h>

/* Whether a line makes sense: 0, or -EINVAL with a sentence in error. For the front, which runs none. */
int command_check(const char *line, char *error, size_t error_size);
/* Adds it to the table of back ends. Also -EEXIST, -ENOSPC, -ENOMEM. */
int command_add(const char *line, char *error, size_t error_size);

#endif
