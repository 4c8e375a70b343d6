/// What the compiler cannot check is explained: a `// Safety:` line stands on the line, within three lines above it, or
/// right below it, as the first thing in the body of a type.
enum SafetyComment {
    private static let unchecked = [
        "@unchecked Sendable", "nonisolated(unsafe)", "unsafeBitCast", "unsafeDowncast", "@unsafe",
    ]

    static func findings(in source: SwiftSource) -> [Finding] {
        source.code.enumerated().compactMap { index, line in
            guard let what = unchecked.first(where: { line.contains($0) }),
                !source.hasExemption(at: index, marker: "Safety:", within: 3),
                !source.lines[(index + 1)...].prefix(1).contains(where: { $0.contains("// Safety:") })
            else { return nil }
            return Finding(
                path: source.path, line: index + 1,
                message:
                    "`\(what)` without a `// Safety:` line, within three lines above or right below, that says why it holds"
            )
        }
    }
}
