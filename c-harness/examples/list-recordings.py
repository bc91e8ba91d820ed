#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lists the recordings of a folder: what each is of, how it ended, and its first events.

A program in a language that can call C reads logs with the functions of replay/log.h. This one
needs nothing but Python and the shared library.

usage: list-recordings.py FOLDER [EVENTS]     EVENTS: how many of each, 3 by default

LIBREPLAY names the library, unless the system finds libreplay.so.0 by itself.
"""
import ctypes
import datetime
import os
import pathlib
import sys

if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
    sys.exit(__doc__.strip())
try:
    replay = ctypes.CDLL(os.environ.get("LIBREPLAY", "libreplay.so.0"))
except OSError as error:
    sys.exit(f"{error}: set LIBREPLAY to the path of libreplay.so.0")


class Struct(ctypes.Structure):
    """A struct of the library's: it begins with its size, and the library fills no more."""

    def __init__(self):
        super().__init__(size=ctypes.sizeof(self))


class Error(Struct):
    _fields_ = [
        ("size", ctypes.c_uint32), ("status", ctypes.c_int32), ("icount", ctypes.c_uint64),
        ("event_index", ctypes.c_uint64), ("role", ctypes.c_int32), ("system_error", ctypes.c_int32),
        ("expected", ctypes.c_char * 96), ("found", ctypes.c_char * 96), ("device", ctypes.c_char * 64),
        ("message", ctypes.c_char * 512), ("history", ctypes.c_char * 1024)]


class Info(Struct):
    _fields_ = [
        ("size", ctypes.c_uint32), ("state", ctypes.c_int32), ("events", ctypes.c_uint64),
        ("icount", ctypes.c_uint64), ("virtual_ns", ctypes.c_int64), ("bytes", ctypes.c_uint64),
        ("live_bytes", ctypes.c_uint64), ("created_ns", ctypes.c_uint64), ("digest", ctypes.c_uint64),
        ("has_digest", ctypes.c_uint32), ("end_cause", ctypes.c_int32), ("end_exit_code", ctypes.c_int32),
        ("shift", ctypes.c_int32), ("log_version", ctypes.c_uint32), ("fingerprint_fields", ctypes.c_uint32),
        ("snapshots", ctypes.c_uint32), ("damaged", ctypes.c_uint32), ("recorder_errno", ctypes.c_int32),
        ("reserved", ctypes.c_uint32), ("first_event", ctypes.c_uint64), ("first_icount", ctypes.c_uint64),
        ("reason", ctypes.c_char_p), ("parent", ctypes.c_char_p)]


class Event(Struct):
    _fields_ = [
        ("size", ctypes.c_uint32), ("kind", ctypes.c_uint32), ("icount", ctypes.c_uint64),
        ("event", ctypes.c_uint64), ("virtual_ns", ctypes.c_int64), ("role", ctypes.c_int32),
        ("value_count", ctypes.c_uint32), ("kind_name", ctypes.c_char_p),
        ("value_names", ctypes.POINTER(ctypes.c_char_p)), ("values", ctypes.c_int64 * 8),
        ("bytes", ctypes.c_void_p), ("length", ctypes.c_uint64)]


# Each function with what it returns and takes.
Log = ctypes.c_void_p
for name, result, arguments in [
        ("replay_log_open", Log, [ctypes.c_char_p, ctypes.POINTER(Error)]),
        ("replay_log_close", None, [Log]),
        ("replay_log_last_error", ctypes.c_int32, [Log, ctypes.POINTER(Error)]),
        ("replay_log_query", ctypes.c_int32, [Log, ctypes.POINTER(Info)]),
        ("replay_log_fingerprint_at", ctypes.c_int32,
         [Log, ctypes.c_uint32, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_char_p)]),
        ("replay_log_next", ctypes.c_bool, [Log, ctypes.POINTER(Event)])]:
    function = getattr(replay, name)
    function.restype, function.argtypes = result, arguments

STATES = {1: "finished", 2: "running", 3: "died", 4: "cut"}
ROLES = {1: "vcpu", 2: "io"}


def text(of_c):
    """The library's text needn't be UTF-8."""
    return of_c.decode("utf-8", "backslashreplace")


def fingerprint(log, count):
    """Keys and values of the recorded machine."""
    key, value = ctypes.c_char_p(), ctypes.c_char_p()
    for number in range(count):
        replay.replay_log_fingerprint_at(log, number, key, value)
        yield text(key.value), text(value.value)


def events(log, most):
    """The next events, as lines of text."""
    event = Event()
    for _ in range(most):
        if not replay.replay_log_next(log, event):
            error = Error()
            if replay.replay_log_last_error(log, error) != 0:
                yield text(error.message)
            return
        values = "".join(f" {text(event.value_names[i])}={event.values[i]}" for i in range(event.value_count))
        payload = ctypes.string_at(event.bytes, event.length) if event.bytes else b""
        yield (f"{event.icount} {ROLES[event.role]} {text(event.kind_name)}{values}"
               + (f" {payload!r}" if payload else ""))


def show(path, most):
    error = Error()
    log = replay.replay_log_open(os.fsencode(path), error)
    if not log:
        print(f"{path.name}: not listed: {text(error.message)}")
        return
    try:
        info = Info()
        replay.replay_log_query(log, info)
        state = STATES[info.state] + (f" ({text(info.reason)})" if info.reason else "")
        print(f"{path.name}: {state}, {info.events} events in {info.icount} instructions, {info.bytes} bytes")
        if info.virtual_ns >= 0:
            print(f"    virtual time {info.virtual_ns / 1e9:.9f} s")
        if info.created_ns:
            print(f"    recorded {datetime.datetime.fromtimestamp(info.created_ns / 1e9, datetime.timezone.utc)}")
        for key, value in fingerprint(log, info.fingerprint_fields):
            print(f"    {key} = {value}")
        for line in events(log, most):
            print(f"    {line}")
    finally:
        replay.replay_log_close(log)


def main():
    most = int(sys.argv[2]) if len(sys.argv) == 3 else 3
    for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        if path.is_file() and not path.name.endswith((".live", ".new", ".snap")):
            show(path, most)


main()
