#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts the script and its module into a folder of the build: fetch.sh FOLDER STAMP naga.mjs package.json package-lock.json
set -eu

folder=$1 stamp=$2
shift 2
mkdir -p "$folder"
cp "$@" "$folder"
cd "$folder"
# Scripts of packages are not run. What npm says is of interest when it fails only.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1 || {
	cat npm.log >&2
	echo "naga-wasm could not be fetched from the npm registry; without network, configure with -Dwgsl=disabled" >&2
	exit 1
}
rm -f npm.log
touch "$stamp"
