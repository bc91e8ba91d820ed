#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes logs of this library, and looks into them, from the format page alone, apart from the library's own code.

usage: own_log.py make SEED EVENTS [died]  > LOG
       own_log.py chunks LOG               a line for each chunk
"""
import ctypes
import random
import struct
import sys

XXH3 = ctypes.CDLL("libxxhash.so.0").XXH3_64bits
XXH3.restype = ctypes.c_uint64
MAGIC = b"\x89RPL\r\n\x1a\n"
HEADER, CHUNK, TRAILER, ENTRY = 64, 72, 40, 32
METADATA, EVENTS, INDEX, END = 1, 2, 3, 4
SEED = 0x5245504C41594C47
# Number, name and layout of the kinds that `make` writes.
KINDS = [(1, "INTERRUPT", ""), (3, "BOTTOM_HALF", "u"), (7, "CHAR_READ", "ub"), (8, "BLOCK", "us"),
         (11, "NET", "uub"), (12, "SHUTDOWN", "u"), (19, "CLOCK_HOST", "c"), (21, "DIGEST", "q"),
         (32, "CHECKPOINT_CLOCK_WARP_START", "")]


def checksum(data):
    return XXH3(bytes(data), len(data))


def number(value):
    """LEB128."""
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def signed(value):
    return number(value << 1 if value >= 0 else ~(value << 1))


def counted(data):
    return number(len(data)) + data


def fold(state, event):
    """The running checksum."""
    words = [int.from_bytes(event[at:at + 8], "little") for at in range(0, len(event), 8)]
    for word in words if len(event) <= 64 else [checksum(event)]:
        product = (state ^ word) * 0x9E3779B97F4A7C15 % (1 << 64)
        state = product ^ product >> 32
    return state


class Chunk:
    """A chunk's header; `at` is its place in the file."""

    def __init__(self, at, header):
        self.at = at
        (self.kind, self.codec, self.sequence, self.first_event, self.first_icount, self.events, self.raw, self.stored,
         self.link, self.chain, self.payload_sum, self.sum) = struct.unpack("<4xBB2xQQQIIIIQQQ", header)

    @property
    def end(self):
        return self.at + CHUNK + self.stored


def encode_chunk(kind, sequence, payload, link, first=(0, 0), events=0, chain=SEED):
    header = struct.pack("<4sBBHQQQIIIIQQ", b"RCHK", kind, 0, 0, sequence, first[0], first[1], events, len(payload),
                         len(payload), link, chain, checksum(payload))
    return header + struct.pack("<Q", checksum(header)) + payload


def chunks(data):
    """Those that follow each other from the beginning, whatever they contain."""
    found, at = [], HEADER
    while data[at:at + 4] == b"RCHK" and at + CHUNK <= len(data):
        chunk = Chunk(at, data[at:at + CHUNK])
        if chunk.end > len(data):
            break
        found.append(chunk)
        at = chunk.end
        if len(found) == 1 and data[8] == 3:
            # The records that say where the log begins.
            at = (at + 4095) // 4096 * 4096 + 8192
    return found


def correct(data, chunk):
    """Makes the checksums of a changed chunk right again, but not what refers to them."""
    payload = data[chunk.at + CHUNK:chunk.end]
    data[chunk.at + 56:chunk.at + 64] = struct.pack("<Q", checksum(payload))
    data[chunk.at + 64:chunk.at + CHUNK] = struct.pack("<Q", checksum(data[chunk.at:chunk.at + 64]))


def random_event(layout, rng):
    out = b""
    for letter in layout:
        if letter == "u":
            out += number(rng.randrange(4))
        elif letter == "s":
            out += signed(rng.randrange(-3, 600))
        elif letter == "q":
            out += rng.randbytes(8)
        elif letter == "c":
            out += signed(rng.randrange(1, 3000))
        else:
            out += counted(rng.randbytes(rng.randrange(20)))
    return out


def begin_records(end, previous, event, icount, event_chain):
    """What a log has after its metadata that begins within its first chunk."""
    record = struct.pack("<4sIQQQQQQQQQQ", b"RBGN", 0, 1, (end + 4095) // 4096 * 4096 + 8192, 1, 0, 0, SEED, previous,
                         event, icount, event_chain)
    record += struct.pack("<Q", checksum(record))
    return bytes(-end % 4096) + 2 * record.ljust(4096, b"\0")


def make(seed, count, died=False, segment=1024, fields=(("ram", "64M"), ("cpu", "rv64")), begin=0):
    """With `begin`, a part of a run that begins at that event of its first chunk."""
    rng = random.Random(seed)
    metadata = struct.pack("<QIB", 1700000000 * 10**9, 0, 3) + number(len(fields))
    metadata += b"".join(counted(text.encode()) for pair in fields for text in pair) + number(len(KINDS))
    metadata += b"".join(bytes([kind]) + counted(name.encode()) + counted(layout.encode()) for kind, name, layout in KINDS)
    out = struct.pack("<8sIIIII28x", MAGIC, 3 if begin else 2, HEADER, CHUNK, TRAILER, segment)
    out += struct.pack("<Q", checksum(out))
    out += encode_chunk(METADATA, 0, metadata, 0)
    state, icount, index, event, sequence = SEED, 0, b"", 0, 1

    def last_sum():
        return chunks(out)[-1].sum
    if begin:
        # The place is known when the events are.
        head, identity = len(out), struct.pack("<Q", checksum(metadata))
        out += begin_records(head, last_sum(), begin, 0, 0)
    while event < count:
        first, payload = (event, icount), b""
        while event < count and len(payload) < segment:
            if begin and event == begin:
                records = begin_records(head, chunks(out)[0].sum, begin, icount, fold(state, identity))
                out = out[:head] + records + out[head + len(records):]
            kind, _, layout = rng.choice(KINDS)
            step = rng.choice([0, 0, rng.randrange(1, 400)])
            encoded = bytes([kind | (0x40 if step == 0 else 0) | rng.choice([0, 0x80])])
            encoded += (number(step) if step else b"") + random_event(layout, rng)
            state, icount, event = fold(state, encoded), icount + step, event + 1
            payload += encoded
        entry = (len(out), *first)
        out += encode_chunk(EVENTS, sequence, payload, last_sum() & 0xFFFFFFFF, first, event - first[0], state)
        index += struct.pack("<QQQQ", *entry, last_sum())
        sequence += 1
    if died:
        return out
    places = (len(out), len(out) + CHUNK + len(index))
    out += encode_chunk(INDEX, sequence, index, last_sum() & 0xFFFFFFFF, (event, icount), 0, state)
    out += encode_chunk(END, sequence + 1, struct.pack("<IiQQQQ", 6, 0, icount, 0, 0, event),
                        last_sum() & 0xFFFFFFFF, (event, icount), 0, state)
    trailer = struct.pack("<8sQQQ", b"RPLEND\r\n", *places, len(out) + TRAILER)
    return out + trailer + struct.pack("<Q", checksum(trailer))


def make_snapshots(log, places):
    """A store of snapshots for a log: places are icount and event. The snapshots have no state, so none can be loaded."""
    metadata = chunks(log)[0]
    header = b"\x89RSN\r\n\x1a\n" + struct.pack("<IIIIQQQ8x", 1, 80, 48, 1, checksum(log[metadata.at + CHUNK:metadata.end]), 2, 3)
    header += struct.pack("<IIQ", 1, 4096, 128 * 4096)
    out = header + struct.pack("<Q", checksum(header))
    for number, (icount, event) in enumerate(places):
        commit = struct.pack("<QQQQQQQQ", 2 * number, icount, event, 0, 0, 1, 0, 0)
        record = struct.pack("<4sBBHQ8sIIQ", b"RSNP", 5, 0, 0, number + 1, out[72:80], len(commit), len(commit), checksum(commit))
        out += record + struct.pack("<Q", checksum(record)) + commit
    return out


def comments(log, listed):
    """What follows a log with comments: author, text and tags of each."""
    payload = number(len(listed))
    for author, text, tags in listed:
        payload += counted(author.encode()) + counted(text.encode()) + number(len(tags))
        payload += b"".join(counted(tag.encode()) for tag in tags)
    trailer = struct.pack("<8sQQQ", b"RPLNOTE\n", len(log), len(log) + len(payload) + TRAILER, checksum(payload))
    return payload + trailer + struct.pack("<Q", checksum(trailer))


if __name__ == "__main__":
    if len(sys.argv) in (4, 5) and sys.argv[1] == "make":
        sys.stdout.buffer.write(make(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] == ["died"]))
    elif len(sys.argv) == 3 and sys.argv[1] == "chunks":
        with open(sys.argv[2], "rb") as file:
            for found in chunks(file.read()):
                print({key: value for key, value in vars(found).items() if "sum" not in key})
    else:
        sys.exit(__doc__)
