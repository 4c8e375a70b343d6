package import Bytes

/// A range of addresses.
package struct AddressRange: Equatable, Sendable {
    package let ip: SocketAddress.IP
    package let length: Int

    package init(_ ip: SocketAddress.IP, length: Int) {
        self.ip = ip
        self.length = min(max(length, 0), ip.isIPv6 ? 128 : 32)
    }

    /// Whether the address lies in the range; IPv4 never lies in a range of IPv6.
    package func contains(_ other: SocketAddress.IP) -> Bool {
        guard other.isIPv6 == ip.isIPv6 else { return false }
        guard ip.isIPv6 else { return Self.same(ip.low << 32, other.low << 32, bits: length) }
        return Self.same(ip.high, other.high, bits: min(length, 64)) && Self.same(ip.low, other.low, bits: max(length - 64, 0))
    }

    private static func same(_ left: UInt64, _ right: UInt64, bits: Int) -> Bool {
        bits == 0 || (left ^ right) >> UInt64(64 - bits) == 0
    }
}

/// Which connections a filter chain takes (`FilterChainMatch`); empty criteria take all.
package struct FilterChainCriteria: Equatable, Sendable {
    /// Where a connection comes from, as seen from its own socket (`source_type`).
    package enum SourceType: Sendable { case any, sameAddressOrLoopback, external }

    /// Port and ranges of the address that the connection was made to; nil and empty ask for nothing.
    package var destinationPort: UInt16?
    package var destinationRanges: [AddressRange] = []
    /// Lower-case; `*.example.com` takes every name below it.
    package var serverNames: [String] = []
    package var transportProtocol = ""
    package var applicationProtocols: [String] = []
    package var directSourceRanges: [AddressRange] = []
    package var sourceType = SourceType.any
    package var sourceRanges: [AddressRange] = []
    package var sourcePorts: [UInt16] = []

    package init() {}
}

/// What is known of a connection before its filter chain is chosen.
package struct ConnectionFacts: Equatable, Sendable {
    package var local: SocketAddress
    package var remote: SocketAddress
    package var directRemote: SocketAddress
    /// Whether `local` is where the client was going before the kernel redirected it.
    package var isRestored = false
    package var serverName = ""
    package var isTLS = false
    package var applicationProtocols: [String] = []
    /// What listener filters left; nil for nothing.
    package var metadata: ConnectionMetadata?

    package init(local: SocketAddress, remote: SocketAddress, directRemote: SocketAddress) {
        self.local = local
        self.remote = remote
        self.directRemote = directRemote
    }

    /// Where the client was going, when that is known apart from where it came out.
    var originalDestination: SocketAddress? { isRestored ? local : nil }
}

/// Chooses a listener's filter chain as Envoy does: criterion by criterion in a fixed order, each time keeping the
/// chains that fit most specifically, and never going back to one that was passed over.
package struct FilterChainMatcher: Sendable {
    private let criteria: [FilterChainCriteria]
    /// Whether a choice needs the TLS ClientHello.
    package let needsClientHello: Bool

    /// - Parameter criteria: one a filter chain, in the order of the configuration.
    package init(_ criteria: [FilterChainCriteria]) {
        self.criteria = criteria
        needsClientHello = criteria.contains {
            !$0.serverNames.isEmpty || !$0.transportProtocol.isEmpty || !$0.applicationProtocols.isEmpty
        }
    }

    /// The index of the chain; nil when none takes the connection.
    package func match(_ facts: ConnectionFacts) -> Int? {
        var candidates = Array(criteria.indices)
        for rank in Self.ranks {
            let ranked = candidates.map { (index: $0, rank: rank(criteria[$0], facts)) }
            guard let best = ranked.compactMap(\.rank).max() else { return nil }
            candidates = ranked.filter { $0.rank == best }.map(\.index)
            if candidates.isEmpty { return nil }
        }
        return candidates.first
    }

    /// How well a criterion fits: nil not at all, 0 when it does not ask, more the more specific.
    private typealias Rank = @Sendable (FilterChainCriteria, ConnectionFacts) -> Int?

    private static let ranks: [Rank] = [
        { criteria, facts in
            guard let port = criteria.destinationPort else { return 0 }
            return port == facts.local.port ? 1 : nil
        },
        { criteria, facts in range(criteria.destinationRanges, facts.local) },
        { criteria, facts in serverName(criteria.serverNames, facts.serverName) },
        { criteria, facts in
            guard !criteria.transportProtocol.isEmpty else { return 0 }
            return criteria.transportProtocol == (facts.isTLS ? "tls" : "raw_buffer") ? 1 : nil
        },
        { criteria, facts in
            guard !criteria.applicationProtocols.isEmpty else { return 0 }
            // The client's first wish that some chain names decides.
            for (position, offered) in facts.applicationProtocols.enumerated()
            where criteria.applicationProtocols.contains(offered) {
                return 1000 - min(position, 999)
            }
            return nil
        },
        { criteria, facts in range(criteria.directSourceRanges, facts.directRemote) },
        { criteria, facts in
            let isLocal = facts.remote.ip.map { $0.isLoopback || $0 == facts.local.ip } ?? true
            switch criteria.sourceType {
            case .any: return 0
            case .sameAddressOrLoopback: return isLocal ? 1 : nil
            case .external: return isLocal ? nil : 1
            }
        },
        { criteria, facts in range(criteria.sourceRanges, facts.remote) },
        { criteria, facts in
            guard !criteria.sourcePorts.isEmpty else { return 0 }
            guard let port = facts.remote.port else { return nil }
            return criteria.sourcePorts.contains(port) ? 1 : nil
        },
    ]

    private static func range(_ ranges: [AddressRange], _ address: SocketAddress) -> Int? {
        guard !ranges.isEmpty else { return 0 }
        guard let ip = address.ip else { return nil }
        return ranges.filter { $0.contains(ip) }.map { $0.length + 1 }.max()
    }

    private static func serverName(_ names: [String], _ name: String) -> Int? {
        guard !names.isEmpty else { return 0 }
        let name = name.lowercased()
        var best: Int?
        for pattern in names {
            if pattern == name {
                best = .max
            } else if pattern.hasPrefix("*."), name.hasSuffix(pattern.dropFirst()) {
                best = max(best ?? 0, pattern.utf8.count)
            }
        }
        return best
    }
}
