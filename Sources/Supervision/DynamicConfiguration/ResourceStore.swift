import ProxyModel

/// Whom a resource came from.
enum ResourceOrigin: Equatable, Sendable {
    /// `static_resources` of the bootstrap.
    case bootstrap
    /// A control plane or a file that the bootstrap names.
    case source
    /// The last good configuration on disk; the source has not spoken yet.
    case lastGood
}

/// One form of a resource that every worker has compiled.
struct StoredResource: Equatable, Sendable {
    /// Stands for this form between the processes.
    let number: UInt32
    let key: ResourceKey
    let body: [UInt8]
    var version: String
    var origin: ResourceOrigin
    /// Nanoseconds since 1970.
    var updated: UInt64
}

/// What was refused last of a resource.
struct ResourceFailure: Equatable, Sendable {
    var version: String
    /// Nil when it is the removal that was refused, or nothing could be read.
    var body: [UInt8]?
    var reason: String
    /// Nanoseconds since 1970.
    var attempted: UInt64
}

/// All resources of the proxy by name: what is in force, what is compiled but still warms, and what was refused last.
///
/// ```
///          admit            activate
/// change ────────► warming ────────► active
///    └── refused ──► failures (the last good form stays)
/// ```
struct ResourceStore: Equatable, Sendable {
    /// What a change means for the store.
    enum Verdict: Equatable, Sendable {
        /// The same bytes: nothing to compile.
        case unchanged
        case update
        case removal
        /// A source's, under a name that the bootstrap has taken: as in Envoy, nothing comes of it.
        case ignored
        case refused(String)
    }

    /// What is in force.
    private(set) var active: [ResourceKey: StoredResource] = [:]
    /// What waits for other resources; the active form of the same name, if any, stays meanwhile.
    private(set) var warming: [ResourceKey: StoredResource] = [:]
    private(set) var failures: [ResourceKey: ResourceFailure] = [:]
    /// The last version that a source gave for a type as a whole.
    var versions: [ResourceType: String] = [:]
    /// Changes with everything of sources that comes into force, goes or is confirmed.
    private(set) var revision: UInt64 = 0
    /// How many are in force that their source has not confirmed.
    private(set) var lastGoodCount = 0
    private var counts: [ResourceType: Int] = [:]
    private var lastNumber: UInt32 = 0

    /// Most resources; a source that sends more is refused.
    static let maximumResources = 200_000

    // MARK: Looking

    /// The form that a change is compared with: the newest one.
    func newest(_ key: ResourceKey) -> StoredResource? { warming[key] ?? active[key] }

    /// Resources of one type that are in force, and that wait.
    func count(_ type: ResourceType) -> Int { counts[type] ?? 0 }
    func warmingCount(_ type: ResourceType) -> Int { warming.keys.reduce(0) { $0 + ($1.type == type ? 1 : 0) } }

    /// Whether something is in force that its source has not confirmed.
    var holdsLastGood: Bool { lastGoodCount > 0 }

    /// What is in force and does not come from the bootstrap, in the order of types and names.
    var dynamicResources: [ResourceChange] {
        active.values.filter { $0.origin != .bootstrap }.sorted { $0.key < $1.key }
            .map { ResourceChange($0.key, version: $0.version, body: $0.body) }
    }

    /// Numbers of everything that is in force.
    var activeNumbers: [UInt32] { active.values.map(\.number) }

    /// The names of everything, in force or not.
    var keys: Set<ResourceKey> { Set(active.keys).union(warming.keys) }

    /// Everything that workers must have, in the order of the types.
    var all: [StoredResource] {
        (Array(active.values) + Array(warming.values)).sorted { ($0.key.type, $0.number) < ($1.key.type, $1.number) }
    }

    /// Resources of one type that are in force, by name.
    func active(_ type: ResourceType) -> [StoredResource] {
        active.values.filter { $0.key.type == type }.sorted { $0.key.name < $1.key.name }
    }

    /// Resources of one type that wait, by name.
    func warming(_ type: ResourceType) -> [StoredResource] {
        warming.values.filter { $0.key.type == type }.sorted { $0.key.name < $1.key.name }
    }

    // MARK: Changing

    /// What a change comes to. Neither a source nor the bootstrap touches what belongs to the other.
    func verdict(_ key: ResourceKey, _ body: [UInt8]?, from origin: ResourceOrigin) -> Verdict {
        let present = newest(key)
        if let present, (present.origin == .bootstrap) != (origin == .bootstrap) {
            if origin == .bootstrap, body == nil { return .unchanged }
            // Not so a secret: who asks a source for one must not get another.
            if origin != .bootstrap, key.type.isWildcard { return .ignored }
            return .refused(
                origin == .bootstrap
                    ? "a control plane has a resource of this name" : "the bootstrap has a resource of this name")
        }
        guard let body else { return present == nil ? .unchanged : .removal }
        if present == nil, active.count + warming.count >= Self.maximumResources {
            return .refused("more than \(Self.maximumResources) resources")
        }
        return present?.body == body ? .unchanged : .update
    }

    mutating func nextNumber() -> UInt32 {
        lastNumber &+= 1
        return lastNumber
    }

    /// Every worker has compiled this form.
    /// - Returns: the number of the form that waited in its place and never comes into force.
    mutating func admit(_ resource: StoredResource) -> UInt32? {
        failures[resource.key] = nil
        return warming.updateValue(resource, forKey: resource.key)?.number
    }

    /// The same bytes came under another version.
    mutating func touch(_ key: ResourceKey, version: String, origin: ResourceOrigin, now: UInt64) {
        failures[key] = nil
        if warming[key] != nil {
            warming[key]?.version = version
            warming[key]?.origin = origin
            warming[key]?.updated = now
        } else {
            if let old = active[key] { recount(old.origin, origin) }
            active[key]?.version = version
            active[key]?.origin = origin
            active[key]?.updated = now
        }
    }

    /// What warmed is in force now.
    /// - Returns: the form that was in force before.
    mutating func activate(_ key: ResourceKey) -> StoredResource? {
        guard let resource = warming.removeValue(forKey: key) else { return nil }
        let old = active.updateValue(resource, forKey: key)
        if old == nil { counts[key.type, default: 0] += 1 }
        recount(old?.origin, resource.origin)
        return old
    }

    /// The resource is gone, in force or not.
    /// - Returns: the number of a form that warmed.
    mutating func remove(_ key: ResourceKey) -> UInt32? {
        if let old = active.removeValue(forKey: key) {
            counts[key.type, default: 1] -= 1
            recount(old.origin, nil)
        }
        failures[key] = nil
        return warming.removeValue(forKey: key)?.number
    }

    private mutating func recount(_ old: ResourceOrigin?, _ new: ResourceOrigin?) {
        if (old ?? .bootstrap, new ?? .bootstrap) != (.bootstrap, .bootstrap) { revision += 1 }
        lastGoodCount += (new == .lastGood ? 1 : 0) - (old == .lastGood ? 1 : 0)
    }

    mutating func fail(_ key: ResourceKey, _ failure: ResourceFailure) {
        guard failures[key] != nil || failures.count < Self.maximumFailures else { return }
        failures[key] = failure
    }

    /// What was refused is gone.
    mutating func forgive(_ key: ResourceKey) { failures[key] = nil }

    /// Most refusals that are kept.
    static let maximumFailures = 1000

    /// What turns the static resources that are held into these: a change each for what is new or other, a removal for
    /// what is missing.
    func bootstrapChanges(_ resources: [(key: ResourceKey, body: [UInt8])]) -> [ResourceChange] {
        var changes: [ResourceChange] = []
        for (key, body) in resources where newest(key)?.body != body || newest(key)?.origin != .bootstrap {
            changes.append(ResourceChange(key, version: "", body: body))
        }
        let kept = Set(resources.map(\.key))
        let held = active.values.filter { $0.origin == .bootstrap } + warming.values.filter { $0.origin == .bootstrap }
        let gone = Set(held.map(\.key)).subtracting(kept)
        return changes + gone.sorted().map { ResourceChange($0, version: "", body: nil) }
    }

    /// The resources that are to be compiled anew because the settings have changed that they are compiled with, but for
    /// those that change themselves.
    func recompilation(besides changes: [ResourceChange]) -> [ResourceChange] {
        let changing = Set(changes.map(\.key))
        return all.filter { [.listener, .routeConfiguration].contains($0.key.type) && !changing.contains($0.key) && $0 == newest($0.key) }
            .map { ResourceChange($0.key, version: $0.version, body: $0.body) }
    }
}
