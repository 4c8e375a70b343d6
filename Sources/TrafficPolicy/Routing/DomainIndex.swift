import Bytes

/// Finds the virtual host of a host name: exact, then the longest suffix (`*.x`), then the longest prefix (`x.*`), then
/// `*`. One pass over the name for each kind, one hash probe for each length that some domain has; no allocation.
struct DomainIndex: Sendable {
    private var exact = DomainTable()
    private var suffixes = DomainTable()
    private var prefixes = DomainTable()
    private var all: Int?
    private var hasOnlyAll = true

    init(_ hosts: [VirtualHostConfig]) throws(PolicyError) {
        for (index, host) in hosts.enumerated() {
            for domain in host.domains { try insert(domain, of: host, at: index) }
        }
    }

    /// - Parameter host: of either case, without port where ports are to be ignored; nil when the request has none.
    func lookup(_ host: UnsafeRawBufferPointer?) -> Int? {
        guard !hasOnlyAll, let host else { return all }
        return exact.whole(host) ?? suffixes.longestSuffix(of: host) ?? prefixes.longestPrefix(of: host) ?? all
    }

    private mutating func insert(_ domain: String, of host: VirtualHostConfig, at index: Int) throws(PolicyError) {
        let bytes = Array(domain.lowercased().utf8)
        let star = UInt8(ascii: "*")
        let stars = bytes.reduce(0) { $0 + ($1 == star ? 1 : 0) }
        guard !bytes.isEmpty, stars == 0 || (stars == 1 && (bytes.first == star || bytes.last == star)) else {
            throw .invalidDomain(virtualHost: host.name, domain: domain)
        }
        let isNew: Bool
        if bytes == [star] {
            isNew = all == nil
            all = index
        } else {
            hasOnlyAll = false
            isNew =
                if stars == 0 {
                    exact.insert(bytes, backward: false, virtualHost: index)
                } else if bytes.first == star {
                    suffixes.insert(Array(bytes.dropFirst()), backward: true, virtualHost: index)
                } else {
                    prefixes.insert(Array(bytes.dropLast()), backward: false, virtualHost: index)
                }
        }
        guard isNew else { throw .duplicateDomain(virtualHost: host.name, domain: domain) }
    }
}

/// A hash table of lower-case names, open addressing; the hash (FNV-1a) grows byte by byte, so that one pass over a
/// host name can look up each of its prefixes, or backward each of its suffixes.
struct DomainTable: Sendable {
    private struct Entry {
        var hash: UInt64
        var virtualHost: Int
        var name: [UInt8]
    }

    private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325

    private var entries: [Entry] = []
    /// Index into `entries` plus 1; 0 is free. A power of two, at most half full.
    private var slots: [UInt32] = Array(repeating: 0, count: 8)
    /// `hasLength[n]`: some name has n bytes.
    private var hasLength: [Bool] = [false]

    /// - Returns: false when the name was there before; it then stays as it was.
    mutating func insert(_ name: [UInt8], backward: Bool, virtualHost: Int) -> Bool {
        var hash = Self.seed
        for byte in backward ? name.reversed() : name { hash = Self.step(hash, byte) }
        if name.withUnsafeBytes({ find($0, hash: hash) }) != nil { return false }
        entries.append(Entry(hash: hash, virtualHost: virtualHost, name: name))
        if entries.count * 2 > slots.count {
            slots = Array(repeating: 0, count: slots.count * 2)
            for index in entries.indices { place(index) }
        } else {
            place(entries.count - 1)
        }
        while hasLength.count <= name.count { hasLength.append(false) }
        hasLength[name.count] = true
        return true
    }

    /// The entry for the whole of `host`.
    func whole(_ host: UnsafeRawBufferPointer) -> Int? {
        guard host.count < hasLength.count, hasLength[host.count] else { return nil }
        var hash = Self.seed
        for byte in host { hash = Self.step(hash, ASCII.lower(byte)) }
        return find(host, hash: hash)
    }

    /// The entry for the longest proper prefix of `host`.
    func longestPrefix(of host: UnsafeRawBufferPointer) -> Int? {
        var found: Int?
        var hash = Self.seed
        var length = 1
        while length < hasLength.count, length < host.count {
            hash = Self.step(hash, ASCII.lower(host[length - 1]))
            if hasLength[length], let entry = find(host.slice(0, length), hash: hash) { found = entry }
            length += 1
        }
        return found
    }

    /// The entry for the longest proper suffix of `host`.
    func longestSuffix(of host: UnsafeRawBufferPointer) -> Int? {
        var found: Int?
        var hash = Self.seed
        var length = 1
        while length < hasLength.count, length < host.count {
            hash = Self.step(hash, ASCII.lower(host[host.count - length]))
            if hasLength[length], let entry = find(host.slice(host.count - length, host.count), hash: hash) {
                found = entry
            }
            length += 1
        }
        return found
    }

    private func find(_ name: UnsafeRawBufferPointer, hash: UInt64) -> Int? {
        var slot = Self.slot(hash, slots.count)
        while slots[slot] != 0 {
            let index = Int(slots[slot] - 1)
            if entries[index].hash == hash, entries[index].name.withUnsafeBytes({ name.equalsIgnoringCase($0) }) {
                return entries[index].virtualHost
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private mutating func place(_ index: Int) {
        var slot = Self.slot(entries[index].hash, slots.count)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(index + 1)
    }

    private static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 { (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }

    private static func slot(_ hash: UInt64, _ count: Int) -> Int { Int(truncatingIfNeeded: hash ^ (hash >> 29)) & (count - 1) }
}
