import Glibc
import ProxyModel
import Reactor
import SwiftProtobuf
import Testing

@testable import Supervision

@Suite("The sockets of listeners")
struct ListenerPlanTests {
    private static func bindings(_ yaml: String) throws -> [ListenerBinding] {
        let source = ConfigSource(text: yaml, file: "listener.yaml", format: .yaml)
        let listener = try ConfigDecoder.decode(Envoy_Config_Listener_V3_Listener.self, from: [source]).message
        return try ListenerPlan.bindings(listener, name: "l")
    }

    private static let address = "address: { socket_address: { address: 127.0.0.1, port_value: 1 } }"

    @Test("say what their configuration says")
    func fields() throws {
        let plain = try Self.bindings("name: l\n\(Self.address)")[0]
        #expect(!plain.reusesPort && !plain.transparent && !plain.freebind && plain.options.isEmpty && plain.backlog == 4096)
        let full = try Self.bindings(
            """
            name: l
            \(Self.address)
            transparent: true
            freebind: true
            enable_reuse_port: true
            tcp_backlog_size: 7
            socket_options:
              - { level: 6, name: 5, int_value: -1, state: STATE_BOUND }
              - { level: 6, name: 13, buf_value: cmVubw==, state: STATE_LISTENING }
              - { level: 1, name: 9, int_value: 4294967295 }
            """)[0]
        #expect(full.reusesPort && full.transparent && full.freebind && full.backlog == 7)
        #expect(
            full.options == [
                SocketOption(level: 6, name: 5, value: -1, state: .bound),
                SocketOption(level: 6, name: 13, value: Array("reno".utf8), state: .listening),
                SocketOption(level: 1, name: 9, value: -1, state: .prebind),
            ])
    }

    @Test("options of an additional address take the place of the listener's, even when there are none")
    func additional() throws {
        let bindings = try Self.bindings(
            """
            name: l
            \(Self.address)
            socket_options: [{ level: 6, name: 4, int_value: 9 }]
            additional_addresses:
              - { address: { socket_address: { address: 127.0.0.1, port_value: 2 } } }
              - { address: { socket_address: { address: 127.0.0.1, port_value: 3 } }, socket_options: {} }
              - { address: { socket_address: { address: 127.0.0.1, port_value: 4 } }, socket_options: { socket_options: [{ level: 6, name: 5, int_value: 8 }] } }
            """)
        #expect(bindings.map { $0.options.map(\.name) } == [[4], [4], [], [5]])
    }

    @Test("a change of what a socket is made with is refused while it listens; the backlog may change")
    @WorkerActor func changes() throws {
        func binding(_ more: String) throws -> [ListenerBinding] {
            try Self.bindings("name: l\naddress: { socket_address: { address: 127.0.0.1, port_value: 0 } }\n\(more)")
        }
        let sockets = ListenerSockets()
        sockets.commit(try sockets.prepare("l", try binding(""), leaving: []))
        let descriptor = try #require(sockets.bound.first?.descriptor)
        sockets.commit(try sockets.prepare("l", try binding("tcp_backlog_size: 5"), leaving: []))
        #expect(sockets.bound.map(\.descriptor) == [descriptor])
        #expect(sockets.bound.first?.binding.backlog == 5)
        #expect {
            try sockets.prepare("l", try binding("freebind: true"), leaving: [])
        } throws: { "\($0)".contains("the options of the socket at 127.0.0.1:0 cannot change while it listens") }
        sockets.remove("l")
        #expect(sockets.bound.isEmpty)
    }
}
