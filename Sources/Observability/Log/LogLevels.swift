import CLinux

/// The level of each component, for this process or, in a region, for all processes of the proxy: a change through the
/// admin interface of the supervisor holds for every worker with its next message.
public final class LogLevels: Sendable {
    static let purpose = "loglevel"
    private static let recordTag: UInt32 = 1

    // Safety: one word for each component, read and written with relaxed operations only; lives in `region`, or is freed
    // in `deinit`.
    nonisolated(unsafe) private let words: UnsafeMutablePointer<UInt64>
    nonisolated(unsafe) private let region: SharedRegion?

    /// Levels of this process alone.
    public init(_ level: LogLevel = .info) {
        words = .allocate(capacity: LogComponent.allCases.count)
        words.initialize(repeating: UInt64(level.rawValue), count: LogComponent.allCases.count)
        region = nil
    }

    /// Levels in a region of their own, whose descriptor goes to the workers.
    public init(sharing level: LogLevel) throws(RegionError) {
        let schema = Array(LogComponent.allCases.map(\.rawValue).joined(separator: ",").utf8)
        let region = try SharedRegion(creating: "heddle-log-levels", purpose: LogLevels.purpose, capacity: 4096, schema: schema)
        let count = LogComponent.allCases.count
        let payload = region.append(tag: LogLevels.recordTag, payloadSize: count * 8) { payload in
            for index in 0..<count { payload.storeBytes(of: UInt64(level.rawValue), toByteOffset: index * 8, as: UInt64.self) }
        }
        guard let payload else { throw .wrongSize(bytes: region.capacity, expected: region.capacity + count * 8) }
        words = payload.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt64.self)
        self.region = region
    }

    /// Levels that another process shares. Takes the descriptor over.
    public init(mapping descriptor: Int32) throws(RegionError) {
        let region = try SharedRegion(mapping: descriptor, purpose: LogLevels.purpose, access: .writer)
        let schema = Array(LogComponent.allCases.map(\.rawValue).joined(separator: ",").utf8)
        guard region.schema == schema else { throw .schemaMismatch }
        var found: UnsafeMutableRawPointer?
        try region.forEachRecord { record in
            guard record.tag == LogLevels.recordTag, record.payload.count >= LogComponent.allCases.count * 8 else { return }
            found = record.payload.baseAddress
        }
        guard let found else { throw .corrupt(what: "no levels", offset: SharedRegion.headerSize) }
        words = found.assumingMemoryBound(to: UInt64.self)
        self.region = region
    }

    deinit {
        if region == nil { words.deallocate() }
    }

    /// The region's descriptor, nil without a region.
    public var descriptor: Int32? { region?.descriptor }

    /// The level of one component.
    public subscript(component: LogComponent) -> LogLevel {
        get { LogLevel(rawValue: UInt8(truncatingIfNeeded: heddle_load_relaxed_u64(word(component)))) ?? .info }
        set { heddle_store_relaxed_u64(word(component), UInt64(newValue.rawValue)) }
    }

    /// Sets the level of all components.
    public func setAll(_ level: LogLevel) {
        for component in LogComponent.allCases { self[component] = level }
    }

    func isEnabled(_ level: LogLevel, _ component: LogComponent) -> Bool {
        UInt64(level.rawValue) >= heddle_load_relaxed_u64(word(component))
    }

    private func word(_ component: LogComponent) -> UnsafeMutablePointer<UInt64> {
        words + component.index
    }
}

extension LogComponent {
    /// The position among all components.
    var index: Int {
        // Safety: an enum without payloads and with 2...256 cases is one byte with the ordinal of its case (tested).
        Int(unsafeBitCast(self, to: UInt8.self))
    }
}
