import ProxyModel

/// Who wants what: the wants of all resources together, kept while single resources change.
struct ResourceWants: Equatable, Sendable {
    /// Everything that is wanted by someone.
    private(set) var all: Set<ResourceWant> = []
    /// The names that are wanted, whatever their source.
    private(set) var names: [ResourceKey: Int] = [:]
    /// Rises whenever ``all`` changes.
    private(set) var revision: UInt64 = 0
    private var counts: [ResourceWant: Int] = [:]
    private var byForm: [UInt32: Set<ResourceWant>] = [:]

    /// One form of a resource, by its number, wants these.
    mutating func set(_ form: UInt32, _ wants: Set<ResourceWant>) {
        guard !wants.isEmpty else { return }
        byForm[form] = wants
        for want in wants {
            counts[want, default: 0] += 1
            names[want.key, default: 0] += 1
            if all.insert(want).inserted { revision += 1 }
        }
    }

    /// A form is gone.
    mutating func remove(_ form: UInt32) {
        for want in byForm.removeValue(forKey: form) ?? [] {
            names[want.key, default: 1] -= 1
            if names[want.key] == 0 { names[want.key] = nil }
            counts[want, default: 1] -= 1
            guard counts[want] == 0 else { continue }
            counts[want] = nil
            all.remove(want)
            revision += 1
        }
    }
}
