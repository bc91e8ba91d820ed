# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the tests of the demo share: a directory of their own, and small words.
# GLIB_DEMO names the program; without it, the one in build/.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
demo=${GLIB_DEMO:-$here/../../build/c-harness/glib-demo/glib-demo}
[ -x "$demo" ] || { echo "$0: no program $demo: build it, or set GLIB_DEMO" >&2; exit 1; }

# A failure keeps the directory, so that one can look.
work=$(mktemp -d)
trap '[ $? -eq 0 ] && rm -rf "$work" || echo "$0: what was recorded is in $work" >&2' EXIT
cd "$work"

# value NAME FILE: a number that the demo printed
value() { sed -n "s/^$1 //p" "$2"; }

# fail WORDS...: end the test
fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}
