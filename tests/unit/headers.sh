#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Proves that each header compiles alone: headers.sh SOURCE_ROOT COMPILER…   (TAP)
# Left out: what only the BPF compiler reads.
root=$1
shift
number=0

cd "$root" || exit 1
find api base bpf codegen server -name '*.h' ! -name '*.bpf.h' ! -name kernel_types.h | sort | {
	while read -r header; do
		number=$((number + 1))
		if said=$(echo "#include \"$header\"" | "$@" -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only \
			-I. -Icodegen/include -x c - 2>&1); then
			echo "ok $number - $header compiles alone"
		else
			echo "not ok $number - $header compiles alone"
			echo "$said" | sed 's/^/# /'
		fi
	done
	echo "1..$number"
}
