/// Rules about text of any kind: no path of someone's machine, no mark for work left undone.
enum PlainText {
    static let suffixes = [
        ".swift", ".c", ".h", ".cpp", ".md", ".py", ".sh", ".yaml", ".yml", ".json", ".lua", ".txt", "Makefile",
        ".proto",
    ]

    /// A path that exists on one machine only: a home or a workspace folder, at the start of a word.
    static func machinePaths(path: String, text: String) -> [Finding] {
        find(in: text, #/(?:^|[\s"'=(`:])\/(?:home|root|Users|srv|work|workspaces?|builds?)\/[\w.]/#).map {
            Finding(
                path: path, line: $0,
                message: "a path of one machine; write it relative to the root, or take it as an argument")
        }
    }

    /// A mark in a comment for something left undone belongs into an issue.
    static func undone(path: String, text: String) -> [Finding] {
        find(in: text, #/(?:\/\/|#|--|\*).*\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b/#.wordBoundaryKind(.simple)).map {
            Finding(path: path, line: $0, message: "a mark for work left undone; finish it or open an issue")
        }
    }

    private static func find(in text: String, _ pattern: some RegexComponent) -> [Int] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .filter { $0.element.contains(pattern) && !$0.element.contains("Rule zero:") }.map { $0.offset + 1 }
    }
}
