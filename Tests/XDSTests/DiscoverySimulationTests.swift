import ProxyModel
import SwiftProtobuf
import Testing
import XDS

/// A machine, whoever applies what it hands over, a link that loses and delays, and a control plane that changes its mind.
struct DiscoverySimulation {
    var rng: Seeded
    var machine: DiscoveryMachine
    var plane: ModelControlPlane
    var now: UInt64 = 1_000_000_000
    var toPlane: [[UInt8]] = []
    var toMachine: [[UInt8]] = []
    var batch: ResourceBatch?
    var connecting = false
    var connected = false
    /// What whoever applies holds.
    var applied: [ResourceKey: [UInt8]] = [:]
    var number = 1
    var faults = true
    private(set) var streams = 0
    private(set) var batches = 0

    init(_ variant: DiscoverySettings.Variant, seed: UInt64) {
        rng = Seeded(seed)
        plane = ModelControlPlane(variant)
        var settings = DiscoverySettings(variant: variant, source: "xds", node: .with { $0.id = "n" })
        settings.nodeOnFirstMessageOnly = rng.next() % 2 == 0
        if rng.next() % 3 == 0 { settings.rateLimit = RequestBudget.Settings(maximumTokens: 3, fillRate: 20) }
        machine = DiscoveryMachine(settings, types: ResourceType.allCases, checker: ResourceChecker())
    }

    mutating func perform(_ actions: [DiscoveryAction]) {
        for action in actions {
            switch action {
            case .connect: connecting = true
            case .send(let bytes): if connected { toPlane.append(bytes) }
            case .disconnect: cut()
            case .apply(let batch): self.batch = batch
            case .fetchEnded, .note: break
            }
        }
    }

    /// The stream is gone; the machine hears of it separately.
    private mutating func cut() {
        connected = false
        // What is under way is lost, but for what has arrived already.
        toPlane = []
        toMachine = []
    }

    /// What the resources that are held need, told before the answer.
    mutating func applyBatch() {
        guard let batch else { return }
        self.batch = nil
        batches += 1
        var refusals: [ResourceRefusal] = []
        for change in batch.changes {
            if faults, change.body != nil, rng.next() % 8 == 0 {
                refusals.append(ResourceRefusal(change.key, reason: "the worker does not like it"))
            } else {
                applied[change.key] = change.body
            }
        }
        tellWants()
        perform(machine.applied(refusals, now: now))
    }

    private mutating func tellWants() {
        let needs = Set(applied.keys.flatMap(Resources.needs))
        for type in ResourceType.allCases where !type.isWildcard {
            let names = Set(needs.filter { $0.type == type }.map(\.name))
            for key in applied.keys where key.type == type && !names.contains(key.name) { applied[key] = nil }
            perform(machine.want(type, .names(names), fetchTimeout: 15_000_000_000, now: now))
        }
    }

    /// The control plane's resources change: two clusters or listeners with what belongs to them.
    mutating func changeSnapshot() {
        number += 1
        let name = "r\(rng.next() % 6)"
        let type: ResourceType = rng.next() % 2 == 0 ? .cluster : .listener
        let isPresent = plane.snapshot[type]?[name] != nil
        if isPresent, rng.next() % 3 == 0 {
            plane.snapshot[type]?[name] = nil
        } else {
            plane.snapshot[type, default: [:]][name] = number
        }
        for key in Resources.needs(ResourceKey(type, name)) where rng.next() % 4 != 0 {
            plane.snapshot[key.type, default: [:]][key.name] = number
        }
        if rng.next() % 4 == 0 { plane.badNames = ["r\(rng.next() % 6)"] }
    }

    mutating func step() throws {
        switch rng.next() % 12 {
        case 0 where faults: changeSnapshot()
        case 1 where faults && connected && rng.next() % 3 == 0:
            cut()
            perform(machine.closed(now: now, rng: &rng))
        case 2, 3, 4:
            if connecting { connect() }
        case 5, 6:
            if !toPlane.isEmpty { try plane.receive(toPlane.removeFirst()) }
        case 7, 8:
            guard !toMachine.isEmpty else { break }
            perform(machine.received(toMachine.removeFirst(), now: now, rng: &rng))
        case 9:
            let types = ResourceType.allCases.shuffled(using: &rng)
            guard connected, !machine.isBusy else { break }
            for type in types.prefix(2) { if let bytes = plane.response(type) { toMachine.append(bytes) } }
        case 10: applyBatch()
        default:
            guard let deadline = machine.deadline else { break }
            now = max(now, min(deadline, now + rng.next() % 2_000_000_000))
            if now >= deadline { perform(machine.timeCame(now: now)) }
        }
    }

    private mutating func connect() {
        connecting = false
        if faults, rng.next() % 4 == 0 {
            perform(machine.closed(now: now, rng: &rng))
            return
        }
        connected = true
        streams += 1
        plane.streamOpened()
        perform(machine.opened(now: now))
    }

    mutating func run() throws {
        perform(machine.want(.cluster, .all, fetchTimeout: 15_000_000_000, now: now))
        perform(machine.want(.listener, .all, fetchTimeout: 15_000_000_000, now: now))
        for _ in 0..<1500 { try step() }
        faults = false
        plane.badNames = []
        number += 1
        for (type, names) in plane.snapshot {
            for name in names.keys {
                for key in Resources.needs(ResourceKey(type, name)) {
                    plane.snapshot[key.type, default: [:]][key.name] = number
                }
            }
        }
        plane.touchAll(number)
        for _ in 0..<1500 { try step() }
    }

    /// Where the end differs from what the control plane has.
    func differences() -> [String] {
        var expected: [ResourceKey: [UInt8]] = [:]
        for type in [.cluster, .listener] as [ResourceType] {
            for (name, number) in plane.snapshot[type] ?? [:] {
                let key = ResourceKey(type, name)
                expected[key] = Resources.body(type, name, number)
                for need in Resources.needs(key) {
                    expected[need] = Resources.body(need.type, need.name, plane.snapshot[need.type]?[need.name] ?? 0)
                }
            }
        }
        var differences: [String] = []
        for key in Set(expected.keys).union(applied.keys).sorted() where expected[key] != applied[key] {
            differences.append("\(key): expected \(expected[key] != nil), applied \(applied[key] != nil)")
        }
        for (key, body) in applied where machine.held(key.type).body(key.name) != body {
            differences.append("\(key): held otherwise")
        }
        for type in ResourceType.allCases
        where machine.held(type).count != applied.keys.count(where: { $0.type == type }) {
            differences.append("\(type): \(machine.held(type).count) held")
        }
        return differences
    }
}

@Suite struct DiscoverySimulationTests {
    @Test(
        "with streams that break, refusals, delays and changes, everything is in the end as the control plane has it",
        arguments: [DiscoverySettings.Variant.stateOfTheWorld, .delta])
    func converges(variant: DiscoverySettings.Variant) throws {
        var streams = 0
        var refusals = 0
        for seed in 1...200 as ClosedRange<UInt64> {
            var simulation = DiscoverySimulation(variant, seed: seed)
            try simulation.run()
            #expect(simulation.differences() == [], "seed \(seed)")
            #expect(simulation.plane.violations == [], "seed \(seed)")
            streams += simulation.streams
            refusals += simulation.plane.refusals.count
        }
        // The faults do happen.
        #expect(streams > 400 && refusals > 200)
    }

    @Test(
        "responses of different types in any order come to the last snapshot",
        arguments: [DiscoverySettings.Variant.stateOfTheWorld, .delta])
    func anyOrder(variant: DiscoverySettings.Variant) throws {
        for seed in 1...100 as ClosedRange<UInt64> {
            var rng = Seeded(seed)
            var conversation = Conversation.opened(
                variant, ResourceType.allCases.map { ($0, $0.isWildcard ? .all : .names(["a", "b", "c"])) })
            var last: [ResourceKey: Int] = [:]
            for round in 1...40 {
                let type = ResourceType.allCases[Int.random(in: 0..<5, using: &rng)]
                let names = ["a", "b", "c"].filter { _ in Bool.random(using: &rng) }
                let removed =
                    variant == .delta ? ["a", "b", "c"].filter { !names.contains($0) && Bool.random(using: &rng) } : []
                conversation.respond(
                    type, version: "\(round)", nonce: "\(round)", names.map { ($0, round) }, removed: removed)
                for name in names { last[ResourceKey(type, name)] = round }
                let gone =
                    variant == .delta ? removed : type.isWildcard ? ["a", "b", "c"].filter { !names.contains($0) } : []
                for name in gone { last[ResourceKey(type, name)] = nil }
                while Bool.random(using: &rng), !conversation.batches.isEmpty {
                    _ = try conversation.takeBatch()
                    conversation.applied()
                }
            }
            while !conversation.batches.isEmpty {
                _ = try conversation.takeBatch()
                conversation.applied()
            }
            for type in ResourceType.allCases {
                let expected = last.filter { $0.key.type == type }
                #expect(conversation.names(type) == expected.keys.map(\.name).sorted(), "seed \(seed)")
                for (key, number) in expected {
                    #expect(conversation.machine.held(type).body(key.name) == Resources.body(type, key.name, number))
                }
            }
        }
    }
}
