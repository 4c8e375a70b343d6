package import Bytes
package import HTTPModel

/// How a message that is written speaks of its connection.
package enum HTTP1Connection: UInt8, Sendable {
    /// It stays open: nothing is said in HTTP/1.1, `connection: keep-alive` to an HTTP/1.0 client.
    case keepAlive
    /// `connection: close`.
    case close
    /// `connection: upgrade`; the `upgrade` field of the block is written with it.
    case upgrade
}

/// Writes messages from validated blocks: one pass, whole vectors, one check for room a head.
///
/// Pseudo-headers become the start line and `host`. Fields that frame the message or speak of the connection are left out
/// (`connection`, `keep-alive`, `proxy-connection`, `transfer-encoding`, `content-length`, `host`, `http2-settings`, and
/// `upgrade` unless it is one); the writer's own take their place. The block's own `content-length` is kept in a response
/// with framing `.none`, for the answer to HEAD and 304 may carry one.
package struct HTTP1Writer: Sendable {
    /// How names are spelt; Envoy's `header_key_format`.
    package enum NameCase: UInt8, Sendable {
        case lower, proper
    }

    let nameCase: NameCase
    let names: WireNameTable

    package init(nameCase: NameCase = .lower) {
        self.nameCase = nameCase
        names = nameCase == .lower ? .lowerCase : .properCase
    }
}
