import Glibc
import ReplayLog
import ReplaySystem

/// Samples from a microphone, one block at a time.
struct AudioBlock {
    /// Two little-endian words for each sample.
    let samples: RawBuffer
    /// Where a host with a ring buffer writes them; nil: not recorded.
    var place: Int?
    /// The next one to store or to load.
    var position = 0

    static let sampleSize = 16
    var count: Int { samples.bytes.count / Self.sampleSize }
    var isWhole: Bool { position == count }

    private var offset: Int { position * Self.sampleSize }

    mutating func put(_ left: UInt64, _ right: UInt64) {
        samples.bytes.storeBytes(of: left.littleEndian, toByteOffset: offset, as: UInt64.self)
        samples.bytes.storeBytes(of: right.littleEndian, toByteOffset: offset + 8, as: UInt64.self)
        position += 1
    }

    mutating func get() -> (left: UInt64, right: UInt64) {
        defer { position += 1 }
        return (
            UInt64(littleEndian: samples.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
            UInt64(littleEndian: samples.bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
        )
    }
}

/// Audio output and input.
extension Session {
    package func audioOut(_ played: inout Int) -> Status {
        if isIdle { return .ok }
        if isRecording {
            let count = played
            return save("replay_audio_out") { write(.audioOut(samples: count)) }
        }
        var recorded = played
        let status = load(.audioOut, "replay_audio_out") { event in
            recorded = event.samples
            return nil
        }
        played = recorded
        return status
    }

    package func audioInStart(_ count: inout Int) -> Status {
        var place: Int?
        return audioInStart("replay_audio_in_start", .audioIn, &count, &place)
    }

    package func audioInStart(_ count: inout Int, at place: inout Int) -> Status {
        if isRecording, place < 0 { return misuse(.invalidArgument, "an audio position is above 2^63-1") }
        var found: Int? = place
        defer { place = found ?? place }
        return audioInStart("replay_audio_in_start_at", .audioInAt, &count, &found)
    }

    private func audioInStart(
        _ function: StaticString, _ kind: EventKind, _ count: inout Int, _ place: inout Int?
    ) -> Status {
        if isIdle { return .ok }
        if let refusal = refusal(.either, function) { return refusal }
        guard course.audioIn == nil else {
            return misuse(.wrongState, "the last block of audio samples is not finished")
        }
        if isRecording {
            guard count >= 0, count <= Self.longestPayload / 16 else {
                return misuse(.invalidArgument, "a block of \(count) audio samples is too long")
            }
            guard let samples = RawBuffer(count: count * AudioBlock.sampleSize) else {
                return memoryRanOut(for: "\(count) audio samples")
            }
            course.audioIn = AudioBlock(samples: samples, place: place)
            return .ok
        }
        var block: AudioBlock?
        let status = load(kind, function) { event in
            guard event.samples == event.bytes.count / AudioBlock.sampleSize else {
                return "a block of a different length"
            }
            if kind == .audioInAt, event.position < 0 { return "a negative position" }
            let recorded = kind == .audioInAt ? event.position : nil
            block = payload(of: event).map { AudioBlock(samples: $0, place: recorded) }
            return nil
        }
        if let block {
            count = block.count
            place = block.place
            course.audioIn = block
        }
        return status
    }

    package func audioInSample(_ left: inout UInt64, _ right: inout UInt64) -> Status {
        if isIdle { return .ok }
        if let refusal = refusal(.either, "replay_audio_in_sample_lr") { return refusal }
        guard let block = course.audioIn, !block.isWhole else {
            return misuse(.wrongState, "no block of audio samples was started, or it is complete")
        }
        if isRecording {
            course.audioIn?.put(left, right)
        } else if let sample = course.audioIn?.get() {
            (left, right) = sample
        }
        return .ok
    }

    package func audioInFinish() -> Status {
        if isIdle { return .ok }
        if let refusal = refusal(.either, "replay_audio_in_finish") { return refusal }
        guard let block = course.audioIn else {
            return misuse(.wrongState, "no block of audio samples was started")
        }
        course.audioIn = nil
        guard block.isWhole else {
            return misuse(
                .wrongState, "\(block.count) audio samples were announced, but only \(block.position) came")
        }
        guard isRecording else { return .ok }
        return save("replay_audio_in_finish") {
            write(.audioIn(samples: block.count, position: block.place, block.samples.readOnly))
        }
    }
}
