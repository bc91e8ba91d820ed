#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Decodes the events of logs of this library, however their chunks are stored, from the format page alone.

usage: own_events.py LOG     prints a line for each event
"""
import collections
import ctypes
import json
import sys

import own_log

ZSTD = ctypes.CDLL("libzstd.so.1")
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
STORED, COMPRESSED, COLUMNS = 0, 1, 2
# How many columns a field has.
COLUMNS_OF = {"u": 1, "s": 1, "q": 1, "c": 20, "b": 3}
# How many bytes of a value are in the second column of a field of bytes.
VALUE_HEAD = 54

Event = collections.namedtuple("Event", "kind name role icount values data")


class Bytes:
    """Bytes that are taken from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        assert 0 <= count <= len(self.data) - self.at, "bytes are missing"
        self.at += count
        return self.data[self.at - count:self.at]

    def take_number(self):
        """The bytes of a LEB128 number."""
        out = self.take(1)
        while out[-1] >= 0x80:
            assert len(out) < 10, "a number is too long"
            out += self.take(1)
        assert len(out) < 10 or out[9] <= 1, "a number is too large"
        return out

    def number(self):
        return value_of(self.take_number())

    @property
    def is_used_up(self):
        return self.at == len(self.data)


def value_of(leb128):
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(leb128))


def signed_of(number):
    return number >> 1 ^ -(number & 1)


def decompress(data, length):
    out = ctypes.create_string_buffer(max(length, 1))
    count = ZSTD.ZSTD_decompress(out, ctypes.c_size_t(length), data, ctypes.c_size_t(len(data)))
    assert count == length, f"{count} bytes came out instead of {length}"
    return out.raw[:length]


# ------------------------------------------------------------------ the table of kinds

def kinds(metadata):
    """Name and layout by number, in the order of the table."""
    data = Bytes(metadata)
    data.take(13)
    for _ in range(2 * data.number()):
        data.take(data.number())
    table = {}
    for _ in range(data.number()):
        number = data.take(1)[0]
        assert number not in table
        name, layout = (data.take(data.number()).decode() for _ in range(2))
        table[number] = (name, layout)
    assert data.is_used_up
    return table


# ------------------------------------------------------------------ columns

def columns(payload, table):
    """The columns by number; those that are empty are left out. Then which are compressed, and how many zeros follow."""
    data, places, following = Bytes(payload), [], 0
    for _ in range(data.number()):
        column, length, stored = data.number() + following, data.number(), data.number()
        following = column + 1
        places.append((column, length, stored))
    assert following <= 2 + sum(COLUMNS_OF[letter] for _, layout in table.values() for letter in layout)
    found = {}
    for column, length, stored in places:
        assert 0 < stored <= length
        content = data.take(stored)
        found[column] = Bytes(content if stored == length else decompress(content, length))
    padding = payload[data.at:]
    assert not any(padding)
    return found, [column for column, length, stored in places if stored < length], len(padding)


def value_heads(lengths, heads):
    """The first bytes of each value, of all first bytes, all second ones, and so on."""
    lengths, heads = Bytes(lengths.data), Bytes(heads.data)
    values = []
    while not lengths.is_used_up:
        values.append((min(lengths.number(), VALUE_HEAD), bytearray()))
    for place in range(VALUE_HEAD):
        for length, value in values:
            if length > place:
                value += heads.take(1)
    assert heads.is_used_up
    return [bytes(value) for _, value in values]


def merge(payload, table):
    """The bytes of each event of a chunk in columns."""
    found, _, _ = columns(payload, table)
    none = Bytes(b"")
    first, heads, at = {}, {}, 2
    for kind, (_, layout) in table.items():
        for place, letter in enumerate(layout):
            first[kind, place] = at
            if letter == "b":
                heads[at] = iter(value_heads(found.get(at, none), found.get(at + 1, none)))
            at += COLUMNS_OF[letter]
    places, readings, events = 0, {}, []
    for byte in found[0].data:
        event = bytes([byte])
        if not byte & 0x40:
            event += found[1].take_number()
            places += 1
        kind = byte & 0x3F
        for place, letter in enumerate(table[kind][1]):
            column = first[kind, place]
            if letter in "us":
                event += found[column].take_number()
            elif letter == "q":
                event += found[column].take(8)
            elif letter == "c":
                if readings.get(kind) == places:
                    column += 10
                readings[kind] = places
                while True:
                    event += found[column].take(1)
                    column += 1
                    if event[-1] < 0x80:
                        break
            else:
                length = found[column].take_number()
                event += length + next(heads[column])
                if value_of(length) > VALUE_HEAD:
                    event += found[column + 2].take(value_of(length) - VALUE_HEAD)
        events.append(event)
    for column, content in found.items():
        # The first bytes have been read above, those of values by value_heads.
        assert content.is_used_up or column == 0 or column - 1 in heads, f"column {column} has more bytes"
    return events


# ------------------------------------------------------------------ events

def decode(data, icount, clocks, table):
    """The event at the front."""
    byte = data.take(1)[0]
    kind = byte & 0x3F
    name, layout = table[kind]
    if not byte & 0x40:
        icount += data.number()
    values, content = [], b""
    for letter in layout:
        if letter == "q":
            values.append(int.from_bytes(data.take(8), "little"))
            continue
        number = data.number()
        if letter == "b":
            content = data.take(number)
        elif letter == "c":
            clocks[kind] = (clocks.get(kind, 0) + signed_of(number) + (1 << 63)) % (1 << 64) - (1 << 63)
            values.append(clocks[kind])
        else:
            values.append(number if letter == "u" else signed_of(number))
    return Event(kind, name, "io" if byte & 0x80 else "vcpu", icount, values, content)


def events(log):
    """All events of a log, whose checksums are those of its chunks."""
    chunks = own_log.chunks(log)
    metadata = chunks[0]
    table = kinds(log[metadata.at + own_log.CHUNK:metadata.end])
    chain = own_log.SEED
    for chunk in chunks:
        if chunk.kind != own_log.EVENTS:
            continue
        payload = log[chunk.at + own_log.CHUNK:chunk.end]
        assert own_log.checksum(payload) == chunk.payload_sum
        if chunk.codec == COLUMNS:
            payload = b"".join(merge(payload, table))
        elif chunk.codec == COMPRESSED:
            payload = decompress(payload, chunk.raw)
        assert len(payload) == chunk.raw
        data, icount, clocks = Bytes(payload), chunk.first_icount, {}
        for _ in range(chunk.events):
            begin = data.at
            event = decode(data, icount, clocks, table)
            icount = event.icount
            chain = own_log.fold(chain, payload[begin:data.at])
            yield event
        assert data.is_used_up and chain == chunk.chain


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        for found in events(file.read()):
            print(json.dumps({**found._asdict(), "data": found.data.hex()}))
