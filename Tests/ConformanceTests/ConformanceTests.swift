import TestKit
import Testing

@Suite(
    .serialized, .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "\(ProxyProcess.Kind.heddle.whyMissing)"))
struct ConformanceTests {
    @Test("Heddle does as Envoy does, or as the table of differences says", arguments: ConformanceCase.all)
    func sameAsEnvoy(one: ConformanceCase) throws {
        let observations = try ConformanceHarness.observations.get()
        let envoy = try #require(observations.envoy[one.name])
        let heddle = try #require(observations.heddle[one.name])
        let differences = Observation.differences(envoy: envoy, heddle: heddle)
        let expected = try DifferencesTable.shared.get().expected(one.name)
        let surprising = differences.subtracting(expected).map(\.description).sorted()
        let gone = expected.subtracting(differences).map(\.description).sorted()
        #expect(surprising.isEmpty, "differs: \(surprising.joined(separator: "\n  "))")
        #expect(gone.isEmpty, "the table says that it differs, but it does not: \(gone.joined(separator: "\n  "))")
    }

    @Test("each case has a name of its own, and the table of differences names cases only and says why")
    func names() throws {
        let names = ConformanceCase.all.map(\.name)
        #expect(Set(names).count == names.count)
        for row in try DifferencesTable.shared.get().rows {
            #expect(names.contains(row.test), "no case «\(row.test)»")
            #expect(row.reason.count > 10, "no reason for «\(row.test)»")
        }
    }
}
