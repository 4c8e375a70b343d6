import Bytes
import DataPlane
import Observability
import ProxyModel
import Reactor
import SecureTransport
import ServiceKit
import SwiftProtobuf
import TrafficPolicy

extension AdminPages {
    static let notReady = ServiceResponse(503, text: "no configuration is in force\n")

    func listeners(_ request: ServiceRequest) -> ServiceResponse {
        let bound = supervisor.sockets.bound
        guard request.query("format") == "json" else {
            return ServiceResponse(text: bound.map { "\($0.binding.listener)::\($0.address)\n" }.joined())
        }
        var json = JSONText()
        json.object { json in
            json.array("listener_statuses") { json in
                for socket in bound {
                    json.object { json in
                        json.field("name", socket.binding.listener)
                        json.object("local_address") { Self.append(socket.address, to: &$0) }
                    }
                }
            }
        }
        return .json(json.bytes)
    }

    static func append(_ address: SocketAddress, to json: inout JSONText) {
        switch address.kind {
        case .ip(_, let port):
            var host = ByteWriter(capacity: 64)
            address.appendHost(to: &host)
            let text = host.text
            json.object("socket_address") { json in
                json.field("address", text)
                json.field("port_value", Int(port))
            }
        case .unix(let path): json.object("pipe") { $0.field("path", path) }
        }
    }

    // MARK: The dump

    func configDump(_ request: ServiceRequest) -> ServiceResponse {
        guard let bootstrap = supervisor.bootstrap else { return Self.notReady }
        do {
            var selection = ConfigDump.Selection()
            selection.includesEndpoints = request.query("include_eds") != nil
            selection.resource = request.query("resource")
            selection.mask = DumpMask(request.query("mask"))
            if let expression = request.query("name_regex"), !expression.isEmpty {
                selection.matches = try Self.nameMatcher(expression)
            }
            let ledger = supervisor.ledger
            let dump = ConfigDump(
                store: ledger.store, wanted: Set(ledger.wants.names.keys), bootstrap: bootstrap.bytes, selection: selection)
            return .json(try dump.json())
        } catch let error as DumpRefusal {
            return ServiceResponse(error.status, text: error.description + "\n")
        } catch {
            return ServiceResponse(500, text: "the configuration cannot be shown: \(error)\n")
        }
    }

    private static func nameMatcher(_ expression: String) throws(DumpRefusal) -> (String) -> Bool {
        do throws(PolicyError) {
            let program = try RegexProgram(expression)
            return { name in
                var name = name
                return name.withUTF8 { program.matchesAll(of: UnsafeRawBufferPointer($0)) }
            }
        } catch {
            throw DumpRefusal(400, "Error while parsing name_regex from \(expression): \(error)")
        }
    }

    /// What has been accepted and is not in force yet, in Envoy's shape, and what each still waits for.
    func initDump(_ request: ServiceRequest) -> ServiceResponse {
        var json = JSONText()
        let ledger = supervisor.ledger
        json.object { json in
            json.array("unready_targets_dumps") { json in
                for resource in ledger.store.all where ledger.warming.isWaiting(resource.key) {
                    json.object { json in
                        json.field("name", resource.key.description)
                        json.array("target_names") { json in
                            for need in ledger.warming.missing(resource.key).map(\.description).sorted() { json.item(need) }
                        }
                    }
                }
            }
        }
        return .json(json.bytes)
    }

    func certificates(_ request: ServiceRequest) -> ServiceResponse {
        guard supervisor.bootstrap != nil else { return Self.notReady }
        var json = JSONText()
        json.object { json in
            json.array("certificates") { json in
                for source in CertificateSources.all(supervisor.ledger.store) {
                    json.object { json in
                        json.field("path", source.name)
                        json.field("kind", source.kind)
                        json.array("certificates") { source.append(to: &$0) }
                    }
                }
            }
        }
        return .json(json.bytes)
    }
}
