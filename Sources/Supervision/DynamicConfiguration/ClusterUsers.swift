/// Which clusters the routes and listeners that are in force send requests to.
///
/// A control plane that comes back with everything changed sends clusters before routes, as Envoy's rules for ordering
/// have it. Between the two the old routes are in force, and the old clusters must be.
struct ClusterUsers: Equatable, Sendable {
    /// What forms refer to, in force or not, by their numbers.
    private var byForm: [UInt32: Set<String>] = [:]
    private var inForce: Set<UInt32> = []
    private var counts: [String: Int] = [:]

    /// Whether something in force sends requests to the cluster.
    func isUsed(_ cluster: String) -> Bool { counts[cluster] != nil }

    /// Whether a form refers to any.
    func isKnown(_ form: UInt32) -> Bool { byForm[form] != nil }

    /// A form was accepted that refers to these clusters.
    mutating func admit(_ form: UInt32, _ clusters: Set<String>) {
        if !clusters.isEmpty { byForm[form] = clusters }
    }

    /// A form is in force.
    mutating func activate(_ form: UInt32) {
        guard let clusters = byForm[form], inForce.insert(form).inserted else { return }
        for cluster in clusters { counts[cluster, default: 0] += 1 }
    }

    /// A form is gone, whether it was in force or not.
    mutating func remove(_ form: UInt32) {
        let clusters = byForm.removeValue(forKey: form) ?? []
        guard inForce.remove(form) != nil else { return }
        for cluster in clusters {
            counts[cluster, default: 1] -= 1
            if counts[cluster] == 0 { counts[cluster] = nil }
        }
    }
}
