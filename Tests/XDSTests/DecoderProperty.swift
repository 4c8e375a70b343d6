import ProxyModel
import SwiftProtobuf
import XDS

/// What must hold for any bytes whatever that a control plane sends; shared by the mutation tests, the replayed corpus and
/// the fuzzer, so it stops the process where it does not hold.
enum DecoderProperty {
    /// The first byte chooses what the rest is taken for: a response of either form, or a resource of a type.
    static func check(_ input: [UInt8]) {
        guard let choice = input.first else { return }
        let bytes = Array(input.dropFirst())
        switch Int(choice) % 7 {
        case 0: response(bytes, .stateOfTheWorld)
        case 1: response(bytes, .delta)
        case let number: resource(ResourceType.allCases[number - 2], bytes)
        }
    }

    private static func response(_ bytes: [UInt8], _ variant: DiscoverySettings.Variant) {
        guard let update = try? DiscoveryUpdate(bytes, variant) else { return }
        precondition(update.offers.count <= bytes.count, "more resources than bytes")
        for offer in update.offers {
            guard let body = offer.body, let type = ResourceType(typeURL: offer.typeURL) else { continue }
            resource(type, body)
        }
    }

    /// A resource is refused with a reason of bounded length, or can be read, named, shown, and read again.
    static func resource(_ type: ResourceType, _ body: [UInt8]) {
        for unknown in [UnknownFields.leftAside, .refused] {
            var ignored: [String] = []
            let problem = ResourceChecker(unknownFields: unknown).problem(type, body, ignored: &ignored)
            precondition(ignored.count <= body.count, "more fields left aside than bytes")
            guard problem == nil else {
                precondition((problem ?? "").count <= ResourceChecker.maximumReason + 1, "a reason without a bound")
                precondition(problem != "", "a reason that says nothing")
                continue
            }
            accepted(type, body)
        }
    }

    private static func accepted(_ type: ResourceType, _ body: [UInt8]) {
        let name = type.message.protoMessageName
        do {
            let message = try type.message.init(serializedBytes: body, options: ConfigDecoder.binaryOptions)
            precondition(ResourceChecker.name(body) ?? "" == self.name(message), "two names for one resource")
            let shown = try type.message.init(
                serializedBytes: ShownMessage.wrappingUnknown(body, of: name), options: ConfigDecoder.binaryOptions)
            precondition(self.name(shown) == self.name(message), "another name when it is shown")
            precondition(ShownMessage.keeping([["name"]], body, of: name).map { $0.count <= body.count } ?? true, "a mask that adds")
        } catch {
            preconditionFailure("what was accepted cannot be read: \(error)")
        }
    }

    private static func name(_ message: any SwiftProtobuf.Message) -> String {
        switch message {
        case let cluster as Envoy_Config_Cluster_V3_Cluster: cluster.name
        case let assignment as Envoy_Config_Endpoint_V3_ClusterLoadAssignment: assignment.clusterName
        case let secret as Envoy_Extensions_TransportSockets_Tls_V3_Secret: secret.name
        case let listener as Envoy_Config_Listener_V3_Listener: listener.name
        case let routes as Envoy_Config_Route_V3_RouteConfiguration: routes.name
        default: preconditionFailure("a message of no type")
        }
    }
}
