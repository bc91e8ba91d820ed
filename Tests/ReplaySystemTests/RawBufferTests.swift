import Glibc
import Testing

@testable import ReplaySystem

@Suite struct RawBufferTests {
    /// Calls `body` with the bytes as pieces of these lengths.
    private func withPieces(_ bytes: inout [UInt8], _ lengths: [Int], _ body: ([iovec]) -> Void) {
        bytes.withUnsafeMutableBytes { memory in
            var at = 0
            body(
                lengths.map { length in
                    defer { at += length }
                    return iovec(iov_base: memory.baseAddress.map { $0 + at }, iov_len: length)
                })
        }
    }

    @Test(arguments: [[10], [3, 7], [0, 1, 0, 9, 0], [1, 2, 3, 4]])
    func piecesGoInAndComeOut(_ lengths: [Int]) throws {
        var given = (0..<10).map { UInt8($0) }
        var buffer: RawBuffer?
        withPieces(&given, lengths) { buffer = RawBuffer($0, count: 10) }
        let filled = try #require(buffer)
        #expect(filled.readOnly.elementsEqual(given))
        var target = [UInt8](repeating: 0xFF, count: 10)
        withPieces(&target, lengths) { filled.scatter(to: $0) }
        #expect(target == given)
    }

    @Test func whatNoPieceFillsIsZero() throws {
        var given: [UInt8] = [1, 2, 3]
        var buffer: RawBuffer?
        withPieces(&given, [2, 1]) { buffer = RawBuffer($0, count: 6) }
        #expect(try #require(buffer).readOnly.elementsEqual([1, 2, 3, 0, 0, 0]))
    }

    @Test(arguments: [0, 1, 7, 8, 9, 4096])
    func oneAsAPieceHasAllItsBytes(_ count: Int) throws {
        let buffer = try #require(RawBuffer(count: count))
        let piece = try #require(buffer.piece)
        #expect(piece.pointee.iov_base == buffer.start && piece.pointee.iov_len == count)
        #expect(buffer.readOnly.allSatisfy { $0 == 0 })
    }

    @Test func oneThatIsTooLargeIsNone() {
        #expect(RawBuffer(count: .max) == nil)
        #expect(RawBuffer(count: -1) == nil)
        #expect(!RawBuffer().reserve(.max - RawBuffer.slack + 1))
    }
}
