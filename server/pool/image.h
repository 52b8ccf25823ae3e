/* SPDX-License-Identifier: Apache-2.0 */
/* What the addresses in one template's workers mean: its memory map and, made when first asked for, a symbolizer. Held
 * by reference from any thread; the symbolizer is used by the assembler's thread alone. */
#ifndef SPVSCOPE_IMAGE_H
#define SPVSCOPE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/symbols.h"

struct image;

/* maps_fd: a copy of /proc/PID/maps, stays the caller's. 0 or -errno. */
int image_new(int maps_fd, struct image **ret);
struct image *image_ref(struct image *i); /* takes NULL */
void image_unref(struct image *i);        /* takes NULL */
/* The text of /proc/PID/maps; its paths can be opened. Lives as long as the image. From any thread. */
const char *image_maps(const struct image *i, size_t *ret_len);
/* As symbolizer_lookup; its strings live until the next look-up. False when nothing can be named. */
bool image_lookup(struct image *i, uint64_t address, bool is_return_address, struct symbol *ret);

#endif
