import TestSupport
import Testing

@testable import ReplayLog

@Suite struct FieldTests {
    let scratch = Scratch()

    /// Writes one event by the names of its fields, and reads it back by theirs.
    private func expect(_ fields: EventFields, _ check: (Event) -> Bool) throws {
        let writer = try LogWriter(path: scratch.path("log"), options: .test)
        try writer.writeMetadata(.test)
        #expect(writer.append(fields, .vcpu, 5))
        try writer.finish(LogEnd(cause: 0, exitCode: 0, icount: 5, digest: 0, hasDigest: false))
        let reader = try LogReader(path: scratch.path("log"))
        let event = try #require(try reader.next())
        withExtendedLifetime(reader) {
            #expect(event.knownKind == fields.kind)
            #expect(check(event), "\(fields.kind.name)")
        }
    }

    @Test func whatIsWrittenByNameIsReadByName() throws {
        let bytes: [UInt8] = Array(repeating: 7, count: 32)
        try bytes.withUnsafeBytes { bytes in
            let isSame: (Event) -> Bool = { $0.bytes.elementsEqual(bytes) }
            try expect(.bottomHalf(.max, oneshot: false)) { $0.bottomHalf == .max }
            try expect(.bottomHalf(3, oneshot: true)) { $0.bottomHalf == 3 }
            try expect(.block(request: 1 << 63, result: -5)) {
                $0.request == 1 << 63 && $0.requestResult == -5
            }
            try expect(.blockRead(request: 8, result: 0, dataDigest: .max)) {
                $0.request == 8 && $0.requestResult == 0 && $0.dataDigest == .max
            }
            try expect(.blockData(request: 8, result: 1, bytes)) {
                $0.request == 8 && $0.requestResult == 1 && isSame($0)
            }
            try expect(.charRead(device: 2, bytes)) { $0.device == 2 && isSame($0) }
            try expect(.charRegister(device: 2)) { $0.device == 2 }
            try expect(.net(filter: 4, flags: .max, bytes)) {
                $0.filter == 4 && $0.netFlags == .max && isSame($0)
            }
            try expect(.charWrite(result: .min, offset: .max)) {
                $0.result == .min && $0.writtenOffset == .max
            }
            try expect(.charReadAll(bytes), isSame)
            try expect(.charReadAllError(-11)) { $0.result == -11 }
            try expect(.random(result: -1, bytes)) { $0.result == -1 && isSame($0) }
            try expect(.shutdown(cause: 6)) { $0.shutdownCause == 6 }
            try expect(.audioOut(samples: 99)) { $0.samples == 99 }
            try expect(.audioIn(samples: 2, position: nil, bytes)) { $0.samples == 2 && isSame($0) }
            try expect(.audioIn(samples: 2, position: 64, bytes)) {
                $0.samples == 2 && $0.position == 64 && isSame($0)
            }
            try expect(.digest(.max)) { $0.digest == .max }
            try expect(.hostDigest(1)) { $0.digest == 1 }
            try expect(.flush(number: 3, call: 2)) { $0.flushNumber == 3 && $0.flushCall == 2 }
        }
    }

    @Test func inputsKeepOriginAndValues() throws {
        let origins: [InputFields.Origin?] = [
            nil, .init(port: 0xffff, device: .max), .init(port: 0, device: 0),
        ]
        for origin in origins {
            let input = InputFields(
                kind: 4, origin: origin, code: .min, axis: .max, slot: .min, trackingID: -1, value: .max)
            try expect(.input(input)) { $0.input == input }
        }
    }

    @Test func anInputWithAHeadThatNoLibraryWritesIsNone() throws {
        var event = Event(kind: EventKind.inputFrom.rawValue, role: .vcpu, icount: 0, index: 0, a: 1 << 56)
        #expect(event.input == nil)
        event.head = EventHead.make(EventKind.input.rawValue, .vcpu)
        event.a = -1
        #expect(event.input == nil)
    }
}
