import Reactor
import TestKit
import Testing
import XDS

@testable import Supervision

@Suite("The whole of dynamic configuration, simulated", .serialized)
struct ProxySimulationTests {
    @WorkerActor private static func run(_ body: @WorkerActor () throws -> Void) throws { try body() }

    @Test(
        "whatever breaks meanwhile, in the end every worker has in force what the control plane has",
        arguments: [DiscoverySettings.Variant.stateOfTheWorld, .delta])
    func converges(variant: DiscoverySettings.Variant) async throws {
        _ = RunningLoop.started
        try await Self.run {
            var (streams, deaths, refusals, reloads) = (0, 0, 0, 0)
            for seed in 1...60 as ClosedRange<UInt64> {
                let simulation = try ProxySimulation(variant, seed: seed)
                try simulation.run(steps: 1500)
                #expect(simulation.differences() == [], "seed \(seed)")
                streams += simulation.link.streams
                deaths += simulation.deaths
                refusals += simulation.refusals
                reloads += simulation.reloads
            }
            // The faults do happen.
            #expect(streams > 120 && deaths > 60 && refusals > 120 && reloads > 120)
        }
    }
}
