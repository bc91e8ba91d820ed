import ReplayLog
import ReplaySystem

extension LogTool {
    /// What is done with the comments of a log.
    public enum CommentAction: Sendable {
        case list
        case add(author: String, text: String, tags: [String])
        /// By its number, from 1.
        case remove(Int)
    }

    /// Lists, adds or removes comments. A log gets them in a new file with its name.
    public func comment(_ path: String, _ action: CommentAction) -> ToolExit {
        run { () throws(LogError) in
            if OpenedLog.isQEMU(path) {
                throw LogError(
                    .notALog, "\(path) is a log of QEMU's, which can't have comments: convert it first")
            }
            if case .list = action {
                let reader = try LogReader(path: path)
                if json { print(.object([("comments", LogTool.json(reader.comments))])) }
                if !json { printComments(reader.comments) }
                guard let damage = reader.commentDamage else { return .fine }
                output.complain(damage.message)
                return .different
            }
            _ = try LogReader(path: path)
            // It is locked before the comments are read, so that two authors can't take each other's away.
            let file = try NewFile(path: Syscalls.resolved(path), replaces: true)
            let reader = try commentable(path)
            let comments = try changed(reader.comments, action, path)
            let size = reader.overview.fileSize
            file.hasWritten = { output.progress($0, of: size) }
            try reader.write(comments, to: file)
            try file.sync()
            try file.keep()
            if json { print(.object([("comments", LogTool.json(comments))])) }
            return .fine
        }
    }

    /// A log that has its end: what follows it is no part of a chunk.
    private func commentable(_ path: String) throws(LogError) -> LogReader {
        let reader = try LogReader(path: path)
        if reader.state == .running {
            throw LogError(.busy, "\(path) is being recorded: wait until its recorder has ended")
        }
        if let damage = reader.commentDamage ?? reader.overview.damage {
            throw LogError(.damaged, "\(damage.message); replay-log repair saves what is good")
        }
        guard reader.end != nil else {
            let verb = reader.overview.hasLive ? "merge-live" : "repair"
            throw LogError(
                .misuse, "\(path) has no end, so it can't have comments; replay-log \(verb) makes one")
        }
        return reader
    }

    private func changed(_ comments: [LogComment], _ action: CommentAction, _ path: String) throws(LogError)
        -> [LogComment]
    {
        switch action {
        case .list: return comments
        case .add(let author, let text, let tags):
            return comments + [LogComment(author: author.shown, text: text.shown, tags: tags.map(\.shown))]
        case .remove(let number):
            guard number > 0, number <= comments.count else {
                throw LogError(.misuse, "\(path) has no comment \(number); it has \(comments.count)")
            }
            var comments = comments
            comments.remove(at: number - 1)
            return comments
        }
    }

    // MARK: Printed

    func printComments(_ comments: [LogComment]) {
        for (index, comment) in comments.enumerated() {
            let tags = comment.tags.isEmpty ? "" : " [\(comment.tags.joined(separator: ", "))]"
            output.line("  \(index + 1). \(comment.author)\(tags):")
            for line in comment.text.split(separator: "\n", omittingEmptySubsequences: false) {
                output.line("     \(line)")
            }
        }
    }

    static func json(_ comments: [LogComment]) -> JSONText {
        .list(
            comments.enumerated().map { index, comment in
                .object([
                    ("number", .count(index + 1)), ("author", .text(comment.author)),
                    ("text", .text(comment.text)), ("tags", .list(comment.tags.map { .text($0) })),
                ])
            })
    }
}
