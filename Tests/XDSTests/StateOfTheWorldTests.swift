import FoundationEssentials
import ProxyModel
import SwiftProtobuf
import Testing
import XDS

/// What is sent and answered in the state of the world.
@Suite struct StateOfTheWorldTests {
    @Test("the first request of a wildcard has the node, the type and no name, version or nonce")
    func firstRequest() throws {
        var conversation = Conversation()
        conversation.want(.cluster, .all)
        #expect(conversation.connects == 1)
        #expect(conversation.sent.isEmpty)
        conversation.open()
        let request = try conversation.request()
        #expect(request.node.id == "node" && request.node.cluster == "cluster")
        #expect(request.typeURL == "type.googleapis.com/envoy.config.cluster.v3.Cluster")
        #expect(request.resourceNames.isEmpty)
        #expect(request.versionInfo.isEmpty && request.responseNonce.isEmpty)
        #expect(!request.hasErrorDetail)
    }

    @Test("types are asked for in the order in which they are to be put into force", arguments: [1, 2, 3])
    func order(seed: UInt64) throws {
        var rng = Seeded(seed)
        var conversation = Conversation()
        for type in ResourceType.allCases.shuffled(using: &rng) {
            conversation.want(type, type.isWildcard ? .all : .names(["a"]))
        }
        conversation.open()
        #expect(try conversation.requests().map(\.typeURL) == ResourceType.allCases.map(\.typeURL))
    }

    @Test("the node is in each request, or in the first of a stream alone", arguments: [false, true])
    func node(onFirstOnly: Bool) throws {
        var conversation = Conversation { $0.nodeOnFirstMessageOnly = onFirstOnly }
        conversation.want(.cluster, .all)
        conversation.want(.listener, .all)
        conversation.open()
        #expect(try conversation.requests().map(\.hasNode) == [true, !onFirstOnly])
        conversation.close()
        try conversation.waitForDeadline()
        conversation.open()
        #expect(try conversation.requests().map(\.hasNode) == [true, !onFirstOnly])
    }

    @Test("a response is acknowledged with its version and nonce when it has been applied, not before")
    func acknowledge() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        #expect(conversation.sent.isEmpty)
        #expect(try conversation.takeBatch().summary == ["a"])
        conversation.applied()
        let answer = try conversation.request()
        #expect(answer.versionInfo == "v1" && answer.responseNonce == "n1" && !answer.hasErrorDetail)
        #expect(conversation.names(.cluster) == ["a"])
    }

    @Test("a refusal has the response's nonce, the version before, the name and the reason; the good ones are kept")
    func refuse() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied()
        _ = try conversation.request()
        conversation.respond(
            typeURL: ResourceType.cluster.typeURL, version: "v2", nonce: "n2",
            [("a", Resources.badCluster("a")), ("b", Resources.body(.cluster, "b", 2))])
        #expect(conversation.batches.last?.summary == ["b"])
        #expect(conversation.batches.last?.refused.first?.change.key.name == "a")
        conversation.applied()
        let answer = try conversation.request()
        #expect(answer.versionInfo == "v1" && answer.responseNonce == "n2")
        #expect(answer.errorDetail.code == 3)
        #expect(answer.errorDetail.message.hasPrefix("a: connect_timeout: a duration cannot be negative"))
        #expect(conversation.names(.cluster) == ["a", "b"])
        #expect(conversation.machine.held(.cluster).body("a") == Resources.body(.cluster, "a", 1))
    }

    @Test("what whoever applies refuses is refused with the reason, and is offered again when it comes again")
    func applierRefuses() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1), ("b", 1)])
        conversation.applied([ResourceRefusal(ResourceKey(.cluster, "b"), reason: "no such file")])
        let answer = try conversation.request()
        #expect(answer.versionInfo == "" && answer.responseNonce == "n1")
        #expect(answer.errorDetail.message == "b: no such file")
        conversation.respond(.cluster, version: "v2", nonce: "n2", [("a", 1), ("b", 1)])
        #expect(conversation.batches.last?.summary == ["b"])
    }

    @Test("names that are wanted while a response waits go out with its answer, not before")
    func namesWait() throws {
        var conversation = Conversation.opened([(.clusterLoadAssignment, .names(["a"]))])
        conversation.respond(.clusterLoadAssignment, version: "v1", nonce: "n1", [("a", 1)])
        conversation.want(.clusterLoadAssignment, .names(["a", "b"]))
        #expect(conversation.sent.isEmpty)
        conversation.applied()
        let answer = try conversation.request()
        #expect(answer.responseNonce == "n1" && answer.resourceNames == ["a", "b"])
    }

    @Test("endpoints are asked for before their clusters are acknowledged")
    func endpointsFirst() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        conversation.want(.clusterLoadAssignment, .names(["a"]))
        conversation.applied()
        let requests = try conversation.requests()
        #expect(requests.map(\.typeURL) == [.clusterLoadAssignment, .cluster].map(\ResourceType.typeURL))
        #expect(requests[0].resourceNames == ["a"] && requests[0].responseNonce.isEmpty)
        #expect(requests[1].responseNonce == "n1")
    }

    @Test("a change of names has the version and nonce of the last response, and may be empty")
    func changeNames() throws {
        var conversation = Conversation.opened([(.routeConfiguration, .names(["a"]))])
        conversation.respond(.routeConfiguration, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied()
        _ = try conversation.request()
        conversation.want(.routeConfiguration, .names(["b"]))
        let change = try conversation.request()
        #expect(change.resourceNames == ["b"] && change.versionInfo == "v1" && change.responseNonce == "n1")
        conversation.want(.routeConfiguration, .nothing)
        #expect(try conversation.request().resourceNames.isEmpty)
        #expect(conversation.names(.routeConfiguration).isEmpty)
    }

    @Test("one response is applied at a time, and each is answered", arguments: [2, 3, 7])
    func oneAtATime(count: Int) throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        for number in 1...count {
            conversation.respond(.cluster, version: "v\(number)", nonce: "n\(number)", [("a", number)])
        }
        #expect(conversation.machine.isBusy)
        for number in 1...count {
            #expect(conversation.batches.count == number)
            conversation.applied()
        }
        #expect(!conversation.machine.isBusy)
        #expect(try conversation.requests().map(\.responseNonce) == (1...count).map { "n\($0)" })
    }

    @Test(
        "what is absent of a wildcard is removed; an empty response removes all",
        arguments: [.cluster, .listener] as [ResourceType])
    func removal(type: ResourceType) throws {
        var conversation = Conversation.opened([(type, .all)])
        conversation.respond(type, version: "v1", nonce: "n1", [("a", 1), ("b", 1), ("c", 1)])
        conversation.applied()
        conversation.respond(type, version: "v2", nonce: "n2", [("b", 1)])
        #expect(conversation.batches.last?.summary == ["-a", "-c"])
        conversation.applied()
        conversation.respond(type, version: "v3", nonce: "n3")
        #expect(conversation.batches.last?.summary == ["-b"])
        conversation.applied()
        #expect(conversation.names(type).isEmpty)
    }

    @Test(
        "what is absent of named types stays",
        arguments: [.clusterLoadAssignment, .routeConfiguration, .secret] as [ResourceType])
    func absenceKeeps(type: ResourceType) throws {
        var conversation = Conversation.opened([(type, .names(["a", "b"]))])
        conversation.respond(type, version: "v1", nonce: "n1", [("a", 1), ("b", 1)])
        conversation.applied()
        conversation.respond(type, version: "v2", nonce: "n2", [("b", 2)])
        #expect(conversation.batches.last?.summary == ["b"])
        conversation.applied()
        #expect(conversation.names(type) == ["a", "b"])
    }

    @Test("a removal that is refused keeps the resource")
    func removalRefused() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied()
        conversation.respond(.cluster, version: "v2", nonce: "n2")
        conversation.applied([ResourceRefusal(ResourceKey(.cluster, "a"), reason: "in use")])
        #expect(conversation.names(.cluster) == ["a"])
    }

    @Test("what nobody asked for is left alone, and the response is acknowledged")
    func notAskedFor() throws {
        var conversation = Conversation.opened([(.routeConfiguration, .names(["a"]))])
        conversation.respond(.routeConfiguration, version: "v1", nonce: "n1", [("other", 1)])
        #expect(conversation.batches.last?.summary == [])
        conversation.applied()
        #expect(try conversation.request().responseNonce == "n1")
        #expect(conversation.names(.routeConfiguration).isEmpty)
    }

    @Test("what is the same byte for byte is no change")
    func unchanged() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1), ("b", 1)])
        conversation.applied()
        conversation.respond(.cluster, version: "v2", nonce: "n2", [("a", 1), ("b", 2)])
        #expect(conversation.batches.last?.summary == ["b"])
    }

    @Test("what is held and comes again after a refusal is told once, and the refusal is over", arguments: 0...2)
    func unchangedAfterRefusal(way: Int) throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1), ("b", 1)])
        conversation.applied()
        switch way {
        case 0:
            conversation.respond(.cluster, version: "v2", nonce: "n2", [("a", 1), ("b", 2)])
            conversation.applied([ResourceRefusal(ResourceKey(.cluster, "b"), reason: "a worker does not take it")])
        case 1:
            let bodies = [("a", Resources.body(.cluster, "a", 1)), ("b", Resources.badCluster("b"))]
            conversation.respond(typeURL: ResourceType.cluster.typeURL, version: "v2", nonce: "n2", bodies)
            conversation.applied()
        default:
            conversation.respond(.cluster, version: "v2", nonce: "n2", [("a", 1), ("b", 1), ("b", 1)])
            conversation.applied()
        }
        for (version, told) in [("v3", ["b"]), ("v4", [])] {
            conversation.respond(.cluster, version: version, nonce: version, [("a", 1), ("b", 1)])
            #expect(conversation.batches.last?.summary == told, "\(version)")
            conversation.applied()
        }
        #expect(try conversation.requests().last?.versionInfo == "v4")
    }

    @Test("a resource may come wrapped with its name and version")
    func wrapped() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        let wrapped =
            try Envoy_Service_Discovery_V3_Resource.with {
                $0.name = "a"
                $0.version = "7"
                $0.resource.typeURL = ResourceType.cluster.typeURL
                $0.resource.value = .init(Resources.body(.cluster, "a", 1))
            }.serializedBytes() as [UInt8]
        conversation.respond(
            typeURL: ResourceType.cluster.typeURL, version: "v1", nonce: "n1", [("a", wrapped)],
            resourceURL: "type.googleapis.com/envoy.service.discovery.v3.Resource")
        let batch = try conversation.takeBatch()
        #expect(
            batch.changes == [
                ResourceChange(ResourceKey(.cluster, "a"), version: "7", body: Resources.body(.cluster, "a", 1))
            ])
    }

    @Test(
        "what came for a name that was not wanted for a while is offered again, for the control plane sends it no more")
    func wantedAgain() throws {
        var conversation = Conversation.opened([(.routeConfiguration, .names(["a", "b"]))])
        conversation.respond(.routeConfiguration, version: "v1", nonce: "n1", [("a", 1), ("b", 1)])
        conversation.applied()
        conversation.batches = []
        conversation.respond(.routeConfiguration, version: "v2", nonce: "n2", [("b", 2)])
        // While the response waits nothing is sent: the control plane hears of neither.
        conversation.want(.routeConfiguration, .names(["b"]))
        conversation.want(.routeConfiguration, .names(["a", "b"]))
        conversation.applied()
        #expect(try conversation.requests().last?.resourceNames == ["a", "b"])
        #expect(conversation.batches.map(\.summary) == [["b"], ["a"]])
        let sent = conversation.sent.count
        conversation.applied()
        #expect(conversation.sent.count == sent)
        #expect(conversation.names(.routeConfiguration) == ["a", "b"])
    }

    @Test("as many names as the bound says are kept for being wanted again, and not one more")
    func parkedBound() throws {
        let names = Set((0...1024).map { "r\($0)" })
        var conversation = Conversation.opened([(.routeConfiguration, .names(names))])
        conversation.respond(.routeConfiguration, version: "v1", nonce: "n1", names.sorted().map { ($0, 1) })
        conversation.applied()
        conversation.batches = []
        conversation.want(.routeConfiguration, .nothing)
        conversation.want(.routeConfiguration, .names(names))
        #expect(conversation.batches.map(\.changes.count) == [1024])
    }
}
