#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone, and those of <spvscope/…> as C++ too: headers.sh SOURCE_ROOT CC CXX. Writes TAP.
set -u

root=$1 cc=$2 cxx=$3
cd -- "$root" || exit 1

# Those for the BPF target lean on its compiler's attributes and on what the program includes before them.
mapfile -t headers < <(find api base bpf codegen server tests -name node_modules -prune -o \
	-name '*.h' ! -name '*.bpf.h' ! -path bpf/kernel_types.h -print | LC_ALL=C sort)

flags=(-fsyntax-only -Wall -Wextra -Werror -D_GNU_SOURCE -I. -Icodegen/include)
n=0

check() { # LANGUAGE HEADER COMPILER…
	local language=$1 header=$2 said
	shift 2
	if said=$(printf '#include "%s"\n' "$header" | "$@" "${flags[@]}" -x "$language" - 2>&1); then
		echo "ok $((++n)) - $header compiles alone as $language"
	else
		echo "not ok $((++n)) - $header compiles alone as $language"
		sed 's/^/# /' <<<"$said" | head -n 20
	fi
}

for header in "${headers[@]}"; do
	check c "$header" "$cc" -std=gnu17
	[[ $header != */include/* ]] || check c++ "$header" "$cxx" -std=gnu++17
done
echo "1..$n"
