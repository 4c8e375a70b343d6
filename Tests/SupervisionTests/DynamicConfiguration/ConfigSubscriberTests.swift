import Observability
import ProxyModel
import Reactor
import SwiftProtobuf
import TestKit
import Testing
import XDS

@testable import Supervision

@Suite("Asking sources of configuration")
struct ConfigSubscriberTests {
    @WorkerActor private static func run(_ body: @WorkerActor () throws -> Void) async throws {
        _ = RunningLoop.started
        try body()
    }

    private static let ads = Envoy_Config_Core_V3_ConfigSource.with { $0.ads = .init() }
    private static let api = Envoy_Config_Core_V3_ConfigSource.with {
        $0.apiConfigSource.apiType = .deltaGrpc
        $0.initialFetchTimeout.seconds = 3
    }

    private static func file(_ path: String) -> Envoy_Config_Core_V3_ConfigSource {
        .with { $0.pathConfigSource.path = path }
    }

    private static func want(_ type: ResourceType, _ name: String, _ source: Envoy_Config_Core_V3_ConfigSource)
        -> ResourceWant
    {
        ResourceWant(ResourceKey(type, name), from: source)
    }

    /// What a bootstrap with these sources comes to.
    private static func plan(
        clusters: Envoy_Config_Core_V3_ConfigSource? = ads, listeners: Envoy_Config_Core_V3_ConfigSource? = ads,
        hasADS: Bool = true, node: String = "node"
    ) throws -> ConfigSubscriber.Plan {
        let bootstrap = Envoy_Config_Bootstrap_V3_Bootstrap.with {
            $0.node.id = node
            if let clusters { $0.dynamicResources.cdsConfig = clusters }
            if let listeners { $0.dynamicResources.ldsConfig = listeners }
            if hasADS { $0.dynamicResources.adsConfig.apiType = .grpc }
        }
        return try ConfigSubscriber.Plan(try BootstrapFrame(try bootstrap.serializedBytes()))
    }

    @WorkerActor private static func subscriber(_ maker: RecordingMaker, _ applier: RecordingApplier)
        -> ConfigSubscriber
    {
        ConfigSubscriber(log: Log(levels: LogLevels(.off)), maker: maker, applier: applier)
    }

    @Test("everything goes over one ADS stream; listeners are asked for when clusters are warm")
    func aggregated() async throws {
        try await Self.run {
            let (maker, applier) = (RecordingMaker(), RecordingApplier())
            let subscriber = Self.subscriber(maker, applier)
            let plan = try Self.plan()
            subscriber.configure(plan)
            #expect(maker.made.map(\.what) == ["ads"])
            let source = maker.made[0].source
            #expect(source.log == ["want cds *"])
            subscriber.wantsChanged([
                Self.want(.clusterLoadAssignment, "b", Self.ads), Self.want(.clusterLoadAssignment, "a", Self.ads),
            ])
            #expect(source.take() == ["want cds *", "want eds a,b"])
            subscriber.clustersAreWarm()
            subscriber.clustersAreWarm()
            #expect(source.take() == ["want lds *"])
            // Only the type that changed is asked for anew; what nobody wants any more is given up.
            let routes = Self.want(.routeConfiguration, "r", Self.ads)
            subscriber.wantsChanged([
                Self.want(.clusterLoadAssignment, "a", Self.ads), Self.want(.clusterLoadAssignment, "b", Self.ads),
                routes,
            ])
            #expect(source.take() == ["want rds r"])
            subscriber.wantsChanged([routes])
            #expect(source.take() == ["want eds "])
            subscriber.configure(plan)
            #expect(source.take() == [] && maker.made.count == 1)
        }
    }

    @Test("sources of their own are made for each type and path, and end with the last who wants something of them")
    func separate() async throws {
        try await Self.run {
            let (maker, applier) = (RecordingMaker(), RecordingApplier())
            let subscriber = Self.subscriber(maker, applier)
            subscriber.configure(try Self.plan(clusters: Self.file("/cds"), listeners: Self.api, hasADS: false))
            subscriber.clustersAreWarm()
            let endpoints = [
                Self.want(.clusterLoadAssignment, "a", Self.api),
                Self.want(.clusterLoadAssignment, "b", Self.file("/eds")),
            ]
            subscriber.wantsChanged(Set(endpoints))
            #expect(maker.made.map(\.what).sorted() == ["/cds", "/eds", "stream eds", "stream lds"])
            #expect(maker.source("/eds")?.take() == ["want eds b"])
            #expect(maker.source("stream eds")?.timeouts == [3_000_000_000])
            #expect(maker.source("/eds")?.timeouts == [15_000_000_000])
            subscriber.wantsChanged([endpoints[0]])
            #expect(maker.source("/eds")?.take() == ["want eds ", "stop"])
            #expect(maker.source("stream eds")?.take() == ["want eds a"])
            subscriber.stop()
            #expect(maker.source("stream eds")?.take() == ["stop"])
            #expect(maker.isStopped)
        }
    }

    @Test("one response is applied at a time, in the order in which they came, and each source hears its own answer")
    func oneAtATime() async throws {
        try await Self.run {
            let (maker, applier) = (RecordingMaker(), RecordingApplier())
            let subscriber = Self.subscriber(maker, applier)
            subscriber.configure(
                try Self.plan(clusters: Self.file("/cds"), listeners: Self.file("/lds"), hasADS: false))
            subscriber.clustersAreWarm()
            let (clusters, listeners) = (try #require(maker.source("/cds")), try #require(maker.source("/lds")))
            for source in [clusters, listeners] { _ = source.take() }
            func batch(_ type: ResourceType, _ version: String) -> ResourceBatch {
                ResourceBatch(type: type, source: "", version: version, changes: [])
            }
            subscriber.source(clusters, offers: batch(.cluster, "1"))
            subscriber.source(listeners, offers: batch(.listener, "2"))
            subscriber.source(clusters, offers: batch(.cluster, "3"))
            #expect(applier.versions == ["1"])
            applier.answer([ResourceRefusal(ResourceKey(.cluster, "bad"), reason: "no")])
            #expect(clusters.take() == ["refused bad"] && listeners.take() == [])
            #expect(applier.versions == ["1", "2"])
            applier.answer([])
            #expect(listeners.take() == ["applied"])
            applier.answer([])
            #expect(clusters.take() == ["applied"])
            // One who answers during the call: nothing is lost, and nothing is nested.
            applier.answersAtOnce = true
            subscriber.source(clusters, offers: batch(.cluster, "4"))
            clusters.offersOnAnswer = { subscriber.source(clusters, offers: batch(.cluster, "6")) }
            subscriber.source(clusters, offers: batch(.cluster, "5"))
            #expect(applier.versions == ["1", "2", "3", "4", "5", "6"])
            #expect(applier.deepest == 1)
        }
    }

    @Test("nobody waits for a source that cannot be, or for what a source says does not come")
    func missing() async throws {
        try await Self.run {
            let (maker, applier) = (RecordingMaker(), RecordingApplier())
            let subscriber = Self.subscriber(maker, applier)
            subscriber.configure(try Self.plan(hasADS: false))
            #expect(applier.takeEnded() == ["cds \"*\""])
            subscriber.wantsChanged([Self.want(.secret, "b", Self.ads), Self.want(.secret, "a", Self.ads)])
            #expect(applier.takeEnded() == ["sds \"a\"", "sds \"b\""])
            maker.fails = true
            subscriber.wantsChanged([Self.want(.clusterLoadAssignment, "e", Self.file("/eds"))])
            #expect(applier.takeEnded() == ["eds \"e\""])
            maker.fails = false
            subscriber.wantsChanged([Self.want(.clusterLoadAssignment, "f", Self.file("/eds"))])
            let source = try #require(maker.source("/eds"))
            subscriber.source(source, ended: [ResourceKey(.clusterLoadAssignment, "f")])
            #expect(applier.takeEnded() == ["eds \"f\""])
        }
    }

    @Test("another bootstrap ends all sources and asks anew; those that begin know what is in force, each of its own")
    func anew() async throws {
        try await Self.run {
            let (maker, applier) = (RecordingMaker(), RecordingApplier())
            func held(_ type: ResourceType, _ name: String) -> ResourceChange {
                ResourceChange(ResourceKey(type, name), version: "7", body: [1])
            }
            applier.held = [held(.cluster, "old")]
            let subscriber = Self.subscriber(maker, applier)
            subscriber.configure(try Self.plan())
            let other = Self.want(.clusterLoadAssignment, "b", Self.file("/eds"))
            subscriber.wantsChanged([Self.want(.clusterLoadAssignment, "a", Self.ads), other])
            #expect(maker.made[0].held == ["old"])
            _ = maker.made[0].source.take()
            applier.held = [
                held(.cluster, "new"), held(.listener, "l"), held(.clusterLoadAssignment, "a"),
                held(.clusterLoadAssignment, "b"), held(.secret, "unwanted"),
            ]
            subscriber.configure(try Self.plan(node: "other"))
            #expect(maker.made[0].source.take() == ["stop"])
            #expect(maker.made.map(\.what) == ["ads", "/eds", "ads", "/eds"])
            #expect(maker.made[2].held == ["a", "l", "new"] && maker.made[3].held == ["b"])
            #expect(maker.made[2].source.take() == ["want cds *", "want eds a"])
            subscriber.clustersAreWarm()
            #expect(maker.made[2].source.take() == ["want lds *"])
        }
    }

    @Test("what is in hand of the sources before comes to its end before others are asked, so that they know of it")
    func anewInHand() async throws {
        try await Self.run {
            let (maker, applier) = (RecordingMaker(), RecordingApplier())
            let subscriber = Self.subscriber(maker, applier)
            subscriber.configure(try Self.plan())
            subscriber.source(maker.made[0].source, offers: ResourceBatch(type: .cluster, source: "", version: "1", changes: []))
            subscriber.source(maker.made[0].source, offers: ResourceBatch(type: .listener, source: "", version: "2", changes: []))
            subscriber.configure(try Self.plan(node: "other"))
            subscriber.wantsChanged([Self.want(.clusterLoadAssignment, "a", Self.ads)])
            subscriber.clustersAreWarm()
            #expect(maker.made.count == 1)
            applier.held = [ResourceChange(ResourceKey(.cluster, "late"), version: "1", body: [1])]
            applier.answer([])
            #expect(maker.made.count == 2 && maker.made[1].held == ["late"])
            #expect(maker.made[1].source.take() == ["want cds *", "want lds *", "want eds a"])
            #expect(applier.versions == ["1"])
        }
    }

    @Test("what its last answer calls for while another bootstrap waits comes to its end, too, before others are asked")
    func anewBetween() async throws {
        try await Self.run {
            let (maker, applier) = (RecordingMaker(), RecordingApplier())
            let subscriber = Self.subscriber(maker, applier)
            subscriber.configure(try Self.plan())
            let source = maker.made[0].source
            @WorkerActor func offer(_ version: String) {
                subscriber.source(source, offers: ResourceBatch(type: .listener, source: "", version: version, changes: []))
            }
            offer("1")
            // The bootstrap's turn is between the two.
            let other = try Self.plan(node: "other")
            source.offersOnAnswer = {
                offer("2")
                subscriber.configure(other)
            }
            applier.answer([])
            #expect(applier.versions == ["1", "2"] && maker.made.count == 1)
            applier.held = [ResourceChange(ResourceKey(.listener, "late"), version: "2", body: [1])]
            applier.answer([])
            #expect(maker.made.count == 2 && maker.made[1].held == ["late"])
        }
    }

    @Test("what no source is named for any more goes")
    func sourceGoes() async throws {
        try await Self.run {
            let (maker, applier) = (RecordingMaker(), RecordingApplier())
            let subscriber = Self.subscriber(maker, applier)
            subscriber.configure(try Self.plan())
            applier.held = [
                ResourceChange(ResourceKey(.cluster, "c"), version: "1", body: [1]),
                ResourceChange(ResourceKey(.listener, "l"), version: "1", body: [1]),
            ]
            subscriber.configure(try Self.plan(listeners: nil))
            #expect(applier.changes == [ResourceChange(ResourceKey(.listener, "l"), version: "", body: nil)])
            #expect(maker.made[1].held == ["c"])
            applier.answer([])
            applier.held = [applier.held[0]]
            subscriber.configure(try Self.plan(clusters: nil, listeners: nil))
            #expect(applier.changes.last == ResourceChange(ResourceKey(.cluster, "c"), version: "", body: nil))
        }
    }

    @Test("names that are asked for together are waited for each as long as whoever wants it says")
    func waits() async throws {
        try await Self.run {
            func want(_ name: String, seconds: Int64?) -> ResourceWant {
                var source = Self.ads
                if let seconds { source.initialFetchTimeout.seconds = seconds }
                return Self.want(.secret, name, source)
            }
            let (maker, applier) = (RecordingMaker(), RecordingApplier())
            let subscriber = Self.subscriber(maker, applier)
            subscriber.configure(try Self.plan())
            subscriber.wantsChanged([
                want("default", seconds: nil), want("ever", seconds: 0), want("short", seconds: 1),
                want("both", seconds: 1), want("both", seconds: 20),
            ])
            let times = try #require(maker.made[0].source.timeouts.last)
            #expect(times["default"] == 15_000_000_000 && times["ever"] == 0)
            #expect(times["short"] == 1_000_000_000 && times["both"] == 20_000_000_000)
        }
    }
}
