import ProxyModel
import SwiftProtobuf
import Testing

/// `--config-yaml` is merged into the file as Envoy merges it.
@Suite struct OverlayTests {
    private func decode(_ text: String, overlay: String) throws(ConfigErrors) -> DecodedBootstrap {
        try ConfigDecoder.decodeBootstrap(text, file: "envoy.yaml", overlay: overlay)
    }

    @Test("single values of the overlay win, messages are merged, lists are joined")
    func merge() throws {
        let merged = try decode(
            "node: {id: a, cluster: c, client_features: [x]}\nstats_flush_interval: 1s\n",
            overlay: "node: {id: b, client_features: [y]}\nadmin: {address: {pipe: {path: p}}}\n"
        ).bootstrap
        #expect(merged.node.id == "b")
        #expect(merged.node.cluster == "c")
        #expect(merged.node.clientFeatures == ["x", "y"])
        #expect(merged.statsFlushInterval.seconds == 1)
        #expect(merged.admin.address.pipe.path == "p")
    }

    @Test("a default in the overlay does not win over the file's value")
    func defaults() throws {
        let merged = try decode(
            "node: {id: a}\nadmin: {ignore_global_conn_limit: true}\n",
            overlay: "node: {id: ''}\nadmin: {ignore_global_conn_limit: false}\n"
        ).bootstrap
        #expect(merged.node.id == "a")
        #expect(merged.admin.ignoreGlobalConnLimit)
    }

    @Test("of a oneof that both set, the overlay's field stays")
    func oneof() throws {
        let merged = try decode(
            "admin: {address: {pipe: {path: p}}}",
            overlay: "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}"
        ).bootstrap
        #expect(merged.admin.address.socketAddress.portValue == 1)
    }

    @Test("an error in the overlay names the overlay, and one in a joined list the file of the item")
    func marks() throws {
        let syntax = #expect(throws: ConfigErrors.self) { try decode("node: {id: a}", overlay: "node: {idd: b}") }
        #expect(syntax?.description == "--config-yaml:1:8: node.idd: unknown field; did you mean \"id\"?")

        let file = try Fixture.text("minimal.yaml")
        let constraint = #expect(throws: ConfigErrors.self) {
            try decode(file, overlay: "static_resources:\n  clusters:\n  - name: ''\n    connect_timeout: 1s\n")
        }
        #expect(constraint?.description == "--config-yaml:3:11: static_resources.clusters[1].name: must not be empty")

        let validation = #expect(throws: ConfigErrors.self) {
            try decode(file, overlay: "static_resources:\n  clusters:\n  - name: backend\n")
        }
        #expect(
            validation?.description
                == "--config-yaml:3:11: static_resources.clusters[1].name: the cluster name \"backend\" is taken by static_resources.clusters[0]"
        )
    }

    @Test("a file that holds nothing is refused, unless an overlay has more", arguments: ["", "# nothing\n"])
    func empty(text: String) throws {
        let error = #expect(throws: ConfigErrors.self) {
            try ConfigDecoder.decodeBootstrap(text, file: "envoy.yaml")
        }
        #expect("\(try #require(error))".contains(": holds nothing; expected"))
        #expect(throws: Never.self) { try ConfigDecoder.decodeBootstrap("{}", file: "envoy.yaml") }
        #expect(throws: Never.self) { try decode(text, overlay: "node: {id: a}") }
    }
}
