# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by run-tests and run-demo: places, and steps that are quiet unless they fail.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build
logs=$build/logs
mkdir -p "$logs"
cd "$root"

# step NAME COMMAND...: says its name and runs it; what it prints goes to
# build/logs/NAME.log and, if it fails, its end to the terminal. Leaves the name
# of the log in step_log.
step() {
    local name=$1
    shift
    step_log="$logs/${name// /-}.log"
    printf '== %s\n' "$name"
    if ! "$@" >"$step_log" 2>&1 </dev/null; then
        tail -n 200 "$step_log" >&2
        printf '%s: "%s" failed; all of its output is in %s\n' "${0##*/}" "$name" "$step_log" >&2
        exit 1
    fi
}

cmake_configure() { cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release; }
cmake_build() { cmake --build "$build" -j "$(nproc)" "$@"; }
