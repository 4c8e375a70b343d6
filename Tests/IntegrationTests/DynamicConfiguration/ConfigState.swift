import Foundation
import TestKit

/// What a proxy says that it has, by `/config_dump`: the names of everything and, where Envoy tells them, the versions.
enum ConfigState {
    /// Lines such as `cluster a active 3`, in order.
    static func read(admin: UInt16) throws -> [String] {
        let text = try AdminClient.get("/config_dump?include_eds", port: admin)
        guard let dump = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            let parts = dump["configs"] as? [[String: Any]]
        else { throw ControlPlanePeer.Failed(description: "no configs:\n\(text.prefix(2000))") }
        return parts.flatMap(lines).sorted()
    }

    // One table, and a row for each kind: longer than a function should be, and simpler than anything shorter.
    private static func lines(_ part: [String: Any]) -> [String] {
        // What was refused and never had a form is an item without one; Envoy has none of these.
        func items(_ name: String) -> [[String: Any]] {
            (part[name] as? [[String: Any]] ?? []).filter { Set($0.keys) != ["error_state", "client_status"] }
        }
        func version(_ item: [String: Any]) -> String { item["version_info"] as? String ?? "" }
        func name(_ item: [String: Any], _ field: String, _ key: String = "name") -> String {
            (item[field] as? [String: Any])?[key] as? String ?? ""
        }
        var lines: [String] = []
        for item in items("dynamic_active_clusters") {
            lines.append("cluster \(name(item, "cluster")) active \(version(item))")
        }
        for item in items("dynamic_warming_clusters") {
            lines.append("cluster \(name(item, "cluster")) warming \(version(item))")
        }
        for item in items("dynamic_route_configs") {
            lines.append("routes \(name(item, "route_config")) \(version(item))")
        }
        // Envoy gives no version of endpoints.
        for item in items("dynamic_endpoint_configs") {
            lines.append("endpoints \(name(item, "endpoint_config", "cluster_name"))")
        }
        for item in items("dynamic_listeners") {
            // Envoy shows a refusal once under the listener's name and once under none.
            guard let listener = item["name"] as? String, !listener.isEmpty else { continue }
            for state in ["active", "warming"] {
                if let form = item[state + "_state"] as? [String: Any] {
                    lines.append("listener \(listener) \(state) \(version(form))")
                }
            }
            if item["error_state"] != nil { lines.append("listener \(listener) refused") }
        }
        return lines
    }
}
