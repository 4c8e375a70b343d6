import Bytes
import HTTPModel
package import Observability
import Reactor

/// What becomes of `x-forwarded-client-cert`, which says whose certificate a request came with
/// (`forward_client_cert_details`, `set_current_client_cert_details`).
package struct ForwardedClientCertificate: Sendable, Equatable {
    /// Whom the header is believed from, and who writes it.
    package enum Policy: Sendable, Equatable {
        /// Nobody is believed.
        case sanitize
        /// Clients with a certificate are believed.
        case forward
        /// They are, and what they showed is appended.
        case append
        /// Nobody is believed, and what a client showed takes the header's place.
        case replace
        /// Everybody is believed.
        case alwaysForward
    }

    /// Whom the header is believed from.
    package var policy = Policy.sanitize
    /// What is said of the client's certificate besides its digest and our own name.
    package var saysCertificate = false
    package var saysChain = false
    package var saysSubject = false
    package var saysURIs = false
    package var saysDNSNames = false

    package init() {}

    /// What a client showed, as an element of the header; the order and the quotes are Envoy's.
    package func element(_ facts: TLSFacts) -> String {
        var parts: [String] = []
        let details = facts.details
        for name in details?.localURIs ?? [] { add("By", name, &parts) }
        if let digest = facts.peer?.fingerprint256 { parts.append("Hash=\(digest.text)") }
        if saysCertificate, let text = details?.peerPEM, !text.isEmpty { parts.append("Cert=\"\(text)\"") }
        if saysChain, let text = details?.peerChainPEM, !text.isEmpty { parts.append("Chain=\"\(text)\"") }
        if saysSubject { parts.append("Subject=\"\(facts.peer?.subject?.text ?? "")\"") }
        if saysURIs {
            let names = details?.peerURIs ?? []
            if names.isEmpty { parts.append("URI=") }
            for name in names { add("URI", name, &parts) }
        }
        if saysDNSNames { for name in details?.peerDNSNames ?? [] { add("DNS", name, &parts) } }
        return parts.joined(separator: ";")
    }

    /// A name of a certificate. One that could end its place in the header is quoted, which Envoy's documentation of the
    /// header asks for and Envoy leaves out; one that could end the header is not there.
    private func add(_ key: String, _ name: String, _ parts: inout [String]) {
        guard !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return }
        guard name.utf8.contains(where: { ",;\"\\".utf8.contains($0) }) else { return parts.append("\(key)=\(name)") }
        // By bytes: what combines with a quote makes another character of it.
        var quoted: [UInt8] = []
        for byte in name.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { quoted.append(UInt8(ascii: "\\")) }
            quoted.append(byte)
        }
        parts.append("\(key)=\"\(String(decoding: quoted, as: UTF8.self))\"")
    }
}

extension RequestHead {
    /// Makes the header true, or takes it away.
    static func clientCertificate(_ stream: Stream) {
        let policy = stream.config.clientCertificate.policy
        if policy == .alwaysForward { return }
        guard policy != .sanitize, let facts = stream.info.downstreamTLS, facts.peer != nil else {
            stream.requestHeaders.remove(.xForwardedClientCert)
            return
        }
        if policy == .forward { return }
        let element = stream.manager.clientCertificate(facts)
        guard policy == .append, stream.requestHeaders.has(.xForwardedClientCert) else {
            stream.requestHeaders.set(.xForwardedClientCert, element.bytes)
            return
        }
        append(element, stream)
    }

    /// All that is there becomes one field, with the element at its end.
    private static func append(_ element: NamedText, _ stream: Stream) {
        stream.worker.scratchText.reset()
        for index in 0..<stream.requestHeaders.count
        where stream.requestHeaders.name(at: index).equals("x-forwarded-client-cert") {
            let value = stream.requestHeaders.value(at: index)
            guard !value.isEmpty else { continue }
            stream.worker.scratchText.append(value)
            stream.worker.scratchText.append(UInt8(ascii: ","))
        }
        stream.worker.scratchText.append(element.bytes)
        stream.requestHeaders.set(.xForwardedClientCert, stream.worker.scratchText.bytes)
    }
}
