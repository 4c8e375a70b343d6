import ProxyModel
import Testing
import XDS

/// What is wrong with responses, in both forms of the protocol.
@Suite struct ResponseRuleTests {
    static let variants: [DiscoverySettings.Variant] = [.stateOfTheWorld, .delta]

    @Test("a name that appears twice is refused and keeps its last form; the others are taken", arguments: variants)
    func duplicate(variant: DiscoverySettings.Variant) throws {
        var conversation = Conversation.opened(variant, [(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied()
        conversation.respond(.cluster, version: "v2", nonce: "n2", [("a", 2), ("b", 1), ("a", 3)])
        #expect(conversation.batches.last?.summary == ["b"])
        conversation.applied()
        #expect(conversation.machine.held(.cluster).body("a") == Resources.body(.cluster, "a", 1))
        #expect(conversation.takeNotes().contains(.rejected(.cluster, reason: "a: appears 2 times in one response")))
    }

    @Test("a resource of another type is refused", arguments: variants)
    func otherType(variant: DiscoverySettings.Variant) throws {
        var conversation = Conversation.opened(variant, [(.cluster, .all)])
        conversation.respond(
            typeURL: ResourceType.cluster.typeURL, version: "v1", nonce: "n1", [("a", Resources.body(.secret, "a", 1))],
            resourceURL: ResourceType.secret.typeURL)
        conversation.applied()
        #expect(
            conversation.takeNotes().contains(
                .rejected(
                    .cluster,
                    reason: "a: has the type \(ResourceType.secret.typeURL), expected \(ResourceType.cluster.typeURL)"))
        )
    }

    @Test("a response with a resource of another type removes nothing, for what its name is of this type is unknown")
    func otherTypeRemovesNothing() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied()
        conversation.respond(
            typeURL: ResourceType.cluster.typeURL, version: "v2", nonce: "n2", [("x", Resources.body(.secret, "x", 1))],
            resourceURL: ResourceType.secret.typeURL)
        #expect(conversation.batches.last?.summary == [])
        conversation.applied()
        #expect(conversation.names(.cluster) == ["a"])
        conversation.respond(.cluster, version: "v3", nonce: "n3")
        #expect(conversation.batches.last?.summary.contains("-a") == true)
    }

    @Test(
        "a response of a type that was not asked for is left alone",
        arguments: [
            "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration", "", "x",
            "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        ])
    func unexpectedType(url: String) throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(typeURL: url, version: "v1", nonce: "n1", [])
        #expect(conversation.batches.isEmpty && conversation.sent.isEmpty)
        #expect(conversation.takeNotes() == [.unexpected(typeURL: url)])
    }

    @Test("bytes that are no response end the stream, and another one is tried", arguments: variants)
    func malformed(variant: DiscoverySettings.Variant) throws {
        var conversation = Conversation.opened(variant, [(.cluster, .all)])
        conversation.receive([0x0A, 0xFF])
        #expect(conversation.disconnects == ["a message of the control plane cannot be read"])
        #expect(!conversation.machine.isOpen)
        try conversation.waitForDeadline()
        #expect(conversation.connects == 2)
    }

    @Test("a resource whose bytes are malformed is refused; because its name is unknown nothing is removed")
    func nameless() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1), ("b", 1)])
        conversation.applied()
        conversation.respond(
            typeURL: ResourceType.cluster.typeURL, version: "v2", nonce: "n2",
            [("", [0xFF]), ("b", Resources.body(.cluster, "b", 2))])
        #expect(conversation.batches.last?.summary == ["b"])
        conversation.applied()
        #expect(conversation.names(.cluster) == ["a", "b"])
        #expect(conversation.takeNotes().contains(.rejected(.cluster, reason: "[0]: has no name")))
    }

    @Test("a response may have as many resources as the limit says, and not one more", arguments: variants)
    func resourceLimit(variant: DiscoverySettings.Variant) throws {
        var conversation = Conversation.opened(variant, [(.cluster, .all)]) { $0.limits.resources = 3 }
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1), ("b", 1), ("c", 1)])
        conversation.applied()
        #expect(conversation.names(.cluster) == ["a", "b", "c"])
        conversation.respond(.cluster, version: "v2", nonce: "n2", [("a", 2), ("b", 2), ("c", 2), ("d", 2)])
        #expect(conversation.batches.last?.summary == [])
        conversation.applied()
        #expect(conversation.names(.cluster) == ["a", "b", "c"])
        #expect(
            conversation.takeNotes().contains(
                .rejected(.cluster, reason: "*: holds 4 resources; at most 3 are taken")))
    }

    @Test("a resource may have as many bytes as the limit says, and not one more", arguments: [0, 1])
    func byteLimit(over: Int) throws {
        let body = Resources.body(.cluster, "a", 1)
        var conversation = Conversation.opened([(.cluster, .all)]) { $0.limits.resourceBytes = body.count - over }
        conversation.respond(typeURL: ResourceType.cluster.typeURL, version: "v1", nonce: "n1", [("a", body)])
        conversation.applied()
        #expect(conversation.names(.cluster) == (over == 0 ? ["a"] : []))
    }

    @Test("a name may have as many bytes as the limit says, and not one more", arguments: [0, 1])
    func nameLimit(over: Int) throws {
        var conversation = Conversation.opened([(.cluster, .all)]) { $0.limits.nameBytes = 8 }
        let name = String(repeating: "n", count: 8 + over)
        conversation.respond(.cluster, version: "v1", nonce: "n1", [(name, 1)])
        conversation.applied()
        #expect(conversation.names(.cluster) == (over == 0 ? [name] : []))
    }

    @Test("as many responses may wait as the limit says; one more ends the stream")
    func waitingLimit() throws {
        var conversation = Conversation.opened([(.cluster, .all)]) { $0.limits.waitingResponses = 2 }
        // One is in hand, two wait.
        for number in 1...3 {
            conversation.respond(.cluster, version: "v\(number)", nonce: "n\(number)", [("a", number)])
        }
        #expect(conversation.disconnects.isEmpty)
        conversation.respond(.cluster, version: "v4", nonce: "n4", [("a", 4)])
        #expect(conversation.disconnects == ["more than 2 responses wait"])
    }

    @Test("a reason that is sent back has an end")
    func reasonLimit() throws {
        var conversation = Conversation.opened([(.cluster, .all)]) { $0.limits.reasonBytes = 200 }
        let bad = (0..<50).map { (name: "c\($0)", body: Resources.badCluster("c\($0)")) }
        conversation.respond(typeURL: ResourceType.cluster.typeURL, version: "v1", nonce: "n1", bad)
        conversation.applied()
        let message = try conversation.request().errorDetail.message
        #expect(message.utf8.count < 240)
        #expect(message.hasPrefix("c0: connect_timeout") && message.hasSuffix(" more"))
    }

    @Test("a security-relevant field that Heddle does not have is refused by name; another one is left aside")
    func unknownFields() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        // Cluster.transport_socket_matcher = 59: without it the cluster would speak plaintext.
        let guarded = Resources.body(.cluster, "a", 1) + [0xDA, 0x03, 0x00]
        // Cluster.track_cluster_stats = 49.
        let harmless = Resources.body(.cluster, "b", 1) + [0x8A, 0x03, 0x00]
        conversation.respond(
            typeURL: ResourceType.cluster.typeURL, version: "v1", nonce: "n1", [("a", guarded), ("b", harmless)])
        #expect(conversation.batches.last?.summary == ["b"])
        let notes = conversation.takeNotes()
        #expect(notes.contains(.ignored(fields: ["envoy.config.cluster.v3.Cluster.track_cluster_stats"])))
        conversation.applied()
        #expect(
            try conversation.request().errorDetail.message
                == "a: transport_socket_matcher: Envoy has this field, Heddle does not support it yet")
    }
}
