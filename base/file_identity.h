/* SPDX-License-Identifier: Apache-2.0 */
/* Which contents a file has, without reading it: a text that differs once a file was written to, replaced, or touched in any
 * other way, since then the kernel sets its change time, which nobody else can. Any thread; a stat call each. */
#ifndef SPVSCOPE_BASE_FILE_IDENTITY_H
#define SPVSCOPE_BASE_FILE_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#define FILE_IDENTITY_MAX 128

/* "device:inode size mtime ctime" of what path leads to; at most FILE_IDENTITY_MAX bytes. 0 or -errno, with "" then. */
int file_identity(const char *path, char *ret, size_t size);
/* The same as a number that is mixed into hash; of a folder with the files right in it, in any order. What is not there
 * counts too. */
uint64_t file_identity_mix(uint64_t hash, const char *path);

#endif
