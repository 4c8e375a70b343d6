import CLinux

/// Reads a stats region that another process writes, which may be another version of the program, or broken.
public final class StatsReader {
    private let region: SharedRegion
    private let kinds: [StatKind]

    /// Maps a region. Takes the descriptor over.
    public init(mapping descriptor: Int32) throws(RegionError) {
        region = try SharedRegion(mapping: descriptor, purpose: StatsSegment.purpose, access: .reader)
        kinds = try StatSchema.decode(region.schema)
    }

    /// The region's descriptor, which stays this object's.
    public var descriptor: Int32 { region.descriptor }

    /// What the region says now. A group whose record contradicts itself or the schema is left out.
    /// - Parameter isWanted: whether groups of a kind are read at all.
    public func read(_ isWanted: (StatKind) -> Bool = { _ in true }) throws(RegionError) -> StatsSnapshot {
        let wanted = kinds.map(isWanted)
        var snapshot = StatsSnapshot()
        try region.forEachRecord { record in
            guard record.tag == RecordTag.group, let group = GroupRecord(record), group.kind < kinds.count, wanted[group.kind] else { return }
            let kind = kinds[group.kind]
            guard kind.stats.count == group.slotCount else { return }
            let read = group.stable { () -> (String, [StatsSnapshot.Value]) in
                (group.name, kind.stats.indices.map { value(kind.stats[$0].type, group.slot($0)) })
            }
            guard let (name, values) = read else { return }
            snapshot.insert(
                StatsSnapshot.Group(stats: kind.stats, values: values),
                at: StatsSnapshot.GroupKey(pattern: kind.pattern, name: name))
        }
        return snapshot
    }

    private func value(_ type: StatType, _ word: UInt64) -> StatsSnapshot.Value {
        switch type {
        case .counter: .counter(word)
        case .gauge: .gauge(Int64(bitPattern: word))
        case .sharedGauge: .sharedGauge(Int64(bitPattern: word))
        case .timing, .distribution: .histogram(histogram(word))
        case .codes: .codes(codes(word))
        }
    }

    private func histogram(_ offset: UInt64) -> HistogramCounts {
        guard offset != 0, let words = block(offset, RecordTag.histogram, HistogramBuckets.words) else { return HistogramCounts() }
        return HistogramCounts(
            buckets: (0..<HistogramBuckets.count).map { heddle_load_relaxed_u64(words + $0) },
            sum: heddle_load_relaxed_u64(words + HistogramBuckets.count))
    }

    private func codes(_ offset: UInt64) -> [Int: UInt64] {
        var result: [Int: UInt64] = [:]
        var link = offset
        for _ in 0..<StatusCodes.maximumBlocks where link != 0 {
            guard let words = block(link, RecordTag.codes, StatusCodes.words) else { break }
            for pair in 0..<StatusCodes.pairs {
                let code = heddle_load_acquire_u64(words + pair * 2)
                guard code >= 100, code < 600 else { continue }
                result[Int(code), default: 0] &+= heddle_load_relaxed_u64(words + pair * 2 + 1)
            }
            link = heddle_load_acquire_u64(words + StatusCodes.words - 1)
        }
        return result
    }

    private func block(_ offset: UInt64, _ tag: UInt32, _ words: Int) -> UnsafeMutablePointer<UInt64>? {
        region.payload(at: offset, tag: tag, atLeast: words * 8)?.assumingMemoryBound(to: UInt64.self)
    }
}
