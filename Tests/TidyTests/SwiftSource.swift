/// One Swift file, as lines, and a second time with comments and string contents blanked out, so that a rule about code
/// does not fire on prose.
struct SwiftSource {
    let path: String
    /// The lines as written.
    let lines: [Substring]
    /// The same lines, of the same length, with spaces where comments and the contents of strings were.
    let code: [Substring]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        code = CodeMask.blank(text).split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// Files that a generator writes are not ours to tidy.
    var isGenerated: Bool {
        path.hasSuffix(".pb.swift") || path.contains("/Generated/")
            || lines.prefix(5).contains { $0.contains("DO NOT EDIT") }
    }

    /// The target that the file belongs to: the folder below `Sources`, `Tests` or `samples`.
    var target: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : ""
    }

    /// The file's name without its extension.
    var name: String {
        let file = path.split(separator: "/").last ?? ""
        return String(file.split(separator: ".").first ?? file)
    }

    /// Whether the line, or the comment right above it, says why the normal way is not enough.
    func hasExemption(at index: Int, marker: String = "// Rule zero:", within distance: Int = 1) -> Bool {
        lines[max(0, index - distance)...index].contains { $0.contains(marker) }
    }
}
