import ReplayLog
import ReplaySystem
import TestSupport
import Testing

@testable import ReplayQEMU

/// A converted log gives what QEMU's own file gives.
@Suite struct ConvertTests {
    /// The events of a log, and those of what it was converted to.
    private func both(_ bytes: [UInt8], _ compression: Compression = .columns) throws -> (ReadLog, ReadLog) {
        let scratch = Scratch()
        let path = scratch.path("qemu")
        Files.write(path, bytes)
        let file = try NewFile(path: scratch.path("log"), replaces: false)
        var options = LogOptions(segmentSize: 256)
        options.compression = compression
        try QEMUConverter(QEMULogReader(path: path)).convert(to: file, options)
        try file.keep()
        return (ReadLog(path), ReadLog(converted: file.path))
    }

    private func expectEqual(_ logs: (ReadLog, ReadLog)) {
        #expect(logs.0.error == nil && logs.1.error == nil)
        #expect(logs.0.events == logs.1.events)
        #expect(logs.0.ending == logs.1.ending)
        #expect(logs.0.format == logs.1.format && logs.0.isClean == logs.1.isClean)
    }

    @Test(arguments: QEMUBytes.formats, [Compression.none, .whole, .columns])
    func everyKindIsConverted(_ format: QEMUFormat, _ compression: Compression) throws {
        let log = QEMUBytes.everyKind(format)
        let logs = try both(log.bytes, compression)
        expectEqual(logs)
        #expect(logs.1.events.map(\.kind) == log.kinds)
        #expect(logs.1.isClean)
    }

    /// Through the index: each event from there on is the same, except that its place in QEMU's file isn't known.
    @Test(arguments: [Compression.whole, .columns]) func everyEventCanBeEntered(_ compression: Compression)
        throws
    {
        let scratch = Scratch()
        var log = QEMUBytes(QEMUBytes.formats[0])
        for number in 0..<600 {
            log.kind(.instruction)
            log.number(UInt32(number))
            log.kind(.clockHost)
            log.number(Int64(number * number))
        }
        for isCut in [true, false] {
            if !isCut { log.kind(.end) }
            Files.write(scratch.path("qemu"), log.bytes)
            let file = try NewFile(path: scratch.path("log"), replaces: true)
            var options = LogOptions(segmentSize: 256)
            options.compression = compression
            try QEMUConverter(QEMULogReader(path: scratch.path("qemu"))).convert(to: file, options)
            try file.keep()
            let whole = ReadLog(scratch.path("qemu")).events
            let own = try LogReader(path: scratch.path("log"))
            #expect(own.overview.chunkCount > 5)
            for number in stride(from: 0, through: whole.count, by: 7) {
                let part = ReadLog(converted: scratch.path("log"), from: UInt64(number))
                #expect(
                    part.error == nil
                        && part.ending == (isCut ? .withoutEnd : number < whole.count ? .whole : .withoutEnd))
                #expect(part.events.map(\.payload) == whole[number...].map(\.payload))
                #expect(part.events.map(\.kind) == whole[number...].map(\.kind))
                #expect(part.events.map(\.icount) == whole[number...].map(\.icount))
            }
        }
    }

    @Test(arguments: QEMUBytes.formats) func everyCutIsConverted(_ format: QEMUFormat) throws {
        let log = QEMUBytes.everyKind(format, version: 0)
        for count in stride(from: 20, through: log.bytes.count, by: 1) {
            expectEqual(try both(Array(log.bytes[..<count])))
        }
    }

    @Test func extremesAreConverted() throws {
        var log = QEMUBytes(QEMUBytes.formats[0])
        log.kind(.checkpointInit)
        for value in [Int64.min, -1, 0, 1, .max] {
            log.kind(.clockHost)
            log.number(value)
            log.kind(.bottomHalf)
            log.number(UInt64(bitPattern: value))
            log.kind(.charWrite)
            log.number(Int32(truncatingIfNeeded: value))
            log.number(Int32.min)
            log.kind(.instruction)
            log.number(UInt32(truncatingIfNeeded: value))
        }
        log.kind(.charRead)
        log.bytes.append(255)
        log.array([UInt8](repeating: 7, count: 5000))
        log.kind(.net)
        log.bytes.append(255)
        log.number(UInt32.max)
        log.array([])
        log.kind(.end)
        expectEqual(try both(log.bytes))
    }

    @Test func aDamagedLogIsNotConverted() throws {
        var bytes = QEMUBytes.everyKind(QEMUBytes.formats[0]).bytes
        bytes[bytes.count - 1] = 21
        #expect(throws: LogError.self) { try both(bytes) }
    }
}
