import FoundationEssentials
import ProxyModel
import SwiftProtobuf
import Testing
import XDS

/// A machine with its stream laid open: what it sends is read, what a test answers is written.
struct Conversation {
    typealias SotW = Envoy_Service_Discovery_V3_DiscoveryRequest
    typealias Delta = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest

    static let second: UInt64 = 1_000_000_000

    var machine: DiscoveryMachine
    let variant: DiscoverySettings.Variant
    var now: UInt64 = 1_000_000_000
    var rng = Seeded(1)
    private(set) var sent: [[UInt8]] = []
    var batches: [ResourceBatch] = []
    private(set) var ended: [ResourceKey] = []
    private(set) var notes: [DiscoveryNote] = []
    private(set) var connects = 0
    private(set) var disconnects: [String] = []

    init(
        _ variant: DiscoverySettings.Variant = .stateOfTheWorld, types: [ResourceType] = ResourceType.allCases,
        _ change: (inout DiscoverySettings) -> Void = { _ in }
    ) {
        self.variant = variant
        var settings = DiscoverySettings(
            variant: variant, source: "xds",
            node: .with {
                $0.id = "node"; $0.cluster = "cluster"
            })
        change(&settings)
        machine = DiscoveryMachine(settings, types: types, checker: ResourceChecker())
    }

    mutating func perform(_ actions: [DiscoveryAction]) {
        for action in actions {
            switch action {
            case .connect: connects += 1
            case .send(let bytes): sent.append(bytes)
            case .disconnect(let reason): disconnects.append(reason)
            case .apply(let batch): batches.append(batch)
            case .fetchEnded(let keys): ended += keys
            case .note(let note): notes.append(note)
            }
        }
    }

    // MARK: Verbs

    mutating func open() { perform(machine.opened(now: now)) }

    mutating func want(_ type: ResourceType, _ wanted: WantedResources, timeout: UInt64 = 15) {
        perform(machine.want(type, wanted, fetchTimeout: FetchTimes(timeout * Self.second), now: now))
    }

    mutating func applied(_ refusals: [ResourceRefusal] = []) { perform(machine.applied(refusals, now: now)) }

    mutating func close() { perform(machine.closed(now: now, rng: &rng)) }

    mutating func receive(_ bytes: [UInt8]) { perform(machine.received(bytes, now: now, rng: &rng)) }

    /// Lets time pass until the machine's deadline.
    mutating func waitForDeadline() throws {
        now = try #require(machine.deadline)
        perform(machine.timeCame(now: now))
    }

    /// A response with resources of these names and numbers.
    mutating func respond(
        _ type: ResourceType, version: String, nonce: String, _ resources: [(String, Int)] = [], removed: [String] = []
    ) {
        respond(
            typeURL: type.typeURL, version: version, nonce: nonce,
            resources.map { ($0.0, Resources.body(type, $0.0, $0.1)) }, removed: removed)
    }

    mutating func respond(
        typeURL: String, version: String, nonce: String, _ bodies: [(name: String, body: [UInt8])],
        resourceURL: String? = nil, removed: [String] = []
    ) {
        receive(
            Self.response(
                variant, typeURL: typeURL, version: version, nonce: nonce, bodies, resourceURL: resourceURL,
                removed: removed))
    }

    static func response(
        _ variant: DiscoverySettings.Variant, typeURL: String, version: String, nonce: String,
        _ bodies: [(name: String, body: [UInt8])], resourceURL: String? = nil, removed: [String] = [],
        versions: [String: String] = [:]
    ) -> [UInt8] {
        let values = bodies.map { pair in
            Google_Protobuf_Any.with {
                $0.typeURL = resourceURL ?? typeURL
                $0.value = .init(pair.body)
            }
        }
        do {
            switch variant {
            case .stateOfTheWorld:
                return try Envoy_Service_Discovery_V3_DiscoveryResponse.with {
                    $0.typeURL = typeURL
                    $0.versionInfo = version
                    $0.nonce = nonce
                    $0.resources = values
                }.serializedBytes()
            case .delta:
                return try Envoy_Service_Discovery_V3_DeltaDiscoveryResponse.with {
                    $0.typeURL = typeURL
                    $0.systemVersionInfo = version
                    $0.nonce = nonce
                    $0.removedResources = removed
                    $0.resources = zip(bodies, values).map { pair, value in
                        .with {
                            $0.name = pair.name
                            $0.version = versions[pair.name] ?? version
                            $0.resource = value
                        }
                    }
                }.serializedBytes()
            }
        } catch {
            preconditionFailure("\(error)")
        }
    }

    // MARK: What happened

    /// Takes the requests that were sent since the last look.
    mutating func requests() throws -> [SotW] {
        defer { sent = [] }
        return try sent.map { try SotW(serializedBytes: $0) }
    }

    mutating func deltaRequests() throws -> [Delta] {
        defer { sent = [] }
        return try sent.map { try Delta(serializedBytes: $0) }
    }

    /// The only request that was sent since the last look.
    mutating func request() throws -> SotW {
        let all = try requests()
        #expect(all.count == 1)
        return try #require(all.first)
    }

    mutating func deltaRequest() throws -> Delta {
        let all = try deltaRequests()
        #expect(all.count == 1)
        return try #require(all.first)
    }

    mutating func takeBatch() throws -> ResourceBatch { try #require(batches.isEmpty ? nil : batches.removeFirst()) }

    mutating func takeEnded() -> [ResourceKey] {
        defer { ended = [] }
        return ended
    }

    mutating func takeNotes() -> [DiscoveryNote] {
        defer { notes = [] }
        return notes
    }

    /// An open stream on which everything of these types is asked for and the requests are read.
    static func opened(
        _ variant: DiscoverySettings.Variant, _ wants: [(ResourceType, WantedResources)],
        _ change: (inout DiscoverySettings) -> Void = { _ in }
    ) -> Conversation {
        var conversation = Conversation(variant, change)
        for (type, wanted) in wants { conversation.want(type, wanted) }
        conversation.open()
        conversation.sent = []
        conversation.notes = []
        return conversation
    }

    static func opened(
        _ wants: [(ResourceType, WantedResources)], _ change: (inout DiscoverySettings) -> Void = { _ in }
    ) -> Conversation {
        opened(.stateOfTheWorld, wants, change)
    }

    func names(_ type: ResourceType) -> [String] { machine.held(type).names }
}

/// Random numbers that a seed decides (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

extension ResourceBatch {
    /// Names with `-` before the removed ones.
    var summary: [String] { changes.map { ($0.body == nil ? "-" : "") + $0.key.name } }
}
