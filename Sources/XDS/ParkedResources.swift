/// Resources that nobody wants for the moment, though the control plane may believe that somebody does.
///
/// Names come and go faster than requests, and in the state of the world a request may be ignored because a newer response
/// was under way. A name that is wanted again is then no news to the control plane, which sends nothing: what it sent last
/// is here. The oldest make room.
struct ParkedResources: Equatable, Sendable {
    /// Most that are kept.
    static let maximum = 1024

    private var items: [String: HeldResources.Item] = [:]
    private var order: [String] = []

    mutating func park(_ name: String, _ item: HeldResources.Item) {
        if items.updateValue(item, forKey: name) == nil { order.append(name) }
        if order.count > Self.maximum { items[order.removeFirst()] = nil }
    }

    func contains(_ name: String) -> Bool { items[name] != nil }

    @discardableResult
    mutating func take(_ name: String) -> HeldResources.Item? {
        guard let item = items.removeValue(forKey: name) else { return nil }
        order.removeAll { $0 == name }
        return item
    }

    mutating func removeAll() {
        items = [:]
        order = []
    }
}
