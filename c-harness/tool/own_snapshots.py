#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads a store of snapshots from its format page alone, apart from the library's own code.

usage: own_snapshots.py LOG NAME:START...          a line for each snapshot: its icount, whether events of that icount
                                                   precede it, the XXH3 of its memory, what it has of requests and disks
       own_snapshots.py LOG NAME:START... ICOUNT   its memory, all regions one after the other, to standard output

The store is LOG.snap. NAME:START is the name of a region, and a file with what it contains at the start.
"""
import ctypes
import struct
import sys

import own_log

XXHASH = ctypes.CDLL("libxxhash.so.0")
ZSTD = ctypes.CDLL("libzstd.so.1")


class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


XXHASH.XXH3_128bits.restype = Hash128
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
PAGES, LEAF, STATE, OVERLAY, COMMIT, CLUSTERS, EXTENTS = range(1, 8)


def xxh3_128(data):
    h = XXHASH.XXH3_128bits(bytes(data), ctypes.c_size_t(len(data)))
    return struct.pack("<QQ", h.low, h.high)


def decompress(data, length):
    out = ctypes.create_string_buffer(length)
    got = ZSTD.ZSTD_decompress(out, ctypes.c_size_t(length), bytes(data), ctypes.c_size_t(len(data)))
    assert got == length, (got, length)
    return out.raw


def need(condition, what):
    if not condition:
        sys.exit(f"own_snapshots.py: {what}")


class Store:
    """The snapshots, and all that they refer to. What is wrong ends the program."""

    def __init__(self, data, metadata, names, starts):
        self.data, self.starts = data, starts
        need(data[:8] == bytes.fromhex("8952534E0D0A1A0A"), "no magic bytes")
        version, size, self.record_header, count = struct.unpack_from("<IIII", data, 8)
        need(version == 1 and self.record_header == 48 and count <= 256 and size == 64 + 16 * count, "header")
        self.identity = data[size - 8:size]
        need(own_log.checksum(data[:size - 8]) == struct.unpack("<Q", self.identity)[0], "checksum of the header")
        meta, names_digest, start_digest, reserved = struct.unpack_from("<QQQQ", data, 24)
        need(reserved == 0 and meta == metadata, f"metadata {meta:016x}")
        self.regions = [struct.unpack_from("<IIQ", data, 56 + 16 * i) for i in range(count)]
        need(len({r[0] for r in self.regions}) == count == len(names), "ids of regions")
        lengths = [len(s) for s in starts]
        for i, (_, page, length) in enumerate(self.regions):
            need(page in [1 << n for n in range(6, 17)] and length % page == 0, "pages")
            starts[i] = starts[i].ljust(-(-len(starts[i]) // page) * page, b"\0")
            need(len(starts[i]) == length, f"length of region {i}: {length}")
        need(own_log.checksum(b"".join(struct.pack("<Q", n) + own_log.counted(name) for n, name in zip(lengths, names))) ==
             names_digest, "digest of names")
        d = 0
        for number, (_, page, length) in enumerate(self.regions):
            zero = bytes(page)
            for at in range(0, length, page):
                content = starts[number][at:at + page]
                if content != zero:
                    d = own_log.checksum(struct.pack("<QII", d, number, at // page) + xxh3_128(content))
        need(d == start_digest, "digest of the start")
        self.records, self.order, self.cache = {}, [], {}
        self.damaged = 0
        self.scan(size)

    def header(self, at):
        if at + 48 > len(self.data):
            return None
        h = self.data[at:at + 48]
        if h[:4] != b"RSNP" or struct.unpack_from("<Q", h, 40)[0] != own_log.checksum(h[:40]) or h[16:24] != self.identity:
            return None
        kind, codec, reserved, sequence = struct.unpack_from("<BBHQ", h, 4)
        raw, stored, checksum = struct.unpack_from("<IIQ", h, 24)
        last = self.order[-1] if self.order else 0
        if reserved or sequence <= last or sequence >= 1 << 57 or raw >= 1 << 31 or kind not in range(1, 8) or codec > 1:
            return None
        if codec == 1 and (kind == PAGES or stored > raw or stored * 1024 < raw):
            return None
        return kind, codec, sequence, raw, stored, checksum

    def scan(self, at):
        while at < len(self.data):
            head = self.header(at)
            if head is None:
                self.damaged += 1
                at += 1
                while at < len(self.data) and self.header(at) is None:
                    at = self.data.find(b"RSNP", at)
                    if at < 0:
                        return
                    if self.header(at) is None:
                        at += 1
                continue
            if at + 48 + head[4] > len(self.data):
                return
            self.records[head[2]] = (at, head)
            self.order.append(head[2])
            at += 48 + head[4]

    def payload(self, sequence, kind, before):
        need(sequence in self.records and sequence < before, f"record {sequence} isn't there")
        if sequence in self.cache:
            return self.cache[sequence]
        at, (k, codec, _, raw, stored, checksum) = self.records[sequence]
        need(k == kind, f"record {sequence} has kind {k} instead of {kind}")
        data = self.data[at + 48:at + 48 + stored]
        need(own_log.checksum(data) == checksum, f"checksum of record {sequence}")
        if codec == 1:
            data = decompress(data, raw)
        need(len(data) == raw, "length")
        self.cache[sequence] = data
        return data

    def commits(self):
        found = {}
        for sequence in self.order:
            if self.records[sequence][1][0] != COMMIT:
                continue
            data = self.payload(sequence, COMMIT, sequence + 1)
            ident, icount, event, cost, flags, state, overlay = struct.unpack_from("<7Q", data)
            leaves = struct.unpack_from(f"<{(len(data) - 56) // 8}Q", data, 56)
            wanted = sum(-(-length // page // 128) for _, page, length in self.regions)
            need(len(leaves) == wanted, f"{len(leaves)} leaves instead of {wanted}")
            found[ident] = (sequence, ident, icount, event, cost, flags, state, overlay, leaves)
        return sorted(found.values(), key=lambda c: (c[2], c[3], c[1]))

    def start(self, region, page):
        size = self.regions[region][1]
        return self.starts[region][page * size:(page + 1) * size]

    def page(self, reference, region, number, before, depth=0):
        size = self.regions[region][1]
        if reference == 0:
            return self.start(region, number)
        if reference == 1:
            return bytes(size)
        if reference >> 63:
            other, page = reference >> 32 & 0x7FFFFFFF, reference & 0xFFFFFFFF
            need(other < len(self.regions) and self.regions[other][1] == size, "page of the start")
            return self.start(other, page)
        sequence, member = reference >> 6, reference & 63
        data = self.payload(sequence, PAGES, before)
        page_size, count = struct.unpack_from("<II", data)
        need(page_size == size and member < count <= 16, "PAGES")
        key = ("pages", sequence)
        if key not in self.cache:
            rest = data[8 + 24 * count:]
            self.cache[key] = rest if len(rest) == size * count else decompress(rest, size * count)
        content = self.cache[key][member * size:(member + 1) * size]
        digest, base = data[8 + 24 * member:24 + 24 * member], struct.unpack_from("<Q", data, 24 + 24 * member)[0]
        if base:
            need(depth == 0, "a base with a base")
            other = self.page(base, region, number, sequence, 1)
            content = bytes(a ^ b for a, b in zip(content, other))
        need(xxh3_128(content) == digest, f"hash of member {member} of {sequence}")
        return content

    def memory(self, commit):
        sequence, leaves = commit[0], commit[8]
        at = 0
        for region, (_, size, length) in enumerate(self.regions):
            pages = length // size
            for first in range(0, pages, 128):
                reference = leaves[at]
                at += 1
                entries, before = [0] * 128, sequence
                if reference:
                    before = reference >> 6
                    data = self.payload(before, LEAF, sequence)
                    count = struct.unpack_from("<I", data)[0]
                    need((reference & 63) < count <= 64 and len(data) == 4 + 1032 * count, "LEAF")
                    r, f = struct.unpack_from("<II", data, 4 + 1032 * (reference & 63))
                    need((r, f) == (region, first), f"leaf of {r}, {f}")
                    entries = struct.unpack_from("<128Q", data, 12 + 1032 * (reference & 63))
                for number in range(first, min(first + 128, pages)):
                    yield self.page(entries[number - first], region, number, before)

    def state(self, commit):
        data = self.payload(commit[6], STATE, commit[0])
        name, engine, requests = struct.unpack_from("<III", data)
        need(12 + name + engine + requests <= len(data), "STATE")
        place = struct.unpack_from("<QQQ", data, 12 + name + 16)
        need(place[:2] == (commit[2], commit[3]), f"state of {place}, commit of {commit[2:4]}")
        return data[12:12 + name], requests, len(data) - 12 - name - engine - requests

    def disks(self, commit):
        if commit[7] == 0:
            return []
        data = self.payload(commit[7], OVERLAY, commit[0])
        count, at, disks = struct.unpack_from("<I", data)[0], 4, []
        for _ in range(count):
            number, length, chunks = struct.unpack_from("<QQI", data, at)
            references = struct.unpack_from(f"<{chunks}Q", data, at + 20)
            at += 20 + 8 * chunks
            parts = []
            for reference in references:
                record = self.payload(reference >> 6, EXTENTS, commit[7])
                n, where = struct.unpack_from("<I", record)[0], 4
                for _ in range(reference & 63):
                    where += 4 + 24 * struct.unpack_from("<I", record, where)[0]
                need((reference & 63) < n <= 64, "EXTENTS")
                for i in range(struct.unpack_from("<I", record, where)[0]):
                    offset, size, place = struct.unpack_from("<QQQ", record, where + 4 + 24 * i)
                    need(not parts or parts[-1][0] + parts[-1][1] <= offset, "order of parts")
                    if place == (1 << 64) - 1:
                        content = bytes(size)
                    else:
                        clusters = self.payload(place >> 19, CLUSTERS, reference >> 6)
                        content = clusters[place & 0x7FFFF:(place & 0x7FFFF) + size]
                    need(len(content) == size, "CLUSTERS")
                    parts.append((offset, size, content))
            disks.append((number, length, parts))
        need(at == len(data), "OVERLAY")
        return disks


def metadata_of(log):
    """The XXH3 of the payload before compression."""
    chunk = own_log.chunks(log)[0]
    payload = log[chunk.at + own_log.CHUNK:chunk.end]
    return own_log.checksum(decompress(payload, chunk.raw) if chunk.codec else payload)


def read(name):
    with open(name, "rb") as file:
        return file.read()


def main(log, *rest):
    regions = [argument.split(":", 1) for argument in rest if ":" in argument]
    store = Store(read(log + ".snap"), metadata_of(read(log)), [name.encode() for name, _ in regions],
                  [read(start) for _, start in regions])
    commits = store.commits()
    if len(rest) > len(regions):
        commit = next(commit for commit in commits if commit[2] == int(rest[-1]))
        for page in store.memory(commit):
            sys.stdout.buffer.write(page)
        return
    for commit in commits:
        name, requests, host = store.state(commit)
        disks = [(number, length, len(parts)) for number, length, parts in store.disks(commit)]
        print(commit[2], "before" if commit[1] & 1 else "after",
              f"{own_log.checksum(b''.join(store.memory(commit))):016x}",
              f"event {commit[3]} name {name.decode()!r} requests {requests} host {host} disks {disks}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
