import ProxyModel
import Testing
import XDS

/// Time: deadlines, streams that end, limits on how often is asked.
@Suite struct StreamLifeTests {
    @Test("the wait before the next stream is random up to a bound that doubles and has an end", arguments: 1...20)
    func backoff(seed: UInt64) {
        var rng = Seeded(seed)
        var backoff = StreamBackoff(base: 500, maximum: 30_000)
        for failure in 0..<40 {
            let bound = failure >= 6 ? 30_000 : 500 << failure
            let wait = backoff.next(&rng)
            #expect(wait >= 50 && wait <= UInt64(bound))
        }
        backoff.succeeded()
        #expect(backoff.next(&rng) <= 500)
    }

    @Test("a stream that fails is tried again after a wait that grows, and a response makes it short again")
    func reconnect() throws {
        var conversation = Conversation()
        conversation.want(.cluster, .all, timeout: 0)
        var longest: UInt64 = 0
        for count in 1...12 {
            #expect(conversation.connects == count)
            conversation.close()
            #expect(conversation.sent.isEmpty)
            let before = conversation.now
            try conversation.waitForDeadline()
            longest = max(longest, conversation.now - before)
        }
        #expect(longest > 1_000_000_000 && longest <= 30_000_000_000)
        conversation.open()
        conversation.respond(.cluster, version: "v1", nonce: "n1")
        conversation.applied()
        conversation.close()
        let before = conversation.now
        try conversation.waitForDeadline()
        #expect(conversation.now - before <= 500_000_000)
    }

    @Test("on a new stream everything is asked for anew, with the version that is held and no nonce")
    func resubscribe() throws {
        var conversation = Conversation.opened([(.cluster, .all), (.clusterLoadAssignment, .names(["a"]))])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied()
        _ = try conversation.requests()
        conversation.close()
        try conversation.waitForDeadline()
        conversation.open()
        let requests = try conversation.requests()
        #expect(requests.map(\.versionInfo) == ["v1", ""])
        #expect(requests.map(\.responseNonce) == ["", ""])
        #expect(requests.map(\.resourceNames) == [[], ["a"]])
        #expect(conversation.names(.cluster) == ["a"])
    }

    @Test("a response of a stream that ended is applied but not answered on the next one")
    func lateAnswer() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1)])
        conversation.respond(.cluster, version: "v2", nonce: "n2", [("a", 2), ("b", 2)])
        conversation.close()
        try conversation.waitForDeadline()
        conversation.open()
        #expect(conversation.sent.isEmpty)
        conversation.applied()
        #expect(conversation.sent.isEmpty)
        conversation.applied()
        let request = try conversation.request()
        #expect(request.versionInfo == "v2" && request.responseNonce.isEmpty)
        #expect(conversation.names(.cluster) == ["a", "b"])
        conversation.respond(.cluster, version: "v3", nonce: "x1", [("b", 3)])
        #expect(conversation.batches.last?.summary == ["b", "-a"])
        conversation.applied()
        #expect(try conversation.request().responseNonce == "x1")
    }

    @Test("names are waited for as long as they may take, from when they are wanted, with or without a stream")
    func fetchTimeout() throws {
        var conversation = Conversation()
        conversation.want(.secret, .names(["a", "b", "c"]), timeout: 15)
        let start = conversation.now
        conversation.open()
        conversation.respond(.secret, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied()
        conversation.close()
        while conversation.ended.isEmpty {
            try conversation.waitForDeadline()
            if conversation.ended.isEmpty { conversation.close() }
        }
        #expect(conversation.now == start + 15 * Conversation.second)
        #expect(conversation.takeEnded() == [ResourceKey(.secret, "b"), ResourceKey(.secret, "c")])
        #expect(conversation.takeNotes().contains(.timedOut(.secret, names: 2)))
    }

    @Test("each name is waited for as long as it says, and one of zero seconds for ever")
    func fetchTimes() throws {
        var conversation = Conversation()
        let times = FetchTimes(["long": 15 * Conversation.second, "short": Conversation.second, "ever": 0])
        let actions = conversation.machine.want(
            .secret, .names(["long", "short", "ever"]), fetchTimeout: times, now: conversation.now)
        conversation.perform(actions)
        let start = conversation.now
        conversation.open()
        try conversation.waitForDeadline()
        #expect(conversation.now == start + Conversation.second)
        #expect(conversation.takeEnded() == [ResourceKey(.secret, "short")])
        try conversation.waitForDeadline()
        #expect(conversation.now == start + 15 * Conversation.second)
        #expect(conversation.takeEnded() == [ResourceKey(.secret, "long")])
        #expect(conversation.machine.deadline == nil)
    }

    @Test("a wildcard is waited for until its first response, even an empty one", arguments: [false, true])
    func wildcardTimeout(answers: Bool) throws {
        var conversation = Conversation.opened([(.listener, .all)])
        if answers {
            conversation.respond(.listener, version: "v1", nonce: "n1")
            conversation.applied()
            #expect(conversation.machine.deadline == nil)
        } else {
            try conversation.waitForDeadline()
            #expect(conversation.takeEnded() == [ResourceKey(.listener, "*")])
        }
    }

    @Test("a timeout of zero waits for ever")
    func noTimeout() throws {
        var conversation = Conversation()
        conversation.want(.secret, .names(["a"]), timeout: 0)
        conversation.open()
        #expect(conversation.machine.deadline == nil)
    }

    @Test("a name that came too late is a change all the same")
    func lateName() throws {
        var conversation = Conversation.opened([(.secret, .names(["a"]))])
        try conversation.waitForDeadline()
        conversation.respond(.secret, version: "v1", nonce: "n1", [("a", 1)])
        #expect(conversation.batches.last?.summary == ["a"])
    }

    @Test("a name whose first form is refused is not waited for any longer")
    func refusedName() throws {
        var conversation = Conversation.opened([(.secret, .names(["a"]))])
        conversation.respond(.secret, version: "v1", nonce: "n1", [("a", 1)])
        conversation.applied([ResourceRefusal(ResourceKey(.secret, "a"), reason: "no key")])
        #expect(conversation.takeEnded() == [ResourceKey(.secret, "a")])
        #expect(conversation.machine.deadline == nil)
    }

    @Test("refusals in a row are spaced more and more, so that a control plane that repeats itself makes no hot loop")
    func refusalLoop() throws {
        var conversation = Conversation.opened([(.cluster, .all)])
        var waits: [UInt64] = []
        for number in 1...10 {
            conversation.respond(
                typeURL: ResourceType.cluster.typeURL, version: "v", nonce: "n\(number)",
                [("a", Resources.badCluster("a"))])
            conversation.applied()
            let before = conversation.now
            while conversation.sent.isEmpty { try conversation.waitForDeadline() }
            waits.append((conversation.now - before) / 1_000_000)
            #expect(try conversation.request().responseNonce == "n\(number)")
        }
        #expect(waits == [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
        conversation.respond(.cluster, version: "v2", nonce: "good", [("a", 1)])
        conversation.applied()
        #expect(try conversation.request().responseNonce == "good")
    }

    @Test("the rate limit lets as many requests pass as it has tokens and the rest as they come")
    func rateLimit() throws {
        var conversation = Conversation { $0.rateLimit = RequestBudget.Settings(maximumTokens: 2, fillRate: 4) }
        for type in ResourceType.allCases {
            conversation.want(type, type.isWildcard ? .all : .names(["a"]), timeout: 0)
        }
        conversation.open()
        #expect(try conversation.requests().count == 2)
        #expect(conversation.machine.pendingRequests == 3)
        #expect(conversation.takeNotes().contains(.rateLimited))
        for _ in 0..<3 {
            let before = conversation.now
            try conversation.waitForDeadline()
            #expect((249_999_999...250_000_001).contains(conversation.now - before))
            #expect(try conversation.requests().count == 1)
        }
        #expect(conversation.machine.deadline == nil)
    }

    @Test("a pause that is over while the rate limit holds requests back is no deadline that comes again and again")
    func pauseAndRateLimit() throws {
        var conversation = Conversation.opened([(.cluster, .all)]) {
            $0.rateLimit = RequestBudget.Settings(maximumTokens: 1, fillRate: 1)
        }
        for number in 1...2 {
            conversation.respond(
                typeURL: ResourceType.cluster.typeURL, version: "v", nonce: "n\(number)",
                [("a", Resources.badCluster("a"))])
            conversation.applied()
            while conversation.machine.pendingRequests > 0 {
                let before = conversation.now
                try conversation.waitForDeadline()
                try #require(conversation.now > before)
            }
        }
        #expect(try conversation.requests().map(\.responseNonce) == ["n1", "n2"])
    }

    @Test("the last good configuration takes part: what is gone is removed, what is the same is confirmed")
    func seeded() throws {
        var conversation = Conversation()
        var held = HeldResources()
        for name in ["a", "b"] {
            held.seed(
                ResourceChange(ResourceKey(.cluster, name), version: "old", body: Resources.body(.cluster, name, 1)))
        }
        conversation.machine.seed(.cluster, held)
        conversation.want(.cluster, .all)
        #expect(conversation.machine.deadline == nil)
        conversation.open()
        conversation.respond(.cluster, version: "v1", nonce: "n1", [("a", 1), ("c", 1)])
        #expect(conversation.batches.last?.summary == ["a", "c", "-b"])
        conversation.applied()
        conversation.respond(.cluster, version: "v2", nonce: "n2", [("a", 1), ("c", 1)])
        #expect(conversation.batches.last?.summary == [])
    }
}
