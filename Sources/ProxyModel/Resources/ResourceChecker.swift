import SwiftProtobuf

/// Checks resources one by one, in binary form, as they come from a source: fields, constraints, and what must hold
/// between them. What only compiling finds is left to the workers.
package struct ResourceChecker: Sendable {
    /// Most characters of a reason.
    package static let maximumReason = 2000

    private let unknownFields: UnknownFields
    private let checkRegex: (@Sendable (String) -> String?)?

    /// - Parameter checkRegex: compiles an expression and answers what is wrong with it.
    package init(unknownFields: UnknownFields = .leftAside, checkRegex: (@Sendable (String) -> String?)? = nil) {
        self.unknownFields = unknownFields
        self.checkRegex = checkRegex
    }

    /// The name in a resource's bytes, read without the rest; nil when there is none or the bytes are malformed.
    package static func name(_ body: [UInt8]) -> String? {
        // Every type has its name in field 1; of several the last counts.
        var reader = WireReader(body[...])
        var name: String?
        while !reader.isAtEnd {
            guard let (number, value) = reader.next() else { return nil }
            // As in protobuf, a field of another wire type than its own is one that nobody knows.
            guard number == 1, case .bytes(let bytes) = value else { continue }
            guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
            name = text
        }
        return name
    }

    /// What is wrong with a resource, in words for whoever sent it; nil when nothing is.
    ///
    /// - Parameter ignored: gets the fields that were left aside.
    package func problem(_ type: ResourceType, _ body: [UInt8], ignored: inout [String]) -> String? {
        switch type {
        case .cluster:
            check(Envoy_Config_Cluster_V3_Cluster.self, body, &ignored) { $0.validate($1, ConfigPath()) }
        case .clusterLoadAssignment:
            check(Envoy_Config_Endpoint_V3_ClusterLoadAssignment.self, body, &ignored) { $0.validate(assignment: $1) }
        case .secret:
            check(Envoy_Extensions_TransportSockets_Tls_V3_Secret.self, body, &ignored) {
                $0.validate($1, ConfigPath())
            }
        case .listener:
            check(Envoy_Config_Listener_V3_Listener.self, body, &ignored) { $0.validate($1, ConfigPath()) }
        case .routeConfiguration:
            check(Envoy_Config_Route_V3_RouteConfiguration.self, body, &ignored) {
                $0.validate($1, ConfigPath(), validatesClusters: false)
            }
        }
    }

    private func check<Message: SwiftProtobuf.Message>(
        _ type: Message.Type, _ body: [UInt8], _ ignored: inout [String],
        _ validate: (inout ConfigValidator, Message) -> Void
    ) -> String? {
        let marks = ConfigMarks(file: "")
        var checker = ConstraintChecker(
            schema: .shared, marks: marks, checkRegex: checkRegex, unknownFields: unknownFields)
        checker.check(body[...], checker.schema.message(type.protoMessageName))
        ignored += checker.ignored
        if !checker.errors.isEmpty { return Self.text(checker.errors) }
        do {
            let message = try Message(serializedBytes: body, options: ConfigDecoder.binaryOptions)
            var validator = ConfigValidator(marks: marks)
            validate(&validator, message)
            return validator.errors.isEmpty ? nil : Self.text(validator.errors)
        } catch {
            return "the bytes are no \(type.protoMessageName)"
        }
    }

    private static func text(_ errors: [ConfigError]) -> String {
        let text = errors.map { $0.path.steps.isEmpty ? $0.message : "\($0.path): \($0.message)" }.joined(
            separator: "; ")
        return text.count <= maximumReason ? text : text.prefix(maximumReason) + "…"
    }
}
