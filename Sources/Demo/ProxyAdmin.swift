/// The admin interface of a proxy, and what the demo reads there.
struct ProxyAdmin: Codable, Equatable {
    let host: String
    let port: Int

    /// A statistic, by its whole name; nil where the proxy does not answer or has none of this name.
    func counter(_ name: String) -> Int? {
        statistics(name)?.first { $0.name == name }?.value
    }

    /// Statistics whose names match, nil where the proxy does not answer.
    ///
    /// - Parameter filter: a regular expression whose characters need no quoting in a URL.
    func statistics(_ filter: String) -> [(name: String, value: Int)]? {
        guard let answer = LoopbackHTTP.get(host: host, port: port, path: "/stats?filter=\(filter)"),
            answer.status == 200
        else {
            return nil
        }
        return answer.body.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return parts.count == 2 ? Int(parts[1].filter { $0 != " " }).map { (String(parts[0]), $0) } : nil
        }
    }
}
