/// How the decoder decodes one kind's payload.
public struct KindPlan {
    public enum Shape: UInt8 {
        /// The log's table doesn't have the kind, or has a layout for it that can't be read.
        case unknown
        /// No payload.
        case empty
        /// One clock reading.
        case clock
        /// Field by field.
        case fields
    }

    public var layout: UInt64 = 0
    public var shape = Shape.unknown

    init() {}

    init(_ layout: EventLayout) {
        self.layout = layout.code
        switch layout.code {
        case 0: shape = .empty
        case EventLayout.Field.clock.rawValue: shape = .clock
        default: shape = .fields
        }
    }
}
