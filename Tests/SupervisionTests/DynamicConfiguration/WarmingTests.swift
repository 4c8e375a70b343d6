import ProxyModel
import Testing

@testable import Supervision

@Suite("Warming")
struct WarmingTests {
    private let web = ResourceKey(.cluster, "web")
    private let api = ResourceKey(.cluster, "api")
    private let listener = ResourceKey(.listener, "in")
    private let endpoints = ResourceNeed.resource(ResourceKey(.clusterLoadAssignment, "web"))
    private let secret = ResourceNeed.resource(ResourceKey(.secret, "cert"))

    @Test("a resource is ready when the last of its needs is met")
    func last() {
        var warming = Warming()
        warming.begin(web, [endpoints, secret])
        #expect(warming.met(endpoints) == [])
        #expect(warming.missing(web) == [secret])
        #expect(warming.met(secret) == [web])
        #expect(warming.isEmpty)
        #expect(warming.met(secret) == [])
    }

    @Test("who waits for the same is ready together, clusters before listeners")
    func together() {
        var warming = Warming()
        warming.begin(listener, [secret])
        warming.begin(web, [secret])
        warming.begin(api, [secret, .names(cluster: "api")])
        #expect(warming.met(secret) == [web, listener])
        #expect(warming.isWaiting(api))
    }

    @Test("a new form waits for its own needs only")
    func newForm() {
        var warming = Warming()
        warming.begin(web, [endpoints])
        warming.begin(web, [secret])
        #expect(warming.met(endpoints) == [])
        #expect(warming.met(secret) == [web])
    }

    @Test("without needs nothing waits, and who is gone is never ready")
    func gone() {
        var warming = Warming()
        warming.begin(web, [])
        #expect(warming.isEmpty)
        warming.begin(web, [endpoints])
        warming.end(web)
        #expect(warming.isEmpty)
        #expect(warming.met(endpoints) == [])
        #expect(warming == Warming())
    }

    @Test("patience ends for clusters that cannot serve yet, and for nothing else")
    func patience() {
        var warming = Warming()
        let routes = ResourceKey(.routeConfiguration, "r")
        warming.begin(routes, [.serving(cluster: "web"), .serving(cluster: "api")])
        warming.begin(listener, [.serving(cluster: "web"), .resource(routes)])
        #expect(warming.patienceEnded(routes) == true)
        #expect(warming.patienceEnded(routes) == false)
        #expect(warming.patienceEnded(listener) == false)
        #expect(warming.missing(listener) == [.resource(routes)])
        #expect(warming.met(.serving(cluster: "web")) == [])
        #expect(warming.met(.resource(routes)) == [listener])
        #expect(warming == Warming())
    }
}
