import CLinux

/// A number that only grows. A plain load and store: each word has one writer, the worker's loop.
public struct Counter: @unchecked Sendable {
    // Safety: points to a word in the region that outlives all handles of it; written by one thread only.
    let word: UnsafeMutablePointer<UInt64>

    /// Counts; wraps after 2^64.
    public func add(_ amount: UInt64 = 1) {
        heddle_store_relaxed_u64(word, heddle_load_relaxed_u64(word) &+ amount)
    }

    /// What was counted so far, by this worker.
    public var value: UInt64 { heddle_load_relaxed_u64(word) }
}

/// A level, negative ones included.
public struct Gauge: @unchecked Sendable {
    // Safety: as in ``Counter``.
    let word: UnsafeMutablePointer<UInt64>

    /// Raises the level.
    public func add(_ amount: Int = 1) {
        heddle_store_relaxed_u64(word, heddle_load_relaxed_u64(word) &+ UInt64(bitPattern: Int64(amount)))
    }

    /// Lowers the level.
    public func subtract(_ amount: Int = 1) { add(-amount) }

    /// Replaces the level.
    public func set(_ level: Int) { heddle_store_relaxed_u64(word, UInt64(bitPattern: Int64(level))) }

    /// The level of this worker.
    public var value: Int { Int(Int64(bitPattern: heddle_load_relaxed_u64(word))) }
}

/// A distribution; its buckets are made in the region when something is first recorded.
public struct Histogram: @unchecked Sendable {
    // Safety: as in ``Counter``; the word holds the offset of the buckets, 0 for none yet.
    let word: UnsafeMutablePointer<UInt64>
    let segment: Unmanaged<StatsSegment>

    /// Records a value: microseconds where the statistic is a timing.
    public func record(_ value: UInt64) {
        var offset = heddle_load_relaxed_u64(word)
        if offset == 0 {
            offset = segment._withUnsafeGuaranteedRef { $0.allocateBlock(tag: RecordTag.histogram, words: HistogramBuckets.words, for: word) }
            if offset == 0 { return }
        }
        // Safety: this process wrote the offset of a block of `HistogramBuckets.words` words.
        let buckets = segment._withUnsafeGuaranteedRef { $0.block(at: offset) }
        let bucket = buckets + HistogramBuckets.index(of: value)
        heddle_store_relaxed_u64(bucket, heddle_load_relaxed_u64(bucket) &+ 1)
        let sum = buckets + HistogramBuckets.count
        heddle_store_relaxed_u64(sum, heddle_load_relaxed_u64(sum) &+ value)
    }

    /// Records a span of nanoseconds in a timing.
    public func record(nanoseconds: UInt64) { record(nanoseconds / 1000) }
}

/// Counters by response status.
public struct StatusCodes: @unchecked Sendable {
    // Safety: as in ``Histogram``; a block is pairs of status and count, and a last word for the block that follows.
    let word: UnsafeMutablePointer<UInt64>
    let segment: Unmanaged<StatsSegment>

    /// Statuses in one block: few services use more.
    static let pairs = 12
    static let words = pairs * 2 + 1
    /// Most blocks of one group: there are 500 statuses.
    static let maximumBlocks = 42

    /// Counts one response of this status; statuses outside 100...599 are not counted.
    public func add(_ status: Int) {
        guard status >= 100, status < 600 else { return }
        let code = UInt64(status)
        var link = word
        for _ in 0..<StatusCodes.maximumBlocks {
            var offset = heddle_load_relaxed_u64(link)
            if offset == 0 {
                offset = segment._withUnsafeGuaranteedRef { $0.allocateBlock(tag: RecordTag.codes, words: StatusCodes.words, for: link) }
                if offset == 0 { return }
            }
            let block = segment._withUnsafeGuaranteedRef { $0.block(at: offset) }
            for pair in 0..<StatusCodes.pairs {
                let key = block + pair * 2
                let found = heddle_load_relaxed_u64(key)
                guard found == code || found == 0 else { continue }
                heddle_store_relaxed_u64(key + 1, heddle_load_relaxed_u64(key + 1) &+ 1)
                if found == 0 { heddle_store_release_u64(key, code) }
                return
            }
            link = block + StatusCodes.pairs * 2
        }
    }
}

/// Where the slots of one group lie; what the typed views are made of.
public struct StatGroup: @unchecked Sendable {
    // Safety: as in ``Counter``; the segment outlives the groups that it hands out.
    let slots: UnsafeMutablePointer<UInt64>
    let segment: Unmanaged<StatsSegment>

    func counter(_ index: Int) -> Counter { Counter(word: slots + index) }
    func gauge(_ index: Int) -> Gauge { Gauge(word: slots + index) }
    func histogram(_ index: Int) -> Histogram { Histogram(word: slots + index, segment: segment) }
    func codes(_ index: Int) -> StatusCodes { StatusCodes(word: slots + index, segment: segment) }
}
