/// Tells a piece of configuration from another: 128 bits of two hashes with keys that this process drew, so that nobody can
/// make two pieces with the same one.
package struct Fingerprint: Hashable, Sendable {
    private let first: Int
    private let second: Int

    /// Of these pieces, whose borders count.
    package init(_ pieces: [[UInt8]]) {
        first = Self.hash(pieces, seed: 1)
        second = Self.hash(pieces, seed: 2)
    }

    private static func hash(_ pieces: [[UInt8]], seed: Int) -> Int {
        var hasher = Hasher()
        hasher.combine(seed)
        for piece in pieces {
            hasher.combine(piece.count)
            piece.withUnsafeBytes { hasher.combine(bytes: $0) }
        }
        return hasher.finalize()
    }
}
