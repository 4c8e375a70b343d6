package import ProxyModel

/// What is wanted of one type.
package enum WantedResources: Equatable, Sendable {
    /// All there are (a wildcard).
    case all
    case names(Set<String>)

    /// None.
    package static let nothing = WantedResources.names([])

    /// Whether anything is wanted.
    package var isEmpty: Bool { self == .nothing }

    func contains(_ name: String) -> Bool {
        switch self {
        case .all: true
        case .names(let names): names.contains(name)
        }
    }
}

/// What a source has given of one type, in the form that was taken last.
package struct HeldResources: Equatable, Sendable {
    struct Item: Equatable, Sendable {
        var version: String
        var body: [UInt8]
        /// Whether its source has given it, and not only an earlier process had it.
        var isConfirmed = true
    }

    /// What a response comes to before anybody has applied it.
    package struct Sifted: Equatable, Sendable {
        /// What is new, other or gone.
        package var changes: [ResourceChange] = []
        /// What is refused here, and why.
        package var refused: [ResourceRefusal] = []
        /// The bytes of the refused ones that have any.
        package var refusedBodies: [String: ResourceChange] = [:]
        /// What the response had something to say about.
        package var named: Set<String> = []
        /// Wanted, not held, and the source says that it does not exist.
        package var absent: [String] = []
        /// New versions of what is the same.
        var versions: [(name: String, version: String)] = []
        /// Fields that were left aside.
        package var ignored: [String] = []

        package static func == (left: Sifted, right: Sifted) -> Bool {
            left.changes == right.changes && left.refused == right.refused && left.named == right.named
                && left.absent == right.absent && left.ignored == right.ignored
                && left.versions.elementsEqual(right.versions, by: ==)
        }
    }

    private(set) var items: [String: Item] = [:]
    /// Names whose last form was refused, so that it can be told when that is gone, or when what is held comes again. There
    /// may be more.
    private var refused: Set<String> = []
    private static let maximumRefused = 1000

    package init() {}

    /// The names and versions of what is held.
    /// What is not confirmed has none, so that it is sent again: an earlier control plane may have counted otherwise.
    var versions: [String: String] { items.mapValues { $0.isConfirmed ? $0.version : "" } }

    /// The names of what is held, in order.
    package var names: [String] { items.keys.sorted() }

    /// The bytes of a resource.
    package func body(_ name: String) -> [UInt8]? { items[name]?.body }

    /// How many are held.
    package var count: Int { items.count }

    func holds(_ name: String) -> Bool { items[name] != nil }

    /// Takes something as held that came another way. When the source has the same, that is told as a change to the same
    /// bytes.
    /// What has no bytes was refused and never taken.
    package mutating func seed(_ change: ResourceChange) {
        guard let body = change.body else {
            if refused.count < Self.maximumRefused { refused.insert(change.key.name) }
            return
        }
        items[change.key.name] = Item(version: change.version, body: body, isConfirmed: false)
    }

    /// What is held of these names.
    package func only(_ names: Set<String>) -> HeldResources {
        var part = HeldResources()
        part.items = items.filter { names.contains($0.key) }
        return part
    }

    /// Nobody wants it any more.
    package mutating func forget(_ name: String) {
        items[name] = nil
        refused.remove(name)
    }

    /// Sorts the resources of a response: new or changed, removed, the same, bad, not asked for.
    package func sift(
        _ update: DiscoveryUpdate, _ type: ResourceType, wanted: WantedResources, checker: ResourceChecker,
        limits: DiscoveryLimits
    ) -> Sifted {
        var sifted = Sifted()
        guard update.offers.count <= limits.resources else {
            let reason = "holds \(update.offers.count) resources; at most \(limits.resources) are taken"
            sifted.refused = [ResourceRefusal(ResourceKey(type, ResourceWant.wildcard), reason: reason)]
            return sifted
        }
        var hasNameless = false
        var names: [String] = []
        var counts: [String: Int] = [:]
        for (index, offer) in update.offers.enumerated() {
            let name = Self.name(of: offer)
            names.append(name ?? "")
            // What a resource of another type calls itself says nothing about ours.
            if offer.body != nil, offer.typeURL != type.typeURL { hasNameless = true }
            guard let name, !name.isEmpty, name.utf8.count <= limits.nameBytes else {
                // A removed name among the others is a name too.
                hasNameless = true
                sifted.refused.append(
                    ResourceRefusal(ResourceKey(type, "[\(index)]"), reason: Self.namelessReason(name, limits)))
                continue
            }
            counts[name, default: 0] += 1
        }
        for (offer, name) in zip(update.offers, names) where counts[name] != nil && wanted.contains(name) {
            let isFirst = sifted.named.insert(name).inserted
            if counts[name] == 1 {
                take(offer, ResourceKey(type, name), checker, limits, &sifted)
            } else if isFirst {
                sifted.refused.append(
                    ResourceRefusal(
                        ResourceKey(type, name), reason: "appears \(counts[name] ?? 0) times in one response"))
            }
        }
        let removed = update.isComplete && !hasNameless ? Array(items.keys) + refused : update.removed
        for name in Set(removed).sorted() where !sifted.named.contains(name) && wanted.contains(name) {
            sifted.named.insert(name)
            if holds(name) || type.isWildcard && refused.contains(name) {
                sifted.changes.append(ResourceChange(ResourceKey(type, name), version: "", body: nil))
            } else {
                sifted.absent.append(name)
            }
        }
        return sifted
    }

    private func take(
        _ offer: DiscoveryUpdate.Offer, _ key: ResourceKey, _ checker: ResourceChecker, _ limits: DiscoveryLimits,
        _ sifted: inout Sifted
    ) {
        guard let body = offer.body else {
            // Only a sign of life; without the resource itself it can be no more.
            return
        }
        if let item = items[key.name], item.isConfirmed, item.body == body, offer.typeURL == key.type.typeURL {
            if refused.contains(key.name) {
                // No change, but whoever knows of the refusal must hear that it is over.
                sifted.changes.append(ResourceChange(key, version: offer.version, body: body))
            } else if item.version != offer.version {
                sifted.versions.append((key.name, offer.version))
            }
            return
        }
        let change = ResourceChange(key, version: offer.version, body: body)
        if let reason = problem(offer, body, key, checker, limits, &sifted.ignored) {
            sifted.refused.append(ResourceRefusal(key, reason: reason))
            sifted.refusedBodies[key.name] = change
        } else {
            sifted.changes.append(change)
        }
    }

    private func problem(
        _ offer: DiscoveryUpdate.Offer, _ body: [UInt8], _ key: ResourceKey, _ checker: ResourceChecker,
        _ limits: DiscoveryLimits, _ ignored: inout [String]
    ) -> String? {
        guard offer.typeURL == key.type.typeURL else {
            return "has the type \(offer.typeURL.isEmpty ? "\"\"" : offer.typeURL), expected \(key.type.typeURL)"
        }
        guard body.count <= limits.resourceBytes else {
            return "has \(body.count) bytes; at most \(limits.resourceBytes) are taken"
        }
        if let inner = ResourceChecker.name(body), inner != key.name {
            return "calls itself \"\(inner)\""
        }
        return checker.problem(key.type, body, ignored: &ignored)
    }

    /// What was taken is held from now on; what was refused keeps its last form.
    package mutating func settle(_ sifted: Sifted, refused: Set<String>) {
        for name in refused.union(sifted.refused.map(\.key.name)) where self.refused.count < Self.maximumRefused {
            self.refused.insert(name)
        }
        for change in sifted.changes where !refused.contains(change.key.name) {
            self.refused.remove(change.key.name)
            if let body = change.body {
                items[change.key.name] = Item(version: change.version, body: body)
            } else {
                items[change.key.name] = nil
            }
        }
        for (name, version) in sifted.versions { items[name]?.version = version }
    }

    private static func name(of offer: DiscoveryUpdate.Offer) -> String? {
        if let name = offer.name { return name }
        return offer.body.flatMap { ResourceChecker.name($0) }
    }

    private static func namelessReason(_ name: String?, _ limits: DiscoveryLimits) -> String {
        guard let name, !name.isEmpty else { return "has no name" }
        return "its name has \(name.utf8.count) bytes; at most \(limits.nameBytes) are taken"
    }
}

extension ResourceBatch {
    /// The batch of a sifted response.
    package init(_ sifted: HeldResources.Sifted, _ type: ResourceType, source: String, version: String) {
        self.init(
            type: type, source: source, version: version, changes: sifted.changes,
            refused: sifted.refused.map { refusal in
                let change = sifted.refusedBodies[refusal.key.name]
                return (change ?? ResourceChange(refusal.key, version: version, body: nil), refusal.reason)
            })
    }
}
