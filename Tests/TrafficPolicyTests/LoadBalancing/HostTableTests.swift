import Testing
import TrafficPolicy

struct HostTableTests {
    private func configs(_ keys: String) -> [HostConfig] { keys.map { HostConfig(key: String($0)) } }

    @Test("a host keeps its slot and counts through updates, and what was learnt about its health")
    func identity() throws {
        var table = HostTable()
        do { let change = table.replace(with: configs("abc")); #expect(change == .init(added: [0, 1, 2], removed: [])) }
        table.requestStarted(1)
        table.set(.ejectedByOutlierDetection, true, of: 1)
        do { let change = table.replace(with: configs("db")); #expect(change == .init(added: [3], removed: [0, 2])) }
        do { let slots = table.listed; #expect(slots == [3, 1]) }
        do { let value = table.activeRequests(of: 1); #expect(value == 1) }
        do { let flags = table.flags(of: 1); #expect(flags == .ejectedByOutlierDetection) }
        do { let slot = table.slot(of: "a"); #expect(slot == nil) }
    }

    @Test("a removed host's slot is used again only when its last request and connection ended")
    func retirement() {
        var table = HostTable()
        _ = table.replace(with: configs("a"))
        table.requestStarted(0)
        table.connectionOpened(0)
        _ = table.replace(with: configs("b"))
        do { let slot = table.slot(of: "b"); #expect(slot == 1) }
        table.requestEnded(0)
        _ = table.replace(with: configs("bc"))
        do { let slot = table.slot(of: "c"); #expect(slot == 2) }
        table.connectionClosed(0)
        _ = table.replace(with: configs("bcd"))
        do { let slot = table.slot(of: "d"); #expect(slot == 0) }
        do { let count = table.slotCount; #expect(count == 3) }
    }

    @Test("a host that comes back while it is still used has its old slot")
    func revival() {
        var table = HostTable()
        _ = table.replace(with: configs("a"))
        table.requestStarted(0)
        _ = table.replace(with: [])
        do { let change = table.replace(with: configs("a")); #expect(change == .init(added: [0], removed: [])) }
        table.requestEnded(0)
        do { let slot = table.slot(of: "a"); #expect(slot == 0) }
    }

    @Test("of two hosts with one key the first counts")
    func duplicates() {
        var table = HostTable()
        _ = table.replace(with: [HostConfig(key: "a", weight: 2), HostConfig(key: "a", weight: 3)])
        do { let slots = table.listed; #expect(slots == [0]) }
        do { let weight = table.weight(of: 0); #expect(weight == 2) }
        _ = table.replace(with: [HostConfig(key: "a", weight: 5), HostConfig(key: "a", weight: 6)])
        do { let weight = table.weight(of: 0); #expect(weight == 5) }
    }

    @Test("health is the worst that is known", arguments: [
        ([], .healthy), ([.degradedByDiscovery], .degraded), ([.degradedByActiveCheck, .failedActiveCheck], .unhealthy),
        ([.unhealthyByDiscovery], .unhealthy), ([.ejectedByOutlierDetection], .unhealthy),
    ] as [(HostHealthFlags, HostHealth)])
    func health(flags: HostHealthFlags, expected: HostHealth) {
        #expect(flags.health == expected)
    }

    @Test("discovery's flags are replaced by the next update")
    func discovery() {
        var table = HostTable()
        _ = table.replace(with: [HostConfig(key: "a", health: [.unhealthyByDiscovery, .failedActiveCheck])])
        do { let flags = table.flags(of: 0); #expect(flags == .unhealthyByDiscovery) }
        _ = table.replace(with: configs("a"))
        do { let flags = table.flags(of: 0); #expect(flags == []) }
    }

    @Test("random updates and requests never mix two hosts up", arguments: 1...5 as ClosedRange<UInt64>)
    func model(seed: UInt64) {
        var random = FastRandom(seed: seed)
        var table = HostTable()
        var active: [String: UInt32] = [:]
        var inFlight: [(slot: Int, key: String)] = []
        for _ in 0..<2000 {
            switch random.next(below: 4) {
            case 0:
                let keys = (0..<8).filter { _ in random.next(below: 2) == 0 }.map { "host\($0)" }
                _ = table.replace(with: keys.map { HostConfig(key: $0) })
                let listed = table.listed.map { slot in table.key(of: slot) }
                #expect(listed == keys)
            case 1, 2:
                guard let slot = table.listed.randomElement(using: &random) else { continue }
                let key = table.key(of: slot)
                table.requestStarted(slot)
                active[key, default: 0] += 1
                inFlight.append((slot, key))
            default:
                guard !inFlight.isEmpty else { continue }
                let (slot, key) = inFlight.remove(at: Int(random.next(below: UInt64(inFlight.count))))
                let known = table.key(of: slot)
                #expect(known == key)
                table.requestEnded(slot)
                active[key, default: 0] -= 1
            }
            for slot in table.listed {
                let (key, count) = (table.key(of: slot), table.activeRequests(of: slot))
                #expect(active[key, default: 0] == count)
            }
        }
        let slots = table.slotCount
        #expect(slots <= 8)
    }
}
