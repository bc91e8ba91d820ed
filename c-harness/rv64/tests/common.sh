# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the tests of the machine share: a folder of their own, and small words.
# RV64_MACHINE names the program, RV64_GUESTS and RV64_BARE the folders with the guests;
# without them those in build/ are taken.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../../../build/c-harness/rv64
machine=$(realpath "${RV64_MACHINE:-$top/rv64-machine}")
guests=$(realpath "${RV64_GUESTS:-$top/guests}")
# shellcheck disable=SC2034 # for those who read this file
bare=$(realpath "${RV64_BARE:-$top/guest/bare}")
[[ -x $machine ]] || { echo "$0: no program $machine: build it, or set RV64_MACHINE" >&2; exit 1; }

# One of the cores that this process may use.
core=$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')
work=$(mktemp -d)

# Ends what is still running. A failure keeps the folder, so that one can look.
leave() {
    local status=$?
    # shellcheck disable=SC2046 # numbers
    kill $(jobs -p) 2>/dev/null || true
    # shellcheck disable=SC2046 # those that are stopped
    kill -CONT $(jobs -p) 2>/dev/null || true
    wait || true
    if [[ $status -eq 0 ]]; then
        rm -rf "$work"
    else
        echo "$0: what was recorded is in $work" >&2
    fi
}
trap leave EXIT
cd "$work"

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# The guests of Linux are made on demand, because they have to be fetched.
need_linux() {
    [[ -e $guests/Image && -e $guests/command-line ]] ||
        fail "no guests in $guests: run c-harness/rv64/guest/make-guests, or set RV64_GUESTS"
}

# linux GUEST [OPTION...]: the options with which the machine runs it, in the array guest
linux() {
    need_linux
    guest=(--kernel "$guests/Image" --initrd "$guests/$1.cpio"
        --append "$(cat "$guests/command-line") ${append-}" "${@:2}")
}

# value NAME FILE: a number of a report
value() { sed -n "s/^$1 //p" "$2"; }

# record, replay [OPTION...]: runs the guest on "log"; console, report and messages are
# kept in record.* and replay.*. $icount adds options of the library to a recording;
# with $one_core a replay runs on one core. What hangs is ended (exit status 124).
record() {
    rm -f log log.live
    timeout -k 5 300 "$machine" "${guest[@]}" --serial null --console-log record.console \
        --report record.report --icount "shift=0,rr=record,rrfile=log${icount:+,$icount}" "$@" \
        >record.out 2>&1 </dev/null
}
replay() {
    timeout -k 5 300 ${one_core:+taskset -c "$core"} "$machine" "${guest[@]}" --serial null \
        --console-log replay.console --report replay.report \
        --icount "rr=replay,rrfile=log" "$@" >replay.out 2>&1 </dev/null
}

# start_recording: as record, in the background, where it ignores the signal $ignore.
# ended STATUS|STATUS: it has ended so, by itself
start_recording() {
    rm -f log log.live record.*
    # In the background of a shell it would ignore SIGINT, and after nohup SIGHUP.
    env --default-signal=INT,TERM,HUP ${ignore:+--ignore-signal=$ignore} "$machine" "${guest[@]}" \
        --serial null --console-log record.console --report record.report \
        --icount "shift=0,rr=record,rrfile=log" >record.out 2>&1 </dev/null &
    recorder=$!
}
ended() {
    local status=0 n
    for ((n = 0; n < 2000; n++)); do
        kill -0 $recorder 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL $recorder 2>/dev/null || true
    wait $recorder || status=$?
    [[ "|$1|" == *"|$status|"* ]] || fail "exit status $status instead of $1: $(cat record.out)"
}

# wait_for TEXT FILE: until it is there
wait_for() {
    local n
    for ((n = 0; n < 600; n++)); do
        ! grep -q -- "$1" "$2" 2>/dev/null || return 0
        sleep 0.05
    done
    fail "\"$1\" isn't in $2: $(cat "$2")"
}

# record_typed ARGUMENT...: records while type-keys types at the serial line
record_typed() {
    "$here/type-keys" "$work/line" "$@" 2>typist.out &
    local typist=$!
    if record --serial "unix:$work/line" && wait $typist; then
        return 0
    fi
    kill $typist 2>/dev/null || true
    wait $typist || true
    cat typist.out >&2
    return 1
}

# same: the replay was the recording, to the last byte and the last instruction
same() {
    cmp record.console replay.console || return 1
    local name
    for name in events icount virtual_ns warped_ns digest; do
        [[ -n $(value $name record.report) ]] || return 1
        [[ $(value $name record.report) == "$(value $name replay.report)" ]] ||
            { echo "$name: $(value $name record.report), $(value $name replay.report)" >&2; return 1; }
    done
}
