/// Which of several identities answers to a server name: exact names first, then wildcards of one label; Envoy's rule.
struct ServerNameTable {
    /// One identity's names and the kind of its key.
    struct Entry {
        var names: [String]
        var keyKind: Int32
    }

    private var exact: [String: [Int]] = [:]
    /// Under `example.com` what answers to `*.example.com`.
    private var wildcard: [String: [Int]] = [:]
    /// What is shown without a server name, or for a name that nobody answers to.
    private(set) var fallback: [Int] = []

    init(_ entries: [Entry]) {
        func add(_ index: Int, to group: inout [Int]) {
            // A handshake chooses among kinds of keys; of one kind the first configured wins.
            let kind = entries[index].keyKind
            if !group.contains(where: { entries[$0].keyKind == kind }) { group.append(index) }
        }
        for (index, entry) in entries.enumerated() {
            add(index, to: &fallback)
            for name in entry.names.map({ $0.lowercased() }) where !name.utf8.contains(0) {
                if name.hasPrefix("*.") {
                    add(index, to: &wildcard[String(name.dropFirst(2)), default: []])
                } else {
                    add(index, to: &exact[name, default: []])
                }
            }
        }
    }

    /// The identities to choose among by kind of key, the first configured first.
    func identities(for serverName: String?) -> [Int] {
        guard let name = serverName?.lowercased(), !name.isEmpty else { return fallback }
        if let found = exact[name] { return found }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return fallback }
        return wildcard[String(name[name.index(after: dot)...])] ?? fallback
    }
}
