package import Bytes
package import SecureTransport

/// Where a gRPC call goes and how.
package struct GRPCTarget: Sendable {
    /// Where somebody listens.
    package var address: SocketAddress
    /// Nil: plaintext.
    package var tls: TLSContextConfig?
    /// SNI.
    package var serverName: String?
    /// `:authority`.
    package var authority: String
    /// `:path`: the method.
    package var path: String
    /// Header fields besides gRPC's own, names in lower case.
    package var metadata: [(name: String, value: String)] = []
    /// Bounds.
    package var limits = GRPCLimits()

    package init(address: SocketAddress, authority: String, path: String) {
        self.address = address
        self.authority = authority
        self.path = path
    }
}

/// Bounds of a gRPC call; times in nanoseconds.
package struct GRPCLimits: Equatable, Sendable {
    /// Bytes of one message that comes.
    package var messageBytes = 64 << 20
    /// Bytes of messages that wait to be sent.
    package var outboundBytes = 64 << 20
    /// From the first packet to the end of the TLS handshake.
    package var connectTime: UInt64 = 5_000_000_000
    /// Between two PINGs; 0: none. Servers may end a connection for too many (gRPC's own allow one in five minutes).
    package var pingInterval: UInt64 = 0
    /// Part of the interval that is added at random, in percent, so that the PINGs of many proxies are spread.
    package var pingJitterPercent: Double = 15
    /// How long the answer to a PING may take.
    package var pingTime: UInt64 = 20_000_000_000
    /// Where the random numbers begin.
    package var pingSeed: UInt64 = 0

    package init() {}
}

/// How a call ended.
package struct GRPCEnd: Error, Equatable, Sendable, CustomStringConvertible {
    /// The code of `grpc-status`, or the one that stands for what went wrong here.
    package var code: UInt8
    /// For the log.
    package var message: String

    package init(code: UInt8, message: String) {
        self.code = code
        self.message = message
    }

    /// Such as `14: connection refused`.
    package var description: String { "\(code): \(message)" }
}
