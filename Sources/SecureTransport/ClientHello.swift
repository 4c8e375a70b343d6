/// What a client says in the clear before a server answers, as far as a listener chooses by it.
package struct ClientHello: Equatable, Sendable {
    /// SNI in lower case; nil when the client names no host.
    package var serverName: String?
    /// The ALPN names that the client speaks, most wanted first.
    package var applicationProtocols: [String]

    package init(serverName: String? = nil, applicationProtocols: [String] = []) {
        self.serverName = serverName
        self.applicationProtocols = applicationProtocols
    }
}

extension ClientHello {
    private enum Extension {
        static let serverName: UInt16 = 0
        static let applicationProtocols: UInt16 = 16
    }

    /// Reads the body of a ClientHello handshake message (RFC 8446 section 4.1.2; the same layout in all versions since
    /// TLS 1.0). Nil when a length does not fit, an extension comes twice, or a byte is left over.
    init?(message: UnsafeRawBufferPointer) {
        self.init()
        var reader = MessageReader(message)
        // legacy_version and random, session id, cipher suites, compression methods.
        guard reader.skip(2 + 32), let sessionID = reader.vector8(), sessionID.count <= 32,
            let suites = reader.vector16(), suites.count >= 2, suites.count.isMultiple(of: 2),
            let compressions = reader.vector8(), !compressions.isEmpty
        else { return nil }
        // TLS 1.2 may end here, with no extensions at all.
        if reader.isAtEnd { return }
        guard let extensions = reader.vector16(), reader.isAtEnd, read(extensions) else { return nil }
    }

    private mutating func read(_ extensions: UnsafeRawBufferPointer) -> Bool {
        var reader = MessageReader(extensions)
        var seenName = false
        var seenProtocols = false
        while !reader.isAtEnd {
            guard let kind = reader.integer16(), let body = reader.vector16() else { return false }
            switch kind {
            case Extension.serverName:
                guard !seenName, readServerName(body) else { return false }
                seenName = true
            case Extension.applicationProtocols:
                guard !seenProtocols, readProtocols(body) else { return false }
                seenProtocols = true
            default: break  // The rest is OpenSSL's to judge.
            }
        }
        return true
    }

    /// RFC 6066 section 3: a list, in practice of one name of kind 0.
    private mutating func readServerName(_ body: UnsafeRawBufferPointer) -> Bool {
        var reader = MessageReader(body)
        guard let list = reader.vector16(), reader.isAtEnd else { return false }
        var names = MessageReader(list)
        guard names.integer8() == 0, let name = names.vector16(), names.isAtEnd, (1...255).contains(name.count),
            !name.contains(0)
        else { return false }
        serverName = String(decoding: name.map(Self.lowercased), as: UTF8.self)
        return true
    }

    /// RFC 7301 section 3.1: at least one name, none of them empty.
    private mutating func readProtocols(_ body: UnsafeRawBufferPointer) -> Bool {
        var reader = MessageReader(body)
        guard let list = reader.vector16(), reader.isAtEnd, !list.isEmpty else { return false }
        var names = MessageReader(list)
        while !names.isAtEnd {
            guard let name = names.vector8(), !name.isEmpty else { return false }
            applicationProtocols.append(String(decoding: name, as: UTF8.self))
        }
        return true
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

/// Reads the presentation language of RFC 8446 section 3; nil means that the bytes end too early.
struct MessageReader {
    // Safety: every access is through the buffer's slices, which hold their bounds in all builds of this project.
    private var rest: UnsafeRawBufferPointer

    var isAtEnd: Bool { rest.isEmpty }

    init(_ bytes: UnsafeRawBufferPointer) {
        rest = bytes
    }

    mutating func skip(_ count: Int) -> Bool { take(count) != nil }

    mutating func integer8() -> UInt8? { take(1).map { $0[0] } }

    mutating func integer16() -> UInt16? { take(2).map { UInt16($0[0]) << 8 | UInt16($0[1]) } }

    /// A vector whose length is one byte.
    mutating func vector8() -> UnsafeRawBufferPointer? {
        guard let count = integer8() else { return nil }
        return take(Int(count))
    }

    /// A vector whose length is two bytes.
    mutating func vector16() -> UnsafeRawBufferPointer? {
        guard let count = integer16() else { return nil }
        return take(Int(count))
    }

    private mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count <= rest.count else { return nil }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<count])
    }
}
