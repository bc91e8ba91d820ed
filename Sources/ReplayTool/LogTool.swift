import ReplayLog

/// The verbs of `replay-log`. Each prints its results and its complaints, and returns an exit code.
public struct LogTool {
    let output: ToolOutput
    /// JSON instead of text.
    let json: Bool

    public init(output: ToolOutput, json: Bool) {
        self.output = output
        self.json = json
    }

    /// Runs a verb that ends with an error where the log ends with one.
    func run(_ verb: () throws(LogError) -> ToolExit) -> ToolExit {
        let exit: ToolExit
        do throws(LogError) {
            exit = try verb()
        } catch {
            output.complain(error.message)
            return ToolExit(error)
        }
        // Whoever reads the output may stop.
        output.flush()
        guard let failure = output.failure else { return exit }
        output.complain("standard output can't be written: \(failure)")
        return .unusable
    }

    func print(_ value: JSONText) {
        output.line(value.line)
    }

    /// A name and its value.
    func print(_ name: String, _ value: String) {
        output.line("\(Columns.left(name + ":", 14)) \(value)")
    }
}
