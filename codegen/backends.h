/* SPDX-License-Identifier: Apache-2.0 */
/* The back ends that this process has: those that are built in, a row each, and those that it was told of at its start. The
 * template fills the table before it forks; every worker has a copy. */
#ifndef SPVSCOPE_CODEGEN_BACKENDS_H
#define SPVSCOPE_CODEGEN_BACKENDS_H

#include <stddef.h>

#include "codegen/run.h"

#define BACKENDS_MAX 64

/* In order; a back end's place is its number in the worker protocol. NULL behind the last. */
const struct codegen_backend *backend_at(size_t i);
/* The one of that name; NULL: none. */
const struct codegen_backend *backend_named(const char *name);
/* The first that takes the language; NULL: none. */
const struct codegen_backend *backend_for(enum spvscope_language language);
/* Borrowed for the life of the process. 0, -EEXIST when there is one of that name, -ENOSPC. */
int backend_add(const struct codegen_backend *backend);
/* "glsl,hlsl": bits of the languages, at most one of them a word that nobody else here knows, which *ret_other points to in the
 * list then, NULL else. The list is cut at its commas. 0; -EINVAL with *ret_other the word that is too many. */
int backend_languages(char *list, uint32_t *ret_bits, const char **ret_other);
/* Lets the i-th find what it needs. */
int backend_find(size_t i);

/* Sets run->backend for its job. CODEGEN_GOOD, or CODEGEN_WRONG with a diagnostic that says what is missing. */
int backend_choose(struct codegen_run *run);

#endif
