import TestKit

/// What one case came to at one proxy, as named facts that can be compared one by one.
struct Observation: Equatable {
    private(set) var facts: [String: String] = [:]

    mutating func note(_ name: String, _ value: String) {
        facts[name] = facts[name].map { "\($0) | \(value)" } ?? value
    }

    mutating func note(_ name: String, _ fields: [WireField]) {
        for field in fields { note("\(name) \(field.name.lowercased())", Self.steady(field)) }
    }

    /// A value with what differs from run to run replaced by its kind.
    private static func steady(_ field: WireField) -> String {
        switch field.name.lowercased() {
        case "date" where field.value.hasSuffix(" GMT") && field.value.count == 29 && !field.value.contains("1994"):
            "a date"
        case "x-request-id" where isUUID(field.value): "a UUID"
        case "x-envoy-upstream-service-time" where UInt64(field.value) != nil: "milliseconds"
        default: field.value
        }
    }

    private static func isUUID(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12] && parts.joined().allSatisfy(\.isHexDigit)
            && parts[2].first == "4"
    }

    /// A fact that differs.
    struct Difference: Hashable, CustomStringConvertible {
        let fact: String
        let envoy: String
        let heddle: String

        var description: String { "\(fact): Envoy «\(envoy)», Heddle «\(heddle)»" }
    }

    /// Where Heddle's facts are not Envoy's. An absent fact reads as `-`.
    static func differences(envoy: Observation, heddle: Observation) -> Set<Difference> {
        let names = Set(envoy.facts.keys).union(heddle.facts.keys)
        return Set(
            names.compactMap { name in
                let theirs = envoy.facts[name] ?? "-"
                let ours = heddle.facts[name] ?? "-"
                return theirs == ours ? nil : Difference(fact: name, envoy: theirs, heddle: ours)
            })
    }
}
