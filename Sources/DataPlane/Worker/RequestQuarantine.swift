import CLinux

/// The requests that this proxy refuses because such ones killed workers: a table of fingerprints in memory that all
/// processes share. The supervisor writes it; a worker looks at one word a request as long as the table is empty.
///
/// A reader that comes while the table is being written may miss an entry: it comes into force a moment later.
package struct RequestQuarantine: Sendable {
    /// Most fingerprints at a time.
    package static let capacity = 32
    /// The count, then the fingerprints, a word each.
    package static let byteCount = (1 + capacity) * MemoryLayout<UInt64>.stride

    // Safety: `byteCount` bytes that live as long as the process; every access is atomic.
    nonisolated(unsafe) private let words: UnsafeMutablePointer<UInt64>

    /// - Parameter memory: ``byteCount`` bytes, zero at first, that live as long as this process uses the table.
    package init(memory: UnsafeMutableRawPointer) {
        words = memory.assumingMemoryBound(to: UInt64.self)
    }

    /// Whether no request is refused.
    package var isEmpty: Bool { heddle_load_relaxed_u64(words) == 0 }

    /// Whether requests with this fingerprint are refused.
    package func holds(_ fingerprint: UInt64) -> Bool {
        let count = Int(min(heddle_load_acquire_u64(words), UInt64(Self.capacity)))
        var index = 1
        while index <= count {
            if heddle_load_relaxed_u64(words + index) == fingerprint { return true }
            index += 1
        }
        return false
    }

    /// Puts the table in the place of the one before. For one process only.
    package func publish(_ fingerprints: [UInt64]) {
        let kept = fingerprints.prefix(Self.capacity)
        for (index, fingerprint) in kept.enumerated() { heddle_store_relaxed_u64(words + index + 1, fingerprint) }
        heddle_store_release_u64(words, UInt64(kept.count))
    }
}
