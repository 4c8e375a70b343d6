/// What two programs of a take-over tell each other of their statistics: counters, distributions and status codes.
///
/// ```
/// groups u64, then for each: pattern and name (length u64, UTF-8), stats u64, then for each: type u8, name, value
/// value: a counter as u64; a distribution as buckets u64, the buckets, the sum; codes as their number, pairs of u64
/// ```
extension StatsSnapshot {
    private static let magic: [UInt8] = Array("heddle-statistics-1".utf8)

    /// Everything but gauges, in binary form.
    public var encoded: [UInt8] {
        var bytes = Self.magic
        func put(_ number: UInt64) { for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) } }
        func put(_ text: String) {
            put(UInt64(text.utf8.count))
            bytes += text.utf8
        }
        put(UInt64(groups.count))
        for (key, group) in groups {
            put(key.pattern)
            put(key.name)
            let kept = zip(group.stats, group.values).filter { !$0.1.isGauge }
            put(UInt64(kept.count))
            for (stat, value) in kept {
                bytes.append(stat.type.rawValue)
                put(stat.name)
                switch value {
                case .counter(let count): put(count)
                case .histogram(let counts):
                    put(UInt64(counts.buckets.count))
                    for bucket in counts.buckets { put(bucket) }
                    put(counts.sum)
                case .codes(let codes):
                    put(UInt64(codes.count))
                    for (code, count) in codes {
                        put(UInt64(code))
                        put(count)
                    }
                case .gauge, .sharedGauge: break
                }
            }
        }
        return bytes
    }

    /// Reads what another program wrote; trusts no length.
    /// - Throws: ``RegionError`` when it is something else, or broken.
    public init(decoding bytes: [UInt8]) throws(RegionError) {
        guard bytes.starts(with: Self.magic) else { throw .corrupt(what: "no statistics", offset: 0) }
        var reader = Reader(bytes: bytes, offset: Self.magic.count)
        self.init()
        for _ in 0..<(try reader.count()) {
            let key = GroupKey(pattern: try reader.text(), name: try reader.text())
            var group = Group(stats: [], values: [])
            for _ in 0..<(try reader.count()) {
                guard let type = StatType(rawValue: try reader.byte()) else { throw reader.failure }
                let stat = StatDefinition(name: try reader.text(), type: type)
                group.values.append(try reader.value(type))
                group.stats.append(stat)
            }
            insert(group, at: key)
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset: Int

        var failure: RegionError { .corrupt(what: "statistics", offset: offset) }

        mutating func byte() throws(RegionError) -> UInt8 {
            guard offset < bytes.count else { throw failure }
            offset += 1
            return bytes[offset - 1]
        }

        mutating func number() throws(RegionError) -> UInt64 {
            guard bytes.count - offset >= 8 else { throw failure }
            var value: UInt64 = 0
            for index in 0..<8 { value |= UInt64(bytes[offset + index]) << UInt64(index * 8) }
            offset += 8
            return value
        }

        /// A number of things that each take a byte at least.
        mutating func count() throws(RegionError) -> Int {
            let number = try number()
            guard number <= UInt64(bytes.count - offset) else { throw failure }
            return Int(number)
        }

        mutating func text() throws(RegionError) -> String {
            let length = try count()
            defer { offset += length }
            return String(decoding: bytes[offset..<offset + length], as: UTF8.self)
        }

        mutating func value(_ type: StatType) throws(RegionError) -> Value {
            switch type {
            case .counter: return .counter(try number())
            case .timing, .distribution:
                var buckets: [UInt64] = []
                for _ in 0..<(try count()) { buckets.append(try number()) }
                guard buckets.isEmpty || buckets.count == HistogramBuckets.count else { throw failure }
                return .histogram(HistogramCounts(buckets: buckets, sum: try number()))
            case .codes:
                var codes: [Int: UInt64] = [:]
                for _ in 0..<(try count()) {
                    let code = try number()
                    guard code >= 100, code < 600 else { throw failure }
                    codes[Int(code)] = try number()
                }
                return .codes(codes)
            case .gauge, .sharedGauge: throw failure
            }
        }
    }
}
