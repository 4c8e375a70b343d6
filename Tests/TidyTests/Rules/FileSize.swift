/// A file has at most 400 lines, unless its first comment says `// Size:` and why.
enum FileSize {
    static let most = 400

    static func findings(in source: SwiftSource) -> [Finding] {
        // A final newline does not start another line.
        let count = source.lines.last?.isEmpty == true ? source.lines.count - 1 : source.lines.count
        guard count > most else { return [] }
        let firstComment = source.lines.prefix { $0.isEmpty || $0.hasPrefix("//") }
        let reason = firstComment.first { $0.hasPrefix("// Size:") }?.dropFirst("// Size:".count) ?? ""
        if reason.contains(where: \.isLetter) { return [] }
        return [
            Finding(
                path: source.path, line: 0,
                message: "\(count) lines; a file over \(most) starts with `// Size:` and the reason, or is split")
        ]
    }
}
