#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The names of the target's system calls as rows of a C array, from its own headers. Arguments: the C compiler.
set -eu
printf '#include <sys/syscall.h>\n' | "$@" -E -dM -x c - |
	sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9][0-9]*\)$/[\2] = "\1",/p' | grep -v \"syscalls\"
