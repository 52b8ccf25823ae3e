/* SPDX-License-Identifier: Apache-2.0 */
/* Back ends from shared libraries (spvscope/backend.h). */
#ifndef SPVSCOPE_CODEGEN_PLUGINS_H
#define SPVSCOPE_CODEGEN_PLUGINS_H

/* Loads each *.so of the folder, in the order of their names, into this process and its table of back ends. In the template,
 * before its first fork. What cannot be loaded, or could be written by others than root and this user, is left out and
 * logged. */
void plugins_load(const char *folder);

#endif
