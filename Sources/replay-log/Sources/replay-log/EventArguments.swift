import ArgumentParser
import ReplayTool

/// Which events of a log a verb uses.
struct EventArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("The first place.", valueName: "place"), completion: .list([]),
        transform: LogPlace.parse)
    var from: LogPlace?

    @Option(
        help: ArgumentHelp("The last place, which is included.", valueName: "place"), completion: .list([]),
        transform: LogPlace.parse)
    var to: LogPlace?

    @Option(
        help: ArgumentHelp(
            "Only this kind; 'CLOCK*' is every kind that begins so. Can be repeated.", valueName: "name"),
        completion: .list([]))
    var kind: [String] = []

    @Option(
        help: ArgumentHelp("Only events of this thread: vcpu or io.", valueName: "thread"),
        completion: .list(Choice.names(DumpOptions.Role.self)), transform: Choice.parse)
    var role: DumpOptions.Role?

    @Option(
        help: ArgumentHelp(
            "Only events of this device: its number, or char:N, net:N, input:N.", valueName: "device"),
        completion: .list([]), transform: device)
    var device: DumpOptions.Device?

    @Option(
        help: ArgumentHelp(
            "An instruction takes 2^N ns, in a log that doesn't say so.", valueName: "n"),
        completion: .list([]))
    var shift: UInt8?

    func validate() throws {
        if let shift, shift > 10 { throw ValidationError("--shift must be from 0 to 10") }
    }

    var options: DumpOptions {
        var options = DumpOptions()
        options.from = from
        options.to = to
        options.kinds = kind
        options.role = role
        options.device = device
        options.shift = shift
        return options
    }

    private static func device(_ text: String) throws -> DumpOptions.Device {
        guard let device = DumpOptions.Device(text) else {
            throw ValidationError("\"\(text)\" is not a device; give its number, or char:N, net:N, input:N")
        }
        return device
    }
}

extension LogPlace {
    static func parse(_ text: String) throws -> LogPlace {
        guard let place = LogPlace(text) else {
            throw ValidationError(
                "\"\(text)\" is not a place; give an icount, event:N, or a virtual time as 2.5s, 10ms, 7us, 3ns"
            )
        }
        return place
    }
}

/// Values that an option may have.
enum Choice {
    static func parse<Value: RawRepresentable<String> & CaseIterable>(_ text: String) throws -> Value {
        guard let value = Value(rawValue: text) else {
            throw ValidationError("\"\(text)\" is not one of \(names(Value.self).joined(separator: ", "))")
        }
        return value
    }

    static func names<Value: RawRepresentable<String> & CaseIterable>(_: Value.Type) -> [String] {
        Value.allCases.map(\.rawValue)
    }
}
