# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Sourced by server/run and tests/run: finds out which packages are missing and, on Debian and its relatives, installs
# them. Everything that it says goes to standard error. Expects `set -euo pipefail`.

# Debian keeps bpftool and setcap there, and an ordinary user's PATH leaves it out.
PATH="$PATH:/usr/sbin:/sbin"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$@"; exit 1; }

# The probes of a package table: each tells whether what the package brings is there already, wherever it came from, so
# that a Node.js of one's own is as good as Debian's.
probe() { # KIND:WHAT
	local kind=${1%%:*} what=${1#*:}
	case $kind in
	command) command -v "$what" >/dev/null ;;
	library) pkg-config --exists "$what" 2>/dev/null ;;
	file) [[ -e $what ]] ;;
	python) /usr/bin/env python3 -c "import $what" 2>/dev/null || /usr/bin/python3 -c "import $what" 2>/dev/null ;;
	node) [[ $(node --version 2>/dev/null) =~ ^v([0-9]+) ]] && ((BASH_REMATCH[1] >= what)) ;;
	header) echo "#include <$what>" | c++ -E -x c++ - >/dev/null 2>&1 ;;
	*) die "unknown probe $1" ;;
	esac
}

# Rows of `package | probe | what it is for`; prints the rows whose probe fails.
packages_missing() { # TABLE
	local package probe purpose
	while IFS='|' read -r package probe purpose; do
		package=${package// /} probe=${probe// /}
		[[ -z $package ]] || probe "$probe" || printf '%s|%s\n' "$package" "${purpose# }"
	done <<<"$1"
}

is_debian_like() {
	[[ -r /etc/os-release ]] && command -v apt-get >/dev/null &&
		(. /etc/os-release && [[ " ${ID:-} ${ID_LIKE:-} " == *" debian "* ]])
}

apt_install() { # PACKAGE…
	local -a as_root=() apt
	if ((EUID != 0)); then
		command -v sudo >/dev/null || die "installing needs root, and there is no sudo; as root, run:
  apt-get install $*"
		as_root=(sudo)
		say "apt-get is run through sudo, which may ask for your password"
	fi
	apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -y -q -o Dpkg::Use-Pty=0
		-o Acquire::Retries=3)
	# The package lists of a new machine are empty or old: if the first try finds something missing, they are read.
	compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || "${apt[@]}" update >&2 ||
		die "apt-get update failed; see its words above"
	"${apt[@]}" install --no-install-recommends "$@" >&2 ||
		{ "${apt[@]}" update >&2 && "${apt[@]}" install --no-install-recommends "$@" >&2; } ||
		die "apt-get could not install: $*
  See its words above; install them by hand and run this again."
}

# Makes sure that everything in the table is there, or says what is missing and ends the program.
packages_need() { # TABLE
	local missing package purpose
	local -a names=()
	missing=$(packages_missing "$1")
	[[ -n $missing ]] || return 0
	say "missing:"
	while IFS='|' read -r package purpose; do
		printf '  %-22s %s\n' "$package" "$purpose" >&2
		names+=("$package")
	done <<<"$missing"
	is_debian_like || die "this is not Debian, so the names above are only hints: install what they stand for, then run this again"
	apt_install "${names[@]}"
	missing=$(packages_missing "$1")
	[[ -z $missing ]] || die "still missing after the installation: ${missing//$'\n'/, }"
}

# As packages_need, but looks again only when the tables have changed since it last found everything. The stamp lies in
# the build folder, so a new one looks anew.
packages_need_once() { # STAMP TABLE
	local sum
	sum=$(cksum <<<"$2")
	[[ -f $1 && $(<"$1") == "$sum" ]] && return 0
	packages_need "$2"
	mkdir -p "${1%/*}"
	printf '%s\n' "$sum" >"$1"
}

BUILD_PACKAGES="
gcc                 | command:cc               | C compiler
g++                 | command:c++              | C++ compiler, for the shim over glslang and SPIRV-Tools
libc6-dev           | file:/usr/include/stdio.h | C library headers
pkg-config          | command:pkg-config       | finds the libraries
meson               | command:meson            | build system
ninja-build         | command:ninja            | build system
python3-yaml        | python:yaml              | turns the HTTP contract into what is served
libjansson-dev      | library:jansson          | JSON
libmicrohttpd-dev   | library:libmicrohttpd    | HTTP
nettle-dev          | library:nettle           | SHA-256 and random numbers
libsqlite3-dev      | library:sqlite3          | the store
libseccomp-dev      | library:libseccomp       | confines the compilers
libmimalloc-dev     | header:mimalloc.h        | memory for the compilers
libbpf-dev          | library:libbpf           | loads the analyzer
bpftool             | command:bpftool          | embeds the analyzer's objects
clang               | command:clang            | compiles the analyzer for the kernel
llvm                | command:llvm-strip       | strips the analyzer's objects
libelf-dev          | library:libelf           | reads symbols
libdw-dev           | library:libdw            | reads debug information
zlib1g-dev          | library:zlib             | compressed debug information
glslang-dev         | header:glslang/Public/ShaderLang.h | GLSL and HLSL compiler
spirv-tools         | library:SPIRV-Tools      | SPIR-V optimizer, validator, assembler
libspirv-cross-c-shared-dev | library:spirv-cross-c-shared | reflection, and SPIR-V as GLSL, HLSL and MSL
nodejs              | node:18                  | builds the viewer
npm                 | command:npm              | fetches what the viewer is built from
ca-certificates     | file:/etc/ssl/certs/ca-certificates.crt | lets npm check whom it talks to
libcap2-bin         | command:setcap           | grants the analyzer its capabilities
"

# Languages beyond those that are built in, for --languages; each with its packages.
LANGUAGES="opencl wgsl"
OPENCL_PACKAGES="
clang-22            | command:clang-22         | OpenCL C and C++ for OpenCL
"
WGSL_PACKAGES="
nodejs              | node:18                  | runs the WGSL compiler, which npm fetches when it is built
npm                 | command:npm              | fetches it
"

# The words of --languages=WORD,…, each named once; "all" is all of them.
languages_of() { # LIST
	local word
	for word in ${1//,/ }; do
		case " $LANGUAGES " in
		*" $word "*) printf '%s\n' "$word" ;;
		*)
			[[ $word == all ]] || die "--languages takes all, or some of: ${LANGUAGES// /, }; not '$word'"
			printf '%s\n' $LANGUAGES
			;;
		esac
	done | sort -u
}

# The rows of packages for them.
language_packages() { # WORD…
	local word table
	for word; do
		table=${word^^}_PACKAGES
		printf '%s' "${!table}"
	done
}
