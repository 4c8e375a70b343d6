import COpenSSL
import Glibc

/// A certificate's subject alternative names, by kind and in their order.
package struct AlternativeNames: Equatable, Sendable {
    package var dns: [String] = []
    package var uris: [String] = []
    package var emails: [String] = []
    /// Addresses as text: `10.0.0.1`, `2001:db8::1`.
    package var ipAddresses: [String] = []
}

extension Certificate {
    /// The subject alternative names; none when the certificate has none or they cannot be parsed.
    package var alternativeNames: AlternativeNames {
        var names = AlternativeNames()
        guard let list = heddle_x509_alternative_names(pointer) else {
            // A broken extension leaves an error behind.
            ERR_clear_error()
            return names
        }
        defer { GENERAL_NAMES_free(list) }
        for index in 0..<heddle_alternative_name_count(list) {
            names.add(heddle_alternative_name_at(list, index))
        }
        return names
    }

    /// The names a server certificate answers to: its DNS names, or its common name when it has none (as Envoy does).
    var serverNames: [String] {
        let dns = alternativeNames.dns
        if !dns.isEmpty { return dns }
        return commonName.map { [$0] } ?? []
    }
}

extension AlternativeNames {
    fileprivate mutating func add(_ name: heddle_alternative_name) {
        // Safety: the bytes belong to the list, which outlives this call; they are copied with their length.
        let bytes = UnsafeRawBufferPointer(start: name.bytes, count: name.length)
        switch name.kind {
        case GEN_DNS: dns.append(String(decoding: bytes, as: UTF8.self))
        case GEN_URI: uris.append(String(decoding: bytes, as: UTF8.self))
        case GEN_EMAIL: emails.append(String(decoding: bytes, as: UTF8.self))
        case GEN_IPADD: if let text = Self.address(bytes) { ipAddresses.append(text) }
        default: break  // otherName, directoryName and such: nothing asks for them.
        }
    }

    private static func address(_ bytes: UnsafeRawBufferPointer) -> String? {
        let family: Int32
        switch bytes.count {
        case 4: family = AF_INET
        case 16: family = AF_INET6
        default: return nil
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, bytes.baseAddress, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
