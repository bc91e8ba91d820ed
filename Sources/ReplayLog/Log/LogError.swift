/// Why writing or reading a log can't go on: a code, a sentence, and the place.
package struct LogError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// No such file.
        case notFound
        /// A system call failed with this errno.
        case system(Int32)
        /// The file isn't a log.
        case notALog
        /// The log was made by a later library.
        case version
        /// Some bytes aren't those that were written.
        case damaged
        /// Another session records or replays this log.
        case busy
        /// A file of that name exists, and may not be replaced.
        case exists
        /// Something else removed, replaced or changed the files while they were recorded.
        case lost
        /// The file is empty: its recorder died at once, or hasn't started yet.
        case empty
        /// The device is full, or a quota or limit was reached.
        case diskFull
        /// An event is longer than the format allows. The log can still be written.
        case tooLarge
        /// Memory ran out.
        case noMemory
        /// The file system, the host or the machine can't do what is asked for.
        case unsupported
        /// The live file belongs to a different recording.
        case foreign
        /// The call doesn't fit the state: a closed log, a second metadata, an event after the end.
        case misuse
    }

    package var code: Code
    /// One sentence, which names the file.
    package var message: String
    /// Where in the file, in bytes.
    package var offset: UInt64
    /// The first event that is affected.
    package var eventIndex: UInt64
    /// The instruction count of the first event that is affected.
    package var icount: UInt64
    /// The errno that caused it, or 0.
    package internal(set) var errno: Int32 = 0

    package init(
        _ code: Code, _ message: String, offset: UInt64 = 0, eventIndex: UInt64 = 0, icount: UInt64 = 0
    ) {
        self.code = code
        self.message = message
        self.offset = offset
        self.eventIndex = eventIndex
        self.icount = icount
    }

    package var description: String { message }
}
