import ProxyModel
import SwiftProtobuf
import Testing
import XDS

/// A control plane by the book, which also holds its client to the book: what the client may not send is noted in
/// ``violations``.
struct ModelControlPlane {
    /// What a stream knows of a type.
    struct Subscription {
        var names: Set<String> = []
        var everNamed = false
        var nonce = ""
        /// The version that went with each nonce.
        var versions: [String: String] = [:]
        /// What was sent and not taken back.
        var sent: [String: Int] = [:]
        /// Names that must be sent though nothing changed.
        var owed: Set<String> = []
        var owesResponse = true
    }

    let variant: DiscoverySettings.Variant
    /// The number of each resource; the same number is the same resource.
    var snapshot: [ResourceType: [String: Int]] = [:]
    /// What a good resource looks like.
    var makeBody: @Sendable (ResourceType, String, Int) -> [UInt8] = { Resources.body($0, $1, $2) }
    /// What is sent instead of a good resource.
    var badNames: Set<String> = []
    private(set) var violations: [String] = []
    private(set) var refusals: [String] = []
    private var streams: [ResourceType: Subscription] = [:]
    private var nonces = 0
    private var hasNode = false

    init(_ variant: DiscoverySettings.Variant) { self.variant = variant }

    mutating func streamOpened() {
        streams = [:]
        hasNode = false
    }

    // MARK: Requests

    mutating func receive(_ bytes: [UInt8]) throws {
        switch variant {
        case .stateOfTheWorld: receive(try Conversation.SotW(serializedBytes: bytes))
        case .delta: receive(try Conversation.Delta(serializedBytes: bytes))
        }
    }

    private mutating func begin(_ typeURL: String, hasNode node: Bool) -> ResourceType? {
        if !hasNode, !node { violations.append("the first request has no node") }
        hasNode = true
        guard let type = ResourceType(typeURL: typeURL) else {
            violations.append("unknown type \(typeURL)")
            return nil
        }
        return type
    }

    private mutating func receive(_ request: Conversation.SotW) {
        guard let type = begin(request.typeURL, hasNode: request.hasNode) else { return }
        guard var subscription = streams[type] else {
            if !request.responseNonce.isEmpty { violations.append("\(type): a nonce of another stream") }
            var subscription = Subscription()
            subscription.names = Set(request.resourceNames)
            subscription.everNamed = !request.resourceNames.isEmpty
            streams[type] = subscription
            return
        }
        if subscription.versions[request.responseNonce] == nil, !request.responseNonce.isEmpty {
            violations.append("\(type): a nonce that nobody sent")
        }
        // A stale request is no answer and changes nothing.
        guard request.responseNonce == subscription.nonce else { return }
        if request.hasErrorDetail { refusals.append("\(type): \(request.errorDetail.message)") }
        if request.hasErrorDetail, request.versionInfo == subscription.versions[subscription.nonce] {
            violations.append("\(type): a refusal with the version that it refuses")
        }
        let names = Set(request.resourceNames)
        subscription.everNamed = subscription.everNamed || !names.isEmpty
        subscription.owed.formUnion(names.subtracting(subscription.names))
        for name in subscription.names.subtracting(names) { subscription.sent[name] = nil }
        subscription.names = names
        streams[type] = subscription
    }

    private mutating func receive(_ request: Conversation.Delta) {
        guard let type = begin(request.typeURL, hasNode: request.hasNode) else { return }
        var subscription = streams[type] ?? Subscription()
        if streams[type] == nil {
            // What has no version is known all the same.
            for (name, version) in request.initialResourceVersions { subscription.sent[name] = Int(version) ?? -1 }
            if !request.responseNonce.isEmpty { violations.append("\(type): a nonce of another stream") }
        } else {
            if !request.initialResourceVersions.isEmpty { violations.append("\(type): initial versions in mid-stream") }
            if !request.responseNonce.isEmpty, subscription.versions[request.responseNonce] == nil {
                violations.append("\(type): a nonce that nobody sent")
            }
        }
        if request.hasErrorDetail { refusals.append("\(type): \(request.errorDetail.message)") }
        // Subscriptions count whatever the nonce.
        subscription.names.formUnion(request.resourceNamesSubscribe)
        subscription.everNamed = subscription.everNamed || !subscription.names.isEmpty
        for name in request.resourceNamesSubscribe where streams[type] != nil || subscription.sent[name] == nil {
            subscription.owed.insert(name)
        }
        for name in request.resourceNamesUnsubscribe {
            if !subscription.names.contains(name) { violations.append("\(type): gives up what it never had: \(name)") }
            subscription.names.remove(name)
            subscription.sent[name] = nil
            subscription.owed.remove(name)
        }
        streams[type] = subscription
    }

    // MARK: Responses

    /// What is to be sent of a type now; nil when nothing is.
    mutating func response(_ type: ResourceType) -> [UInt8]? {
        guard var subscription = streams[type] else { return nil }
        let isWildcard = type.isWildcard && !subscription.everNamed
        let all = snapshot[type] ?? [:]
        let wanted = isWildcard ? all : all.filter { subscription.names.contains($0.key) }
        var changed = wanted.filter { subscription.sent[$0.key] != $0.value || subscription.owed.contains($0.key) }
        var removed = subscription.sent.keys.filter { wanted[$0] == nil }
        let absent = subscription.owed.filter { wanted[$0] == nil }
        switch variant {
        case .stateOfTheWorld where isWildcard:
            guard subscription.owesResponse || !changed.isEmpty || !removed.isEmpty else { return nil }
            changed = wanted
        case .stateOfTheWorld:
            guard !changed.isEmpty else { return nil }
            removed = []
        case .delta:
            guard !changed.isEmpty || !removed.isEmpty || !absent.isEmpty || (isWildcard && subscription.owesResponse)
            else { return nil }
        }
        nonces += 1
        subscription.nonce = "nonce-\(nonces)"
        subscription.versions[subscription.nonce] = "version-\(nonces)"
        subscription.owesResponse = false
        subscription.owed = []
        for (name, number) in changed { subscription.sent[name] = number }
        for name in removed { subscription.sent[name] = nil }
        if variant == .stateOfTheWorld, isWildcard { subscription.sent = wanted }
        streams[type] = subscription
        let bodies = changed.keys.sorted().map { name in
            (name: name, body: body(type, name, changed[name] ?? 0))
        }
        return Conversation.response(
            variant, typeURL: type.typeURL, version: "version-\(nonces)", nonce: subscription.nonce, bodies,
            removed: removed + absent.filter { !removed.contains($0) }, versions: changed.mapValues(String.init))
    }

    private func body(_ type: ResourceType, _ name: String, _ number: Int) -> [UInt8] {
        type == .cluster && badNames.contains(name) ? Resources.badCluster(name) : makeBody(type, name, number)
    }

    /// Makes everything be sent once more, as a control plane that mended its mistakes does.
    mutating func touchAll(_ number: Int) {
        for type in ResourceType.allCases {
            for name in snapshot[type, default: [:]].keys { snapshot[type]?[name] = number }
        }
    }
}
