# SPDX-License-Identifier: MIT
# What the tests of the simavr host share: a directory of their own, and small words.
# SIMAVR_HOST names the program; without it, the one in build/.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
host=${SIMAVR_HOST:-$here/../../build/c-harness/simavr/simavr-host}
[ -x "$host" ] || { echo "$0: no program $host: build it, or set SIMAVR_HOST" >&2; exit 1; }

# A failure keeps the directory, so that one can look.
work=$(mktemp -d)
trap '[ $? -eq 0 ] && rm -rf "$work" || echo "$0: what was recorded is in $work" >&2' EXIT
cd "$work"

# fail WORDS...: end the test
fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}
