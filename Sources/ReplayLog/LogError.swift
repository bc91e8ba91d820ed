/// Why a log can't be written or read on: a code, a sentence, and the place.
package struct LogError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// No such file.
        case notFound
        /// The system refused a call, with this errno.
        case system(Int32)
        /// The file is something else.
        case notALog
        /// The log was made by a later library.
        case version
        /// Bytes are not what was written.
        case damaged
        /// Another session records or replays this log.
        case busy
        /// There is a file of that name, and it may not be replaced.
        case exists
        /// Something else removed, replaced or changed the files while they were recorded.
        case lost
        /// The file holds nothing: its recorder died at once, or has not begun.
        case empty
        /// No space is left on the device, or a quota or limit is reached.
        case diskFull
        /// An event is longer than the format allows. The log lives on.
        case tooLarge
        /// Memory ran out.
        case noMemory
        /// The live file belongs to another recording.
        case foreign
        /// The call doesn't fit the state: a closed log, a second metadata, an event behind the end.
        case misuse
    }

    package var code: Code
    /// One sentence, which names the file.
    package var message: String
    /// Where in the file, in bytes.
    package var offset: UInt64
    /// The first event that is affected.
    package var eventIndex: UInt64
    /// The instruction count from which on events are affected.
    package var icount: UInt64
    /// The errno behind it; 0: there is none.
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
