import Foundation

/// What a comparison found.
package struct ComparisonReport: Codable {
    /// What was measured of one mesh: medians of the rounds.
    package struct Row: Codable {
        package let mesh: String
        package let pages: Int
        package let failures: Int
        package let p50_ms: Double
        package let p99_ms: Double
        /// More than without a mesh in the same round.
        package let added_p50_ms: Double
        package let added_p99_ms: Double
        package let proxies: Int
        package let proxies_mb: Double
    }

    var kind = "comparison"
    /// What was asked for.
    package let page: String
    /// Turns of each mesh, how long each was, and what came of them.
    package let rounds: Int
    package let seconds_a_round: Double
    package let users: Int
    package let rows: [Row]

    /// - Parameter turns: of each mesh, one a round, the first mesh being that without proxies.
    init(
        page: String, users: Int, seconds: Double, turns: [(mesh: ShopPlan.Mesh, turns: [LoadLine], proxies: Int, megabytes: Double)]
    ) {
        let bare = turns.first?.turns ?? []
        self.page = page
        self.users = users
        rounds = bare.count
        seconds_a_round = seconds
        rows = turns.map { mesh, turns, proxies, megabytes in
            Row(
                mesh: mesh.rawValue, pages: turns.reduce(0) { $0 + $1.requests }, failures: turns.reduce(0) { $0 + $1.failures },
                p50_ms: Self.median(turns.map(\.p50_ms)), p99_ms: Self.median(turns.map(\.p99_ms)),
                added_p50_ms: Self.median(zip(turns, bare).map { $0.p50_ms - $1.p50_ms }),
                added_p99_ms: Self.median(zip(turns, bare).map { $0.p99_ms - $1.p99_ms }), proxies: proxies,
                proxies_mb: Self.rounded(megabytes))
        }
    }

    /// Whether every mesh gave pages, and no page failed.
    package var isSound: Bool { rows.allSatisfy { $0.failures == 0 && $0.pages > 0 } }

    /// Most of what Envoy adds that Heddle may add.
    private static let gateShare = 0.5

    /// Whether Heddle adds at most half of what Envoy adds to the median; false where Envoy added nothing that could be
    /// measured.
    package var isWithinGate: Bool {
        guard let heddle = row(.heddle), let envoy = row(.envoy), envoy.added_p50_ms > 0 else { return false }
        return heddle.added_p50_ms <= Self.gateShare * envoy.added_p50_ms
    }

    /// What the gate says, for people.
    package var gateText: String {
        "gate: Heddle may add half of what Envoy adds to p50, and \(isWithinGate ? "does not add more" : "it adds more, or Envoy adds nothing")\n"
    }

    private func row(_ mesh: ShopPlan.Mesh) -> Row? { rows.first { $0.mesh == mesh.rawValue } }

    /// The result as people read it.
    package var text: String {
        var text = "\n\(page), \(users) \(users == 1 ? "user" : "users") at a time; medians of \(rounds) turns of "
        text += String(format: "%.0f s\n\n", seconds_a_round)
        text += "                    pages   p50 ms   p99 ms    added p50    added p99   proxies       MB\n"
        for row in rows {
            text += row.mesh.padding(toLength: 16, withPad: " ", startingAt: 0)
            text += String(
                format: "%9d%9.2f%9.2f%13.2f%13.2f%10d%9.0f\n", row.pages, row.p50_ms, row.p99_ms, row.added_p50_ms, row.added_p99_ms,
                row.proxies, row.proxies_mb)
        }
        return text + share
    }

    /// How Heddle stands to Envoy; nothing where one of them was not measured.
    private var share: String {
        guard let heddle = row(.heddle), let envoy = row(.envoy) else { return "" }
        let parts = [
            Self.share("p50", heddle.added_p50_ms, envoy.added_p50_ms), Self.share("p99", heddle.added_p99_ms, envoy.added_p99_ms),
            Self.share("memory", heddle.proxies_mb, envoy.proxies_mb),
        ]
        return "\nof what Envoy adds, Heddle adds: \(parts.joined(separator: ", "))\n"
    }

    private static func share(_ name: String, _ one: Double, _ other: Double) -> String {
        other > 0 ? String(format: "%@ %.2f", name, one / other) : "\(name) -"
    }

    /// The one in the middle; the lower one of two.
    static func median(_ numbers: [Double]) -> Double {
        numbers.isEmpty ? 0 : rounded(numbers.sorted()[(numbers.count - 1) / 2])
    }

    private static func rounded(_ number: Double) -> Double { (number * 100).rounded() / 100 }
}
