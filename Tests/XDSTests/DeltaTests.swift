import ProxyModel
import SwiftProtobuf
import Testing
import XDS

/// What is sent and answered in the delta form.
@Suite struct DeltaTests {
    @Test("the first request of a wildcard has the node and no names; that of names subscribes to them")
    func firstRequest() throws {
        var conversation = Conversation(.delta)
        conversation.want(.cluster, .all)
        conversation.want(.secret, .names(["b", "a"]))
        conversation.open()
        let requests = try conversation.deltaRequests()
        #expect(requests.map(\.typeURL) == [.cluster, .secret].map(\ResourceType.typeURL))
        #expect(requests[0].node.id == "node")
        #expect(requests[0].resourceNamesSubscribe.isEmpty && requests[0].initialResourceVersions.isEmpty)
        #expect(requests[1].resourceNamesSubscribe == ["a", "b"] && requests[1].responseNonce.isEmpty)
    }

    @Test("an acknowledgement has the nonce and nothing else, and comes when the response has been applied")
    func acknowledge() throws {
        var conversation = Conversation.opened(.delta, [(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        #expect(conversation.sent.isEmpty)
        conversation.applied()
        let answer = try conversation.deltaRequest()
        #expect(answer.responseNonce == "n1" && !answer.hasErrorDetail)
        #expect(answer.resourceNamesSubscribe.isEmpty && answer.resourceNamesUnsubscribe.isEmpty)
        #expect(answer.initialResourceVersions.isEmpty)
    }

    @Test("a refusal has the nonce and the reason; the good ones are kept")
    func refuse() throws {
        var conversation = Conversation.opened(.delta, [(.cluster, .all)])
        conversation.respond(
            typeURL: ResourceType.cluster.typeURL, version: "v1", nonce: "n1",
            [("a", Resources.badCluster("a")), ("b", Resources.body(.cluster, "b", 1))])
        conversation.applied()
        let answer = try conversation.deltaRequest()
        #expect(answer.responseNonce == "n1" && answer.errorDetail.message.hasPrefix("a: connect_timeout"))
        #expect(conversation.names(.cluster) == ["b"])
    }

    @Test("a change of names goes out at once, without a nonce, even while a response waits")
    func spontaneous() throws {
        var conversation = Conversation.opened(.delta, [(.secret, .names(["a", "b"]))])
        conversation.respond(.secret, version: "v1", nonce: "n1", [("a", 1)])
        conversation.want(.secret, .names(["b", "c"]))
        let change = try conversation.deltaRequest()
        #expect(change.resourceNamesSubscribe == ["c"] && change.resourceNamesUnsubscribe == ["a"])
        #expect(change.responseNonce.isEmpty)
        conversation.applied()
        #expect(try conversation.deltaRequest().responseNonce == "n1")
        #expect(conversation.names(.secret).isEmpty)
    }

    @Test("absence removes nothing; removed_resources does")
    func removal() throws {
        var conversation = Conversation.opened(.delta, [(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1), ("b", 1)])
        conversation.applied()
        conversation.respond(.cluster, version: "v2", nonce: "n2", [("c", 1)], removed: ["a"])
        #expect(conversation.batches.last?.summary == ["c", "-a"])
        conversation.applied()
        #expect(conversation.names(.cluster) == ["b", "c"])
    }

    @Test("a wanted name that is removed without having been there does not exist: nobody waits for it any longer")
    func unknownName() throws {
        var conversation = Conversation.opened(.delta, [(.secret, .names(["a", "b"]))])
        conversation.respond(.secret, version: "v1", nonce: "n1", removed: ["a", "other"])
        #expect(conversation.takeEnded() == [ResourceKey(.secret, "a")])
        try conversation.waitForDeadline()
        #expect(conversation.takeEnded() == [ResourceKey(.secret, "b")])
    }

    @Test(
        "after a reconnect the control plane is told the versions that are held, and the refused ones are not among them"
    )
    func initialVersions() throws {
        var conversation = Conversation.opened(.delta, [(.cluster, .all), (.secret, .names(["s"]))])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1), ("b", 1), ("c", 1)])
        conversation.applied([ResourceRefusal(ResourceKey(.cluster, "b"), reason: "no")])
        conversation.respond(.cluster, version: "v2", nonce: "n2", [("a", 2)], removed: ["c"])
        conversation.applied()
        _ = try conversation.deltaRequests()
        conversation.close()
        try conversation.waitForDeadline()
        conversation.open()
        let requests = try conversation.deltaRequests()
        #expect(requests.map(\.initialResourceVersions) == [["a": "v2"], [:]])
        #expect(requests.map(\.resourceNamesSubscribe) == [[], ["s"]])
    }

    @Test("what was removed while there was no stream is removed")
    func removedMeanwhile() throws {
        var conversation = Conversation.opened(.delta, [(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1), ("b", 1)])
        conversation.applied()
        conversation.close()
        try conversation.waitForDeadline()
        conversation.open()
        conversation.respond(.cluster, version: "v2", nonce: "x1", removed: ["b"])
        conversation.applied()
        #expect(conversation.names(.cluster) == ["a"])
    }

    @Test("a name that is given up and wanted again before that was sent is offered again without a word")
    func wantedAgain() throws {
        var conversation = Conversation.opened(.delta, [(.secret, .names(["a"]))]) {
            $0.rateLimit = RequestBudget.Settings(maximumTokens: 1, fillRate: 1)
        }
        conversation.respond(.secret, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied()
        conversation.batches = []
        conversation.want(.secret, .nothing)
        conversation.want(.secret, .names(["a"]))
        #expect(conversation.batches.map(\.summary) == [["a"]])
        conversation.applied()
        try conversation.waitForDeadline()
        #expect(try conversation.deltaRequests().map(\.responseNonce) == ["n1"])
        #expect(conversation.names(.secret) == ["a"])
    }

    @Test("a name that was given up and is wanted again after that was sent is subscribed to")
    func subscribedAgain() throws {
        var conversation = Conversation.opened(.delta, [(.secret, .names(["a"]))])
        conversation.respond(.secret, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied()
        conversation.batches = []
        conversation.want(.secret, .nothing)
        conversation.want(.secret, .names(["a"]))
        #expect(try conversation.deltaRequests().map(\.resourceNamesSubscribe) == [[], [], ["a"]])
        #expect(conversation.batches.isEmpty)
    }

    @Test("a type whose response still waits from the stream before is asked for when that has been applied")
    func oldResponse() throws {
        var conversation = Conversation.opened(.delta, [(.cluster, .all), (.listener, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        conversation.close()
        try conversation.waitForDeadline()
        conversation.open()
        #expect(try conversation.deltaRequests().map(\.typeURL) == [ResourceType.listener.typeURL])
        conversation.applied()
        let request = try conversation.deltaRequest()
        #expect(request.typeURL == ResourceType.cluster.typeURL && request.initialResourceVersions == ["a": "v1"])
    }

    @Test("a resource whose name beside it is another than the one inside is refused")
    func otherName() throws {
        var conversation = Conversation.opened(.delta, [(.cluster, .all)])
        conversation.respond(
            typeURL: ResourceType.cluster.typeURL, version: "v1", nonce: "n1", [("a", Resources.body(.cluster, "b", 1))]
        )
        conversation.applied()
        #expect(try conversation.deltaRequest().errorDetail.message == "a: calls itself \"b\"")
    }

    @Test("a sign of life without a resource changes nothing")
    func heartbeat() throws {
        var conversation = Conversation.opened(.delta, [(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied()
        let heartbeat =
            try Envoy_Service_Discovery_V3_DeltaDiscoveryResponse.with {
                $0.typeURL = ResourceType.cluster.typeURL
                $0.nonce = "n2"
                $0.resources = [
                    .with {
                        $0.name = "a"; $0.version = "v1"; $0.ttl.seconds = 60
                    }
                ]
            }.serializedBytes() as [UInt8]
        conversation.receive(heartbeat)
        #expect(conversation.batches.last?.changes == [])
        conversation.applied()
        #expect(conversation.names(.cluster) == ["a"])
    }
}
