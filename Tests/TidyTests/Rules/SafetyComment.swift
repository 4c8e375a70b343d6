/// What the compiler cannot check is explained: a `// Safety:` line stands on the line or within three lines above it.
enum SafetyComment {
    private static let unchecked = [
        "@unchecked Sendable", "nonisolated(unsafe)", "unsafeBitCast", "unsafeDowncast", "@unsafe",
    ]

    static func findings(in source: SwiftSource) -> [Finding] {
        source.code.enumerated().compactMap { index, line in
            guard let what = unchecked.first(where: { line.contains($0) }),
                !source.hasExemption(at: index, marker: "Safety:", within: 3)
            else { return nil }
            return Finding(
                path: source.path, line: index + 1,
                message: "`\(what)` without a `// Safety:` line within three lines above that says why it holds")
        }
    }
}
