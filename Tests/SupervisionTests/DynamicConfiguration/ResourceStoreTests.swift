import ProxyModel
import Testing

@testable import Supervision

@Suite("The store of resources")
struct ResourceStoreTests {
    private let web = ResourceKey(.cluster, "web")
    private let api = ResourceKey(.cluster, "api")

    /// A store in which these are in force.
    private func store(_ resources: [(ResourceKey, [UInt8], ResourceOrigin)]) -> ResourceStore {
        var store = ResourceStore()
        for (key, body, origin) in resources {
            let number = store.nextNumber()
            _ = store.admit(
                StoredResource(number: number, key: key, body: body, version: "1", origin: origin, updated: 1))
            _ = store.activate(key)
        }
        return store
    }

    @Test("the same bytes are no change, other bytes are one, and an unknown name can only be added")
    func verdicts() {
        let store = store([(web, [1], .source)])
        #expect(store.verdict(web, [1], from: .source) == .unchanged)
        #expect(store.verdict(web, [2], from: .source) == .update)
        #expect(store.verdict(web, nil, from: .source) == .removal)
        #expect(store.verdict(api, [1], from: .source) == .update)
        #expect(store.verdict(api, nil, from: .source) == .unchanged)
    }

    @Test("neither the bootstrap nor a source touches what belongs to the other")
    func ownership() {
        let secret = ResourceKey(.secret, "key")
        let store = store([(web, [1], .bootstrap), (api, [1], .source), (secret, [1], .bootstrap)])
        #expect(store.verdict(secret, [2], from: .source) == .refused("the bootstrap has a resource of this name"))
        #expect(store.verdict(web, [2], from: .source) == .ignored)
        #expect(store.verdict(web, nil, from: .source) == .ignored)
        #expect(store.verdict(api, [2], from: .bootstrap) == .refused("a control plane has a resource of this name"))
        #expect(store.verdict(api, nil, from: .bootstrap) == .unchanged)
    }

    @Test("what was read from the disk belongs to the source")
    func lastGood() {
        var store = store([(web, [1], .lastGood)])
        #expect(store.holdsLastGood)
        #expect(store.verdict(web, [1], from: .source) == .unchanged)
        store.touch(web, version: "7", origin: .source, now: 9)
        #expect(!store.holdsLastGood)
        #expect(store.active[web]?.version == "7")
        #expect(store.active[web]?.updated == 9)
    }

    @Test("what warms leaves the active form in force, and a newer form takes its place")
    func warming() {
        var store = store([(web, [1], .source)])
        let first = StoredResource(number: 10, key: web, body: [2], version: "2", origin: .source, updated: 2)
        #expect(store.admit(first) == nil)
        #expect(store.active[web]?.body == [1])
        #expect(store.verdict(web, [2], from: .source) == .unchanged)
        let second = StoredResource(number: 11, key: web, body: [3], version: "3", origin: .source, updated: 3)
        #expect(store.admit(second) == 10)
        #expect(store.activate(web)?.body == [1])
        #expect(store.active[web] == second)
        #expect(store.warming.isEmpty)
        #expect(store.count(.cluster) == 1)
    }

    @Test("removing takes the active and the warming form")
    func removal() {
        var store = store([(web, [1], .source)])
        _ = store.admit(StoredResource(number: 10, key: web, body: [2], version: "2", origin: .source, updated: 2))
        #expect(store.remove(web) == 10)
        #expect(store.all.isEmpty)
        #expect(store.count(.cluster) == 0)
    }

    @Test("a refusal is kept until the resource is taken, and the number of refusals is bounded")
    func failures() {
        var store = store([(web, [1], .source)])
        let failure = ResourceFailure(version: "2", body: [9], reason: "bad", attempted: 5)
        store.fail(web, failure)
        #expect(store.failures[web] == failure)
        #expect(store.active[web]?.body == [1])
        store.touch(web, version: "3", origin: .source, now: 6)
        #expect(store.failures[web] == nil)
        for index in 0...ResourceStore.maximumFailures { store.fail(ResourceKey(.cluster, "c\(index)"), failure) }
        #expect(store.failures.count == ResourceStore.maximumFailures)
        #expect(store.failures[ResourceKey(.cluster, "c\(ResourceStore.maximumFailures)")] == nil)
    }

    @Test("a bootstrap becomes the difference to the one before")
    func bootstrapDifference() {
        let listener = ResourceKey(.listener, "in")
        let store = store([(web, [1], .bootstrap), (api, [1], .bootstrap), (ResourceKey(.cluster, "xds"), [5], .source)])
        let changes = store.bootstrapChanges([(web, [1]), (listener, [7])])
        #expect(
            changes == [
                ResourceChange(listener, version: "", body: [7]), ResourceChange(api, version: "", body: nil),
            ])
        #expect(store.bootstrapChanges([(web, [1]), (api, [1])]) == [])
    }

    @Test("other settings compile listeners and routes anew, whoever gave them, but for those that change anyway")
    func recompilation() {
        let (inbound, outbound) = (ResourceKey(.listener, "in"), ResourceKey(.listener, "out"))
        let routes = ResourceKey(.routeConfiguration, "r")
        var store = store([(web, [1], .bootstrap), (inbound, [2], .bootstrap), (outbound, [3], .source), (routes, [4], .source)])
        _ = store.admit(StoredResource(number: 10, key: routes, body: [5], version: "2", origin: .source, updated: 2))
        let changes = [ResourceChange(inbound, version: "", body: [9])]
        #expect(
            store.recompilation(besides: changes) == [
                ResourceChange(outbound, version: "1", body: [3]), ResourceChange(routes, version: "2", body: [5]),
            ])
    }

    @Test("what one form wants is forgotten with the form, and with it what nobody else wants")
    func wants() {
        var wants = ResourceWants()
        let a = ResourceWant(ResourceKey(.routeConfiguration, "a"), from: Envoy_Config_Core_V3_ConfigSource())
        let b = ResourceWant(ResourceKey(.routeConfiguration, "b"), from: Envoy_Config_Core_V3_ConfigSource())
        wants.set(1, [a])
        wants.set(2, [a, b])
        let revision = wants.revision
        wants.remove(1)
        #expect(wants.all == [a, b])
        #expect(wants.revision == revision)
        wants.remove(2)
        #expect(wants.all.isEmpty)
        #expect(wants.names.isEmpty)
        #expect(wants.revision > revision)
    }
}
