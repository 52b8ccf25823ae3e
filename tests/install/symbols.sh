#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A worker that was installed stripped can still be symbolized. TAP. Arguments: the build folder. MESON is the program.
set -u
build=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
count=0
check() { # DESCRIPTION COMMAND…
	what=$1
	count=$((count + 1))
	shift
	if "$@"; then echo "ok $count - $what"; else echo "not ok $count - $what"; fi
}
installs() {
	"${MESON:-meson}" install -C "$build" --no-rebuild --strip --destdir "$folder" >"$folder/log" 2>&1 ||
		{ sed 's/^/# /' "$folder/log"; return 1; }
	worker=$(find "$folder" -name spvscope-worker -type f)
}
has_names() { readelf -sW "$worker" | grep -q ' FUNC .* spvscope_compile$'; }
has_no_debug_information() { ! readelf -SW "$worker" | grep -q ' \.debug_info '; }

check 'meson install --strip installs' installs
check 'the worker keeps its symbol table' has_names
check 'and nothing else that is stripped' has_no_debug_information
echo "1..$count"
