/* SPDX-License-Identifier: Apache-2.0 */
/* Where this program's companions lie: beside it in the build directory, or where they are installed. Used in main. */
#ifndef SPVSCOPE_PATHS_H
#define SPVSCOPE_PATHS_H

enum companion { COMPANION_WORKER, COMPANION_ANALYZER, COMPANION_WEB };

/* The first place where it is; the last one looked at when it is nowhere, so that an error can name it. The caller
 * frees; NULL when out of memory. */
char *companion_path(enum companion which);

#endif
