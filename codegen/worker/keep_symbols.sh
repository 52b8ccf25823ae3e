#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stacks are named by the worker's symbol table, which `meson install --strip` takes away: this puts it back, without the
# debug information. Arguments: the program as built, its folder below the prefix. Run by meson at the end of an install.
set -eu
to=$MESON_INSTALL_DESTDIR_PREFIX/$2/$(basename "$1")
readelf -SW "$to" | grep -q ' \.symtab ' && exit 0
strip --strip-debug -o "$to.new" "$1"
chmod 755 "$to.new"
mv -f "$to.new" "$to"
